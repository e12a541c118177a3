"""The execution panel: typed into when it has the keyboard, otherwise showing what the ladder prepares."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

import msgspec
from textual import events

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.gate import check
from mexc_tui.domain.limits import Verdict
from mexc_tui.domain.numbers import BadNumberError, parse_decimal, plain
from mexc_tui.domain.views import TOPIC_LINK, GateInputs, gate_topic
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.host import Host
from mexc_tui.ui.panes.ticket.form import TicketForm
from mexc_tui.ui.panes.ticket.presenter import TicketInput, ticket_rows
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row, live_mark
from mexc_tui.ui.state import NOTICE_NS

_REFUSED = {
    "size": "that is no part of a size (digits, $, %): Esc leaves the ticket, then it is a key again",
    "price": "that is no part of a price: Esc leaves the ticket, then it is a key again",
    "side": "← and → choose, or b and s; Esc leaves the ticket, then it is a key again",
    "type": "← and → choose; Esc leaves the ticket, then it is a key again",
}


class TicketPane(LinePane, can_focus=True):
    """Fields, live verdict of the gate, slippage, fee and exposure after the order."""

    TITLE: ClassVar[str] = "ORDER"

    def __init__(self, *, stop_keys: frozenset[str] = frozenset(), id: str | None = None) -> None:  # noqa: A002
        """``stop_keys`` halt, also while a number is typed."""
        super().__init__(id=id)
        self.stop_keys = stop_keys
        self.form = TicketForm()
        self._shown: Draft | None = None
        self._missing = ""
        self._symbol = ""

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        """Say that orders are real, where they are."""
        return (), live_mark(frame.view(TOPIC_LINK))

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        if frame.selection.symbol != self._symbol:
            # A size and a price of one pair mean nothing in another.
            self._symbol, self._missing = frame.selection.symbol, ""
            self.form = msgspec.structs.replace(self.form, size="", price="", typed=False)
        draft = frame.selection.draft
        self._end(draft)
        if draft is not self._shown and draft is not None and not self._is_mine(draft, frame):
            self.form = self.form.with_draft(draft)
        self._shown = draft
        return (
            frame.view(gate_topic(frame.selection.symbol)),
            draft,
            repr(self.form),
            live_mark(frame.view(TOPIC_LINK)),
        )

    def build(self, frame: Frame) -> Sequence[Row]:
        inputs = self._gate(frame)
        draft = frame.selection.draft
        missing = self._missing
        if draft is None and inputs is not None and frame.focused:
            missing = self.form.draft(inputs)[1]
        verdict: Verdict | None = None
        if draft is not None and inputs is not None:
            verdict = check(draft, inputs)
        data = TicketInput(
            form=self.form,
            inputs=inputs,
            draft=draft,
            verdict=verdict,
            missing=missing,
            focused=frame.focused,
            ghost=draft is not None,
            view_only=frame.selection.view_only,
        )
        return ticket_rows(data, frame.width, frame.height)

    def on_key(self, event: events.Key) -> None:
        """Edit the fields; only keys that are no text go on to the desk."""
        app = self.app
        if isinstance(app, Host):
            self._end(app.desk_state.selection.draft)
        changed = self._edited(event)
        if changed is None and (not event.is_printable or self._halts(event)):
            return
        # In a field a letter is text, also where it is no part of a number: never the key that it is on the ladder.
        event.stop()
        event.prevent_default()
        self._enter(self.form if changed is None else changed, refused=changed is None)

    def on_paste(self, event: events.Paste) -> None:
        """Type a pasted number into the active field; anything else is left out whole."""
        event.stop()
        text = event.text.strip().replace(",", "")
        form = self.form.at(self.form.field)
        for char in text:
            form = form.type_char(char)
        taken = bool(text) and form.field in ("size", "price") and getattr(form, form.field) == text
        self._enter(form if taken else self.form, refused=not taken)

    def _enter(self, form: TicketForm, *, refused: bool) -> None:
        """Take the form over and load the order that it stands for; or say that what came was no part of it."""
        if refused:
            self._say(_REFUSED[form.field])
        else:
            self.form = form
            self._load()
        self.redraw()

    def _say(self, sentence: str) -> None:
        app = self.app
        if isinstance(app, Host):
            now = app.frame_clock.current().now.mono_ns
            app.desk_state.change(notice=(sentence, "warn@band", now + NOTICE_NS))

    def _halts(self, event: events.Key) -> bool:
        return event.key in self.stop_keys

    def on_focus(self) -> None:
        """Begin with the size."""
        self.begin()

    def begin(self) -> None:
        """Type the size next, from its beginning; take the cursor's price if there is none yet."""
        app = self.app
        if isinstance(app, Host) and not self.form.price and app.desk_state.selection.cursor is not None:
            self.form = msgspec.structs.replace(self.form, price=plain(app.desk_state.selection.cursor))
        self.form = self.form.at("size")
        self.redraw()

    def on_blur(self) -> None:
        """Show the fields at rest."""
        self.redraw()

    def _end(self, draft: Draft | None) -> None:
        """Begin anew with the active text when the order that was shown has been sent or dropped."""
        if draft is None and self._shown is not None:
            self._shown, self.form = None, self.form.at(self.form.field)

    def _edited(self, event: events.Key) -> TicketForm | None:
        form = self.form
        if event.key in ("tab", "shift+tab"):
            return form.next(1 if event.key == "tab" else -1)
        if event.key in ("up", "down"):
            if form.field == "price":
                return self._nudged(1 if event.key == "up" else -1)
            return form.next(1 if event.key == "down" else -1)
        if event.key in ("left", "right"):
            return form.cycle(1 if event.key == "right" else -1)
        if event.key == "backspace":
            return form.erase()
        if form.field == "side" and event.character in ("b", "s"):
            wanted = form.cycle()
            return wanted if (wanted.side.value == "BUY") == (event.character == "b") else form
        if event.character is not None and event.character in "0123456789.$%":
            return form.type_char(event.character)
        return None

    def _nudged(self, ticks: int) -> TicketForm:
        app = self.app
        inputs = self._gate(app.frame_clock.current()) if isinstance(app, Host) else None
        if inputs is None or inputs.instrument is None:
            return self.form
        try:
            price = parse_decimal(self.form.price) + ticks * inputs.instrument.tick
        except BadNumberError:
            return self.form
        return msgspec.structs.replace(self.form, price=plain(max(Decimal(0), price)), typed=False)

    def _load(self) -> None:
        """Make the prepared order what the fields say; none while they are incomplete."""
        app = self.app
        if not isinstance(app, Host):
            return
        inputs = self._gate(app.frame_clock.current())
        if inputs is None:
            return
        draft, self._missing = self.form.draft(inputs)
        self._shown = draft
        app.desk_state.change(draft=draft)

    def _is_mine(self, draft: Draft, frame: Frame) -> bool:
        inputs = self._gate(frame)
        asked = msgspec.structs.replace(draft, confirmed=())
        return frame.focused and inputs is not None and self.form.draft(inputs)[0] == asked

    @staticmethod
    def _gate(frame: Frame) -> GateInputs | None:
        view = frame.view(gate_topic(frame.selection.symbol))
        return view if isinstance(view, GateInputs) else None
