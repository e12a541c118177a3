from __future__ import annotations

import asyncio
import threading
import time

import pytest

from mexc_tui.domain.commands import Halt
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import InstrumentsLoaded, LinkChanged, LinkState, Tick
from mexc_tui.domain.views import FillsView, PositionsView
from mexc_tui.engine.engine import Engine, EngineClient
from mexc_tui.engine.hub import FACTS_KEPT, LOOKED_AT_NS, ViewHub
from mexc_tui.kernel.effects import EmitFact


class RecordingDesk:
    def __init__(self) -> None:
        self.got = []
        self.threads = set()
        self.fail_on = None
        self.topics = frozenset()
        self.seq = 0

    def start(self, at):
        self.got.append("start")
        return []

    def handle(self, item, at):
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
        return {"fills": FillsView(fills=()), **({"extra": PositionsView(positions=())} if "extra" in topics else {})}


class BenchParts:
    def __init__(self, bench, journal, desk) -> None:
        self._made = (journal, bench, desk)

    def journal(self):
        if isinstance(self._made[0], Exception):
            raise self._made[0]
        return self._made[0]

    def venue(self):
        return self._made[1]

    def desk(self, info, resumed):
        return self._made[2]


def wait_for(condition, limit_s=5.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "did not happen"
        threading.Event().wait(0.002)


@pytest.fixture
def desk():
    return RecordingDesk()


@pytest.fixture
def engine(bench, bench_journal, desk):
    made = Engine(BenchParts(bench, bench_journal, desk))
    yield made
    if made.running:
        made.stop()
        assert made.join(5)


def test_commands_given_before_the_start_wait_and_come_after_recovery_began(engine, desk):
    client = EngineClient(engine)
    client.submit(Halt(command_id="1"))
    engine.start()
    wait_for(lambda: Halt(command_id="1") in desk.got)
    assert desk.got[0] == "start"
    client.submit(Halt(command_id="2"))
    wait_for(lambda: Halt(command_id="2") in desk.got)
    assert desk.threads == {"engine"}


def test_pushes_that_come_while_the_venue_opens_are_kept(engine, bench, desk):
    link = LinkChanged(private=False, state=LinkState.CONNECTED)
    bench.answers["open"] = lambda: bench.sink(link)
    engine.start()
    wait_for(lambda: link in desk.got)
    assert desk.got[0] == "start"


def test_views_and_facts_cross_to_the_client(engine, desk):
    client = EngineClient(engine)
    engine.start()
    assert client.view("extra") is None
    wait_for(lambda: client.view("extra") is not None)
    assert client.view("fills") is not None
    assert "extra" in desk.topics
    wait_for(lambda: InstrumentsLoaded((), None) in desk.got)
    client.submit(Halt(command_id="1"))
    wait_for(lambda: any(fact.message == "Halt" for fact in client.facts(0)))
    last = client.facts(0)[-1].seq
    assert client.facts(last) == ()
    assert client.died() == ""


def test_a_failing_kernel_ends_the_engine_visibly_and_orderly(engine, bench, desk):
    client = EngineClient(engine)
    desk.fail_on = Halt
    engine.start()
    assert engine.settled.wait(5)
    client.submit(Halt(command_id="1"))
    assert engine.join(5)
    assert "internal error (ArithmeticError)" in client.died()
    assert "stay at the exchange" in client.died()
    assert bench.closed == ["venue", "journal"]


def test_a_venue_that_does_not_open_ends_the_engine_with_its_own_words(engine, bench):
    bench.answers["open"] = VenueError("MEXC cannot be reached.", kind=ErrorKind.NETWORK, remedy="Check the network.")
    engine.start()
    assert engine.settled.wait(5)
    assert engine.join(5)
    assert EngineClient(engine).died() == "MEXC cannot be reached. Check the network."
    assert isinstance(engine.failure, VenueError)
    assert bench.closed == ["venue", "journal"]


def test_a_journal_that_cannot_be_opened_ends_the_engine_before_anything_is_sent(bench, desk):
    engine = Engine(BenchParts(bench, OSError("Another terminal holds the journal."), desk))
    engine.start()
    assert engine.settled.wait(5)
    assert engine.join(5)
    assert EngineClient(engine).died() == "Another terminal holds the journal."
    assert bench.calls == []


def test_stopping_while_the_venue_still_opens(engine, bench):
    bench.holds["open"] = asyncio.Event()
    engine.start()
    wait_for(lambda: ("open", None) in bench.calls)
    engine.stop()
    assert engine.join(5)
    assert bench.closed == ["venue", "journal"]
    assert engine.failure is None


def test_submitting_to_an_ended_engine_is_harmless(engine):
    engine.start()
    assert engine.settled.wait(5)
    engine.stop()
    engine.stop()
    assert engine.join(5)
    EngineClient(engine).submit(Halt(command_id="1"))
    assert "ended" in EngineClient(engine).died()


def test_a_topic_nobody_looks_at_is_dropped():
    hub = ViewHub()
    hub.view("book:BTCUSDT", 0)
    hub.publish({"book:BTCUSDT": PositionsView(positions=()), "positions": PositionsView(positions=())})
    assert "book:BTCUSDT" in hub.looked_at(LOOKED_AT_NS)
    assert "book:BTCUSDT" not in hub.looked_at(LOOKED_AT_NS + 1)
    assert hub.view("book:BTCUSDT", LOOKED_AT_NS + 1) is None
    assert hub.view("positions", LOOKED_AT_NS + 1) is not None


def test_facts_are_bounded_and_ordered():
    hub = ViewHub()
    told = FACTS_KEPT + 50
    for seq in range(1, told + 1):
        hub.tell(Fact(seq=seq, time_ms=0, kind="x", level=Level.INFO, message=""))
    assert [fact.seq for fact in hub.facts(told - 10)] == list(range(told - 9, told + 1))
    assert hub.facts(0)[0].seq == 51
