"""Views are built for what is looked at, and anew only when something that they show has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.commands import CancelAll
from mexc_tui.domain.inputs import BookDelta, BookSnapshot, InstrumentsLoaded, InterestChanged
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_EQUITY,
    TOPIC_FILLS,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    gate_topic,
)
from mexc_tui.kernel.effects import FetchAccount, SendCancelAll
from mexc_tui.kernel.ledger import Ledger
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.risk import Risk

D = Decimal
SYMBOL, OTHER = "BTCUSDT", "ETHUSDT"
BUILDERS = (
    (OrderStore, "view"),
    (Portfolio, "positions_view"),
    (Portfolio, "balances_view"),
    (Ledger, "fills"),
    (Portfolio, "equity_view"),
    (Risk, "inputs"),
)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each part of the views is built."""
    counts: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return real(*args, **kwargs)

        return counted

    for owner, name in BUILDERS:
        monkeypatch.setattr(owner, name, counting(name, getattr(owner, name)))
    return counts


def two_markets(bench: Any) -> None:
    """Let the bench trade in two pairs, both looked at, with live books and something held of the first."""
    first = bench.view("instruments").by_symbol[SYMBOL]
    second = msgspec.structs.replace(first, symbol=OTHER, base="ETH")
    bench.do(InstrumentsLoaded((first, second)))
    bench.do(InterestChanged(Interest(topics=frozenset({gate_topic(SYMBOL), gate_topic(OTHER)}))))
    push(bench, OTHER, 1)
    bench.do(BookSnapshot(OTHER, 1, [("2999", "9")], [("3001", "9")], bench.mono_ns, 1_000))
    bench.account(btc="0.5")


def push(bench: Any, symbol: str, version: int, bids: Any = ()) -> None:
    bench.do(BookDelta(symbol, version, version, list(bids), [], bench.wall_ms, bench.mono_ns))


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        (TOPIC_ORDERS, {"view"}),
        (TOPIC_FILLS, {"fills"}),
        (TOPIC_EQUITY, {"equity_view"}),
        (TOPIC_POSITIONS, {"positions_view"}),
        (TOPIC_BALANCES, {"balances_view"}),
        (TOPIC_LINK, set()),
        (gate_topic(SYMBOL), {"inputs"}),
        ("no such topic", set()),
    ],
)
def test_nothing_is_built_for_topics_nobody_looks_at(bench: Any, built: Any, topic: str, parts: set[str]) -> None:
    two_markets(bench)
    bench.tick(1)  # once a second the desk looks whether a limit is near, whoever looks at it
    built.clear()
    for _ in range(3):
        bench.tick()
        bench.desk.views(bench.at(), frozenset({topic}))
    assert set(built) == parts


def test_positions_are_built_when_their_book_or_the_account_changes_and_at_no_other_time(
    bench: Any, built: Any
) -> None:
    two_markets(bench)
    built.clear()
    first = bench.view(TOPIC_POSITIONS)
    push(bench, OTHER, 2, [("2998", "1")])
    bench.tick()
    assert bench.view(TOPIC_POSITIONS) is first
    assert built["positions_view"] == 1
    bench.level([("59995", "3")], [])
    (position,) = bench.view(TOPIC_POSITIONS).positions
    assert position.mark == D(59_995)
    bench.balance("BTC", "1.5")
    (position,) = bench.view(TOPIC_POSITIONS).positions
    assert (position.qty, position.mark) == (D("1.5"), D(59_995))
    assert built["positions_view"] == 3


def test_a_balance_is_valued_anew_when_its_price_changes(bench: Any, built: Any) -> None:
    two_markets(bench)
    built.clear()

    def worth() -> Decimal:
        return next(row.value for row in bench.view(TOPIC_BALANCES).rows if row.balance.asset == "BTC")

    assert worth() == D("0.5") * 59_990
    push(bench, OTHER, 2, [("2998", "1")])
    assert worth() == D("0.5") * 59_990
    assert built["balances_view"] == 1
    bench.level([("59995", "3")], [])
    assert worth() == D("0.5") * 59_995


def test_the_use_of_a_position_limit_follows_book_orders_and_balance(bench: Any, built: Any) -> None:
    two_markets(bench)
    bench.balance("BTC", "0.01")

    def used(asset: str) -> Decimal:
        rows = bench.view(TOPIC_RISK).headroom
        return next(row.used for row in rows if row.label == f"position {asset}")

    assert (used("BTC"), used("ETH")) == (D("0.01") * 60_000, 0)
    bench.tick()
    built.clear()
    bench.tick()
    assert used("BTC") == D("0.01") * 60_000
    assert built["inputs"] == 1, "one look at the account for all limits"
    bench.level([], [("59998", "3")])
    assert used("BTC") == D("0.01") * 60_000
    assert built["inputs"] == 1, "a price alone waits for the next tick, a quarter of a second at most"
    bench.tick()
    assert used("BTC") == D("0.01") * 59_998
    bench.place(qty="0.01", price="59000")
    assert used("BTC") == D("0.01") * 59_998 + D(590)
    bench.balance("BTC", "0.02")
    assert used("BTC") == D("0.02") * 59_998 + D(590)


def test_orders_are_asked_for_and_cancelled_where_any_client_may_trade(bench: Any) -> None:
    first = bench.view("instruments").by_symbol[SYMBOL]
    bench.do(InstrumentsLoaded((first, msgspec.structs.replace(first, symbol=OTHER, base="ETH"))))
    effects = bench.do(InterestChanged(Interest(topics=frozenset({gate_topic(SYMBOL), gate_topic(OTHER)}))))
    assert [set(effect.symbols) for effect in effects if isinstance(effect, FetchAccount)] == [{SYMBOL, OTHER}]
    bench.account()
    again = bench.do(InterestChanged(Interest(topics=frozenset({gate_topic(OTHER)}))))
    assert not [effect for effect in again if isinstance(effect, FetchAccount)]
    cancelled = [effect for effect in bench.do(CancelAll(command_id="all")) if isinstance(effect, SendCancelAll)]
    assert [set(effect.symbols) for effect in cancelled] == [{OTHER}]
