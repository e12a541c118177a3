from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import (
    CancelAnswered,
    CancelledAll,
    FillReported,
    JournalProblem,
    LatchAnswered,
    LookupAnswered,
    LookupFailed,
    OpenOrdersListed,
    OwnTradesFailed,
    OwnTradesRead,
    PlaceAccepted,
    PlaceNotSent,
    PlaceRejected,
    PlaceUnknown,
    Reconciled,
    ReconcileFailed,
    SnapshotFailed,
    TradesSeen,
)
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import Fill, Side
from mexc_tui.engine.effects import EffectRunner
from mexc_tui.kernel.effects import (
    EmitFact,
    FetchAccount,
    FetchOwnTrades,
    FetchSnapshot,
    FetchTrades,
    Journal,
    ListOpenOrders,
    LookUp,
    SaveLatch,
    SendCancel,
    SendCancelAll,
    SetInterest,
)
from mexc_tui.kernel.records import StateRecord


def latched(value, attempt):
    return [SaveLatch(StateRecord(name="trading_state", value=value, wall_ms=1), attempt)]


@pytest.fixture
def fed():
    return []


@pytest.fixture
def told():
    return []


@pytest.fixture
def runner(bench, bench_journal, now, fed, told):
    return EffectRunner(bench, bench_journal, fed.append, told.append, now)


async def until(condition, limit=200):
    for _ in range(limit):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("did not happen")


def names(bench):
    return [call for call, _ in bench.calls]


async def test_an_order_leaves_only_after_its_intent_is_on_the_disk(runner, bench, fed, order_effects):
    bench.holds["append"] = asyncio.Event()
    runner.run(order_effects("a"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert names(bench) == ["append"]
    bench.holds["append"].set()
    await until(lambda: fed)
    assert names(bench) == ["append", "committed", "place"]
    assert fed == [PlaceAccepted("a", "X1")]


async def test_each_order_of_a_list_waits_for_its_own_intent(runner, bench, fed, order_effects):
    runner.run(order_effects("a") + order_effects("b"))
    await until(lambda: len(fed) == 2)
    assert [call for call in bench.calls if call[0] in ("committed", "place")].index(("place", "b")) >= 2
    assert names(bench).index("place") > names(bench).index("committed")
    assert names(bench).count("place") == 2


async def test_what_is_recorded_before_an_intent_reaches_the_journal_with_it(runner, bench, order_effects):
    runner.run([Journal(()), *order_effects("a")])
    await asyncio.sleep(0)
    asked = [detail for call, detail in bench.calls if call == "append"]
    assert asked == [False, True], "both in one turn of the loop, so that they share a commit"


async def test_records_that_nobody_waits_for_do_not_hold_an_order_back(runner, bench, fed, order_effects, monkeypatch):
    real = bench._say

    async def say(call, detail, usual):
        if (call, detail) == ("append", False):
            raise OSError("the disk was full a moment ago")
        return await real(call, detail, usual)

    monkeypatch.setattr(bench, "_say", say)
    runner.run([Journal(()), *order_effects("a")])
    await until(lambda: PlaceAccepted("a", "X1") in fed)
    assert [type(item) for item in fed] == [JournalProblem, JournalProblem, PlaceAccepted]
    assert not fed[1].reason


async def test_an_order_that_need_not_be_recorded_leaves_at_once(runner, bench, order_effects):
    intent, order = order_effects("a")
    bench.holds["append"] = asyncio.Event()
    runner.run([Journal(()), order, msgspec.structs.replace(intent, durable=False)])
    await until(lambda: "place" in names(bench))
    assert "committed" not in names(bench)
    bench.holds["append"].set()


async def test_an_order_that_cannot_be_recorded_is_not_sent(runner, bench, fed, order_effects):
    bench.answers["append"] = OSError("the disk is full")
    runner.run(order_effects("a"))
    await until(lambda: len(fed) == 2)
    assert isinstance(fed[0], JournalProblem)
    assert isinstance(fed[1], PlaceNotSent)
    assert "the disk is full" in fed[1].reason
    assert "place" not in names(bench)


async def test_a_journal_that_works_again_is_told(runner, bench, fed, order_effects):
    bench.answers["append"] = OSError("full")
    runner.run(order_effects("a"))
    await until(lambda: len(fed) == 2)
    del bench.answers["append"]
    runner.run(order_effects("b"))
    await until(lambda: len(fed) == 4)
    assert fed[2] == JournalProblem("")
    assert fed[3] == PlaceAccepted("b", "X1")


async def test_cancels_and_facts_do_not_wait_for_a_hanging_disk(runner, bench, fed, told, order_effects):
    bench.holds["append"] = asyncio.Event()
    fact = Fact(seq=1, time_ms=1, kind="halted", level=Level.WARN, message="halted")
    journal, send = order_effects("a")
    runner.run([journal, SendCancel("BTCUSDT", "old", "77"), send, EmitFact(fact)])
    await until(lambda: fed)
    assert fed == [CancelAnswered("old", "ok")]
    assert told == [fact]
    assert "place" not in names(bench)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (VenueError("no", code=30004, definite=True), PlaceRejected("a", 30004, "no")),
        (VenueError("no route", sent=False, kind=ErrorKind.NETWORK), PlaceNotSent("a", "no route")),
        (VenueError("timed out", kind=ErrorKind.OUTCOME_UNKNOWN), PlaceUnknown("a", "timed out")),
        (VenueError("bad gateway", http_status=502, remedy="Wait."), PlaceUnknown("a", "bad gateway Wait.")),
    ],
)
async def test_only_a_positive_refusal_is_a_rejection(runner, bench, fed, order_effects, error, expected):
    bench.answers["place"] = error
    runner.run(order_effects("a"))
    await until(lambda: fed)
    assert fed == [expected]


async def test_an_unforeseen_error_while_placing_is_an_unknown_outcome(runner, bench, fed, order_effects):
    bench.answers["place"] = ValueError("surprise")
    runner.run(order_effects("a"))
    await until(lambda: fed)
    assert isinstance(fed[0], PlaceUnknown)
    assert "surprise" not in fed[0].reason


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (VenueError("unknown order", kind=ErrorKind.ORDER_NOT_FOUND, definite=True), "gone"),
        (VenueError("no", definite=True), "failed"),
        (VenueError("no route", sent=False), "failed"),
        (VenueError("timed out"), "unknown"),
    ],
)
async def test_outcomes_of_a_cancel(runner, bench, fed, error, outcome):
    bench.answers["cancel"] = error
    runner.run([SendCancel("BTCUSDT", "a", "")])
    await until(lambda: fed)
    assert fed[0].outcome == outcome
    assert bench.calls == [("cancel", ("", "a"))]


def a_fill(client_id: str) -> Fill:
    return Fill(
        trade_id="t1",
        order_id="X1",
        client_order_id=client_id,
        symbol="BTCUSDT",
        side=Side.BUY,
        price=Decimal(1),
        qty=Decimal(1),
        quote_qty=Decimal(1),
        fee=Decimal(0),
        fee_asset="USDT",
        is_maker=False,
        time_ms=5,
    )


async def test_no_such_order_is_believed_only_after_open_orders_and_fills(runner, bench, fed):
    runner.run([LookUp("BTCUSDT", "a", "", 0)])
    await until(lambda: fed)
    assert fed == [LookupAnswered("a", False, None)]
    assert names(bench) == ["order", "open_orders", "fills"]


async def test_an_order_with_fills_is_never_reported_as_unknown_to_the_exchange(runner, bench, fed):
    bench.answers["fills"] = (a_fill("a"), a_fill("other"))
    runner.run([LookUp("BTCUSDT", "a", "", 0)])
    await until(lambda: len(fed) == 2)
    assert fed[0] == FillReported(a_fill("a"))
    assert isinstance(fed[1], LookupFailed)


@pytest.mark.parametrize("failing", ["order", "open_orders", "fills"])
async def test_a_lookup_that_fails_anywhere_says_nothing_of_the_order(runner, bench, fed, failing):
    bench.answers[failing] = VenueError("down")
    runner.run([LookUp("BTCUSDT", "a", "", 0)])
    await until(lambda: fed)
    assert fed == [LookupFailed("a", "down")]


@pytest.mark.parametrize("failing", ["open_orders", "fills", "balances"])
async def test_a_reconciliation_is_whole_or_failed(runner, bench, fed, failing):
    bench.answers[failing] = VenueError("down")
    runner.run([FetchAccount(("BTCUSDT",), ("BTCUSDT",), 0)])
    await until(lambda: fed)
    assert fed == [ReconcileFailed("down")]


async def test_a_reconciliation_reads_fills_after_open_orders(runner, bench, fed):
    runner.run([FetchAccount(("BTCUSDT", "ETHUSDT"), ("BTCUSDT", "ETHUSDT"), 0)])
    await until(lambda: fed)
    assert isinstance(fed[0], Reconciled)
    assert fed[0].symbols == frozenset({"BTCUSDT", "ETHUSDT"})
    assert names(bench) == ["open_orders", "fills", "fills", "balances"]


async def test_own_trades_of_a_pair_come_back_or_their_failure_does(runner, bench, fed):
    runner.run([FetchOwnTrades("BTCUSDT", 5, 7)])
    await until(lambda: fed)
    bench.answers["fills"] = VenueError("down")
    runner.run([FetchOwnTrades("BTCUSDT", 5, 8)])
    await until(lambda: len(fed) == 2)
    assert fed == [OwnTradesRead("BTCUSDT", (), 7), OwnTradesFailed("BTCUSDT", "down", 8)]
    assert names(bench) == ["fills", "fills"]


async def test_snapshot_failure_and_trade_history_come_back_as_inputs(runner, bench, fed):
    bench.answers["snapshot"] = VenueError("down")
    runner.run([FetchSnapshot("BTCUSDT", 1000), FetchTrades("BTCUSDT", 50)])
    await until(lambda: len(fed) == 2)
    assert SnapshotFailed("BTCUSDT", "down") in fed
    assert TradesSeen("BTCUSDT", (), 1_000_000_000, history=True) in fed


async def test_only_the_latest_interest_is_applied(runner, bench):
    bench.holds["set_interest"] = asyncio.Event()
    for symbol in ("A", "B", "C"):
        runner.run([SetInterest((symbol,), ((symbol, Interval.M1),))])
        await asyncio.sleep(0)
    bench.holds["set_interest"].set()
    await until(lambda: len(bench.calls) == 2)
    assert [detail[0] for _, detail in bench.calls] == [("A",), ("C",)]


async def test_finishing_waits_for_orders_on_their_way(runner, bench, fed, order_effects):
    bench.holds["place"] = asyncio.Event()
    runner.run(order_effects("a"))
    ending = asyncio.create_task(runner.finish(5))
    await until(lambda: "place" in names(bench))
    assert not ending.done()
    bench.holds["place"].set()
    await ending
    assert fed == [PlaceAccepted("a", "X1")]


async def test_states_are_recorded_one_after_the_other_and_what_came_of_each_is_told(bench, runner, fed):
    bench.holds["latch"] = asyncio.Event()
    runner.run(latched("active", 1))
    runner.run(latched("halted: again", 2))
    await until(lambda: ("latch", "active") in bench.calls)
    assert ("latch", "halted: again") not in bench.calls
    bench.answers["latch"] = OSError("No space left on device")
    bench.holds["latch"].set()
    await until(lambda: len(fed) == 2)
    assert fed == [LatchAnswered(n, "No space left on device") for n in (1, 2)]
    assert [call for call in bench.calls if call[0] == "latch"] == [("latch", "active"), ("latch", "halted: again")]


async def test_open_orders_that_are_told_only_by_pair_are_asked_for_by_pair(bench, runner, fed):
    refused = VenueError("no symbol", kind=ErrorKind.BAD_PARAMETER, definite=True)
    answers = iter([refused, ()])
    bench.answers["open_orders"] = lambda: next(answers)
    runner.run([ListOpenOrders(7, ("BTCUSDT", "ETHUSDT"))])
    await until(lambda: fed)
    assert fed == [OpenOrdersListed(7, (), 1_000_000_000, frozenset({"BTCUSDT", "ETHUSDT"}))]
    assert not fed[0].covers("SOLUSDT")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (("X1", "X2"), {"order_ids": ("X1", "X2")}),
        (VenueError("held", kind=ErrorKind.RATE_LIMIT, sent=False), {"problem": "held", "sent": False}),
        (VenueError("503", kind=ErrorKind.OUTCOME_UNKNOWN), {"problem": "503"}),
        (VenueError("bad", kind=ErrorKind.BAD_PARAMETER, definite=True), {"problem": "bad", "refused": True}),
    ],
)
async def test_cancelling_pairs_tells_what_came_of_it(bench, runner, fed, answer, outcome):
    bench.answers["cancel_all"] = answer
    runner.run([SendCancelAll(("BTCUSDT",), 3)])
    await until(lambda: fed)
    assert fed == [CancelledAll(3, ("BTCUSDT",), **outcome)]
