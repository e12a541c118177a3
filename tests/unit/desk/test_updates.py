from __future__ import annotations

from decimal import Decimal
from sys import getrefcount

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.desk.protocol import Batch, ProtocolError, ViewUpdate, decode_to_client, encode
from mexc_tui.desk.replica import Replica
from mexc_tui.desk.updates import KEPT_LEAST, UpdateEncoder, encode_fact, kept_range
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.domain.views import CandlesView, LinkView, PositionsView, VenueKind, candles_topic

TOPIC = candles_topic("BTCUSDT", Interval.M1)


def candle(at: int, close: int = 1) -> Candle:
    price = Decimal(close)
    return Candle(open_ms=at, open=price, high=price, low=price, close=price, volume=price, quote_volume=price)


def row(candles) -> CandlesView:
    return CandlesView(symbol="BTCUSDT", interval=Interval.M1, candles=tuple(candles))


def apply(replica: Replica, n: int, *updates: bytes) -> None:
    replica.apply(decode_to_client(encode(Batch(n=n, views=tuple(msgspec.Raw(one) for one in updates)))))


def test_an_encoded_version_is_shared_and_a_new_one_is_not_mistaken_for_it():
    encoder = UpdateEncoder()
    one, other = PositionsView(positions=()), PositionsView(positions=())
    first = encoder.update("positions", one, None)
    assert encoder.update("positions", one, None) is first
    assert encoder.update("positions", other, None) is not first


def test_versions_that_nobody_looks_at_any_more_are_released():
    encoder = UpdateEncoder()
    old, new = row(shared := [candle(at) for at in range(100)]), row(shared)
    free = getrefcount(old), getrefcount(new)
    encoder.update(TOPIC, old, None)
    encoder.update(TOPIC, new, old)
    assert (getrefcount(old), getrefcount(new)) > free
    encoder.update(TOPIC, newest := row(shared), new)
    assert getrefcount(old) == free[0]
    encoder.keep({"orders"})
    assert (getrefcount(new), getrefcount(newest)) == (free[1], free[1])


def test_of_a_long_row_only_the_new_end_is_sent():
    candles = [candle(at) for at in range(1_000)]
    before = row(candles)
    after = row([*candles[1:-1], candle(999, close=2), candle(1_000)])
    encoder, replica = UpdateEncoder(), Replica(0)
    whole = encoder.update(TOPIC, before, None)
    part = encoder.update(TOPIC, after, before)
    assert len(part) * 100 < len(whole)
    assert encoder.update(TOPIC, after, before) is part
    apply(replica, 1, whole)
    apply(replica, 2, part)
    assert replica.views[TOPIC] == after


def test_a_row_that_shares_little_with_the_last_is_sent_whole():
    shared = [candle(at) for at in range(KEPT_LEAST - 1)]
    before, after = row(shared), row([*shared, candle(100)])
    update = msgspec.msgpack.decode(UpdateEncoder().update(TOPIC, after, before), type=ViewUpdate)
    assert update.kept is None
    assert update.view == after


@given(
    st.lists(st.integers(0, 9), max_size=30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.lists(st.integers(0, 9), max_size=5),
)
def test_what_is_kept_with_the_new_end_is_the_new_row(old, start, length, tail):
    # Equal candles that are not the same ones must not be taken for each other.
    old = [candle(at) for at in old]
    new = old[start : start + length] + [candle(at) for at in tail]
    kept = kept_range(old, new)
    if kept is not None:
        rebuilt = old[kept[0] : kept[1]] + new[kept[1] - kept[0] :]
        assert all(one is other for one, other in zip(rebuilt, new, strict=True))
    if start + length <= len(old) and length:
        assert kept is not None
        assert kept[1] - kept[0] >= length


@pytest.mark.parametrize("kept", [(0, 5), (-1, 0), (2, 1)])
def test_a_part_that_does_not_fit_what_the_client_has_is_refused(kept):
    replica = Replica(0)
    apply(replica, 1, encode(ViewUpdate(topic=TOPIC, view=row([candle(1)]))))
    with pytest.raises(ProtocolError):
        apply(replica, 2, encode(ViewUpdate(topic=TOPIC, view=row([]), kept=kept)))
    with pytest.raises(ProtocolError):
        apply(replica, 2, encode(ViewUpdate(topic="candles:OTHER:1m", view=row([]), kept=(0, 0))))


def test_a_view_that_no_message_can_carry_is_left_out_and_logged_once(caplog):
    link = LinkView(venue="\udcff", kind=VenueKind.DEMO, state=LinkState.CONNECTED, reason="", can_trade=True)
    encoder = UpdateEncoder()
    assert encoder.update("link", link, None) is None
    assert encoder.update("link", msgspec.structs.replace(link, frames=1), None) is None
    assert len(caplog.records) == 1


def test_a_fact_with_text_that_no_message_can_carry_keeps_its_number_and_its_readable_part():
    fact = Fact(seq=7, time_ms=1, kind="notice", level=Level.BAD, message="no pair \udcff!", symbol="\udcff")
    found = msgspec.msgpack.decode(encode_fact(fact), type=Fact)
    assert (found.seq, found.message, found.symbol) == (7, "no pair ?!", "")


def test_facts_of_another_desk_follow_those_of_the_last():
    def fact(seq: int) -> Fact:
        return Fact(seq=seq, time_ms=1, kind="notice", level=Level.INFO, message="")

    replica = Replica(0)
    replica.apply(Batch(n=1, facts=(fact(1), fact(5))))
    replica.restart()
    replica.apply(Batch(n=1, facts=(fact(1), fact(2))))
    replica.restart()
    replica.apply(Batch(n=1, facts=(fact(1),)))
    assert [one.seq for one in replica.facts(0)] == [1, 5, 6, 7, 8]
    assert replica.position == 1
    with pytest.raises(ProtocolError):
        replica.apply(Batch(n=2, facts=(fact(1),)))
