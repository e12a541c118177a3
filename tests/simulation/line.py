"""What lies between the desk and its exchange: delays, and faults that were ordered beforehand."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import BookDelta, BookSnapshot, Input, LinkChanged, LinkState, TradesSeen
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest
from tests.simulation.exchange import START_MS, Account
from tests.simulation.loop import VirtualLoop

T = TypeVar("T")

CALLS = ("place", "cancel", "cancel_all", "order", "open_orders", "fills", "balances", "snapshot")
CALL_FAULTS = (
    "refused",
    "lost request",
    "lost answer",
    "late request",
    "slow answer",
    "5xx before",
    "5xx after",
    "403",
    "429",
)
PUSHES = ("orders", "fills", "balances", "depth")
PUSH_FAULTS = ("missing", "twice", "late")
RECEIVE_WINDOW_MS = 5_000
"""A request that arrives later than this after it was signed is refused."""


class _Flight(NamedTuple):
    """A call whose answer is not here yet."""

    name: str
    client_id: str
    execute: Callable[[], Any]
    arrival: asyncio.TimerHandle


class Line:
    """The venue as the engine sees it (``Venue``), and the way of its pushes."""

    def __init__(self, loop: VirtualLoop, rng: Random, seed: int) -> None:
        self._loop = loop
        self._rng = rng
        self.account = Account(seed, self._say)
        self.sink: Callable[[Input], None] | None = None
        """Takes pushes; None while no desk runs."""
        self.on_place: Callable[[OrderRequest], None] = lambda request: None
        self.transit: dict[str, OrderRequest] = {}
        """Orders that have left and not arrived, and will."""
        self._armed: list[list[Any]] = []
        self.suffered: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._up = {True: False, False: False}
        self._cut = {True: 0, False: 0}
        self._last: dict[str, float] = {}
        self._followed: frozenset[str] = frozenset()
        self._held_until = 0
        self._out_until = 0
        self._flying: dict[asyncio.Future[Any], _Flight] = {}
        """Calls without an answer yet."""
        self.ahead_ms = 0
        """How far the exchange's clock is ahead of the loop's."""
        self.frames = 0

    def arm(self, what: str, kind: str, count: int) -> None:
        """Let the next ``count`` calls or pushes of a name suffer a fault."""
        self._armed.append([what, kind, count])

    def calm(self) -> None:
        """Forget every fault that has not happened yet."""
        self._armed.clear()
        self._held_until = self._out_until = 0
        self.account.slow_to_show_ms.clear()

    def _fault(self, what: str) -> str:
        for fault in self._armed:
            if fault[0] == what or (fault[0] == "any" and what in CALLS):
                fault[2] -= 1
                if not fault[2]:
                    self._armed.remove(fault)
                self.suffered[f"{'push' if what in PUSHES else 'call'} {fault[1]}"] += 1
                return str(fault[1])
        return ""

    @property
    def up(self) -> bool:
        """Whether the account's stream is up."""
        return self._up[True]

    @property
    def now_ns(self) -> int:
        return self._loop.ns

    def advance(self) -> int:
        """Let the exchange come to the present and return its time."""
        now = START_MS + self._loop.ms + self.ahead_ms
        if now > self.account.core.now_ms:
            self.account.core.advance(now)
        return now

    # --- pushes

    def connect(self, private: bool, up: bool, reason: str = "") -> None:
        """Bring a stream up or down; what was on its way is lost with it."""
        if self._up[private] == up:
            return
        if up and self._loop.ms < self._out_until:
            self._loop.after(self._out_until - self._loop.ms, self.connect, private, True)
            return
        self._up[private] = up
        self._cut[private] += 1
        if self.sink is not None:
            self.sink(LinkChanged(private, LinkState.CONNECTED if up else LinkState.RECONNECTING, reason))

    def _say(self, channel: str, item: Input) -> None:
        private = channel != "depth"
        if not self._up[private] or self.sink is None:
            return
        kind = self._fault(channel)
        if kind == "missing":
            return
        delay = self._rng.randint(1, 30)
        if kind == "late":
            self._loop.after(delay + self._rng.randint(50, 6_000), self._deliver, self._cut[private], private, item)
            return
        at = max(self._last.get(channel, 0.0) + 0.000_001, self._loop.time() + delay / 1_000)
        self._last[channel] = at
        for _ in range(2 if kind == "twice" else 1):
            self._loop.call_at(at, self._deliver, self._cut[private], private, item)

    def _deliver(self, cut: int, private: bool, item: Input) -> None:
        if self._cut[private] == cut and self.sink is not None:
            self.frames += 1
            self.sink(item)

    def pump(self) -> None:
        """Push what the markets did."""
        self.advance()
        for item in self.account.market_news(self._loop.ns):
            if isinstance(item, BookDelta | TradesSeen) and item.symbol in self._followed:
                self._say("depth", item)

    def begin(self, sink: Callable[[Input], None]) -> None:
        """Serve a desk that has just started."""
        self.sink = sink
        self._up = {True: False, False: False}
        self._followed = frozenset()

    def end(self) -> None:
        """The desk is gone; what has left it goes on."""
        self.sink = None
        self._cut = {private: cut + 1 for private, cut in self._cut.items()}

    # --- storms

    def outage(self, ms: int) -> None:
        """Let no connection be made for a while, as where names are not resolved or certificates are refused."""
        self._out_until = max(self._out_until, self._loop.ms + ms)
        for private in (False, True):
            self.connect(private, False, "the host name could not be resolved")
            self._loop.after(ms, self.connect, private, True)

    def sleep(self, ms: int) -> None:
        """Let the exchange go on while nothing here does: what was on its way arrives or not, every socket is dead."""
        self.advance()
        for done, flight in list(self._flying.items()):
            if not flight.arrival.cancelled() and flight.arrival.when() > self._loop.time():
                flight.arrival.cancel()
                self.transit.pop(flight.client_id, None)
                if self._rng.random() < 0.5:
                    with contextlib.suppress(VenueError):
                        flight.execute()
            _settle(done, _unknown(flight.name))
        for private in (False, True):
            self.connect(private, False, "this machine was asleep")
            self._loop.after(self._rng.randint(200, 3_000), self.connect, private, True)
        self.ahead_ms += ms
        self.advance()

    # --- calls

    async def ask(self, name: str, execute: Callable[[], T], client_id: str = "", *, urgent: bool = False) -> T:
        """Carry out a call at the exchange, if it gets there; raises ``VenueError`` as the client does."""
        self.calls[name] += 1
        if self._loop.ms < self._held_until and not urgent:
            self.transit.pop(client_id, None)
            await asyncio.sleep(0)
            raise VenueError("requests pause", kind=ErrorKind.EDGE_BLOCK, sent=False)
        if self._loop.ms < self._out_until:
            self.transit.pop(client_id, None)
            await asyncio.sleep(self._rng.randint(1, 40) / 1_000)
            raise VenueError("the host name could not be resolved", kind=ErrorKind.NETWORK, sent=False)
        kind = self._fault(name)
        there, back = self._rng.randint(1, 25), self._rng.randint(1, 25)
        done: asyncio.Future[T] = self._loop.create_future()
        if kind in ("lost request", "refused"):
            self.transit.pop(client_id, None)
        if kind == "refused":
            self._loop.after(there, _settle, done, VenueError("refused", kind=ErrorKind.NETWORK, sent=False))
        elif kind == "lost request":
            self._loop.after(self._rng.randint(100, 10_000), _settle, done, _unknown(name))
        else:
            if kind == "late request":
                there = self._rng.randint(500, RECEIVE_WINDOW_MS)
                self._loop.after(self._rng.randint(50, 400), _settle, done, _unknown(name))
            elif kind == "lost answer":
                self._loop.after(there + self._rng.randint(100, 10_000), _settle, done, _unknown(name))
            elif kind == "slow answer":
                back = self._rng.randint(300, 5_000)
            arrival = self._loop.after(there, self._arrive, kind, name, execute, client_id, back, done)
            self._flying[done] = _Flight(name, client_id, execute, arrival)
        try:
            return await done
        finally:
            self._flying.pop(done, None)

    def _arrive(
        self, kind: str, name: str, execute: Callable[[], T], client_id: str, back: int, done: asyncio.Future[T]
    ) -> None:
        self.advance()
        self.transit.pop(client_id, None)
        outcome: T | VenueError
        if kind in ("403", "429"):
            self._held_until = self._loop.ms + self._rng.randint(500, 6_000)
            what = ErrorKind.EDGE_BLOCK if kind == "403" else ErrorKind.RATE_LIMIT
            outcome = VenueError(f"HTTP {kind}", kind=what, http_status=int(kind), definite=True)
        elif kind == "5xx before":
            outcome = _unknown(name)
        else:
            try:
                outcome = execute()
            except VenueError as error:
                outcome = error
            if kind == "5xx after":
                outcome = _unknown(name)
        if kind not in ("lost answer", "late request"):
            self._loop.after(back, _settle, done, outcome)

    async def place(self, request: OrderRequest) -> str:
        self.on_place(request)
        self.transit[request.client_order_id] = request
        return await self.ask("place", lambda: self.account.place(request), request.client_order_id)

    async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        await self.ask("cancel", lambda: self.account.cancel(symbol, order_id, client_order_id), urgent=True)

    async def cancel_all(self, symbols: Sequence[str]) -> tuple[str, ...]:
        return await self.ask("cancel_all", lambda: self.account.cancel_all(tuple(symbols)), urgent=True)

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        return await self.ask("order", lambda: self.account.order(symbol, order_id, client_order_id))

    async def open_orders(self, symbols: Sequence[str], *, urgent: bool = False) -> tuple[OrderReport, ...]:
        return await self.ask("open_orders", lambda: self.account.open_orders(tuple(symbols)), urgent=urgent)

    async def fills(self, symbol: str, since_ms: int) -> tuple[Fill, ...]:
        return await self.ask("fills", lambda: self.account.fills(symbol, since_ms))

    async def balances(self) -> tuple[Balance, ...]:
        return await self.ask("balances", self.account.balances)

    async def snapshot(self, symbol: str, limit: int) -> BookSnapshot:
        return await self.ask("snapshot", lambda: self.account.snapshot(symbol, limit, self._loop.ns))

    async def set_interest(self, symbols: Sequence[str], candles: Sequence[tuple[str, Interval]]) -> None:
        self._followed = frozenset(symbols)

    async def recent_trades(self, symbol: str, limit: int) -> tuple[Trade, ...]:
        return ()

    async def candles(
        self, symbol: str, interval: Interval, limit: int, end_ms: int | None = None
    ) -> tuple[Candle, ...]:
        return ()

    async def tickers(self) -> tuple[Ticker, ...]:
        return self.account.tickers()


def _unknown(name: str) -> VenueError:
    kind = ErrorKind.OUTCOME_UNKNOWN if name in ("place", "cancel", "cancel_all") else ErrorKind.NETWORK
    return VenueError(f"no answer to {name}", kind=kind)


def _settle(done: asyncio.Future[T], outcome: T | VenueError) -> None:
    if done.done():
        return
    if isinstance(outcome, VenueError):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
