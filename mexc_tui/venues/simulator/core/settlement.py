"""Settlement: what an accepted order locks, and how money moves when it is filled or ends."""

from __future__ import annotations

from copy import copy
from decimal import Decimal

from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.accounts import Accounts
from mexc_tui.venues.simulator.core.events import OrderChanged, OwnTrade, SimOrder
from mexc_tui.venues.simulator.core.exact import add, multiply, subtract
from mexc_tui.venues.simulator.core.fees import Fees
from mexc_tui.venues.simulator.core.groups import TradeGroups
from mexc_tui.venues.simulator.core.ledger import Ledger
from mexc_tui.venues.simulator.core.matching import Deal, Pair
from mexc_tui.venues.simulator.core.timeline import Timeline


class Settlement:
    """Carries out between accounts what pairs match; the one place that changes orders and their locked money."""

    def __init__(self, timeline: Timeline, accounts: Accounts, ledger: Ledger, fees: Fees, groups: TradeGroups) -> None:
        self.frozen: dict[str, Decimal] = {}
        """What is still locked for each open order, in quote for buys and in base for sells."""
        self._timeline = timeline
        self._accounts = accounts
        self._ledger = ledger
        self._fees = fees
        self._groups = groups

    def accept(self, pair: Pair, order: SimOrder, need: Decimal) -> None:
        """Record a new order and lock ``need`` for it."""
        self.frozen[order.order_id] = need
        self._ledger.add(order)
        self._accounts.freeze(order.account_id, _paid_asset(pair, order), need)
        self._report(order, ZERO, False)

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
            self._accounts.to_outside(pair.instrument.base, deal.qty.copy_sign(Decimal(sign)))
            self._accounts.to_outside(pair.instrument.quote, quote.copy_sign(Decimal(-sign)))

    def same_owner(self, taker: SimOrder, maker: SimOrder) -> bool:
        """Whether two orders belong to one account, or to accounts of one group."""
        return self._groups.together(taker.account_id, maker.account_id)

    def finish(self, pair: Pair, order: SimOrder, reason: str = "", status: str = "") -> None:
        """Finish an order that has left the book (or never entered it), releasing what it still locks."""
        order.status = status or ("PARTIALLY_CANCELED" if order.filled_qty else "CANCELED")
        order.cancel_reason = reason
        if order.by_quote:
            order.qty = order.filled_qty
        self._ledger.finished(order)
        self._report(order, ZERO, False)
        kind = "ENTRUST_UNFROZEN" if status == "FILLED" else "ENTRUST_CANCEL"
        self._accounts.release(order.account_id, _paid_asset(pair, order), self.frozen.pop(order.order_id), kind)

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
            self._ledger.finished(order)
        self._report(order, deal.qty, is_maker)
        paid, got = (quote, deal.qty) if buy else (deal.qty, quote)
        paid_asset, got_asset = (instrument.quote, instrument.base) if buy else (instrument.base, instrument.quote)
        self._accounts.change(order.account_id, paid_asset, ZERO, paid.copy_negate(), "ENTRUST")
        self._accounts.change(order.account_id, got_asset, got, ZERO, "ENTRUST")
        used = paid
        if buy and not order.by_quote:
            used = multiply(order.price, deal.qty)
            self._accounts.release(order.account_id, paid_asset, subtract(used, paid), "ENTRUST_UNFROZEN")
        self.frozen[order.order_id] = subtract(self.frozen[order.order_id], used)
        if done:
            del self.frozen[order.order_id]
        rate = instrument.maker_fee if is_maker else instrument.taker_fee
        fee, fee_asset = self._fees.charge(order.account_id, instrument, rate, quote, (got, got_asset))
        trade = OwnTrade(
            account_id=order.account_id,
            symbol=order.symbol,
            trade_id=_own_trade_id(pair, deal),
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
            time_ms=self._timeline.now_ms,
            assumed=deal.assumed,
        )
        self._ledger.add_trade(trade)
        self._timeline.emit(trade)

    def _report(self, order: SimOrder, last_qty: Decimal, is_maker: bool) -> None:
        now_ms = self._timeline.now_ms
        order.updated_ms = now_ms
        self._timeline.emit(OrderChanged(copy(order), last_qty, is_maker, now_ms))


def _paid_asset(pair: Pair, order: SimOrder) -> str:
    return pair.instrument.quote if order.side is Side.BUY else pair.instrument.base


def _own_trade_id(pair: Pair, deal: Deal) -> str:
    """Return the id of a fill; on a mirrored market it ends in C where the data prove it and in A where it is assumed.

    MEXC's own end in a digit.
    """
    proof = "" if pair.mirror is None else "A" if deal.assumed else "C"
    return f"{deal.number}X1{proof}"
