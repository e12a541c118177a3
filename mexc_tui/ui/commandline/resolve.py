"""From an intention to commands, with the prices and sizes of this moment."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from mexc_tui.domain.adopting import AdoptError, orders_to_adopt
from mexc_tui.domain.commands import (
    AdoptOrders,
    AmendOrder,
    Arm,
    CancelAll,
    Command,
    Draft,
    Flatten,
    Halt,
    ReadCost,
    Reconcile,
    Release,
    RemoveAlert,
    Resume,
    SetAlert,
    SetCost,
    SetLimit,
)
from mexc_tui.domain.orders import Order
from mexc_tui.domain.sizing import SizeError, draft_for
from mexc_tui.domain.views import BookView, GateInputs
from mexc_tui.ui.commandline.grammar import (
    AdoptIntent,
    AlertIntent,
    AmendIntent,
    CancelIntent,
    CommandError,
    CostIntent,
    FlattenIntent,
    GoIntent,
    Intent,
    LimitIntent,
    OrderIntent,
    PriceWord,
    ReadCostIntent,
    ReleaseIntent,
    RemoveAlertIntent,
    SimpleIntent,
)


def order_draft(intent: OrderIntent, inputs: GateInputs, cursor: Decimal | None) -> Draft:
    """Return the draft of an order intent.

    Raises:
        CommandError: a price word or the size has no meaning right now.
    """
    price = intent.price
    if isinstance(price, PriceWord):
        price = _price_of(price, inputs.book, cursor, inputs)
    try:
        draft = draft_for(intent.size, side=intent.side, order_type=intent.type, price=price, inputs=inputs)
        return msgspec.structs.replace(
            draft, uncapped=intent.uncapped, override=intent.override, because=intent.because
        )
    except SizeError as problem:
        raise CommandError(str(problem)) from None


def plain_command(intent: Intent, command_id: str, symbol: str) -> Command | None:
    """Return the command of an intent that needs no prices; None for one that the screen handles itself."""
    if isinstance(intent, AmendIntent):
        return AmendOrder(
            command_id=command_id,
            client_order_id=intent.client_order_id,
            qty=intent.qty,
            price=intent.price,
            confirmed=intent.confirmed,
        )
    if isinstance(intent, AdoptIntent):
        leave = intent.which.lower() == "none"
        return AdoptOrders(command_id=command_id, client_order_ids=intent.client_order_ids, leave=leave)
    if isinstance(intent, CancelIntent):
        target = None if intent.everything else intent.symbol or symbol
        return CancelAll(command_id=command_id, symbol=target, side=intent.side)
    if isinstance(intent, CostIntent):
        return SetCost(command_id=command_id, asset=intent.asset, price=intent.price, whole=intent.whole)
    if isinstance(intent, ReadCostIntent):
        return ReadCost(command_id=command_id, asset=intent.asset, cancel=intent.cancel)
    if isinstance(intent, LimitIntent):
        return SetLimit(command_id=command_id, name=intent.name, value=intent.value, reason=intent.reason)
    if isinstance(intent, AlertIntent):
        return SetAlert(command_id=command_id, alert=intent.alert)
    if isinstance(intent, RemoveAlertIntent):
        return RemoveAlert(command_id=command_id, number=intent.number)
    if isinstance(intent, ReleaseIntent):
        return Release(command_id=command_id, name=intent.name)
    if isinstance(intent, FlattenIntent):
        return Flatten(command_id=command_id, symbol=None if intent.everything else intent.symbol or symbol)
    if isinstance(intent, SimpleIntent):
        simple: dict[str, Command] = {
            "halt": Halt(command_id=command_id),
            "resume": Resume(command_id=command_id),
            "arm": Arm(command_id=command_id, armed=True, name=intent.argument),
            "lock": Arm(command_id=command_id, armed=False),
            "reconcile": Reconcile(command_id=command_id),
        }
        return simple.get(intent.name)
    return None


def order_meant(intent: AmendIntent, open_orders: Sequence[Order], cursor: Decimal | None) -> Order:
    """Return the order that shall be amended: the one at the cursor, else the only one.

    Raises:
        CommandError: there is none, or it could be one of several.
    """
    limits = [order for order in open_orders if order.price is not None]
    found = [order for order in limits if order.price == cursor] or limits
    if not found:
        raise CommandError("no order of this symbol is open")
    if len(found) > 1:
        raise CommandError(f"which of {len(found)} orders? move the ladder's cursor onto the price of the one you mean")
    return found[0]


def adopted_orders(intent: AdoptIntent, open_orders: Sequence[Order]) -> tuple[Order, ...]:
    """Return the orders placed elsewhere that an intent means.

    Raises:
        CommandError: it means none, or could mean several.
    """
    try:
        return orders_to_adopt(intent.which, open_orders)
    except AdoptError as problem:
        raise CommandError(str(problem)) from None


def describe(intent: Intent, draft: Draft | None, symbol: str, cap: Decimal | None = None) -> str:
    """Return one line that says what Enter would do; ``cap`` is how far a market order goes."""
    if isinstance(intent, OrderIntent) and draft is not None:
        size = f"${draft.quote_qty:f}" if draft.quote_qty is not None else f"{draft.qty:f}"
        if draft.price is not None:
            where = f"at {draft.price:f} {draft.type.word}"
        elif draft.uncapped:
            where = "at market WITHOUT A PRICE CAP"
        else:
            where = f"at market, capped{'' if cap is None else f' at {cap:f}'}"
        return f"{draft.side.value.lower()} {size} {draft.symbol} {where}"
    if isinstance(intent, CancelIntent):
        if intent.everything:
            return "cancel every open order"
        side = "" if intent.side is None else f"{intent.side.value.lower()} "
        return f"cancel the open {side}orders of {intent.symbol or symbol}"
    if isinstance(intent, FlattenIntent):
        what = "everything that is held" if intent.everything else f"all {intent.symbol or symbol} that is held"
        return f"cancel orders and sell {what}"
    if isinstance(intent, CostIntent):
        part = "all of it that is held" if intent.whole else "what is held of unknown cost"
        return f"count {intent.asset}, {part}, as bought at {intent.price:f} each"
    if isinstance(intent, ReadCostIntent):
        if intent.cancel:
            return f"stop reading trades for {intent.asset}"
        return f"work out what {intent.asset} cost from your trades of the last month; nothing is guessed"
    if isinstance(intent, LimitIntent):
        if intent.value is None:
            return f"call off the loosening of {intent.name}"
        return f"limit {intent.name} to {intent.value:f}; tighter at once, looser after a delay"
    if isinstance(intent, AlertIntent):
        return f"alert: {intent.alert}"
    if isinstance(intent, RemoveAlertIntent):
        return "remove every alert" if intent.number is None else f"remove alert {intent.number}"
    if isinstance(intent, ReleaseIntent):
        return f"let {intent.name} act again, which is halted"
    if isinstance(intent, GoIntent):
        return f"show {intent.symbol or (intent.interval.value if intent.interval is not None else '')}"
    if isinstance(intent, SimpleIntent):
        return f"{intent.name.removeprefix('tab_')} {intent.argument}".strip()
    return ""


def _price_of(word: PriceWord, book: BookView | None, cursor: Decimal | None, inputs: GateInputs) -> Decimal:
    if word is PriceWord.CURSOR:
        if cursor is None:
            raise CommandError("the ladder's cursor is not on a price yet")
        return cursor
    if book is None or not book.bids or not book.asks:
        raise CommandError(f"there is no {word.value} in the book right now")
    bid, ask = book.bids[0][0], book.asks[0][0]
    units = {PriceWord.BID: bid, PriceWord.ASK: ask, PriceWord.MID: (bid + ask) // 2}[word]
    price = Decimal(units).scaleb(-book.price_decimals)
    decimals = book.price_decimals if inputs.instrument is None else inputs.instrument.price_decimals
    return price.quantize(Decimal(1).scaleb(-decimals))
