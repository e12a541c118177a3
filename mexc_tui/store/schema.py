"""How records look in a journal of format 3, apart from how they look in memory.

A row is ``seq``, ``wall_ms``, ``kind``, ``body``, a JSON object of the struct that the kind names here, and its link of
the chain (``chain.py``). Numbers
that are money are decimal text. Fields are never renamed or removed: a change that needs it is a new format, with a
step in ``upgrade.py`` that leads to it. The words for sides, types and states stand here too.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec

from mexc_tui.domain.limits import Violation
from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Origin, Side
from mexc_tui.kernel.records import (
    CommandRecord,
    CostRecord,
    DenialRecord,
    FillRecord,
    Heard,
    HoldingRecord,
    IntentRecord,
    OrderRecord,
    Record,
    StateRecord,
    TradeRange,
    Way,
)

FORMAT = 3

_SIDES = {Side.BUY: "BUY", Side.SELL: "SELL"}
_TYPES = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.POST_ONLY: "LIMIT_MAKER",
    OrderType.IOC: "IMMEDIATE_OR_CANCEL",
    OrderType.FOK: "FILL_OR_KILL",
}
_STATES = {
    OrderState.DENIED: "denied",
    OrderState.PENDING: "pending",
    OrderState.WORKING: "working",
    OrderState.PARTIAL: "partially filled",
    OrderState.CANCELLING: "cancelling",
    OrderState.UNKNOWN: "unknown",
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "cancelled",
    OrderState.PARTIALLY_CANCELLED: "partially cancelled",
    OrderState.REJECTED: "rejected",
}
_WAYS = {
    Way.HERE: "",
    Way.ANSWER: "answer",
    Way.PUSH: "push",
    Way.LOOK_UP: "look-up",
    Way.RECONCILE: "reconcile",
    Way.FILL: "fill",
}
_SIDE_OF = {word: side for side, word in _SIDES.items()}
_TYPE_OF = {word: kind for kind, word in _TYPES.items()}
_ORIGINS = {
    Origin.HERE: "here",
    Origin.ELSEWHERE: "elsewhere",
    Origin.ASKED: "asked",
    Origin.LEFT: "left",
    Origin.ADOPTED: "adopted",
}
_ORIGIN_OF = {word: origin for origin, word in _ORIGINS.items()}
_STATE_OF = {word: state for state, word in _STATES.items()}
_WAY_OF = {word: way for way, word in _WAYS.items()}


class OrderBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    client_order_id: str
    symbol: str
    side: str
    type: str
    state: str
    created_ms: int
    updated_ms: int
    order_id: str
    price: Decimal | None
    qty: Decimal | None
    quote_qty: Decimal | None
    filled_qty: Decimal
    filled_quote: Decimal
    reason: str
    ours: bool
    reduce_only: bool
    cancel_requested: bool
    capped: bool = False
    amending: bool = False
    origin: str = ""
    """Empty in rows that were written before orders placed elsewhere were asked about."""
    owner: str = ""


class FillBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    trade_id: str
    order_id: str
    client_order_id: str
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    time_ms: int


class FindingBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one control found, with its limit and what the order came to."""

    code: str
    message: str
    limit: str
    actual: str


class Intent(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="intent"):
    """An order is about to be sent. On the disk before its bytes leave."""

    order: OrderBody
    command_id: str
    wall_ms: int
    book_version: int = 0
    notes: tuple[FindingBody, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="order", omit_defaults=True):
    """What is not known of how it was heard is left out; rows of earlier versions have none of it."""

    order: OrderBody
    wall_ms: int
    way: str = ""
    told_ms: int = 0
    said: str = ""


class Denial(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="denial"):
    order: OrderBody
    codes: tuple[str, ...]
    messages: tuple[str, ...]
    book_version: int
    wall_ms: int
    findings: tuple[FindingBody, ...] = ()
    command_id: str = ""


class Execution(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="fill", omit_defaults=True):
    """``fee_quote`` is null where the fee could not be valued; base and quote are empty for a pair not listed then."""

    fill: FillBody
    base: str
    quote: str
    fee_quote: Decimal | None
    wall_ms: int
    way: str = ""
    currency: str = ""
    quote_price: Decimal | None = None


class State(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="state"):
    name: str
    value: str
    wall_ms: int


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="holding"):
    """Rows written before the two times were have neither."""

    asset: str
    total: Decimal
    wall_ms: int
    since_ms: int = 0
    time_ms: int = 0


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="command"):
    """What a client asked for; ``details`` are the command's fields as JSON."""

    command_id: str
    name: str
    details: str
    client: str
    role: str
    wall_ms: int


class TradeRangeBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    symbol: str
    count: int
    first_id: str
    first_ms: int
    last_id: str
    last_ms: int


class Cost(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="cost"):
    """What a holding cost, said or by ``trades``; ``whole`` replaces what was known of it."""

    symbol: str
    base: str
    quote: str
    qty: Decimal
    cost: Decimal
    whole: bool
    time_ms: int
    wall_ms: int
    trades: tuple[TradeRangeBody, ...] = ()
    unknown_fees: tuple[str, ...] = ()


Body = Command | Intent | Change | Denial | Execution | State | Holding | Cost

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Body)


def encode(record: Record) -> tuple[str, str]:
    """Return kind and body of a record."""
    body = _body_of(record)
    try:
        text = _encoder.encode(body).decode("utf-8")
    except UnicodeEncodeError:
        # Half a character, as in an argument that was not UTF-8: the record counts, not that sign.
        whole = json.dumps(msgspec.to_builtins(body), ensure_ascii=False)
        text = whole.encode("utf-8", "replace").decode("utf-8")
    return str(type(body).__struct_config__.tag), text


def decode(body: str | bytes) -> Record:
    """Return the record of a body.

    Raises:
        ValueError: it is not a body of this format.
    """
    try:
        return _record_of(_decoder.decode(body))
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not a word of this format") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from None


Made = TypeVar("Made", bound=msgspec.Struct)


@cache
def _shared(kind: type[msgspec.Struct], other: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name in other.__struct_fields__)


def _like(kind: type[Made], source: msgspec.Struct, **other: Any) -> Made:
    """Return a struct with the fields that it shares by name with another one, but for those given."""
    fields = {name: getattr(source, name) for name in _shared(kind, type(source))}
    return kind(**fields | other)


def _body_of(record: Record) -> Body:
    match record:
        case CommandRecord():
            return _like(Command, record)
        case IntentRecord():
            return _like(Intent, record, order=_order_body(record.order), notes=_findings(record.notes))
        case OrderRecord():
            heard = record.heard
            way = _WAYS[heard.way]
            return _like(
                Change, record, order=_order_body(record.order), way=way, told_ms=heard.time_ms, said=heard.said
            )
        case FillRecord():
            return _like(Execution, record, fill=_fill_body(record.fill), way=_WAYS[record.way])
        case DenialRecord():
            return _like(Denial, record, order=_order_body(record.order), findings=_findings(record.violations))
        case StateRecord():
            return _like(State, record)
        case CostRecord():
            return _like(Cost, record, trades=tuple(_like(TradeRangeBody, one) for one in record.trades))
        case HoldingRecord():
            return _like(Holding, record)


def _record_of(body: Body) -> Record:
    match body:
        case Command():
            return _like(CommandRecord, body)
        case Intent():
            return _like(IntentRecord, body, order=_order(body.order), notes=_violations(body.notes))
        case Change():
            heard = Heard(_WAY_OF[body.way], body.told_ms, body.said)
            return OrderRecord(order=_order(body.order), wall_ms=body.wall_ms, heard=heard)
        case Execution():
            return _like(FillRecord, body, fill=_fill(body.fill), way=_WAY_OF[body.way])
        case Denial():
            return _like(DenialRecord, body, order=_order(body.order), violations=_violations(body.findings))
        case Cost():
            return _like(CostRecord, body, trades=tuple(_like(TradeRange, one) for one in body.trades))
        case State():
            return _like(StateRecord, body)
        case Holding():
            return _like(HoldingRecord, body)


def _findings(violations: tuple[Violation, ...]) -> tuple[FindingBody, ...]:
    return tuple(_like(FindingBody, violation) for violation in violations)


def _violations(findings: tuple[FindingBody, ...]) -> tuple[Violation, ...]:
    return tuple(_like(Violation, finding) for finding in findings)


def _order_body(order: Order) -> OrderBody:
    return _like(
        OrderBody,
        order,
        side=_SIDES[order.side],
        type=_TYPES[order.type],
        state=_STATES[order.state],
        ours=not order.elsewhere,
        origin=_ORIGINS[order.origin],
    )


def _order(body: OrderBody) -> Order:
    return _like(
        Order,
        body,
        side=_SIDE_OF[body.side],
        type=_TYPE_OF[body.type],
        state=_STATE_OF[body.state],
        origin=_origin(body),
    )


def _origin(body: OrderBody) -> Origin:
    """Return where an order was placed; of older rows those placed elsewhere had been told when they were found."""
    if body.origin:
        return _ORIGIN_OF[body.origin]
    return Origin.HERE if body.ours else Origin.ASKED


def _fill_body(fill: Fill) -> FillBody:
    return _like(FillBody, fill, side=_SIDES[fill.side])


def _fill(body: FillBody) -> Fill:
    return _like(Fill, body, side=_SIDE_OF[body.side])
