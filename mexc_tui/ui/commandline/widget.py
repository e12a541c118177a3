"""The command line: one line to type, one line that says what Enter would do or why not."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.suggester import Suggester
from textual.widgets import Input, Static

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.gate import check
from mexc_tui.domain.limits import Verdict
from mexc_tui.domain.views import (
    TOPIC_INSTRUMENTS,
    TOPIC_ORDERS,
    TOPIC_RISK,
    GateInputs,
    InstrumentsView,
    OrdersView,
    RiskView,
    gate_topic,
)
from mexc_tui.ui.commandline.grammar import (
    VERBS,
    AdoptIntent,
    AmendIntent,
    CommandError,
    Intent,
    OrderIntent,
    SimpleIntent,
    parse,
)
from mexc_tui.ui.commandline.resolve import adopted_orders, describe, order_draft, order_meant
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.host import Host
from mexc_tui.ui.primitives.text import clean, wrap

_HISTORY = 50


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A line as understood at this moment."""

    intent: Intent | None = None
    draft: Draft | None = None
    verdict: Verdict | None = None
    text: str = ""
    style: str = "dim"
    symbol: str = ""
    """A symbol besides the selected one that the line is about."""

    @property
    def complete(self) -> bool:
        """Whether Enter has something to do."""
        return self.intent is not None and (not isinstance(self.intent, OrderIntent) or self.draft is not None)


def read(line: str, frame: Frame) -> Reading:
    """Return what a line means with the prices and balances of this frame."""
    if not line.strip():
        return Reading(text="buy 0.02 at 64000 · sell $100 at ask po · cancel all · flatten · halt · help")
    instruments = frame.view(TOPIC_INSTRUMENTS)
    symbols = frozenset(instruments.by_symbol) if isinstance(instruments, InstrumentsView) else frozenset()
    try:
        intent = parse(line, symbols)
        if isinstance(intent, AmendIntent):
            return _amend(intent, frame)
        if isinstance(intent, AdoptIntent):
            return _adopt(intent, frame)
        if isinstance(intent, SimpleIntent) and intent.name == "arm":
            return _arm(intent, frame)
        if not isinstance(intent, OrderIntent):
            return Reading(intent=intent, text=describe(intent, None, frame.selection.symbol), style="good")
        return _order(intent, frame)
    except CommandError as problem:
        return Reading(text=str(problem), style="warn")


def _arm(intent: SimpleIntent, frame: Frame) -> Reading:
    risk = frame.view(TOPIC_RISK)
    wanted = risk.arm_name if isinstance(risk, RiskView) else ""
    if intent.argument != wanted:
        real = f"orders of {wanted} are real: type the account's name to unlock the ticket"
        return Reading(text=real if wanted else "arm takes no name here", style="warn")
    text = f"unlock the ticket of {wanted}: orders are real from then on" if wanted else "unlock the ticket"
    return Reading(intent=intent, text=f"{text} — Enter", style="good")


def _amend(intent: AmendIntent, frame: Frame) -> Reading:
    view, now = frame.view(TOPIC_ORDERS), frame.selection
    here = [order for order in view.open if order.symbol == now.symbol] if isinstance(view, OrdersView) else []
    order = order_meant(intent, here, now.cursor)
    qty, price = intent.qty or order.qty, intent.price or order.price
    text = (
        f"amend your {order.type.word} {order.side.value.lower()} of {order.qty or 0:f} at {order.price or 0:f} to "
        f"{qty or 0:f} at {price or 0:f}: Enter cancels it, then places what has not filled (last in the queue)"
    )
    intent = msgspec.structs.replace(intent, client_order_id=order.client_order_id)
    return Reading(intent=intent, text=text, style="good")


def _adopt(intent: AdoptIntent, frame: Frame) -> Reading:
    view = frame.view(TOPIC_ORDERS)
    orders = adopted_orders(intent, view.open if isinstance(view, OrdersView) else ())
    named = ", ".join(
        f"{order.type.word} {order.side.value.lower()} {order.symbol} (…{order.exchange_name[-8:]})"
        for order in orders[:4]
    )
    what = f"{len(orders)} placed elsewhere: {named}{' …' if len(orders) > 4 else ''}"
    does = "leave" if intent.which.lower() == "none" else "adopt"
    intent = msgspec.structs.replace(intent, client_order_ids=tuple(order.client_order_id for order in orders))
    return Reading(intent=intent, text=f"{does} {what} — Enter; nothing is sent to the exchange", style="good")


def _order(intent: OrderIntent, frame: Frame) -> Reading:
    symbol = intent.symbol or frame.selection.symbol
    inputs = frame.view(gate_topic(symbol))
    other = "" if symbol == frame.selection.symbol else symbol
    if not isinstance(inputs, GateInputs):
        return Reading(text=f"reading {symbol}: one moment", style="warn", symbol=other)
    cursor: Decimal | None = frame.selection.cursor if symbol == frame.selection.symbol else None
    draft = order_draft(intent, inputs, cursor)
    verdict = check(draft, inputs)
    if intent.confirmed and verdict.to_confirm:
        draft = msgspec.structs.replace(draft, confirmed=verdict.to_confirm)
        verdict = check(draft, inputs)
    what = describe(intent, draft, symbol, verdict.cap)
    if frame.selection.view_only:
        text = f"{what}: this screen can only look (--role view), so Enter sends nothing"
        return Reading(intent=intent, draft=draft, text=text, style="warn", symbol=other)
    if verdict.passes:
        text, style = f"✔ {what} — Enter sends", "good"
    elif verdict.to_confirm:
        reasons = " ".join(violation.message for violation in verdict.violations)
        text, style = f"? {what}: {reasons} Add “yes” to send it", "warn"
    else:
        reasons = " · ".join(violation.message for violation in verdict.violations)
        text, style = f"✖ {what}: {reasons}", "bad"
    return Reading(intent=intent, draft=draft, verdict=verdict, text=text, style=style, symbol=other)


class _Words(Suggester):
    """Completes the word being typed from the verbs and the watchlist."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.symbols: tuple[str, ...] = ()

    async def get_suggestion(self, value: str) -> str | None:
        head, space, word = value.rpartition(" ")
        choices: Iterable[str] = VERBS if not space else self.symbols
        if not word:
            return None
        for choice in choices:
            if choice.casefold().startswith(word.casefold()) and choice.casefold() != word.casefold():
                return f"{head}{space}{word}{choice[len(word) :]}"
        return None


class _Line(Input):
    """What is typed into: one row however long the text, so that no key has the whole screen laid out anew."""

    virtual_size = Reactive(Size(0, 0))


class CommandLine(Vertical):
    """Hidden until opened. Enter hands over what was read; Esc closes and sends nothing."""

    DEFAULT_CSS = """
    CommandLine { display: none; height: auto; background: $surface; }
    CommandLine.-open { display: block; }
    CommandLine > Input { height: 1; border: none; padding: 0 1; background: $surface; }
    CommandLine > Input:focus { border: none; }
    CommandLine > Static { height: auto; max-height: 8; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False),
        Binding("up", "recall(-1)", "earlier line", show=False),
        Binding("down", "recall(1)", "later line", show=False),
    ]

    class Entered(Message):
        """A complete line: what it asks for, and the order it stands for if it is one."""

        def __init__(self, line: str, intent: Intent, draft: Draft | None) -> None:
            super().__init__()
            self.line = line
            self.intent = intent
            self.draft = draft

    class Closed(Message):
        """The line was closed without doing anything."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._words = _Words()
        self._history: list[str] = []
        self._place = 0
        self._rows = 0
        self._told: tuple[object, ...] = ()
        self._amended = ""

    def on_mount(self) -> None:
        """Take part in the app's frames."""
        if isinstance(self.app, Host):
            self.app.frame_clock.attach(self)

    def frame(self, frame: Frame) -> None:
        """Say anew what the line means when prices, balances or orders have changed."""
        if self.has_class("-open") and (line := self.query_one(Input).value):
            self._tell(line)

    def compose(self) -> ComposeResult:
        yield _Line(placeholder="command", suggester=self._words, select_on_focus=False)
        yield Static("", markup=False)

    def open(self, text: str = "") -> None:
        """Show the line, with some text in it, and give it the keyboard."""
        self._place = len(self._history)
        self._amended = ""
        frame = self._frame()
        if frame is not None:
            self._words.symbols = frame.selection.watchlist
        self.add_class("-open")
        line = self.query_one(Input)
        with line.prevent(Input.Changed):
            line.value = text
        line.cursor_position = len(text)
        self.screen.set_focus(line)  # at once: the next key must not go to the pane that had the keyboard
        self._tell(text)

    def clear_line(self) -> bool:
        """Empty the line where Esc may have been meant, and keep it open, so that what follows presses no keys."""
        if not self.has_class("-open"):
            return False
        self._history = [*self._history[-_HISTORY + 1 :], self.query_one(Input).value]
        self.open("")
        self._say("Esc and another key came as one: the line is cleared, ↑ brings it back; nothing was sent", "warn")
        return True

    def action_close(self) -> None:
        """Hide the line."""
        self._hide()
        self.post_message(self.Closed())

    def action_recall(self, step: int) -> None:
        """Put an earlier or later line back."""
        self._place = min(len(self._history), max(0, self._place + step))
        text = self._history[self._place] if self._place < len(self._history) else ""
        line = self.query_one(Input)
        line.value = text
        line.cursor_position = len(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what the line means as it is typed."""
        event.stop()
        self._tell(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand a complete line over, once; keep an incomplete one and say what is missing."""
        event.stop()
        if not self.has_class("-open"):
            return
        reading = self._tell(event.value)
        if reading is None or not reading.complete or reading.intent is None:
            return
        if reading.verdict is not None and not reading.verdict.passes:
            return
        if not event.value.startswith("arm "):  # A name is typed each time.
            self._history = [*self._history[-_HISTORY + 1 :], event.value]
        self._hide()
        self.post_message(self.Entered(event.value, reading.intent, reading.draft))

    def _hide(self) -> None:
        self.remove_class("-open")
        self.query_one(Input).value = ""

    def _tell(self, line: str) -> Reading | None:
        frame = self._frame()
        if frame is None or not isinstance(self.app, Host):
            return None
        reading = self._same_order(read(line, frame))
        if reading.symbol != frame.selection.typed:
            self.app.desk_state.change(typed=reading.symbol)
        self._say(reading.text, reading.style)
        return reading

    def _same_order(self, reading: Reading) -> Reading:
        """Keep to the order that was first shown to be amended: another one in its place is not meant."""
        if not isinstance(reading.intent, AmendIntent):
            return reading
        self._amended = self._amended or reading.intent.client_order_id
        if reading.intent.client_order_id == self._amended:
            return reading
        return Reading(
            text="the order that was shown is not open any more: nothing is amended; Esc closes", style="warn"
        )

    def _say(self, text: str, style: str) -> None:
        told = (text, style, self.app.size.width)
        if isinstance(self.app, Host) and told != self._told:
            self._told = told
            rows = wrap(clean(text), self.app.size.width - 2)
            before, self._rows = self._rows, len(rows)
            shown = Text("\n".join(rows), style=self.app.palette.rich(style))
            self.query_one(Static).update(shown, layout=len(rows) != before)

    def _frame(self) -> Frame | None:
        return self.app.frame_clock.current() if isinstance(self.app, Host) else None
