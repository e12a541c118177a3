"""The ticket's fields and what typing does to them: a pure value that turns into a draft."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.numbers import BadNumberError, parse_decimal, plain
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.sizing import SizeError, draft_for, parse_size
from mexc_tui.domain.views import GateInputs

FIELDS = ("side", "type", "size", "price")
TYPES = (OrderType.LIMIT, OrderType.POST_ONLY, OrderType.IOC, OrderType.FOK, OrderType.MARKET)
_TYPED = frozenset("0123456789.$%")
_MAX_TEXT = 24


class TicketForm(msgspec.Struct, frozen=True, kw_only=True):
    """What has been entered. Texts stay as typed; nothing is rounded or guessed."""

    side: Side = Side.BUY
    type: OrderType = OrderType.LIMIT
    size: str = ""
    price: str = ""
    field: str = "size"
    uncapped: bool = False
    """A market order was asked for without a price cap, in words; the ticket itself makes only capped ones."""
    typed: bool = False
    """Whether the active text was typed into since it became active; the first key replaces the old text."""

    def at(self, field: str) -> TicketForm:
        """Return the form with another field active."""
        return msgspec.structs.replace(self, field=field, typed=False)

    def next(self, step: int = 1) -> TicketForm:
        """Return the form with the next (or previous) field active; a market order has no price."""
        fields = FIELDS[:3] if self.type is OrderType.MARKET else FIELDS
        place = fields.index(self.field) if self.field in fields else 0
        return self.at(fields[(place + step) % len(fields)])

    def cycle(self, step: int = 1) -> TicketForm:
        """Return the form with the active choice (side or type) changed; texts are left alone."""
        if self.field == "side":
            return msgspec.structs.replace(self, side=self.side.opposite)
        if self.field == "type":
            return msgspec.structs.replace(
                self, type=TYPES[(TYPES.index(self.type) + step) % len(TYPES)], uncapped=False
            )
        return self

    def type_char(self, char: str) -> TicketForm:
        """Return the form after a typed character; what cannot be part of a number is ignored."""
        if self.field not in ("size", "price") or char not in _TYPED or (self.field == "price" and char in "$%"):
            return self
        old = getattr(self, self.field) if self.typed else ""
        if len(old) >= _MAX_TEXT:
            return self
        return msgspec.structs.replace(self, **{self.field: old + char, "typed": True})

    def erase(self) -> TicketForm:
        """Return the form without the last character of the active text."""
        if self.field not in ("size", "price"):
            return self
        return msgspec.structs.replace(self, **{self.field: getattr(self, self.field)[:-1], "typed": True})

    def with_draft(self, draft: Draft) -> TicketForm:
        """Return a form that shows a draft made elsewhere (the ladder, the command line)."""
        size = f"${plain(draft.quote_qty)}" if draft.quote_qty is not None else ""
        if draft.qty is not None:
            size = plain(draft.qty)
        price = "" if draft.price is None else plain(draft.price)
        return TicketForm(
            side=draft.side, type=draft.type, size=size, price=price, field=self.field, uncapped=draft.uncapped
        )

    def draft(self, inputs: GateInputs) -> tuple[Draft | None, str]:
        """Return the draft the fields stand for, or None and what is missing."""
        if not self.size:
            return None, "size: 0.5 (base), $100 (quote) or 25% (of what is free)"
        price: Decimal | None = None
        if self.type is not OrderType.MARKET:
            if not self.price:
                return None, "price: type it, or pick it on the ladder"
            try:
                price = parse_decimal(self.price)
            except BadNumberError:
                return None, f"“{self.price}” is not a price"
        try:
            made = draft_for(parse_size(self.size), side=self.side, order_type=self.type, price=price, inputs=inputs)
        except SizeError as problem:
            return None, str(problem)
        return (msgspec.structs.replace(made, uncapped=True) if self.uncapped else made), ""
