"""Carries out what the kernel asks for and feeds the outcomes back as inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    BookSnapshot,
    CancelAnswered,
    CancelledAll,
    CandleHistory,
    CandlesFailed,
    FillReported,
    Input,
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
    Timestamp,
    TradesSeen,
)
from mexc_tui.domain.orders import Fill
from mexc_tui.engine.supervisor import attempt
from mexc_tui.kernel.effects import (
    Effect,
    EmitFact,
    FetchAccount,
    FetchCandles,
    FetchOwnTrades,
    FetchSnapshot,
    FetchTrades,
    Journal,
    ListOpenOrders,
    LookUp,
    SaveLatch,
    SendCancel,
    SendCancelAll,
    SendOrder,
    SetInterest,
)
from mexc_tui.kernel.ports import JournalPort, Venue

T = TypeVar("T")

Probe = Callable[[str, str, int], None]
"""Told when something passes a stage: stage, id, monotonic nanoseconds. For measuring only."""

RETRY_FIRST_S = 0.5
RETRY_LONGEST_S = 15.0


class EffectRunner:
    """Runs effects in order. Only orders wait for the disk; what reduces or merely looks never does."""

    def __init__(
        self,
        venue: Venue,
        journal: JournalPort,
        feed: Callable[[Input], None],
        emit: Callable[[Fact], None],
        now: Callable[[], Timestamp],
        probe: Probe | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._venue = venue
        self._journal = journal
        self._feed = feed
        self._emit = emit
        self._now = now
        self._probe = probe
        self._tasks: set[asyncio.Task[None]] = set()
        self._critical: set[asyncio.Task[None]] = set()
        self._interest: SetInterest | None = None
        self._interest_task: asyncio.Task[None] | None = None
        self._journal_failed = False
        self._latching = asyncio.Lock()

    def run(self, effects: Sequence[Effect]) -> None:
        """Start carrying out one list of effects; never blocks."""
        chain: list[Journal | SendOrder] = []
        held = False
        for effect in effects:
            if isinstance(effect, Journal):
                chain.append(effect)
                held = held or effect.durable
            elif held and isinstance(effect, SendOrder):
                chain.append(effect)
            else:
                self._start(effect)
        if chain:
            self._spawn(self._record_and_send(chain), critical=True)

    async def finish(self, limit_s: float) -> None:
        """Wait for orders and cancels that are on their way, then drop everything else."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        while self._critical and (left := end - loop.time()) > 0:
            await asyncio.wait(self._critical, timeout=left)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, effect: Effect) -> None:
        match effect:
            case EmitFact():
                self._emit(effect.fact)
            case SaveLatch():
                self._spawn(self._save_latch(effect), critical=True)
            case SendOrder():
                self._spawn(self._place(effect), critical=True)
            case SendCancel():
                self._spawn(self._cancel(effect), critical=True)
            case SendCancelAll():
                self._spawn(self._cancel_all(effect), critical=True)
            case ListOpenOrders():
                self._spawn(self._list_open(effect))
            case LookUp():
                self._spawn(self._look_up(effect))
            case FetchSnapshot():
                self._spawn(self._fetch_snapshot(effect))
            case FetchCandles():
                self._spawn(self._fetch_candles(effect))
            case FetchTrades():
                self._spawn(self._fetch_trades(effect))
            case FetchAccount():
                self._spawn(self._fetch_account(effect))
            case FetchOwnTrades():
                self._spawn(self._fetch_own_trades(effect))
            case SetInterest():
                self._interest = effect
                if self._interest_task is None or self._interest_task.done():
                    self._interest_task = self._spawn(self._follow_interest())

    def _spawn(self, work: Coroutine[Any, Any, None], *, critical: bool = False) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if critical:
            self._critical.add(task)
            task.add_done_callback(self._critical.discard)
        return task

    async def _record_and_send(self, chain: Sequence[Journal | SendOrder]) -> None:
        """Send each order once everything before it is on the disk; none after an intent that could not be written.

        What is recorded without waiting goes to the journal at once with what comes after it, so they share a commit.
        """
        lost = ""
        for place, step in enumerate(chain, start=1):
            if isinstance(step, Journal):
                self._mark("record", "")
                problem = await self._record(step)
                lost = (problem if step.durable else "") or lost
                self._mark("recorded", "")
            elif lost:
                self._feed(PlaceNotSent(step.request.client_order_id, f"it could not be recorded first: {lost}"))
            elif place == len(chain):
                await self._place(step)
            else:
                self._spawn(self._place(step), critical=True)

    async def _record(self, entry: Journal) -> str:
        """Write to the journal and return why that failed, or nothing."""
        try:
            await self._journal.append(entry.records, durable=entry.durable)
        except OSError as error:
            self._journal_failed = True
            self._feed(JournalProblem(str(error)))
            return str(error)
        if self._journal_failed and entry.durable:
            self._journal_failed = False
            self._feed(JournalProblem(""))
        return ""

    async def _save_latch(self, effect: SaveLatch) -> None:
        """One after the other: what was wanted last is what stays."""
        async with self._latching:
            try:
                await self._journal.latch(effect.record)
            except OSError as error:
                self._feed(LatchAnswered(effect.attempt, str(error)))
            else:
                self._feed(LatchAnswered(effect.attempt))

    async def _place(self, effect: SendOrder) -> None:
        client_id = effect.request.client_order_id
        self._mark("send", client_id)
        answer = await attempt("placing an order", self._venue.place(effect.request))
        self._mark("answer", client_id)
        self._feed(place_outcome(client_id, answer))

    async def _cancel(self, effect: SendCancel) -> None:
        self._mark("cancel", effect.client_order_id)
        call = self._venue.cancel(
            effect.symbol,
            order_id=effect.order_id,
            client_order_id="" if effect.order_id else effect.client_order_id,
        )
        answer = await attempt("cancelling an order", call)
        self._feed(cancel_outcome(effect.client_order_id, answer))

    async def _cancel_all(self, effect: SendCancelAll) -> None:
        answer = await attempt("cancelling all orders", self._venue.cancel_all(effect.symbols))
        if not isinstance(answer, VenueError):
            self._feed(CancelledAll(effect.turn, effect.symbols, answer))
            return
        refused = answer.kind is ErrorKind.BAD_PARAMETER
        self._feed(CancelledAll(effect.turn, effect.symbols, problem=answer.message, sent=answer.sent, refused=refused))

    async def _list_open(self, effect: ListOpenOrders) -> None:
        covered: tuple[str, ...] = ()
        asked_ns = self._now().mono_ns
        answer = await attempt("reading open orders", self._venue.open_orders((), urgent=True))
        if isinstance(answer, VenueError) and answer.kind is ErrorKind.BAD_PARAMETER and effect.symbols:
            covered = effect.symbols
            answer = await attempt("reading open orders", self._venue.open_orders(covered, urgent=True))
        if isinstance(answer, VenueError):
            self._feed(OpenOrdersListed(effect.turn, (), asked_ns, problem=answer.message))
        else:
            self._feed(OpenOrdersListed(effect.turn, answer, asked_ns, frozenset(covered)))

    async def _look_up(self, effect: LookUp) -> None:
        await self._pause(effect.delay_ms)
        client_id = effect.client_order_id
        answer = await attempt(
            "looking an order up",
            self._venue.order(
                effect.symbol, order_id=effect.order_id, client_order_id="" if effect.order_id else client_id
            ),
        )
        if isinstance(answer, VenueError):
            self._feed(LookupFailed(client_id, answer.message))
        elif answer is not None:
            self._feed(LookupAnswered(client_id, True, answer))
        else:
            await self._look_further(effect)

    async def _look_further(self, effect: LookUp) -> None:
        """Believe a "no such order" only when open orders and fills know nothing of it either."""
        client_id = effect.client_order_id
        working = await attempt("reading open orders", self._venue.open_orders((effect.symbol,)))
        if isinstance(working, VenueError):
            self._feed(LookupFailed(client_id, working.message))
            return
        for report in working:
            if client_id == report.client_order_id or (effect.order_id and effect.order_id == report.order_id):
                self._feed(LookupAnswered(client_id, True, report))
                return
        fills = await attempt("reading fills", self._venue.fills(effect.symbol, effect.since_ms))
        if isinstance(fills, VenueError):
            self._feed(LookupFailed(client_id, fills.message))
            return
        known = [
            fill
            for fill in fills
            if client_id == fill.client_order_id or (effect.order_id and effect.order_id == fill.order_id)
        ]
        for fill in known:
            self._feed(FillReported(fill))
        if known:
            self._feed(LookupFailed(client_id, "the exchange lists fills of the order but not the order itself"))
        else:
            self._feed(LookupAnswered(client_id, False, None))

    async def _fetch_snapshot(self, effect: FetchSnapshot) -> None:
        await self._pause(effect.delay_ms)
        answer = await attempt("reading the book", self._venue.snapshot(effect.symbol, effect.limit))
        outcome: BookSnapshot | SnapshotFailed
        outcome = SnapshotFailed(effect.symbol, answer.message) if isinstance(answer, VenueError) else answer
        self._feed(outcome)

    async def _fetch_candles(self, effect: FetchCandles) -> None:
        answer = await attempt("reading candles", self._venue.candles(effect.symbol, effect.interval, effect.limit))
        if isinstance(answer, VenueError):
            self._feed(CandlesFailed(effect.symbol, effect.interval, answer))
        else:
            self._feed(CandleHistory(effect.symbol, effect.interval, answer))

    async def _fetch_trades(self, effect: FetchTrades) -> None:
        answer = await self._repeated(
            "reading trades",
            lambda: self._venue.recent_trades(effect.symbol, effect.limit),
            wanted=lambda: self._interest is not None and effect.symbol in self._interest.symbols,
        )
        if not isinstance(answer, VenueError):
            self._feed(TradesSeen(effect.symbol, answer, self._now().mono_ns, history=True))

    async def _fetch_account(self, effect: FetchAccount) -> None:
        """Open orders before fills before balances: what leaves one list meanwhile is found in the next."""
        await self._pause(effect.delay_ms)
        asked_ns = self._now().mono_ns
        working = await attempt("reading open orders", self._venue.open_orders(effect.symbols))
        if isinstance(working, VenueError):
            self._feed(ReconcileFailed(working.message))
            return
        fills: list[Fill] = []
        for symbol in effect.fills_of:
            page = await attempt("reading fills", self._venue.fills(symbol, effect.since_ms))
            if isinstance(page, VenueError):
                self._feed(ReconcileFailed(page.message))
                return
            fills.extend(page)
        balances = await attempt("reading balances", self._venue.balances())
        if isinstance(balances, VenueError):
            self._feed(ReconcileFailed(balances.message))
            return
        covered, fills_of = frozenset(effect.symbols), frozenset(effect.fills_of)
        self._feed(Reconciled(working, balances, tuple(fills), asked_ns, covered, fills_of))

    async def _fetch_own_trades(self, effect: FetchOwnTrades) -> None:
        await self._pause(effect.delay_ms)
        answer = await attempt("reading own trades", self._venue.fills(effect.symbol, effect.since_ms))
        outcome: Input = (
            OwnTradesFailed(effect.symbol, answer.message, effect.turn)
            if isinstance(answer, VenueError)
            else OwnTradesRead(effect.symbol, answer, effect.turn)
        )
        self._feed(outcome)

    async def _follow_interest(self) -> None:
        done: SetInterest | None = None
        while (wanted := self._interest) is not None and wanted is not done:
            await self._subscribe(wanted)
            done = wanted

    async def _subscribe(self, interest: SetInterest) -> None:
        await self._repeated(
            "subscribing",
            lambda: self._venue.set_interest(interest.symbols, interest.candles),
            wanted=lambda: self._interest is interest,
        )

    async def _repeated(
        self, what: str, call: Callable[[], Awaitable[T]], *, wanted: Callable[[], bool]
    ) -> T | VenueError:
        """Ask until there is an answer, waiting longer each time; the failure where it is not wanted any more."""
        wait = RETRY_FIRST_S
        while True:
            answer = await attempt(what, call())
            if not isinstance(answer, VenueError):
                return answer
            await self._sleep(max(wait, answer.retry_after_s or 0.0))
            wait = min(RETRY_LONGEST_S, wait * 2)
            if not wanted():
                return answer

    async def _pause(self, delay_ms: int) -> None:
        if delay_ms > 0:
            await self._sleep(delay_ms / 1_000)

    def _mark(self, stage: str, name: str) -> None:
        if self._probe is not None:
            self._probe(stage, name, self._now().mono_ns)


def place_outcome(client_id: str, answer: str | VenueError) -> Input:
    """Return what became of placing an order: only a positive refusal is a rejection."""
    if not isinstance(answer, VenueError):
        return PlaceAccepted(client_id, answer)
    reason = f"{answer.message} {answer.remedy}".strip()
    if not answer.sent:
        return PlaceNotSent(client_id, reason)
    if answer.definite:
        unread = answer.kind in (ErrorKind.RATE_LIMIT, ErrorKind.EDGE_BLOCK)
        return PlaceRejected(client_id, answer.code or 0, reason, unread)
    return PlaceUnknown(client_id, reason)


def cancel_outcome(client_id: str, answer: VenueError | None) -> CancelAnswered:
    """Return what became of a cancel."""
    if answer is None:
        return CancelAnswered(client_id, "ok")
    if answer.kind is ErrorKind.ORDER_NOT_FOUND:
        return CancelAnswered(client_id, "gone", answer.message)
    certain = answer.definite or not answer.sent
    return CancelAnswered(client_id, "failed" if certain else "unknown", answer.message)
