"""From an intention to commands, with the prices and sizes of this moment."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.commands import (
    Arm,
    CancelAll,
    Command,
    Draft,
    Flatten,
    Halt,
    Reconcile,
    Resume,
)
from mexc_tui.domain.orders import OrderType
from mexc_tui.domain.sizing import SizeError, draft_for
from mexc_tui.domain.views import BookView, GateInputs
from mexc_tui.ui.commandline.grammar import (
    CancelIntent,
    CommandError,
    FlattenIntent,
    GoIntent,
    Intent,
    OrderIntent,
    PriceWord,
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
        return draft_for(intent.size, side=intent.side, order_type=intent.type, price=price, inputs=inputs)
    except SizeError as problem:
        raise CommandError(str(problem)) from None


def plain_command(intent: Intent, command_id: str, symbol: str) -> Command | None:
    """Return the command of an intent that needs no prices; None for one that the screen handles itself."""
    if isinstance(intent, CancelIntent):
        target = None if intent.everything else intent.symbol or symbol
        return CancelAll(command_id=command_id, symbol=target, side=intent.side)
    if isinstance(intent, FlattenIntent):
        return Flatten(command_id=command_id, symbol=None if intent.everything else intent.symbol or symbol)
    if isinstance(intent, SimpleIntent):
        simple: dict[str, Command] = {
            "halt": Halt(command_id=command_id),
            "resume": Resume(command_id=command_id),
            "arm": Arm(command_id=command_id, armed=True),
            "lock": Arm(command_id=command_id, armed=False),
            "reconcile": Reconcile(command_id=command_id),
        }
        return simple.get(intent.name)
    return None


def describe(intent: Intent, draft: Draft | None, symbol: str) -> str:
    """Return one line that says what Enter would do."""
    if isinstance(intent, OrderIntent) and draft is not None:
        size = f"${draft.quote_qty:f}" if draft.quote_qty is not None else f"{draft.qty:f}"
        where = "at market" if draft.type is OrderType.MARKET else f"at {draft.price:f} {draft.type.word}"
        return f"{draft.side.value.lower()} {size} {draft.symbol} {where}"
    if isinstance(intent, CancelIntent):
        if intent.everything:
            return "cancel every open order"
        side = "" if intent.side is None else f"{intent.side.value.lower()} "
        return f"cancel the open {side}orders of {intent.symbol or symbol}"
    if isinstance(intent, FlattenIntent):
        what = "everything that is held" if intent.everything else f"all {intent.symbol or symbol} that is held"
        return f"cancel orders and sell {what}"
    if isinstance(intent, GoIntent):
        return f"show {intent.symbol or (intent.interval.value if intent.interval is not None else '')}"
    if isinstance(intent, SimpleIntent):
        return f"{intent.name} {intent.argument}".strip()
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
