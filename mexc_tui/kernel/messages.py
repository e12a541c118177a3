"""The sentences in which the desk tells what happened to orders, and to the way they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from mexc_tui.domain.controls.case import counted, grouped
from mexc_tui.domain.inputs import VenueHealth
from mexc_tui.domain.numbers import amount, divide
from mexc_tui.domain.orders import Fill, Order, OrderReport, OrderState, OrderType, Side
from mexc_tui.kernel.records import CostRecord

_NAMED = 8
_ID_SHOWN = 8
ONLY_REDUCING = "Only what reduces is taken until a comparison agrees again or you resume."


def describe(order: Order) -> str:
    """Return an order in a few words: ``limit buy of 0.5 BTCUSDT at 60,000``."""
    side = "buy" if order.side is Side.BUY else "sell"
    if order.qty is not None:
        size = f"{grouped(order.qty)} {order.symbol}"
    else:
        size = f"{order.symbol} for {grouped(order.quote_qty or Decimal(0))}"
    price = "" if order.price is None else f" at {grouped(order.price)}"
    return f"{order.word} {side} of {size}{' with the cap' if order.capped else ''}{price}"


def sentence(text: str) -> str:
    """Return text as a sentence: a capital first, a full stop last."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def accepted(order: Order) -> str:
    """Say that the exchange has the order."""
    text = sentence("the exchange took the " + describe(order))
    if order.type in (OrderType.MARKET, OrderType.IOC, OrderType.FOK):
        return f"{text} It fills now or not at all; nothing of it rests."
    return f"{text} It works there until it fills or you cancel it."


def denied(order: Order) -> str:
    """Say that the gate refused."""
    return f"{sentence('the ' + describe(order) + ' was refused here')} {sentence(order.reason)} Nothing was sent."


def rejected(order: Order) -> str:
    """Say that the exchange refused."""
    return f"{sentence('the exchange refused the ' + describe(order))} {sentence(order.reason)} No money moved."


def not_sent(order: Order) -> str:
    """Say that nothing left the program."""
    why = order.reason.removeprefix("Not sent: ").replace("The order was not sent. ", "")
    return f"{sentence('the ' + describe(order) + ' was not sent')} {sentence(why)} No money moved."


def unknown(order: Order) -> str:
    """Say that the outcome is open."""
    return (
        f"{sentence('the outcome of the ' + describe(order) + ' is unknown')} {sentence(order.reason)}"
        " It may be live. It is being looked up and is never sent again;"
        f" {order.symbol} takes no new buys until this is settled."
    )


def presumed(order: Order) -> str:
    """Say that the exchange shows nothing of an order, and what that is taken for."""
    if order.state is OrderState.REJECTED:
        text = sentence(f"the {describe(order)} never reached the exchange, as far as it says")
    else:
        text = sentence(f"the exchange does not list the {describe(order)} any more; it is taken for ended")
    return f"{text} It counts against your limits for five minutes more, in case it turns up after all."


def revived(order: Order) -> str:
    """Say that an order which was taken for over is not."""
    text = sentence(f"the {describe(order)} was taken for over and has turned up at the exchange")
    if not order.state.may_be_live:
        return f"{text} {grouped(order.filled_qty)} of it was filled; nothing of it is left there."
    if order.cancel_requested:
        return f"{text} It was to be cancelled and is being cancelled again."
    return f"{text} It works there and counts against your limits; cancel it if you do not want it."


def cancelled(order: Order, was_asked: bool) -> str:
    """Say that an order is over."""
    if not was_asked and order.price is not None and order.type in (OrderType.IOC, OrderType.FOK):
        at, gone = grouped(order.price), "more" if order.filled_qty else "to be had"
        why = f"nothing {gone} at {at} or better" if order.type is OrderType.IOC else f"not all of it to be had at {at}"
        got = f"{grouped(order.filled_qty)} of it was filled" if order.filled_qty else "nothing of it was filled"
        return f"The {describe(order)} is over: there was {why}; {got}. Nothing of it rests."
    by = "is cancelled" if was_asked else "was ended by the exchange"
    if order.filled_qty == 0:
        return f"The {describe(order)} {by}; nothing of it was filled. Its money is free again."
    return f"The {describe(order)} {by}; {grouped(order.filled_qty)} of it was filled before."


def filled(fill: Fill, order: Order | None) -> str:
    """Tell of one execution."""
    verb = "Bought" if fill.side is Side.BUY else "Sold"
    role = "maker" if fill.is_maker else "taker"
    fee = "no fee" if fill.fee == 0 else f"fee {grouped(fill.fee)} {fill.fee_asset}"
    text = f"{verb} {grouped(fill.qty)} {fill.symbol} at {grouped(fill.price)}"
    proof = f", {fill.proof}" if fill.proof else ""
    text += f" for {amount(fill.quote_qty)} ({fee}, {role}{proof})."
    if order is None:
        return f"{text} It belongs to no order that is known here."
    if not order.managed:
        text = f"{text} The order was placed elsewhere."
    left = order.remaining_qty
    if left == 0:
        return f"{text} The order is complete."
    return text if left is None or order.state.final else f"{text} {grouped(left)} still to fill."


def halted_already(reason: str, left: int) -> str:
    """Say that trading stays halted, and how many orders are left."""
    orders = f"{counted(left, 'order')} left, cancelled again" if left else "no order is known to be left"
    return f"Trading is halted already: {orders}; the exchange is asked once more. Only :resume lifts it. ({reason})"


def swept(count: int, scope: frozenset[str] | None, *, everywhere: bool) -> str:
    """Say that nothing is left of what was to be cancelled."""
    where = "" if scope is None else f" of {', '.join(sorted(scope))}"
    where += "" if everywhere else " in the pairs known here"
    text = f"The exchange lists no open order{where} any more"
    return f"{text}; {counted(count, 'order')} ended." if count else f"{text}."


def not_swept(left: Counter[str], problem: str) -> str:
    """Name what is left of what was to be cancelled."""
    pairs = ", ".join(f"{symbol} {count}" for symbol, count in sorted(left.items())[:8])
    more = f" and {len(left) - 8} more pairs" if len(left) > 8 else ""
    if left:
        text = f"Not everything is cancelled yet: {counted(left.total(), 'order')} may be open ({pairs}{more})."
    else:
        text = "Whether every order is cancelled is not known yet: the exchange has not told what is open."
    return f"{text} {sentence(problem)} It is tried again by itself; MEXC's own app cancels too.".replace("  ", " ")


def short_id(order_id: str) -> str:
    """Return the end of an exchange's order id, by which a person names the order."""
    return order_id if len(order_id) <= _ID_SHOWN else f"…{order_id[-_ID_SHOWN:]}"


def placed_elsewhere(orders: Sequence[Order]) -> str:
    """Tell of orders that were placed elsewhere, and ask what they are to be here."""
    were, they, them = ("was", "It counts", "it") if len(orders) == 1 else ("were", "They count", "them")
    return (
        f"{counted(len(orders), 'order')} on this account {were} placed elsewhere: {_with_ids(orders)}."
        f" {they} against your limits; nothing but a cancel, flatten or halt touches {them}."
        f" `:adopt` takes {them} into this desk, `:adopt none` leaves {them}."
    )


def adopted(done: Sequence[Order], not_done: Sequence[str], *, left: bool) -> str:
    """Say which orders are managed from now on as if they had been placed here, or which are not."""
    them = "it" if len(done) == 1 else "them"
    if not done:
        text = "No order was left." if left else "No order was adopted."
    elif left:
        text = f"Left as placed elsewhere: {_with_ids(done)}. `:adopt all` takes {them} later."
    else:
        text = f"Adopted: {_with_ids(done)}. Nothing was sent; this desk manages {them} as its own from now on."
    missed = "; ".join(not_done[:_NAMED])
    return f"{text} {sentence('not done: ' + missed)}" if not_done else text


def _with_ids(orders: Sequence[Order]) -> str:
    named = [f"{describe(order)} ({short_id(order.exchange_name)})" for order in orders[:_NAMED]]
    return ", ".join(named) + (f" and {len(orders) - _NAMED} more" if len(orders) > _NAMED else "")


def open_here(order: Order) -> str:
    """Say that an order is open here and not at the exchange."""
    text = sentence(f"the {describe(order)} is open here, and the exchange does not list it")
    return f"{text} It counts against your limits and is looked up again and again; MEXC's own app shows its end."


def open_there(report: OrderReport) -> str:
    """Say that an order is open at the exchange and not here."""
    text = f"The exchange lists order {report.order_id} in {report.symbol} as open, and here it is over."
    return f"{text} It may still fill. Cancel it in MEXC's own app, or halt, which cancels all that is listed."


def unexplained(asset: str, total: Decimal, by: Decimal) -> str:
    """Say that a balance is not what it should be."""
    more = "more" if by > 0 else "less"
    return (
        f"The exchange says that you hold {grouped(total)} {asset}: {grouped(abs(by))} {more} than the trades, fees and"
        " transfers that it told of make it. Look at MEXC's history of this account; if it was not you, halt and"
        " delete the API key."
    )


def fills_missing(order: Order, booked: Decimal) -> str:
    """Say that executions of an order are not told."""
    text = f"{grouped(order.filled_qty)} of it is filled, and its trades add up to {grouped(booked)}"
    text = sentence(f"the exchange says of the {describe(order)} that {text}")
    return f"{text} Result and cost of the rest are not known; MEXC's own history shows them."


def agrees_again(text: str, *, others: bool) -> str:
    """Say that a break is over."""
    rest = "Another difference stands." if others else "It does not hold trading back any more."
    return f"Explained, or agreed with the exchange again: {text.split('. ')[0].rstrip('.')}. {rest}"


def cancel_refused(order: Order, reason: str) -> str:
    """Say that an order works on."""
    text = sentence(f"the exchange did not cancel the {describe(order)}")
    return f"{text} {sentence(reason)} It works on; try again."


def odd_fill(order: Order, wrong: list[str]) -> str:
    """Say that an execution is not one that its order can have had."""
    return (
        f"An execution of the {order.word} {order.side.value} {order.client_order_id} in {order.symbol} cannot be"
        f" right: {'; '.join(wrong)}. It is booked as the exchange tells it. Compare it with MEXC's own page; halt if"
        " you do not trust what you see."
    )


def requests_held(health: VenueHealth) -> str:
    """Say that no request goes out."""
    until = f"for {health.held_s:.0f} s" if health.held_s >= 1 else "until it answers"
    return (
        f"No request goes to the exchange: {health.held}. Orders are refused here {until}; cancels are tried all the "
        "same, one every few seconds until one passes. Prices that come by stream go on."
    )


def drift(what: str) -> str:
    """Say that the exchange's messages have changed."""
    return (
        f"The exchange sends what this version does not know: {what}. Everything else is read as before; "
        "the log has a sample. Look for a newer version."
    )


def not_sold(stuck: list[tuple[str, Decimal, tuple[str, ...]]], currency: str) -> str:
    """Say what flattening everything leaves, because it has no pair with the account's currency."""
    named = [
        f"{grouped(qty)} {asset} ({'flatten ' + ' or '.join(pairs) if pairs else 'no pair sells it'})"
        for asset, qty, pairs in stuck[:_NAMED]
    ]
    if len(stuck) > _NAMED:
        named.append(f"{len(stuck) - _NAMED} more")
    return f"Not sold, because there is no pair with {currency}: {', '.join(named)}."


def transfer(asset: str, by: Decimal) -> str:
    """Say that money came or went without a trade."""
    way = "came into" if by > 0 else "left"
    return f"{grouped(abs(by))} {asset} {way} the account without a trade; it does not count into today's result."


def cost_unknown(holdings: Sequence[tuple[str, Decimal]]) -> str:
    """Tell of holdings of unknown cost, and ask for it."""
    named = ", ".join(f"{grouped(qty)} {asset}" for asset, qty in holdings[:_NAMED])
    more = f" and {len(holdings) - _NAMED} more" if len(holdings) > _NAMED else ""
    one = holdings[0][0]
    return (
        f"What these holdings cost is not known, so neither is their result: {named}{more}. `:cost {one} history` reads"
        f" it from your trades of the last month, `:cost {one} PRICE` says it; nothing is guessed."
    )


def reading_trades(asset: str, pairs: int) -> str:
    """Say that own trades are being read."""
    return (
        f"Your trades of the last month in {counted(pairs, 'pair')} are being read for {asset}, behind everything else."
        f" `:cost {asset} cancel` stops that."
    )


def cost_read(records: Sequence[CostRecord], trades: int, known: Decimal, held: Decimal) -> str:
    """Say what a holding counts as having cost by the exchange's own trades, and how much of it they do not explain."""
    asset = records[0].base
    parts = ", ".join(
        f"{grouped(one.qty)} {asset} at {amount(divide(one.cost, one.qty))} {one.quote} each" for one in records
    )
    text = f"By {counted(trades, 'trade')} of the last month you bought {parts}, fees included."
    lacking = sorted({fee for one in records for fee in one.unknown_fees})
    if lacking:
        text = f"{text[:-1]} but for those paid in {', '.join(lacking)}, whose value then is not known."
    if known < held:
        text += f" The cost of the other {grouped(held - known)} {asset} is not known; `:cost {asset} PRICE` says it."
    return text


def trades_do_not_fit(asset: str, trades: int, short: Decimal) -> str:
    """Say that something left the account without a trade, at a time that trades do not tell."""
    return (
        f"Nothing was taken from {counted(trades, 'trade')} of the last month: by them {grouped(short)} {asset} more"
        " would be held than is. It left by a withdrawal, a fee elsewhere or a pair that is listed no more; when is"
        f" not known, so neither is what the rest cost. `:cost {asset} PRICE` says it."
    )


def trades_prove_less(asset: str, trades: int, proven: Decimal, before: Decimal, held: Decimal, *, said: bool) -> str:
    """Say that own trades explain no more of a holding than is known."""
    if trades:
        part = f"{grouped(proven) if proven else 'none'} of the {grouped(held)} {asset}"
        text = f"By {counted(trades, 'trade')} of the last month the cost of {part} is known."
    else:
        text = f"The exchange lists no trade of {asset} within the last month."
    if said:
        return f"{text} What you said of its cost stands; nothing was changed."
    if before:
        return f"{text} The cost of {grouped(before)} is known already; nothing was changed."
    return f"{text} The cost of all of it stays unknown; `:cost {asset} PRICE` says it."


def cost_said(record: CostRecord) -> str:
    """Say what a holding counts as having cost from now on."""
    price = grouped(divide(record.cost, record.qty))
    return f"{grouped(record.qty)} {record.base} now count as bought at {price} {record.quote} each, as you said."
