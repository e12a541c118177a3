from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.desk import status
from mexc_tui.desk.client import DeskAbsentError
from mexc_tui.desk.protocol import FROM_NOW, Ack, Ask, Batch, Look, Outcome, Reply, Welcome
from mexc_tui.desk.session import FACTS_A_BATCH
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Halt
from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.market import Candle, Interval
from mexc_tui.domain.views import BookState, BookView, CandlesView, FillsView, LinkView, OrdersView, RiskView, VenueKind
from mexc_tui.engine.hub import FACTS_KEPT
from tests.patience import until


def book(symbol: str, version: int) -> BookView:
    levels = tuple((1_000 - at, version + at) for at in range(100))
    return BookView(
        symbol=symbol,
        state=BookState.LIVE,
        version=version,
        price_decimals=2,
        qty_decimals=3,
        bids=levels,
        asks=levels,
    )


def candles(first: int, count: int) -> tuple[Candle, ...]:
    one = Decimal(1)
    return tuple(
        Candle(open_ms=at, open=one, high=one, low=one, close=one, volume=one, quote_volume=one)
        for at in range(first, first + count)
    )


def row(values) -> CandlesView:
    return CandlesView(symbol="A", interval=Interval.M1, candles=tuple(values))


def sees(client, topic, view):
    return client.wait(lambda: client.view(topic) == view, 10)


def test_each_client_gets_what_it_looks_at_and_the_desk_follows_them_all(bed):
    one, two = bed.connect("one"), bed.connect("two")
    bed.show(book__A=book("A", 1), book__B=book("B", 1), fills=FillsView(fills=()))
    one.look(Interest(topics=frozenset({"book:A", "fills"})))
    two.look(Interest(topics=frozenset({"book:B"})))
    assert sees(one, "book:A", book("A", 1))
    assert sees(one, "fills", FillsView(fills=()))
    assert sees(two, "book:B", book("B", 1))
    assert one.view("book:B") is None
    assert two.view("book:A") is None
    until(lambda: bed.kernel.asked == {"book:A", "book:B", "fills"})
    same = one.view("book:A")
    one.look(Interest(topics=frozenset({"book:A"})))
    until(lambda: bed.kernel.asked == {"book:A", "book:B"})
    assert one.view("fills") is None
    assert one.view("book:A") is same
    two.close()
    until(lambda: bed.kernel.asked == {"book:A"})
    assert bed.counts == [1, 2, 1]


def test_a_client_comes_back_to_a_topic_and_sees_what_is_there_now(bed):
    client = bed.connect()
    for version in range(20):
        bed.show(book__A=book("A", version))
        client.look(Interest(topics=frozenset({"book:A"})))
        assert sees(client, "book:A", book("A", version))
        client.look(Interest())
        assert client.view("book:A") is None


def test_a_long_row_crosses_in_parts_and_arrives_whole(bed):
    client, late = bed.connect("first"), bed.connect("late")
    topic = "candles:A:1m"
    values = candles(0, 1_000)
    client.look(Interest(topics=frozenset({topic})))
    for step in range(5):
        values = (*values[1:-1], *candles(2_000 + 2 * step, 2))
        bed.show(candles__A__1m=row(values))
        assert sees(client, topic, row(values))
    late.look(Interest(topics=frozenset({topic})))
    assert sees(late, topic, row(values))


def test_a_client_that_does_not_read_holds_one_batch_and_nobody_up(bed, hello):
    stopped = bed.raw(hello(name="stopped"))
    assert isinstance(stopped.read(), Welcome)
    stopped.send(Look(interest=Interest(topics=frozenset({"book:A"}))))
    quick = bed.connect("quick")
    quick.look(Interest(topics=frozenset({"book:A"})))
    for version in range(1, 21):
        bed.show(book__A=book("A", version))
        bed.say(f"fact {version}")
        assert sees(quick, "book:A", book("A", version))
    assert quick.wait(lambda: len(quick.facts(0)) == 20, 10)
    session = bed.session("stopped")
    assert session.waiting
    assert bed.on_loop(lambda: session.batch()) is None
    assert bed.unsent_bytes(session) < 10_000
    # When it reads again it gets the batch it was owed, and then the latest of everything at once.
    first, batches = stopped.read(), []
    stopped.send(Ack(n=first.n))
    while not batches or len(batches[-1].facts) + len(first.facts) < 20:
        batches.append(stopped.read())
        stopped.send(Ack(n=batches[-1].n))
    assert len(batches) <= 2
    assert [update.view.version for one in batches for update in one.views] == [20]


def test_a_client_that_sends_but_does_not_read_is_not_read_either(bed, hello):
    raw = bed.raw(hello(name="deaf"))
    assert isinstance(raw.read(), Welcome)
    assert not raw.sends_all(Ask(request_id=at, what="?" * 500) for at in range(5_000))
    session = bed.session("deaf")
    assert bed.unsent_bytes(session) < 1 << 20


def test_facts_come_once_in_order_and_in_slices(bed, hello):
    bed.say(*(f"fact {number}" for number in range(1, 2 * FACTS_A_BATCH + 2)))
    client = bed.connect()
    assert client.wait(lambda: len(client.facts(0)) == 2 * FACTS_A_BATCH + 1, 10)
    assert [fact.seq for fact in client.facts(0)] == list(range(1, 2 * FACTS_A_BATCH + 2))
    assert client.facts(client.seen) == ()
    raw = bed.raw(hello())
    raw.read()
    batch = raw.read()
    assert isinstance(batch, Batch)
    assert len(batch.facts) == FACTS_A_BATCH


def test_a_client_may_begin_where_it_left_or_now(bed):
    bed.say("one", "two", "three")
    until(lambda: len(bed.engine.hub.facts(0)) == 3)
    after = bed.connect("after", after=2)
    new = bed.connect("new", after=FROM_NOW)
    other = bed.connect("other", after=1_000)
    bed.say("four")
    assert new.wait(lambda: new.facts(0) != (), 10)
    assert [fact.message for fact in new.facts(0)] == ["four"]
    assert after.wait(lambda: len(after.facts(0)) == 2, 10)
    assert [fact.message for fact in after.facts(0)] == ["three", "four"]
    assert other.wait(lambda: len(other.facts(0)) == 4, 10)
    assert new.seen == 3


def test_what_a_frozen_screen_was_sent_and_never_read_counts_as_missed(bed, hello):
    bed.say("one", "two")
    until(lambda: len(bed.engine.hub.facts(0)) == 2)
    frozen = bed.raw(hello(name="screen frozen"))
    assert frozen.read().unseen_after is None
    frozen.send(Ack(n=frozen.read().n))
    bed.say("three")
    assert len(frozen.read().facts) == 1
    frozen.close()
    until(lambda: not bed.server.clients)
    # One that is lost before it has read anything makes nothing of this unseen, or seen.
    brief = bed.raw(hello(name="screen brief"))
    assert brief.read().unseen_after == 2
    brief.close()
    until(lambda: not bed.server.clients)
    assert bed.connect("screen back").unseen_after == 2


def test_who_fell_behind_what_is_kept_is_told_how_much_is_lost(bed):
    bed.say(*map(str, range(FACTS_KEPT + 7)))
    until(lambda: bed.engine.hub.facts(FACTS_KEPT + 6))
    behind = bed.connect("behind", after=2)
    new = bed.connect("new")
    for client in (behind, new):
        assert client.wait(lambda c=client: len(c.facts(0)) == FACTS_KEPT, 20)
    assert behind.lost_facts == 5
    assert new.lost_facts == 0


def test_commands_of_two_clients_are_taken_once(bed):
    one, two = bed.connect("one"), bed.connect("two")
    for client in (one, two, one):
        client.submit(Halt(command_id="h", reason="now"))
        assert client.wait(lambda c=client: c.answer("h") is not None, 10)
    assert two.answer("h").outcome is Outcome.REPEATED
    assert one.wait(lambda: one.answer("h") and one.answer("h").outcome is Outcome.REPEATED, 10)
    assert bed.kernel.commands == [Halt(command_id="h", reason="now")]
    assert two.wait(lambda: [fact.command_id for fact in two.facts(0)] == ["h"], 10)


def test_a_viewer_looks_and_can_do_nothing_else(bed):
    refusals = []
    viewer = bed.connect("viewer", Role.VIEW, on_refused=refusals.append)
    bed.show(fills=FillsView(fills=()))
    viewer.look(Interest(topics=frozenset({"fills"})))
    assert sees(viewer, "fills", FillsView(fills=()))
    viewer.submit(Halt(command_id="h"))
    assert viewer.wait(lambda: viewer.answer("h") is not None, 10)
    assert viewer.answer("h").outcome is Outcome.REFUSED
    assert refusals == [viewer.answer("h").reason]
    viewer.close(stop=True)
    assert bed.kernel.commands == []
    assert bed.stops == []


def test_a_command_that_cannot_be_said_is_refused_here(bed):
    refusals = []
    client = bed.connect(on_refused=refusals.append)
    client.submit(Halt(command_id="h", reason="\udcff"))
    assert client.answer("h").outcome is Outcome.REFUSED
    assert len(refusals) == 1
    assert client.died() == ""


def test_status_tells_of_desk_and_clients_though_nobody_looks(bed, monkeypatch):
    monkeypatch.setattr(status, "VIEWS_LIMIT_S", 0.01)
    one, two = bed.connect("one"), bed.connect("two", Role.VIEW)
    empty = two.status()
    assert empty.state is None
    assert {(client.name, client.role) for client in empty.clients} == {("one", Role.TRADE), ("two", Role.VIEW)}
    assert empty.rss_bytes is None or empty.rss_bytes > 1_000_000
    risk = RiskView(
        state=TradingState.HALTED,
        reason="by hand",
        armed=False,
        ready=True,
        ready_reason="",
        limits=Limits(),
        headroom=(),
        equity=None,
        day_pnl=None,
        exposure=None,
        in_flight=0,
        unknown=2,
    )
    monkeypatch.undo()
    link = LinkView(venue="quiet", kind=VenueKind.DEMO, state=LinkState.CONNECTED, reason="", can_trade=True)
    bed.show(risk=risk, link=link, orders=OrdersView(open=(), recent=()))
    found = one.status()
    assert (found.state, found.reason, found.unknown, found.open_orders) == (TradingState.HALTED, "by hand", 2, 0)
    assert found.link == "connected"
    until(lambda: bed.kernel.asked == frozenset())


def test_who_trades_may_end_the_desk(bed):
    bed.connect("one").close(stop=True)
    until(lambda: bed.stops == ["one"])


def test_an_unknown_request_is_answered(bed, hello):
    raw = bed.raw(hello())
    raw.read()
    raw.send(Ask(request_id=1, what="dance"))
    reply = raw.read()
    assert isinstance(reply, Reply)
    assert "dance" in reply.reason


def test_a_desk_that_ends_because_nobody_needs_it_lets_nobody_in_who_would_see_it_end(bed):
    client = bed.connect()
    assert not bed.on_loop(bed.server.leave), "somebody is here"
    client.close()
    on_the_way = bed.raw()
    until(lambda: bed.on_loop(lambda: len(bed.server._connections) == 1) and not bed.names())
    assert not bed.on_loop(bed.server.leave), "somebody is on the way in"
    on_the_way.close()
    until(lambda: bed.on_loop(bed.server.leave))
    with pytest.raises(DeskAbsentError):
        bed.connect()
