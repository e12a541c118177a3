"""Leaving the screen: what becomes of the desk, asked once where it matters."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from mexc_tui.domain.client import DeskClient
from mexc_tui.domain.views import TOPIC_LINK, TOPIC_ORDERS, LinkView, OrdersView, VenueKind
from mexc_tui.ui.asking import Question
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.host import Host
from mexc_tui.ui.keymap import Keymap
from mexc_tui.ui.primitives.pane import LinePane
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import wrap
from mexc_tui.ui.textual_compat import key_name

OnQuit = Literal["ask", "keep", "stop"]


class Leave(StrEnum):
    """What becomes of the desk when its screen is left."""

    KEEP = "keep"
    STOP = "stop"


def working_orders(client: DeskClient) -> int:
    """Return how many orders may be live."""
    view = client.view(TOPIC_ORDERS)
    return len(view.open) if isinstance(view, OrdersView) else 0


def leave_rows(orders: int, kind: VenueKind | None, width: int) -> list[Row]:
    """Return the question: what each answer means for the desk and for working orders."""
    count = "No order is working." if not orders else f"{orders} order{'s are' if orders > 1 else ' is'} working."
    if kind in (VenueKind.DEMO, VenueKind.REPLAY):
        stop = "Its exchange ends with it: paper orders and balances are gone."
    elif kind is VenueKind.PAPER:
        stop = "The paper account is kept; working orders wait and nothing fills them meanwhile."
    else:
        stop = "Working orders stay at the exchange and may fill; nobody watches them until you start again."
    keep = "It goes on watching orders and positions; `mexc-tui` or `mexc-tui attach` shows it again."
    rows: list[Row] = [((f" {count}", "strong"),), ()]
    for key, label, text in (
        ("k", "keep the desk running", keep),
        ("s", "stop the desk", stop),
        ("Esc", "stay", "Nothing changes."),
    ):
        rows.append(((f"  {key:<4}", "key"), (label, "text")))
        rows += [((f"      {line}", "dim"),) for line in wrap(text, max(10, width - 8))]
    return rows


class LeavePane(LinePane):
    """The question and its three answers."""

    TITLE: ClassVar[str] = "LEAVE"

    def __init__(self) -> None:
        super().__init__()
        self.question = Question()
        self.question.ask()

    def frame(self, frame: Frame) -> None:
        """Draw, and note since when the question can be read."""
        super().frame(frame)
        if self.glass:
            self.question.drawn(frame.now.mono_ns)

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        """Say what is asked."""
        return ((" what becomes of the desk?", "text@panel"),), ()

    def inputs(self, frame: Frame) -> tuple[object, ...]:
        return (frame.view(TOPIC_ORDERS), frame.view(TOPIC_LINK))

    def build(self, frame: Frame) -> Sequence[Row]:
        link = frame.view(TOPIC_LINK)
        kind = link.kind if isinstance(link, LinkView) else None
        return leave_rows(working_orders(frame.client), kind, frame.width)


class LeaveScreen(ModalScreen[Leave | None]):
    """Asks once; the market goes on behind it."""

    DEFAULT_CSS = """
    LeaveScreen { align: center middle; }
    LeaveScreen > LeavePane { width: 76; max-width: 96%; height: 13; background: $surface; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", f"dismiss('{Leave.KEEP.value}')", "keep", show=False),
        Binding("s", "stop", "stop", show=False),
        Binding("escape", "dismiss(None)", "stay", show=False),
    ]

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        yield LeavePane()

    def action_stop(self) -> None:
        """Stop the desk, unless the key was typed before the question could be read."""
        app = self.app
        if not isinstance(app, Host):
            return
        frame = app.frame_clock.current()
        if self.query_one(LeavePane).question.answered(frame.now.mono_ns, frame.health.glass):
            self.dismiss(Leave.STOP)

    async def on_key(self, event: events.Key) -> None:
        """Let the stop key through: nothing may stand before it."""
        if event.key in {key_name(key) for key in self._keymap.keys.get("halt", ())}:
            event.stop()
            self.dismiss(None)
            await self.app.run_action("app.do('halt')")
