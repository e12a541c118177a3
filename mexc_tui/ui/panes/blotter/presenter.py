"""Orders, positions, balances and fills as table records."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import divide
from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Origin, Side
from mexc_tui.domain.owners import automated
from mexc_tui.domain.views import BalancesView, FillsView, OrdersView, Position, PositionsView
from mexc_tui.ui.primitives.rows import Span
from mexc_tui.ui.primitives.table import Column, Record
from mexc_tui.ui.primitives.text import UNKNOWN, clean, clock, exact, fixed, money, short, signed

GLYPHS: dict[OrderState, tuple[str, str]] = {
    OrderState.PENDING: ("…", "own"),
    OrderState.WORKING: ("●", "own"),
    OrderState.PARTIAL: ("◐", "own"),
    OrderState.CANCELLING: ("✕", "warn"),
    OrderState.UNKNOWN: ("?", "unknown"),
    OrderState.FILLED: ("✔", "good"),
    OrderState.CANCELLED: ("-", "dim"),
    OrderState.PARTIALLY_CANCELLED: ("◒", "dim"),
    OrderState.REJECTED: ("!", "bad"),
    OrderState.DENIED: ("⊘", "warn"),
}
"""Sign and style of each state; the state is spelled out beside it."""

ELSEWHERE_GLYPH = "○"
"""Sign of an order that works and that this desk does not manage."""

ORDER_COLUMNS = (
    Column("", 1),
    Column("state", 19, yields=1),
    Column("symbol", 9),
    Column("side", 4),
    Column("type", 9, yields=4),
    Column("price", 14, align="right"),
    Column("quantity", 10, align="right"),
    Column("filled", 10, align="right", yields=2),
    Column("value", 12, align="right", yields=5),
    Column("time", 8, yields=6),
    Column("note", 10, yields=7, grows=True),
)

POSITION_COLUMNS = (
    Column("symbol", 9),
    Column("quantity", 14, align="right"),
    Column("average", 14, align="right", yields=1),
    Column("mark", 14, align="right", yields=4),
    Column("value", 11, align="right", yields=3),
    Column("unrealised", 10, align="right"),
    Column("realised", 12, align="right", yields=2),
    Column("fees", 10, align="right", yields=5),
    Column("note", 8, yields=6, grows=True),
)

BALANCE_COLUMNS = (
    Column("asset", 10),
    Column("free", 20, align="right"),
    Column("in orders", 18, align="right", yields=2),
    Column("total", 20, align="right", yields=1),
    Column("value", 16, align="right"),
)


def balance_columns(currency: str) -> tuple[Column, ...]:
    """Return the columns of balances, with what the values are in."""
    label = f"value {clean(currency)}".rstrip()
    return (*BALANCE_COLUMNS[:-1], msgspec.structs.replace(BALANCE_COLUMNS[-1], label=label))


FILL_COLUMNS = (
    Column("time", 8, yields=5),
    Column("symbol", 9),
    Column("side", 4),
    Column("price", 14, align="right"),
    Column("quantity", 10, align="right"),
    Column("value", 14, align="right", yields=2),
    Column("fee", 18, align="right", yields=1),
    Column("", 5, yields=3),
    Column("", 7),
    Column("order", 16, yields=4, grows=True),
)

Instruments = Mapping[str, Instrument]


def _side(side: Side) -> Span:
    return ("buy", "bid") if side is Side.BUY else ("sell", "ask")


def _price(price: Decimal | None, symbol: str, instruments: Instruments) -> str:
    instrument = instruments.get(symbol)
    if price is None:
        return UNKNOWN
    return exact(price) if instrument is None else fixed(price, instrument.price_decimals)


def _pnl(value: Decimal | None) -> Span:
    if value is None:
        return (UNKNOWN, "dim")
    style = "up" if value > 0 else "down" if value < 0 else ""
    return (signed(value), style)


def order_record(order: Order, instruments: Instruments) -> Record:
    """Return one order as a record; its key is the client order id."""
    glyph, style = GLYPHS[order.state]
    if _stands_elsewhere(order):
        glyph = ELSEWHERE_GLYPH
    price = "market" if order.type is OrderType.MARKET else _price(order.price, order.symbol, instruments)
    if order.state.final and order.filled_qty > 0:  # What was paid or got, not how far the order would have gone.
        price = _price(divide(order.filled_quote, order.filled_qty), order.symbol, instruments)
    quantity = short(order.qty, 10) if order.qty is not None else f"${short(order.quote_qty, 9)}"
    value = order.filled_quote if order.state.final else None
    if value is None and order.price is not None and order.qty is not None:
        value = order.price * order.qty
    whose = order.owner if automated(order.owner) else ""
    note = ": ".join(filter(None, (whose, order.reason))) or _origin(order)
    return Record(
        order.client_order_id or order.order_id,
        (
            (glyph, style),
            (_state(order), style),
            (clean(order.symbol), ""),
            _side(order.side),
            (order.word, "dim"),
            (price, ""),
            (quantity, ""),
            (short(order.filled_qty, 10), "" if order.filled_qty else "dim"),
            (money(value), "dim"),
            (clock(order.created_ms), "dim"),
            (clean(note), "dim"),
        ),
    )


def _stands_elsewhere(order: Order) -> bool:
    return not order.managed and order.state in (OrderState.WORKING, OrderState.PARTIAL)


def _state(order: Order) -> str:
    """Return an order's state; one of a live order that this desk does not manage says so."""
    if not _stands_elsewhere(order):
        return order.state.value
    return "working elsewhere" if order.state is OrderState.WORKING else "partial elsewhere"


def _origin(order: Order) -> str:
    """Return where an order came from, if not from here, with the end of its id, by which `:adopt` takes it."""
    if not order.elsewhere:
        return ""
    name = f"…{order.exchange_name[-8:]}"
    return f"{'adopted' if order.origin is Origin.ADOPTED else 'placed elsewhere'} {name}"


def order_records(view: OrdersView | None, instruments: Instruments) -> list[Record]:
    """Return working orders, oldest first, then the finished ones, newest first."""
    if view is None:
        return []
    return [order_record(order, instruments) for order in (*view.open, *view.recent)]


def position_records(view: PositionsView | None, instruments: Instruments) -> list[Record]:
    """Return one record per holding; what is not known is a dash, never a zero."""
    records: list[Record] = []
    for position in () if view is None else view.positions:
        notes = []
        if position.known_qty < position.qty:
            notes.append(f"cost known for {exact(position.known_qty)}")
        if position.unknown_fees:
            notes.append(f"without fees in {', '.join(name or 'an unnamed asset' for name in position.unknown_fees)}")
        records.append(
            Record(
                position.symbol,
                (
                    (clean(position.symbol), ""),
                    (short(position.qty, 14), ""),
                    (_price(position.average, position.symbol, instruments), ""),
                    (_price(position.mark, position.symbol, instruments), ""),
                    (money(position.value), ""),
                    _pnl(position.unrealised),
                    _pnl(position.realised),
                    (_fees(position), "dim"),
                    (clean("; ".join(notes)), "dim"),
                ),
            )
        )
    return records


def _fees(position: Position) -> str:
    """Return what fees came to; what could not be valued is never a zero."""
    if not position.unknown_fees:
        return money(position.fees)
    return f"{money(position.fees)}+{UNKNOWN}" if position.fees else UNKNOWN


def balance_records(view: BalancesView | None) -> list[Record]:
    """Return one record per asset."""
    return [
        Record(
            row.balance.asset,
            (
                (clean(row.balance.asset), ""),
                (exact(row.balance.free), ""),
                (exact(row.balance.locked), "" if row.balance.locked else "dim"),
                (exact(row.balance.total), ""),
                (money(row.value), ""),
            ),
        )
        for row in (() if view is None else view.rows)
    ]


def fill_record(fill: Fill, instruments: Instruments) -> Record:
    """Return one fill as a record."""
    return Record(
        f"{fill.trade_id}/{fill.order_id}",
        (
            (clock(fill.time_ms), "dim"),
            (clean(fill.symbol), ""),
            _side(fill.side),
            (_price(fill.price, fill.symbol, instruments), ""),
            (short(fill.qty, 10), ""),
            (money(fill.quote_qty), ""),
            (f"{exact(fill.fee)} {clean(fill.fee_asset) or UNKNOWN}", "dim"),
            ("maker" if fill.is_maker else "taker", "dim"),
            (fill.proof, "warn" if fill.proof == "assumed" else "dim"),
            (clean(fill.client_order_id or fill.order_id), "dim"),
        ),
    )


def fill_records(view: FillsView | None, instruments: Instruments) -> list[Record]:
    """Return fills, newest first."""
    return [fill_record(fill, instruments) for fill in (() if view is None else view.fills)]
