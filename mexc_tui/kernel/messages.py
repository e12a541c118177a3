"""The sentences in which the desk tells what happened to orders, and to the way they go."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.controls.case import grouped, money
from mexc_tui.domain.inputs import VenueHealth
from mexc_tui.domain.orders import Fill, Order, OrderType, Side


def describe(order: Order) -> str:
    """Return an order in a few words: ``limit buy of 0.5 BTCUSDT at 60,000``."""
    side = "buy" if order.side is Side.BUY else "sell"
    if order.qty is not None:
        size = f"{grouped(order.qty)} {order.symbol}"
    else:
        size = f"{order.symbol} for {grouped(order.quote_qty or Decimal(0))}"
    price = "" if order.price is None else f" at {grouped(order.price)}"
    return f"{order.type.word} {side} of {size}{price}"


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


def never_arrived(order: Order) -> str:
    """Say that an order of unknown outcome does not exist."""
    text = sentence(f"the {describe(order)} never reached the exchange")
    return f"{text} No money moved; you may place it anew."


def cancelled(order: Order, was_asked: bool) -> str:
    """Say that an order is over."""
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
    text += f" for {money(fill.quote_qty)} ({fee}, {role}{proof})."
    if order is None:
        return text
    left = order.remaining_qty
    if left == 0:
        return f"{text} The order is complete."
    return text if left is None or order.state.final else f"{text} {grouped(left)} still to fill."


def adopted(order: Order) -> str:
    """Tell of an order that was placed elsewhere."""
    text = sentence(f"found a {describe(order)} that this program did not place")
    return f"{text} It counts against your limits."


def cancel_refused(order: Order, reason: str) -> str:
    """Say that an order works on."""
    text = sentence(f"the exchange did not cancel the {describe(order)}")
    return f"{text} {sentence(reason)} It works on; try again."


def requests_held(health: VenueHealth) -> str:
    """Say that no request goes out."""
    until = f"for {health.held_s:.0f} s" if health.held_s >= 1 else "until it answers"
    cancels = "so are cancels" if health.cancels_held else "cancels are tried all the same"
    return (
        f"No request goes to the exchange: {health.held}. Orders are refused here {until}, {cancels}; prices that come "
        "by stream go on. It is tried again by itself."
    )


def drift(what: str) -> str:
    """Say that the exchange's messages have changed."""
    return (
        f"The exchange sends what this version does not know: {what}. Everything else is read as before; "
        "the log has a sample. Look for a newer version."
    )
