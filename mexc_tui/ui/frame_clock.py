"""The one clock that makes panes draw: at its own pace, never at that of the market."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from mexc_tui.domain.client import DeskClient
from mexc_tui.domain.inputs import LinkState, Timestamp
from mexc_tui.domain.views import TOPIC_LINK, LinkView, View
from mexc_tui.ui.pacer import Glass, Pacer, Terminal, Unhindered
from mexc_tui.ui.state import DeskState, Selection

LOCAL_FPS = 20
SSH_FPS = 10


class ScreenHealth(msgspec.Struct, frozen=True, gc=False):
    """How the drawing goes, for the status bar."""

    fps: float = 0.0
    """Frames drawn a second, over the last two seconds."""
    target_fps: float = LOCAL_FPS
    skipped: int = 0
    """Frames left out in all because the terminal was behind."""
    backlog: int = 0
    """Writes waiting for the terminal at the last frame."""
    glass: Glass = Glass()

    @property
    def lag_ms(self) -> int:
        """How much older the picture is than the frame that is drawn now."""
        return self.glass.lag_ns // 1_000_000


class Frame(msgspec.Struct, frozen=True, gc=False):
    """What a pane draws from: the desk's views, one moment, the selection, and the room there is in cells."""

    client: DeskClient
    now: Timestamp
    selection: Selection
    width: int = 0
    height: int = 0
    focused: bool = False
    """Whether the pane that draws has the keyboard."""
    health: ScreenHealth = ScreenHealth()

    def view(self, topic: str) -> View | None:
        """Return the latest view of a topic."""
        return self.client.view(topic)

    def fault(self) -> str:
        """Return why nothing that streams in is current, in plain words; empty while the link stands."""
        died = self.client.died()
        if died:
            return f"there is no desk: {died}"
        link = self.view(TOPIC_LINK)
        if isinstance(link, LinkView) and link.state is not LinkState.CONNECTED:
            return f"the link is {link.state.value}" + (f": {link.reason}" if link.reason else "")
        return ""

    def sized(self, width: int, height: int, focused: bool) -> Frame:
        """Return the frame for a pane with that much room."""
        return Frame(self.client, self.now, self.selection, width, height, focused, self.health)


class Framed(Protocol):
    """Whatever draws once a frame."""

    def frame(self, frame: Frame) -> None:
        """Draw what has changed."""


class FrameClock:
    """Calls every attached pane once a frame; leaves a frame out while the terminal is behind.

    It has no timer of its own: the app drives ``advance`` from one, tests by hand. With ``on_fault`` it supervises
    the panes; without, an error in one comes out of ``advance``.
    """

    def __init__(
        self,
        client: DeskClient,
        state: DeskState,
        *,
        fps: float = LOCAL_FPS,
        terminal: Terminal | None = None,
        on_fault: Callable[[Framed, Exception], None] | None = None,
    ) -> None:
        self._client = client
        self._state = state
        self._pacer = Pacer(terminal or Unhindered())
        self._on_fault = on_fault
        self._panes: list[Framed] = []
        self._drawn_ns: deque[int] = deque(maxlen=max(2, int(fps * 2)))
        self._skipped = 0
        self._held_ns = 0
        self.fps = fps
        self.frames = 0

    def attach(self, pane: Framed) -> None:
        """Draw this pane from the next frame on."""
        if pane not in self._panes:
            self._panes.append(pane)

    def detach(self, pane: Framed) -> None:
        """Stop drawing this pane."""
        if pane in self._panes:
            self._panes.remove(pane)

    def hold(self, seconds: float) -> None:
        """Draw nothing for so long: drawing and sending share one interpreter, and an order goes first."""
        self._held_ns = self._client.now().mono_ns + int(seconds * 1e9)

    def advance(self) -> bool:
        """Draw one frame; returns False if it was left out because the terminal is behind."""
        now = self._client.now()
        if now.mono_ns < self._held_ns:
            return False
        if not self._pacer.may_draw(now.mono_ns):
            self._skipped += 1
            return False
        self._drawn_ns.append(now.mono_ns)
        self.frames += 1
        frame = self.current(now)
        for pane in list(self._panes):
            self.draw(pane, frame)
        self._pacer.drawn(now.mono_ns, self._now_ns)
        return True

    def answered(self, query: str) -> None:
        """Take an answer of the terminal."""
        self._pacer.answered(query, self._now_ns())

    def begin(self) -> None:
        """Know nothing of the picture: at the start, and after the terminal was someone else's."""
        self._pacer.begin(self._now_ns())

    def end(self) -> bool:
        """Draw nothing more until ``begin``; returns whether the terminal has nothing to answer any more."""
        self._pacer.end()
        return self._pacer.quiet

    def glass(self) -> Glass:
        """Return what is known of the picture that the user has before them."""
        return self._pacer.glass(self._now_ns())

    def _now_ns(self) -> int:
        return self._client.now().mono_ns

    def draw(self, pane: Framed, frame: Frame) -> None:
        """Draw one pane. One that fails is taken out and reported: the others, and the keys, must live on."""
        if self._on_fault is None:
            pane.frame(frame)
            return
        try:
            pane.frame(frame)
        except Exception as problem:  # the supervisor of panes
            self.detach(pane)
            self._on_fault(pane, problem)

    def current(self, now: Timestamp | None = None) -> Frame:
        """Return the frame as it stands, for a pane that must draw out of turn."""
        health = ScreenHealth(self._rate(), self.fps, self._skipped, self._pacer.backlog(), self.glass())
        return Frame(self._client, now or self._client.now(), self._state.selection, health=health)

    def _rate(self) -> float:
        span = self._drawn_ns[-1] - self._drawn_ns[0] if len(self._drawn_ns) > 1 else 0
        return (len(self._drawn_ns) - 1) * 1e9 / span if span > 0 else 0.0
