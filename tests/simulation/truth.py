"""The limits, counted again from what the exchange knows: never from the desk's own numbers.

Wherever the desk may lawfully know less than the exchange (a price that is some seconds old, money or orders from
elsewhere that nobody has told it of), this takes what is in the desk's favour, so that what it reports is a breach.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal

from mexc_tui.domain.inputs import BalanceReported, FillReported, LinkChanged, LookupAnswered, OrderReported, Reconciled
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import OrderRequest, OrderType, Side
from mexc_tui.venues.simulator.core.events import SimOrder
from tests.simulation.exchange import PAIRS, ZERO
from tests.simulation.line import Line

PRICE_WINDOW_MS = 7_000
"""As old as a book may be by the limits, and a little for the way."""


class Truth:
    """Judges every decision to send an order."""

    def __init__(self, line: Line, limits: Limits) -> None:
        self._line = line
        self._account = line.account
        self._limits = limits
        self._cash = frozenset({"USDT", *limits.cash})
        self._assets = sorted({pair.base for pair in PAIRS.values()} - self._cash)
        self._bids: dict[str, deque[tuple[int, Decimal]]] = {symbol: deque() for symbol in PAIRS}
        self.waiting: dict[str, OrderRequest] = {}
        """Decided, and not on the way yet."""
        self._untold_money: list[tuple[str, Decimal, int]] = []
        self._foreign: dict[str, bool] = {}
        """Orders made elsewhere, and whether the desk has been told of them."""
        self._compare_ns: int | None = None
        """The account must be compared by an answer to a question of this moment or later; None: it has been."""
        self._sends: deque[tuple[int, str, tuple[object, ...]]] = deque()

    # --- what the desk can know

    def look(self, now_ms: int) -> None:
        """Note the prices of now."""
        for symbol, seen in self._bids.items():
            bid = self._account.touch(symbol, Side.BUY)
            if bid is not None:
                seen.append((now_ms, bid))
            while len(seen) > 1 and seen[0][0] < now_ms - PRICE_WINDOW_MS:
                seen.popleft()

    def money_came(self, asset: str, amount: Decimal, now_ms: int) -> None:
        self._untold_money.append((asset, amount, now_ms))

    def made_elsewhere(self, order_id: str) -> None:
        self._foreign.setdefault(order_id, False)

    def told(self, item: object) -> None:
        """Note what an input tells the desk."""
        if isinstance(item, OrderReported):
            self._tell(item.report.order_id)
        elif isinstance(item, FillReported):
            self._tell(item.fill.order_id)
        elif isinstance(item, LookupAnswered) and item.report is not None:
            self._tell(item.report.order_id)
        elif isinstance(item, BalanceReported):
            self._untold_money = [
                one for one in self._untold_money if one[0] != item.balance.asset or one[2] > item.time_ms
            ]
        elif isinstance(item, LinkChanged) and item.private:
            self._compare_ns = self._line.now_ns
        elif isinstance(item, Reconciled):
            if self._line.up and self._compare_ns is not None and item.asked_ns >= self._compare_ns:
                self._compare_ns = None
            for report in item.open_orders:
                self._tell(report.order_id)
            for fill in item.fills:
                self._tell(fill.order_id)
            held = {balance.asset: balance.total for balance in item.balances}
            self._untold_money = [
                one for one in self._untold_money if held.get(one[0]) != self._account.totals().get(one[0])
            ]

    def _tell(self, order_id: str) -> None:
        if order_id in self._foreign:
            self._foreign[order_id] = True

    def forget_waiting(self) -> None:
        """The desk has died: what had not left never will."""
        self._sends = deque(send for send in self._sends if send[1] not in self.waiting)
        self.waiting.clear()

    # --- worth, at the price of the last seconds that favours the desk

    def low(self, symbol: str) -> Decimal:
        return min((bid for _, bid in self._bids[symbol]), default=ZERO)

    def worth(self, asset: str) -> Decimal:
        """Return the least that one unit was worth in USDT."""
        if asset == "USDT":
            return Decimal(1)
        if asset == "USDC":
            return self.low("BTCUSDT") / max((bid for _, bid in self._bids["BTCUSDC"]), default=Decimal(10**9))
        return self.low(asset + "USDT")

    # --- judging

    def decided(self, request: OrderRequest, mono_ms: int, *, flattening: bool) -> list[str]:
        """Take in that the desk sends an order; return what is wrong with that."""
        pair, limits, wrong = PAIRS[request.symbol], self._limits, []
        mark = (request.symbol, request.side, request.price, request.qty, request.quote_qty)
        while self._sends and self._sends[0][0] <= mono_ms - 1_000:
            self._sends.popleft()
        if not flattening:
            if len(self._sends) >= limits.orders_per_second:
                wrong.append(f"order rate: {len(self._sends) + 1} orders within a second")
            if sum(1 for _, _, other in self._sends if other == mark) >= limits.duplicate_max:
                wrong.append(f"duplicate: {mark} within a second")
        self._sends.append((mono_ms, request.client_order_id, mark))
        reduces = request.side is Side.SELL and (flattening or pair.quote in self._cash)
        if not reduces:
            if self._compare_ns is not None:
                wrong.append("new exposure while the account has not been compared")
            open_now = len(self._known_open()) + len(self._underway())
            if open_now >= limits.max_open_orders:
                wrong.append(f"open orders: one more than {open_now} of {limits.max_open_orders}")
            value = self._quote(request) * self.worth(pair.quote)
            if value > limits.max_order_value:
                wrong.append(f"order value: {value:.2f} USDT of {limits.max_order_value}")
        self.waiting[request.client_order_id] = request
        if not reduces:
            wrong += self._exposure(request)
        return wrong

    def _exposure(self, request: OrderRequest) -> list[str]:
        """Return what is wrong with what the account may come to hold of the asset that an order brings, and in all."""
        wrong, limits, asset = [], self._limits, _brings(request.symbol, request.side)
        value = self.worst_case(asset)
        if asset not in self._cash and value > limits.max_position_value:
            wrong.append(f"position: {asset} worth {value:.2f} USDT of {limits.max_position_value} if all of it fills")
        gross = sum((self.worst_case(one, self._cash) for one in self._assets), ZERO)
        if _brings(request.symbol, request.side.opposite) in self._cash and gross > limits.max_gross_exposure:
            wrong.append(f"gross exposure: {gross:.2f} USDT of {limits.max_gross_exposure} if everything fills")
        return wrong

    def worst_case(self, asset: str, paid_in: frozenset[str] | None = None) -> Decimal:
        """Return what is held of an asset if every order that brings it, and may be live, fills, in USDT.

        With ``paid_in`` only orders that pay with one of these assets count.
        """
        held = self._account.totals().get(asset, ZERO)
        held -= sum((amount for name, amount, _ in self._untold_money if name == asset), ZERO)
        for order_id, told in self._foreign.items():
            order = self._account.mine[order_id]
            if not told and _brings(order.symbol, order.side) == asset:
                held -= order.filled_qty if order.side is Side.BUY else order.filled_quote
        value = held * self.worth(asset)
        for symbol, side, qty, quote in self._live():
            spends = _brings(symbol, side.opposite)
            if _brings(symbol, side) == asset and (paid_in is None or spends in paid_in):
                pair = PAIRS[symbol]
                value += min(qty * self.worth(pair.base), quote * self.worth(pair.quote))
        return value

    def _live(self) -> Iterator[tuple[str, Side, Decimal, Decimal]]:
        """Give symbol, side, quantity and quote of all that may still fill."""
        for order in self._known_open():
            left = order.qty - order.filled_qty
            yield order.symbol, order.side, left, left * order.price
        for request in self._underway():
            yield request.symbol, request.side, self._base(request), self._quote(request)

    def _underway(self) -> list[OrderRequest]:
        return [*self.waiting.values(), *self._line.transit.values()]

    def _known_open(self) -> list[SimOrder]:
        return [
            order for order in self._account.mine.values() if order.open and self._foreign.get(order.order_id, True)
        ]

    def _quote(self, request: OrderRequest) -> Decimal:
        if request.quote_qty is not None:
            return request.quote_qty
        price = self.low(request.symbol) if request.price is None else request.price
        return (request.qty or ZERO) * price

    def _base(self, request: OrderRequest) -> Decimal:
        if request.qty is not None:
            return request.qty
        asks = self._account.touch(request.symbol, Side.SELL) or ZERO
        return (request.quote_qty or ZERO) / asks if asks else ZERO

    def spent(self) -> list[str]:
        """Return the market buys of the desk that cost more than one order may."""
        wrong = []
        for order in self._account.mine.values():
            if order.side is not Side.BUY or order.type != OrderType.MARKET or order.order_id in self._foreign:
                continue
            value = order.filled_quote * self.worth(PAIRS[order.symbol].quote)
            if value > self._limits.max_order_value:
                wrong.append(f"market buy: {value:.2f} USDT spent of {self._limits.max_order_value} an order")
        return wrong


def _brings(symbol: str, side: Side) -> str:
    """Return the asset that an order brings in."""
    return PAIRS[symbol].base if side is Side.BUY else PAIRS[symbol].quote
