"""Carrying out a guard's plan: cancels, and sales of what is held. There is no call here that could add risk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Protocol

from mexc_tui.config.settings import GuardSettings
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.ids import client_order_id, is_ours
from mexc_tui.domain.inputs import BookSnapshot
from mexc_tui.domain.instrument import Instrument, TradeSides
from mexc_tui.domain.numbers import ONE, ZERO, exact, floor_to, plain
from mexc_tui.domain.orders import Balance, OrderReport, OrderRequest, OrderType, Side

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
SALES = 5
"""Sales of one asset that are tried; each asks for what the price gives by then."""
_INSIDE = Decimal("0.9")
"""Part of the exchange's own price range that a sale uses."""
_OF_ALL = frozenset(
    {ErrorKind.RATE_LIMIT, ErrorKind.EDGE_BLOCK, ErrorKind.MAINTENANCE, ErrorKind.AUTHENTICATION, ErrorKind.CLOCK}
)
"""Refusals that say nothing of the order or the pair that was asked about."""


class NotWantedError(Exception):
    """The desk is back, or another one has taken its place."""


class Account(Protocol):
    """What a guard needs of an exchange. Every call may raise ``VenueError``."""

    async def instruments(self) -> tuple[Instrument, ...]:
        """Return every pair."""

    async def snapshot(self, symbol: str, limit: int) -> BookSnapshot:
        """Return a book, best levels first."""

    async def open_orders(self, symbols: Sequence[str], *, urgent: bool = False) -> tuple[OrderReport, ...]:
        """Return the open orders, of the whole account where no symbol is named."""

    async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        """Cancel one order."""

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset that is held."""

    async def place(self, request: OrderRequest) -> str:
        """Place an order, once."""

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        """Return an order."""


class Work:
    """One carrying-out of a plan. ``step`` is called until it returns True; what it did and what is left are lists."""

    def __init__(self, account: Account, settings: GuardSettings, currency: str, run: str) -> None:
        self._account = account
        self._flattens = settings.plan == "flatten"
        self._collar = settings.collar
        self._currency = currency
        self._run = run
        self._asked: dict[str, str] = {}
        """Orders whose cancel was asked for, in words."""
        self._sales: dict[str, int] = {}
        self._sent_sales: list[tuple[Instrument, str]] = []
        """Sales of which it is not known yet what they sold, each with its client id."""
        self._sent = 0
        self.cancelled: list[str] = []
        self.sold: list[str] = []
        self.left: list[str] = []

    async def step(self, wanted: Callable[[], bool]) -> bool:
        """Do what can be done now; True once the exchange shows that nothing of the plan is left to do.

        ``wanted`` is asked before every cancel and every sale: the desk may come back while an answer is waited for.

        Raises:
            NotWantedError: it is not wanted any more.
            VenueError: the exchange cannot be asked now; the next step goes on where this one ended.
        """
        working = [order for order in await self._account.open_orders((), urgent=True) if self._covered(order)]
        there = {order.order_id for order in working}
        for order_id in [order_id for order_id in self._asked if order_id not in there]:
            self.cancelled.append(self._asked.pop(order_id))
        self.left = [_words(order) for order in working]
        stuck = await self._cancel(working, wanted)
        if len(stuck) < len(working):
            return False
        self.left = stuck
        return (not self._flattens or await self._sell(wanted)) and not working

    def _covered(self, order: OrderReport) -> bool:
        """Whether the plan cancels an order: entries of this program, to flatten also its exits."""
        return is_ours(order.client_order_id) and (self._flattens or order.side is Side.BUY)

    async def _cancel(self, orders: list[OrderReport], wanted: Callable[[], bool]) -> list[str]:
        """Cancel each order, and return those whose cancel was refused, in words; one of them holds up no other."""
        refused = []
        for order in orders:
            _require(wanted)
            self._asked.setdefault(order.order_id, _words(order))
            try:
                await self._account.cancel(order.symbol, order_id=order.order_id)
            except VenueError as error:
                if error.kind is ErrorKind.ORDER_NOT_FOUND:
                    continue
                refused.append(f"{_words(order)}: {_refusal(error)}")
        return refused

    async def _sell(self, wanted: Callable[[], bool]) -> bool:
        """Sell what is held and has a pair in the account's currency; True once nothing can be sold any more."""
        while self._sent_sales:
            try:
                await self._settle(*self._sent_sales[-1])
            except VenueError as error:
                _refusal(error)  # What it sold is not held any more; only the report lacks it.
            self._sent_sales.pop()
        pairs = {pair.base: pair for pair in await self._account.instruments() if pair.quote == self._currency}
        sold = False
        for balance in await self._account.balances():
            pair = pairs.get(balance.asset)
            if balance.asset == self._currency or not balance.total:
                continue
            if pair is None:
                self.left.append(f"{plain(balance.total)} {balance.asset}, which has no pair in {self._currency}")
            elif await self._try_to_sell(pair, balance.free, wanted):
                sold = True
        return not sold

    async def _try_to_sell(self, pair: Instrument, free: Decimal, wanted: Callable[[], bool]) -> bool:
        """Send one sale, and return whether to look again; a pair that is refused holds up no other."""
        tries = self._sales.get(pair.symbol, 0)
        try:
            return await self._sell_one(pair, free, wanted)
        except VenueError as error:
            self.left.append(f"{plain(free)} {pair.base}: {_refusal(error)}")
        self._sales[pair.symbol] = tries + 1
        return tries + 1 < SALES

    async def _settle(self, pair: Instrument, name: str) -> None:
        """Learn what a sale sold. What it did not sell is free again, and so is sold by the next."""
        report = await self._account.order(pair.symbol, client_order_id=name)
        if report is not None and report.filled_qty:
            self.sold.append(f"{plain(report.filled_qty)} {pair.base} for {plain(report.filled_quote)} {pair.quote}")

    async def _sell_one(self, pair: Instrument, free: Decimal, wanted: Callable[[], bool]) -> bool:
        """Send one sale; False where there is nothing that could be sold."""
        book = await self._account.snapshot(pair.symbol, 5)
        bid = Decimal(book.bids[0][0]) if book.bids else ZERO
        with exact():
            most = pair.ask_multiplier_down
            collar = self._collar if most is None else min(self._collar, most * _INSIDE)
            price = floor_to(bid * (ONE - collar), pair.price_decimals)
            qty = floor_to(free, pair.qty_decimals)
            dust = qty <= 0 or qty < pair.min_qty or qty * price < pair.min_notional
        if dust and price > 0:
            return False
        open_to_sell = pair.tradable and pair.sides is not TradeSides.BUY_ONLY
        tries = self._sales.get(pair.symbol, 0)
        if not open_to_sell or price <= 0 or tries >= SALES:
            why = "nobody bids" if price <= 0 else f"{tries} sales did not sell it" if tries else "it cannot be sold"
            self.left.append(f"{plain(free)} {pair.base}: {why}")
            return False
        _require(wanted)
        self._sent += 1
        self._sales[pair.symbol] = tries + 1
        name = client_order_id(self._run, self._sent)
        request = OrderRequest(
            client_order_id=name, symbol=pair.symbol, side=Side.SELL, type=OrderType.IOC, qty=qty, price=price
        )
        self._sent_sales.append((pair, name))
        try:
            await self._account.place(request)
        except VenueError as error:
            if not error.sent:
                self._sales[pair.symbol] = tries
            raise
        return True


async def carry_out(
    work: Work,
    *,
    wanted: Callable[[], bool],
    on_progress: Callable[[], object],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bool:
    """Step until the plan is done, or until ``wanted`` says that it is not any more; whether it was done."""
    pause_s = FIRST_PAUSE_S
    while wanted():
        before = (len(work.cancelled), len(work.sold), len(work.left))
        try:
            done = await work.step(wanted)
        except NotWantedError:
            break
        except VenueError as error:
            pause_s = max(pause_s, min(error.retry_after_s or 0.0, LONGEST_PAUSE_S))
            done = False
        on_progress()
        if done:
            return True
        moved = before != (len(work.cancelled), len(work.sold), len(work.left))
        pause_s = FIRST_PAUSE_S if moved else min(pause_s * 2, LONGEST_PAUSE_S)
        await pause(pause_s)
    on_progress()
    return False


def _require(wanted: Callable[[], bool]) -> None:
    if not wanted():
        raise NotWantedError


def _refusal(error: VenueError) -> str:
    """Return why the exchange refused one order or one pair; any other failure is raised, since it meets them all."""
    if not error.definite or error.kind in _OF_ALL:
        raise error
    return error.message


def _words(order: OrderReport) -> str:
    size = plain(order.qty) if order.qty is not None else f"{plain(order.quote_qty or ZERO)} worth of"
    return f"{order.side.value.lower()} {size} {order.symbol} at {plain(order.price)}"
