"""The embedded exchange: accounts and orders over the markets of the hall. Synchronous and deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from msgspec.structs import replace

from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.domain.numbers import ONE, ZERO, divide
from mexc_tui.domain.orders import Balance, Side
from mexc_tui.venues.simulator.core import filters, state
from mexc_tui.venues.simulator.core.accounts import Accounts
from mexc_tui.venues.simulator.core.events import OrderChanged, OwnTrade, SimError, SimOrder
from mexc_tui.venues.simulator.core.exact import add, from_units, multiply, subtract, to_units
from mexc_tui.venues.simulator.core.fees import FeeDesk
from mexc_tui.venues.simulator.core.groups import TradeGroups
from mexc_tui.venues.simulator.core.hall import Hall
from mexc_tui.venues.simulator.core.ledger import Ledger
from mexc_tui.venues.simulator.core.matching import Deal, Pair
from mexc_tui.venues.simulator.markets.model import ModelMarket, plain_spec

PROTECTION = Decimal("0.05")
"""A market order is a limit order this far beyond the market (seen on MEXC; the factor is not documented)."""


class Exchange(Hall):
    """A spot exchange without a wire, as ``api.ExchangeCore`` describes it.

    Deterministic: the same seed and the same calls give the same events. Set ``maintenance`` to make the
    wire in front of it refuse everything.
    """

    def __init__(self, *, start_ms: int, seed: int = 1) -> None:
        super().__init__(self, start_ms=start_ms, seed=seed)
        self.maintenance = False
        self.accounts = Accounts(self.emit, self.clock)
        self.ledger = Ledger()
        self.fee_desk = FeeDesk(self.accounts, self.last_price)
        self.groups = TradeGroups()
        self.order_counter = 474_424_498_318_368_000_000 + Random(f"{seed}/orders").randrange(10**9)
        self.frozen: dict[str, Decimal] = {}
        """What is still locked for each open order, in quote for buys and in base for sells."""

    # Accounts.

    def open_account(self, account_id: str, funds: dict[str, Decimal]) -> None:
        """Create an account, or add funds to it; ValueError for an amount that is not positive."""
        self.accounts.deposit(account_id, funds)

    def balances(self, account_id: str) -> Sequence[Balance]:
        """Return every asset with something free or locked."""
        return self.accounts.balances(account_id)

    def fees(self, account_id: str, symbol: str) -> tuple[Decimal, Decimal]:
        """Return maker and taker fee as fractions."""
        self.accounts.require(account_id)
        instrument = self.pair(symbol).instrument
        return instrument.maker_fee, instrument.taker_fee

    def pays_in_mx(self, account_id: str) -> bool:
        """Whether the account pays its fees in MX where it can."""
        self.accounts.require(account_id)
        return account_id in self.fee_desk.in_mx

    def pay_in_mx(self, account_id: str, wanted: bool) -> None:
        """Let the account pay its fees in MX from now on, or no longer."""
        self.accounts.require(account_id)
        if wanted:
            self.fee_desk.in_mx.add(account_id)
        else:
            self.fee_desk.in_mx.discard(account_id)

    # Orders.

    def place(
        self,
        account_id: str,
        *,
        symbol: str,
        side: Side,
        type: str,  # noqa: A002
        qty: Decimal | None = None,
        quote_qty: Decimal | None = None,
        price: Decimal | None = None,
        client_order_id: str | None = None,
        stp_mode: str = "",
        test: bool = False,
    ) -> SimOrder:
        """Check, freeze, match and rest an order; with ``test`` only check it. Returns a copy."""
        pair = self.pair(symbol)
        self.accounts.require(account_id)
        stp = filters.check_stp(stp_mode)
        filters.check_shape(type, side, qty, quote_qty, price)
        filters.check_open(pair.instrument, side, type)
        wanted = self._price_market(pair, side, qty, quote_qty) if type == "MARKET" else _Wanted.limit(price, qty)
        filters.check_numbers(pair.instrument, wanted.qty, wanted.price)
        filters.check_size(pair.instrument, type, wanted.qty, wanted.worth)
        if type != "MARKET":
            filters.check_band(pair.instrument, side, wanted.price, pair.last_price)
        if type in ("LIMIT", "LIMIT_MAKER") and self.ledger.open_count(account_id) >= filters.MAX_OPEN_ORDERS:
            raise SimError(30029, "Cannot exceed the maximum order limit")
        need = wanted.most if side is Side.BUY else wanted.qty or ZERO
        self._check_funds(account_id, pair.instrument, side, need)
        order = SimOrder(
            order_id="" if test else self._next_order_id(),
            account_id=account_id,
            symbol=symbol,
            side=side,
            type=type,
            price=wanted.price,
            qty=wanted.qty or ZERO,
            quote_qty=wanted.most,
            client_order_id=client_order_id or None,
            created_ms=self.now_ms,
            updated_ms=self.now_ms,
            by_quote=wanted.qty is None,
            stp_mode=stp,
        )
        if not test:
            self._accept(pair, order, need)
        return copy(order)

    def cancel(
        self, account_id: str, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """Cancel an open order; SimError(-2011) if it is not open."""
        pair = self.pair(symbol)
        self.accounts.require(account_id)
        order = self.ledger.find(account_id, symbol, order_id, client_order_id)
        if order is None or not order.open:
            raise SimError(-2011, "Unknown order sent.")
        pair.remove(order)
        self._end(pair, order)
        return copy(order)

    def cancel_all(self, account_id: str, symbol: str | None = None) -> list[SimOrder]:
        """Cancel every open order of the account, or those of one pair."""
        self.accounts.require(account_id)
        if symbol is not None:
            self.pair(symbol)
        found = self.ledger.open_orders(account_id, symbol)
        return [self.cancel(account_id, order.symbol, order_id=order.order_id) for order in found]

    def find_order(
        self, account_id: str, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """Return an order in whatever state; SimError(-2013) if there is none."""
        self.pair(symbol)
        self.accounts.require(account_id)
        order = self.ledger.find(account_id, symbol, order_id, client_order_id)
        if order is None:
            raise SimError(-2013, "Order does not exist.")
        return copy(order)

    def open_orders(self, account_id: str, symbol: str | None = None) -> list[SimOrder]:
        """Return open orders, oldest first."""
        self.accounts.require(account_id)
        if symbol is not None:
            self.pair(symbol)
        return [copy(order) for order in self.ledger.open_orders(account_id, symbol)]

    def all_orders(
        self, account_id: str, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[SimOrder]:
        """Return orders of a pair in whatever state, newest first."""
        self.pair(symbol)
        self.accounts.require(account_id)
        return [copy(order) for order in self.ledger.orders(account_id, symbol, start_ms, end_ms, limit)]

    def own_trades(
        self,
        account_id: str,
        symbol: str,
        *,
        order_id: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 100,
    ) -> list[OwnTrade]:
        """Return the account's fills, newest first."""
        self.pair(symbol)
        self.accounts.require(account_id)
        return self.ledger.trades(account_id, symbol, order_id, start_ms, end_ms, limit)

    # Administration.

    def list_symbol(self, instrument: Instrument, opens_ms: int | None = None, price: Decimal | None = None) -> None:
        """List a new pair now, or announce it (paused) to open at a time.

        With ``price`` a modelled market trades around it; without, only accounts trade there.

        Raises:
            ValueError: the pair exists already, or the price is not positive.
        """
        if instrument.symbol in self.pairs:
            raise ValueError(f"{instrument.symbol} is listed already")
        if price is not None and to_units(price, instrument.price_decimals) < 1:
            raise ValueError(f"{price} is not a price for {instrument.symbol}")
        later = opens_ms is not None and opens_ms > self.now_ms
        if later:
            instrument = replace(instrument, status=InstrumentStatus.PAUSED, first_open_ms=opens_ms)
        pair = self.add_pair(instrument)
        if price is not None:
            model = ModelMarket(pair, plain_spec(instrument, price), seed=self.seed, now_ms=self.now_ms, history=False)
            self.add_market(instrument.symbol, model)
        if later and opens_ms is not None:
            self.announce_opening(instrument.symbol, opens_ms)
        self.change(instrument.symbol, instrument)

    def set_paused(self, symbol: str, paused: bool) -> None:
        """Pause or reopen a pair (status 2 or 1); open orders stay."""
        status = InstrumentStatus.PAUSED if paused else InstrumentStatus.ONLINE
        self.change(symbol, replace(self.pair(symbol).instrument, status=status))

    def nudge(self, symbol: str, fraction: Decimal) -> None:
        """Move a modelled market by a fraction of its price; ValueError where the market cannot be moved so."""
        self.pair(symbol)
        if symbol not in self.movable:
            raise ValueError(f"{symbol} follows a recording or has no market of its own: it cannot be moved")
        if not Decimal("-0.9") <= fraction <= 9:
            raise ValueError("a market moves by -0.9 to 9 times its price at once")
        self.movable[symbol].nudge(fraction)

    def dump(self) -> dict[str, Any]:
        """Return accounts, orders, fills, counters and prices as values that JSON can hold."""
        return state.dump(self)

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what ``dump`` gave; open orders return to the book. ValueError if it cannot be read."""
        state.restore(self, saved)

    def stand_again(self, pair: Pair, orders: list[SimOrder]) -> None:
        """Put restored orders of a pair back into its book."""
        state.stand_again(pair, orders)

    # What pairs ask for while matching.

    def settle(self, pair: Pair, deal: Deal, taker: SimOrder | None, maker: SimOrder | None) -> None:
        """Move money for one execution between accounts and the rest of the market."""
        quote = multiply(deal.price, deal.qty)
        selves = taker is not None and maker is not None and taker.account_id == maker.account_id
        for order, is_maker in ((taker, False), (maker, True)):
            if order is not None:
                self._fill(pair, deal, order, quote, is_maker, selves)
        own = taker if maker is None else maker if taker is None else None
        if own is not None:
            sign = -1 if own.side is Side.BUY else 1
            self.accounts.to_outside(pair.instrument.base, deal.qty.copy_sign(Decimal(sign)))
            self.accounts.to_outside(pair.instrument.quote, quote.copy_sign(Decimal(-sign)))

    def together(self, taker: SimOrder, maker: SimOrder) -> bool:
        """Whether two orders belong to one account, or to accounts of one group."""
        return self.groups.together(taker.account_id, maker.account_id)

    def stp_cancel(self, order: SimOrder) -> None:
        """Cancel a resting order that would have met its own account, or one of its group."""
        self._end(self.pair(order.symbol), order, "stp_cancel")

    def _accept(self, pair: Pair, order: SimOrder, need: Decimal) -> None:
        asset = pair.instrument.quote if order.side is Side.BUY else pair.instrument.base
        self.frozen[order.order_id] = need
        self.ledger.add(order)
        self.accounts.freeze(order.account_id, asset, need)
        self._report(order, ZERO, False)
        self._match(pair, order)

    def _match(self, pair: Pair, order: SimOrder) -> None:
        """Let an accepted order meet the book."""
        limit = to_units(order.price, pair.price_decimals)
        qty = to_units(order.qty, pair.qty_decimals)
        if (order.type == "LIMIT_MAKER" and pair.crosses(order.side, limit)) or (
            order.type == "FILL_OR_KILL" and not pair.fillable(order, limit, qty)
        ):
            self._end(pair, order)
            return
        budget = None
        if order.by_quote:
            budget = to_units(order.quote_qty, pair.price_decimals + pair.qty_decimals)
            qty = budget
        left, why = pair.take(order.side, limit, qty, order, budget)
        if not order.open:
            return
        if order.by_quote and why == "budget" and order.filled_qty:
            self._end(pair, order, status="FILLED")
        elif why or order.type not in ("LIMIT", "LIMIT_MAKER"):
            self._end(pair, order, why if why == "stp_cancel" else "")
        else:
            pair.rest(order, left)

    def _fill(
        self, pair: Pair, deal: Deal, order: SimOrder, quote: Decimal, is_maker: bool, is_self_trade: bool
    ) -> None:
        instrument = pair.instrument
        buy = order.side is Side.BUY
        order.filled_qty = add(order.filled_qty, deal.qty)
        order.filled_quote = add(order.filled_quote, quote)
        done = not order.by_quote and order.filled_qty == order.qty
        order.status = "FILLED" if done else "PARTIALLY_FILLED"
        if done:
            self.ledger.finished(order)
        self._report(order, deal.qty, is_maker)
        paid, got = (quote, deal.qty) if buy else (deal.qty, quote)
        paid_asset, got_asset = (instrument.quote, instrument.base) if buy else (instrument.base, instrument.quote)
        self.accounts.change(order.account_id, paid_asset, ZERO, paid.copy_negate(), "ENTRUST")
        self.accounts.change(order.account_id, got_asset, got, ZERO, "ENTRUST")
        used = paid
        if buy and not order.by_quote:
            used = multiply(order.price, deal.qty)
            self.accounts.release(order.account_id, paid_asset, subtract(used, paid), "ENTRUST_UNFROZEN")
        self.frozen[order.order_id] = subtract(self.frozen[order.order_id], used)
        if done:
            del self.frozen[order.order_id]
        rate = instrument.maker_fee if is_maker else instrument.taker_fee
        fee, fee_asset = self.fee_desk.charge(order.account_id, instrument, rate, quote, (got, got_asset))
        trade = OwnTrade(
            account_id=order.account_id,
            symbol=order.symbol,
            trade_id=self._trade_id(deal),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price=deal.price,
            qty=deal.qty,
            quote_qty=quote,
            fee=fee,
            fee_asset=fee_asset,
            is_maker=is_maker,
            is_self_trade=is_self_trade,
            time_ms=self.now_ms,
            assumed=deal.assumed,
        )
        self.ledger.add_trade(trade)
        self.emit(trade)

    def _end(self, pair: Pair, order: SimOrder, reason: str = "", status: str = "") -> None:
        """Finish an order that has left the book (or never entered it), releasing what it still locks."""
        order.status = status or ("PARTIALLY_CANCELED" if order.filled_qty else "CANCELED")
        order.cancel_reason = reason
        if order.by_quote:
            order.qty = order.filled_qty
        self.ledger.finished(order)
        self._report(order, ZERO, False)
        asset = pair.instrument.quote if order.side is Side.BUY else pair.instrument.base
        kind = "ENTRUST_UNFROZEN" if status == "FILLED" else "ENTRUST_CANCEL"
        self.accounts.release(order.account_id, asset, self.frozen.pop(order.order_id), kind)

    def _report(self, order: SimOrder, last_qty: Decimal, is_maker: bool) -> None:
        order.updated_ms = self.now_ms
        self.emit(OrderChanged(copy(order), last_qty, is_maker, self.now_ms))

    def _trade_id(self, deal: Deal) -> str:
        return f"{deal.number}X1"

    def _next_order_id(self) -> str:
        self.order_counter += 1
        return f"C02__{self.order_counter}"

    def _check_funds(self, account_id: str, instrument: Instrument, side: Side, need: Decimal) -> None:
        if side is Side.BUY:
            if need > self.accounts.free_of(account_id, instrument.quote):
                raise SimError(10101, "Insufficient balance")
            return
        free = self.accounts.free_of(account_id, instrument.base)
        if free == 0:
            raise SimError(30004, "Insufficient position")
        if need > free:
            raise SimError(30005, "Oversold")

    def _price_market(self, pair: Pair, side: Side, qty: Decimal | None, quote_qty: Decimal | None) -> _Wanted:
        """Turn a market order into a limit order at its protective price; SimError(30025) for an empty book."""
        best = pair.book.half(side.opposite).best
        if best is None:
            raise SimError(30025, "no exist opponent order")
        touch = from_units(best, pair.price_decimals)
        factor = add(ONE, PROTECTION if side is Side.BUY else PROTECTION.copy_negate())
        price = from_units(max(1, to_units(multiply(touch, factor), pair.price_decimals)), pair.price_decimals)
        if qty is None and side is Side.BUY:
            amount = quote_qty or ZERO
            return _Wanted(price, None, amount, amount)
        if qty is None:
            amount = divide(quote_qty or ZERO, touch, pair.qty_decimals)
            qty = max(amount, from_units(1, pair.qty_decimals))
        return _Wanted(price, qty, multiply(touch, qty), multiply(price, qty))


class _Wanted(NamedTuple):
    """An order after its price and quantity are settled."""

    price: Decimal
    qty: Decimal | None
    """None for a market buy by amount."""
    worth: Decimal
    """What it is expected to amount to in quote."""
    most: Decimal
    """The most quote that it can take."""

    @classmethod
    def limit(cls, price: Decimal | None, qty: Decimal | None) -> _Wanted:
        """Return an order at a price of its own."""
        amount = multiply(price or ZERO, qty or ZERO)
        return cls(price or ZERO, qty or ZERO, amount, amount)
