from __future__ import annotations

import asyncio
import threading

import pytest

from mexc_tui.domain.client import Given
from mexc_tui.domain.commands import Halt
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import (
    BalanceReported,
    FillReported,
    InstrumentsLoaded,
    InterestChanged,
    LinkChanged,
    LinkState,
    Tick,
)
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import FillsView, PositionsView
from mexc_tui.engine.engine import Engine
from mexc_tui.engine.hub import FACTS_KEPT, ViewHub
from mexc_tui.kernel.effects import EmitFact
from tests.patience import LIMIT_S, until


class RecordingDesk:
    def __init__(self) -> None:
        self.got = []
        self.threads = set()
        self.fail_on = None
        self.topics = frozenset()
        self.published = 0
        self.seq = 0

    def start(self, at):
        self.got.append("start")
        return []

    def handle(self, item, at):
        item = item.command if isinstance(item, Given) else item
        self.threads.add(threading.current_thread().name)
        if self.fail_on is not None and isinstance(item, self.fail_on):
            raise ArithmeticError("broken invariant")
        if isinstance(item, Tick):
            return []
        self.got.append(item)
        self.seq += 1
        return [EmitFact(Fact(seq=self.seq, time_ms=1, kind="seen", level=Level.INFO, message=type(item).__name__))]

    def views(self, at, topics):
        self.topics = topics
        self.published += 1
        return {"fills": FillsView(fills=()), **({"extra": PositionsView(positions=())} if "extra" in topics else {})}


class BenchParts:
    def __init__(self, bench, journal, desk) -> None:
        self._made = (journal, bench, desk)

    async def journal(self, venue):
        if isinstance(self._made[0], Exception):
            raise self._made[0]
        return self._made[0]

    def venue(self):
        return self._made[1]

    def desk(self, info, resumed):
        return self._made[2]


@pytest.fixture
def desk():
    return RecordingDesk()


@pytest.fixture
def engine(bench, bench_journal, desk):
    made = Engine(BenchParts(bench, bench_journal, desk))
    yield made
    if made.running:
        made.stop()
        assert made.join(LIMIT_S)


def test_commands_given_before_the_start_wait_and_come_after_recovery_began(engine, desk):
    client = engine.client("test")
    client.submit(Halt(command_id="1"))
    engine.start()
    until(lambda: Halt(command_id="1") in desk.got)
    assert desk.got[0] == "start"
    client.submit(Halt(command_id="2"))
    until(lambda: Halt(command_id="2") in desk.got)
    assert desk.threads == {"engine"}


def test_pushes_that_come_while_the_venue_opens_are_kept(engine, bench, desk):
    link = LinkChanged(private=False, state=LinkState.CONNECTED)
    bench.answers["open"] = lambda: bench.sink(link)
    engine.start()
    until(lambda: link in desk.got)
    assert desk.got[0] == "start"


def test_views_and_facts_cross_to_the_client(engine, desk):
    client = engine.client("test")
    engine.start()
    assert client.view("extra") is None
    client.look(look("extra", "fills"))
    until(lambda: client.view("extra") is not None)
    assert client.view("fills") is not None
    assert "extra" in desk.topics
    until(lambda: InstrumentsLoaded((), None) in desk.got)
    client.submit(Halt(command_id="1"))
    until(lambda: any(fact.message == "Halt" for fact in client.facts(0)))
    last = client.facts(0)[-1].seq
    assert client.facts(last) == ()
    assert client.died() == ""


def test_a_failing_kernel_ends_the_engine_visibly_and_orderly(engine, bench, desk):
    client = engine.client("test")
    desk.fail_on = Halt
    engine.start()
    assert engine.settled.wait(LIMIT_S)
    client.submit(Halt(command_id="1"))
    assert engine.join(LIMIT_S)
    assert "internal error (ArithmeticError)" in client.died()
    assert "stay at the exchange" in client.died()
    assert bench.closed == ["venue", "journal"]


def test_a_venue_that_does_not_open_ends_the_engine_with_its_own_words(engine, bench):
    bench.answers["open"] = VenueError("MEXC cannot be reached.", kind=ErrorKind.NETWORK, remedy="Check the network.")
    engine.start()
    assert engine.settled.wait(LIMIT_S)
    assert engine.join(LIMIT_S)
    assert engine.client("test").died() == "MEXC cannot be reached. Check the network."
    assert isinstance(engine.failure, VenueError)
    assert bench.closed == ["venue", "journal"]


def test_a_journal_that_cannot_be_opened_ends_the_engine_before_anything_is_sent(bench, desk):
    engine = Engine(BenchParts(bench, OSError("Another terminal holds the journal."), desk))
    engine.start()
    assert engine.settled.wait(LIMIT_S)
    assert engine.join(LIMIT_S)
    assert engine.client("test").died() == "Another terminal holds the journal."
    assert bench.calls == []


def test_stopping_while_the_venue_still_opens(engine, bench):
    bench.holds["open"] = asyncio.Event()
    engine.start()
    until(lambda: ("open", None) in bench.calls)
    engine.stop()
    assert engine.join(LIMIT_S)
    assert bench.closed == ["venue", "journal"]
    assert engine.failure is None


def test_submitting_to_an_ended_engine_is_harmless(engine):
    engine.start()
    assert engine.settled.wait(LIMIT_S)
    engine.stop()
    engine.stop()
    assert engine.join(LIMIT_S)
    engine.client("test").submit(Halt(command_id="1"))
    assert "ended" in engine.client("test").died()


def look(*topics):
    return Interest(topics=frozenset(topics))


def test_a_topic_nobody_looks_at_is_dropped_and_not_taken_in():
    hub = ViewHub()
    one, other = hub.join(), hub.join()
    hub.look(one, look("book:BTCUSDT", "positions"))
    hub.look(other, look("positions"))
    view = PositionsView(positions=())
    hub.publish({"book:BTCUSDT": view, "positions": view, "fills": FillsView(fills=())})
    assert hub.looked_at() == {"book:BTCUSDT", "positions"}
    assert hub.view("fills") is None
    hub.leave(one)
    hub.leave(one)
    hub.look(one, look("book:BTCUSDT"))
    assert hub.looked_at() == {"positions"}
    assert hub.view("book:BTCUSDT") is None
    assert hub.view("positions") is view


def test_listeners_hear_of_facts_and_of_views_that_changed():
    hub = ViewHub()
    calls = []
    hub.on_change(lambda: calls.append(1))
    hub.look(hub.join(), look("positions"))
    view = PositionsView(positions=())
    hub.publish({"positions": view})
    hub.publish({"positions": view})
    hub.publish({"fills": FillsView(fills=())})
    assert len(calls) == 1
    hub.append(Fact(seq=1, time_ms=0, kind="x", level=Level.INFO, message=""))
    assert len(calls) == 2


def test_the_kernel_is_told_the_union_of_all_interests(engine, desk):
    one, other = engine.client("one"), engine.client("other")
    one.look(look("book:BTCUSDT"))
    engine.start()
    other.look(look("book:ETHUSDT", "candles:ETHUSDT:5m"))
    until(lambda: desk.topics == {"book:BTCUSDT", "book:ETHUSDT", "candles:ETHUSDT:5m"})
    one.close()
    until(lambda: desk.topics == {"book:ETHUSDT", "candles:ETHUSDT:5m"})
    told = [item.interest for item in desk.got if isinstance(item, InterestChanged)]
    assert told[0].topics >= {"book:BTCUSDT"}
    assert told[-1] == look("book:ETHUSDT", "candles:ETHUSDT:5m")
    changes = len(told)
    other.look(look("book:ETHUSDT", "candles:ETHUSDT:5m"))
    other.submit(Halt(command_id="after"))
    until(lambda: Halt(command_id="after") in desk.got)
    assert len([item for item in desk.got if isinstance(item, InterestChanged)]) == changes


@pytest.mark.parametrize("item", [FillReported(None), BalanceReported(None, "", 0)])
def test_own_fills_and_balances_are_published_at_once(bench, bench_journal, desk, item, monkeypatch):
    monkeypatch.setattr("mexc_tui.engine.engine.PUBLISH_S", 3_600)
    engine = Engine(BenchParts(bench, bench_journal, desk))
    engine.client("screen").look(look("extra"))
    engine.start()
    assert engine.settled.wait(LIMIT_S)
    until(lambda: engine.hub.view("extra") is not None)
    until(lambda: InstrumentsLoaded((), None) in desk.got)
    published = desk.published
    engine._loop.call_soon_threadsafe(bench.sink, item)
    until(lambda: desk.published > published)
    engine.stop()
    assert engine.join(LIMIT_S)


def test_what_runs_beside_the_desk_starts_when_the_venue_is_open_and_ends_with_it(bench, bench_journal, desk):
    seen = []

    async def beside(engine):
        seen.append((threading.current_thread().name, ("open", None) in bench.calls))
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(list(bench.closed))

    engine = Engine(BenchParts(bench, bench_journal, desk), beside=beside)
    engine.start()
    until(lambda: seen)
    engine.stop()
    assert engine.join(LIMIT_S)
    assert seen == [("engine", True), []]
    assert engine.failure is None


def test_what_cannot_run_beside_the_desk_ends_the_engine_with_its_reason(bench, bench_journal, desk):
    async def beside(engine):
        raise OSError("The socket is taken.")

    engine = Engine(BenchParts(bench, bench_journal, desk), beside=beside)
    engine.start()
    assert engine.join(LIMIT_S)
    assert engine.client("test").died() == "The socket is taken."
    assert bench.closed == ["venue", "journal"]


def test_facts_are_bounded_and_ordered():
    hub = ViewHub()
    told = FACTS_KEPT + 50
    for seq in range(1, told + 1):
        hub.append(Fact(seq=seq, time_ms=0, kind="x", level=Level.INFO, message=""))
    assert [fact.seq for fact in hub.facts(told - 10)] == list(range(told - 9, told + 1))
    assert hub.facts(0)[0].seq == 51
