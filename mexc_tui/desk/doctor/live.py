"""``mexc-tui doctor --live``: what an exchange does where this program relies on an assumption.

It asks with ``order/test`` and with the smallest orders that a pair takes, and cancels only what it placed itself.
Nothing is placed before the caller has said what it may cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.ids import base36, client_order_id
from mexc_tui.domain.inputs import BalanceReported, FillReported, Input, OrderReported
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ONE, ZERO, ceil_to, divide, exact, floor_to, plain, round_to
from mexc_tui.domain.orders import OrderReport, OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.venues.mexc.clock import SystemClock
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.venue import MexcVenue

AWAY = Decimal("0.05")
"""How far below the best bid the resting order stands, as a fraction."""
ROOM = Decimal("1.3")
"""Orders are so many times the pair's smallest amount: less a fee and a move of the price it can still be sold back."""
GIVEN_UP = Decimal("0.01")
"""How far below the best bid what was bought may be sold back, as a fraction."""
PROTECTED = Decimal("0.05")
"""How far beyond the market the protective price of a market order is assumed to stand (docs/mexc.md, Orders)."""
VISIBLE_S = 5.0
PUSHED_S = 5.0
BETWEEN_S = 0.2
MOST_ORDERS = 5
"""Orders that may take: the post-only, the IOC and the market buy, what sells it back, and a repeated id."""


class Verdict(StrEnum):
    AS_ASSUMED = "as assumed"
    DIFFERENT = "different"
    NOT_TOLD = "not told"


class Finding(msgspec.Struct, frozen=True):
    """One assumption beside what the exchange did."""

    subject: str
    assumed: str
    verdict: Verdict
    found: str


class Occasion(msgspec.Struct, frozen=True):
    """What the user is asked before anything is placed."""

    account: str
    """The exchange's id of the account."""
    venue: str
    symbol: str
    most_spent: Decimal
    quote: str


async def live_checks(
    settings: MexcSettings, symbol: str, allow: Callable[[Occasion], Awaitable[bool]]
) -> AsyncGenerator[Finding, None]:
    """Ask ``allow``, then check one assumption after the other; without leave nothing is placed.

    To be closed by its reader (``contextlib.aclosing``): what was placed is cancelled then.

    Raises:
        VenueError: the exchange cannot be reached, refuses the key, or does not list the pair.
        OrdersLeftError: orders that were made here are open after all, or may be.
    """
    kind = VenueKind.LOCAL if settings.is_local else VenueKind.LIVE
    venue = MexcVenue(msgspec.structs.replace(settings, real_orders=True), kind, SystemClock())
    checks: LiveChecks | None = None

    def push(item: Input) -> None:
        if checks is not None:
            checks.push(item)

    try:
        await venue.open(push)
        pair = next((one for one in await venue.instruments() if one.symbol == symbol), None)
        if pair is None or not pair.tradable:
            raise VenueError(f"{symbol} cannot be traded through the API there", kind=ErrorKind.OTHER, sent=False)
        checks = LiveChecks(venue, pair)
        account = await venue.account_id()
        if not await allow(Occasion(account, venue.info.name, symbol, checks.most_spent, pair.quote)):
            return
        async with contextlib.aclosing(checks.run()) as findings:
            async for finding in findings:
                yield finding
        try:
            left = [report.order_id for report in await checks.left_open()]
        except VenueError as error:
            raise OrdersLeftError(f"Whether orders are left open in {symbol} is not known: {error.message}") from None
        if left:
            raise OrdersLeftError(f"Orders are left open in {symbol} and could not be cancelled: {', '.join(left)}.")
    finally:
        await venue.close()


class OrdersLeftError(Exception):
    """Orders of the check are open, or may be; a sentence that names them."""


class LiveChecks:
    """Asks an exchange with real orders of one pair. The venue is open, and its pushes go to ``push``."""

    def __init__(self, venue: MexcVenue, pair: Instrument) -> None:
        self._venue, self._pair = venue, pair
        self._run = "chk" + base36(time.time_ns() // 1_000_000)
        self._made: list[str] = []
        self._pushes: list[tuple[float, Input]] = []
        self._came = asyncio.Event()

    @property
    def most_spent(self) -> Decimal:
        """The most that can be spent before anything is sold back, in the pair's quote asset."""
        return self._notional() * MOST_ORDERS

    def push(self, item: Input) -> None:
        """Take what the account stream brings."""
        if isinstance(item, OrderReported | FillReported | BalanceReported):
            self._pushes.append((time.monotonic(), item))
            self._came.set()

    async def run(self) -> AsyncGenerator[Finding, None]:
        """Check one assumption after the other; what was placed is cancelled in the end, whatever happens."""
        checks: tuple[Callable[[], AsyncIterator[Finding]], ...] = (
            self._key,
            self._tested,
            self._strangers,
            self._resting,
            self._post_only,
            self._nothing_to_take,
            self._market,
        )
        try:
            for check in checks:
                try:
                    async for finding in check():
                        yield finding
                except VenueError as error:
                    subject = check.__name__.strip("_").replace("_", " ")
                    yield Finding(subject, "the exchange answers", Verdict.NOT_TOLD, _said(error))
        finally:
            await asyncio.shield(self._tidy())

    async def left_open(self) -> tuple[OrderReport, ...]:
        """Return the orders made here that are still open.

        Raises:
            VenueError: that cannot be told.
        """
        reports = await self._venue.open_orders((self._pair.symbol,))
        return tuple(report for report in reports if report.client_order_id in self._made)

    # --- checks

    async def _key(self) -> AsyncIterator[Finding]:
        info = await self._venue.rest.account.api_key_info()
        names = ", ".join(info.permissions) or "none"
        readable = any(name.startswith("SPOT_") for name in info.permissions)
        where = f"; {len(info.ip_white_list)} addresses allowed" if info.ip_white_list else "; any address"
        yield _found("key scope", "permissions are named SPOT_…, WITHDRAW_…", readable, names + where)

    async def _tested(self) -> AsyncIterator[Finding]:
        """Every type of order, checked by the exchange without being placed."""
        bid, ask = await self._touches()
        for kind in (OrderType.LIMIT, OrderType.POST_ONLY, OrderType.IOC, OrderType.FOK):
            request = self._request(Side.BUY, kind, self._below(bid))
            yield await self._test_one(kind.word, request)
        yield await self._test_one("market buy by amount", self._spend())
        market = msgspec.structs.replace(self._request(Side.BUY, OrderType.MARKET, ask), price=None)
        yield await self._test_one("market buy by quantity", market)

    async def _test_one(self, name: str, request: OrderRequest) -> Finding:
        subject, assumed = f"order/test, {name}", "taken"
        try:
            await self._venue.rest.trading.test_order(request)
        except VenueError as error:
            return Finding(subject, assumed, Verdict.DIFFERENT if error.definite else Verdict.NOT_TOLD, _said(error))
        return Finding(subject, assumed, Verdict.AS_ASSUMED, "taken")

    async def _strangers(self) -> AsyncIterator[Finding]:
        """Orders that never existed."""
        name = client_order_id(self._run, 999)
        report = await self._venue.order(self._pair.symbol, client_order_id=name)
        yield _found("look-up of an unknown id", "-2013 or -2011", report is None, "no such order")
        try:
            await self._venue.cancel(self._pair.symbol, client_order_id=name)
        except VenueError as error:
            known = error.kind is ErrorKind.ORDER_NOT_FOUND
            yield _found("cancel of an unknown id", "-2011", known, _said(error))
        else:
            yield Finding("cancel of an unknown id", "-2011", Verdict.DIFFERENT, "it was acknowledged")

    async def _resting(self) -> AsyncIterator[Finding]:
        """Place a post-only order far from the market: how soon it is seen, its id used twice, and its cancel."""
        price = self._below((await self._touches())[0])
        request = self._request(Side.BUY, OrderType.POST_ONLY, price)
        acked = await self._place(request)
        name = request.client_order_id
        yield await self._seen_after(acked, name)
        pushed = await self._pushed(
            lambda item: isinstance(item, OrderReported) and item.report.client_order_id == name
        )
        yield _delay("order push", "within a second of the acknowledgement", acked, pushed)
        yield await self._twice(request)
        await self._venue.cancel(self._pair.symbol, client_order_id=name)
        yield await self._cancelled(name)

    async def _seen_after(self, acked: float, name: str) -> Finding:
        misses = 0
        while time.monotonic() - acked < VISIBLE_S:
            if await self._venue.order(self._pair.symbol, client_order_id=name) is not None:
                took = f"{(time.monotonic() - acked) * 1_000:.0f} ms after the acknowledgement"
                text = f"found {took}" + (f', after {misses} answers "no such order"' if misses else "")
                return _found("look-up of a new order", "found at once, or within 5 s", True, text)
            misses += 1
            await asyncio.sleep(BETWEEN_S)
        text = f"not found within {VISIBLE_S:.0f} s of its acknowledgement"
        return Finding("look-up of a new order", "found at once, or within 5 s", Verdict.DIFFERENT, text)

    async def _twice(self, request: OrderRequest) -> Finding:
        subject, assumed = "a client order id used twice", "not relied on: no id is ever used twice"
        try:
            second = await self._send(request)
        except VenueError as error:
            if error.definite:
                return Finding(subject, assumed, Verdict.AS_ASSUMED, f"refused: {_said(error)}")
            return Finding(subject, assumed, Verdict.NOT_TOLD, _said(error))
        first = await self._venue.order(self._pair.symbol, client_order_id=request.client_order_id)
        if first is not None and first.order_id == second:
            return Finding(subject, assumed, Verdict.AS_ASSUMED, "acknowledged with the id of the first: one order")
        await self._venue.cancel(self._pair.symbol, order_id=second)
        return Finding(subject, assumed, Verdict.DIFFERENT, "taken: two orders had the same client order id")

    async def _cancelled(self, name: str) -> Finding:
        subject, assumed = "cancel of a working order", "final within 5 s; a second cancel gives -2011"
        ended = await self._until_final(name)
        if ended is None:
            return Finding(subject, assumed, Verdict.DIFFERENT, f"still open {VISIBLE_S:.0f} s after its cancel")
        try:
            await self._venue.cancel(self._pair.symbol, client_order_id=name)
        except VenueError as error:
            known = error.kind is ErrorKind.ORDER_NOT_FOUND
            return _found(subject, assumed, known, f"{ended.state.value}; then {_said(error)}")
        return Finding(subject, assumed, Verdict.DIFFERENT, f"{ended.state.value}; a second cancel was acknowledged")

    async def _post_only(self) -> AsyncIterator[Finding]:
        """Place a post-only order at a price that would take."""
        subject, assumed = "post-only that would take", "acknowledged, then cancelled without a fill; or refused"
        request = self._request(Side.BUY, OrderType.POST_ONLY, (await self._touches())[1])
        try:
            await self._place(request)
        except VenueError as error:
            if not error.definite:
                raise
            yield Finding(subject, assumed, Verdict.AS_ASSUMED, f"refused: {_said(error)}")
            return
        ended = await self._until_final(request.client_order_id)
        if ended is None:
            await self._venue.cancel(self._pair.symbol, client_order_id=request.client_order_id)
            yield Finding(subject, assumed, Verdict.NOT_TOLD, "it rested: the market moved away in between")
            return
        text = f"{ended.state.value}, {plain(ended.filled_qty)} filled"
        yield _found(subject, assumed, not ended.filled_qty, text)

    async def _nothing_to_take(self) -> AsyncIterator[Finding]:
        """Place an IOC below the market: it finds nothing."""
        request = self._request(Side.BUY, OrderType.IOC, self._below((await self._touches())[0]))
        await self._place(request)
        ended = await self._until_final(request.client_order_id)
        text = "still open" if ended is None else ended.state.value
        right = ended is not None and ended.state is OrderState.CANCELLED
        yield _found("IOC that finds nothing", "acknowledged, then cancelled", right, text)

    async def _market(self) -> AsyncIterator[Finding]:
        """Place a market buy of the smallest amount: its protective price, the order of the pushes, and its fills."""
        _, ask = await self._touches()
        request = self._spend()
        self._pushes.clear()
        acked = await self._place(request)
        name = request.client_order_id
        ended = await self._until_final(name)
        if ended is None or not ended.filled_qty:
            state = "still open" if ended is None else ended.state.value
            yield Finding("market buy", "filled at once", Verdict.DIFFERENT, f"{state}, nothing filled")
            return
        yield _found("market buy", "filled at once", True, f"{plain(ended.filled_qty)} {self._pair.base}")
        yield _protection(ended, ask)
        yield await self._sequence(acked)
        async for finding in self._fills(ended):
            yield finding
        yield await self._sell_back(ended)

    async def _sequence(self, acked: float) -> Finding:
        def complete() -> bool:
            return {type(item) for _, item in self._pushes} >= {OrderReported, FillReported, BalanceReported}

        await self._pushed(lambda _: complete())
        told = {OrderReported: "order", FillReported: "fill", BalanceReported: "balance"}
        steps = [f"{told[type(item)]} {(at - acked) * 1_000:+.0f} ms" for at, item in self._pushes]
        subject, assumed = "pushes of a fill", "order, fill and balance each come, in any order"
        return _found(subject, assumed, complete(), ", ".join(steps[:8]) or "none came")

    async def _fills(self, ended: OrderReport) -> AsyncIterator[Finding]:
        subject, assumed = "fills in myTrades", "they add up to the order within 5 s"
        start = time.monotonic()
        while time.monotonic() - start < VISIBLE_S:
            fills = await self._venue.rest.trading.my_trades(self._pair.symbol, order_id=ended.order_id)
            with exact():
                total = sum((fill.qty for fill in fills), ZERO)
            if total == ended.filled_qty:
                took = f"complete after {(time.monotonic() - start) * 1_000:.0f} ms"
                assets = ", ".join(sorted({fill.fee_asset for fill in fills}))
                fees = sum((fill.fee for fill in fills), ZERO)
                yield _found(subject, assumed, True, took)
                yield _found("fee", "in base, quote or MX", bool(assets), f"{plain(fees)} {assets}")
                return
            await asyncio.sleep(BETWEEN_S)
        yield Finding(subject, assumed, Verdict.DIFFERENT, f"incomplete after {VISIBLE_S:.0f} s")

    async def _sell_back(self, bought: OrderReport) -> Finding:
        subject, assumed = "selling it back", "sold, but for what is below the pair's minimum"
        balance = {one.asset: one for one in await self._venue.balances()}.get(self._pair.base)
        free = ZERO if balance is None else balance.free
        bid, _ = await self._touches()
        with exact():
            qty = floor_to(min(free, bought.filled_qty), self._pair.qty_decimals)
            most = self._pair.ask_multiplier_down
            given_up = GIVEN_UP if most is None else min(GIVEN_UP, most / 2)
            price = floor_to(bid * (ONE - given_up), self._pair.price_decimals)
            if qty < self._pair.min_qty or qty * bid < self._pair.min_notional or not qty:
                return Finding(subject, assumed, Verdict.NOT_TOLD, f"{plain(qty)} {self._pair.base} are too little")
        request = msgspec.structs.replace(self._request(Side.SELL, OrderType.IOC, price), qty=qty)
        await self._place(request)
        ended = await self._until_final(request.client_order_id)
        sold = ZERO if ended is None else ended.filled_qty
        return _found(subject, assumed, sold == qty, f"{plain(sold)} of {plain(qty)} {self._pair.base} sold")

    # --- orders

    def _request(self, side: Side, kind: OrderType, price: Decimal) -> OrderRequest:
        with exact():
            qty = ceil_to(divide(self._notional(), price), self._pair.qty_decimals)
        return OrderRequest(
            client_order_id=client_order_id(self._run, len(self._made) + 1),
            symbol=self._pair.symbol,
            side=side,
            type=kind,
            qty=max(qty, self._pair.min_qty),
            price=price,
        )

    def _spend(self) -> OrderRequest:
        name = client_order_id(self._run, len(self._made) + 1)
        amount = ceil_to(self._notional(), self._pair.price_decimals)
        return OrderRequest(
            client_order_id=name, symbol=self._pair.symbol, side=Side.BUY, type=OrderType.MARKET, quote_qty=amount
        )

    def _notional(self) -> Decimal:
        smallest = max(self._pair.min_notional, self._pair.min_notional_market)
        with exact():
            return (smallest or ONE) * ROOM

    def _below(self, bid: Decimal) -> Decimal:
        with exact():
            return floor_to(bid * (ONE - AWAY), self._pair.price_decimals)

    async def _touches(self) -> tuple[Decimal, Decimal]:
        book = await self._venue.snapshot(self._pair.symbol, 5)
        if not book.bids or not book.asks:
            raise VenueError("the book has only one side", kind=ErrorKind.OTHER, sent=False)
        return Decimal(book.bids[0][0]), Decimal(book.asks[0][0])

    async def _place(self, request: OrderRequest) -> float:
        """Place an order and return when it was acknowledged; an unknown outcome is looked up and cancelled later."""
        self._made.append(request.client_order_id)
        await self._send(request)
        return time.monotonic()

    async def _send(self, request: OrderRequest) -> str:
        """Place an order, waiting for the request budget where that is what keeps it here."""
        while True:
            try:
                return await self._venue.place(request)
            except VenueError as error:
                if error.sent or error.kind is not ErrorKind.RATE_LIMIT:
                    raise
                await asyncio.sleep(error.retry_after_s or BETWEEN_S)

    async def _until_final(self, name: str) -> OrderReport | None:
        start = time.monotonic()
        while time.monotonic() - start < VISIBLE_S:
            report = await self._venue.order(self._pair.symbol, client_order_id=name)
            if report is not None and report.state.final:
                return report
            await asyncio.sleep(BETWEEN_S)
        return None

    async def _pushed(self, wanted: Callable[[Input], bool]) -> float | None:
        end = time.monotonic() + PUSHED_S
        while True:
            for at, item in self._pushes:
                if wanted(item):
                    return at
            self._came.clear()
            try:
                async with asyncio.timeout(max(0.0, end - time.monotonic())):
                    await self._came.wait()
            except TimeoutError:
                return None

    async def _tidy(self) -> None:
        with contextlib.suppress(VenueError):
            for report in await self.left_open():
                await self._venue.cancel(self._pair.symbol, order_id=report.order_id)


def _found(subject: str, assumed: str, right: bool, found: str) -> Finding:
    return Finding(subject, assumed, Verdict.AS_ASSUMED if right else Verdict.DIFFERENT, found)


def _delay(subject: str, assumed: str, since: float, at: float | None) -> Finding:
    if at is None:
        return Finding(subject, assumed, Verdict.DIFFERENT, f"none within {PUSHED_S:.0f} s")
    return _found(subject, assumed, at - since < 1, f"{(at - since) * 1_000:+.0f} ms from the acknowledgement")


def _protection(ended: OrderReport, ask: Decimal) -> Finding:
    subject, assumed = "protective price of a market buy", "about 5 % above the best ask"
    if not ended.price:
        return Finding(subject, assumed, Verdict.NOT_TOLD, "the order names no price")
    with exact():
        above = divide(ended.price - ask, ask)
    text = f"{plain(ended.price)}, {plain(round_to(above * 100, 2))} % above the best ask"
    return _found(subject, assumed, abs(above - PROTECTED) < Decimal("0.01"), text)


def _said(error: VenueError) -> str:
    code = "" if error.code is None else f"{error.code}: "
    return f"{code}{error.message}"[:300]
