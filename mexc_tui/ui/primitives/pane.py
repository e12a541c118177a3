"""The base of every live pane: rows in, changed rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.host import Host
from mexc_tui.ui.primitives.glyphs import ASCII
from mexc_tui.ui.primitives.rows import Row
from mexc_tui.ui.primitives.text import crop, row_width, spread
from mexc_tui.ui.themes import FALLBACK, Palette

_GLASSES_KEPT = 4
"""Strips kept, in glasses full: a row comes back soon or hardly ever, and a strip takes 2 to 3 kB."""
_BLANK: Row = ()


class LinePane(Widget):
    """Draws rows of spans and sends only rows that differ from those on the screen.

    A subclass gives ``build`` (a call of its pure presenter) and may give ``heading``. Row 0 is the title, unless
    ``TITLED`` is False; ``build`` sees the room below it as ``frame.width`` × ``frame.height``. There is no border:
    on every changed row it would be sent again.
    """

    TITLE: ClassVar[str] = ""
    TITLED: ClassVar[bool] = True

    DEFAULT_CSS = """
    LinePane { width: 1fr; height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._glass: list[Row] = []
        self._strips: dict[Row, Strip] = {}
        self._strip_width = -1
        self._seen: tuple[object, ...] | None = None
        self._palette: Palette | None = None
        self._ascii = False

    def build(self, frame: Frame) -> Sequence[Row]:
        """Return the rows below the title. Called once a frame; must not read a clock."""
        raise TypeError(f"{type(self).__name__} must define build for {frame.width}x{frame.height}")

    def heading(self, frame: Frame) -> tuple[Row, Row]:
        """Return what stands after the title, and what stands at the right end of its row."""
        return (), ()

    def inputs(self, frame: Frame) -> tuple[object, ...] | None:
        """Return what the rows depend on besides size and focus; a frame with the same objects is not built.

        None builds every frame. Views are compared by identity, everything else by value.
        """
        return None

    def frame(self, frame: Frame) -> None:
        """Draw what has changed since the last frame; does nothing while the pane is not to be seen."""
        if not self.is_on_screen or not self.size:
            self._seen = None
            return
        width, height = self.size
        sized = frame.sized(width, height - self.TITLED, self.has_focus)
        if self._unchanged(sized):
            return
        rows = list(self.build(sized))[: sized.height] if sized.height > 0 else []
        if self.TITLED:
            rows.insert(0, self._title_row(sized))
        rows.extend([_BLANK] * (height - len(rows)))
        if frame.selection.ascii_only is not self._ascii:
            self._ascii = frame.selection.ascii_only
            self._strips.clear()
        self._show(rows, width)

    def redraw(self) -> None:
        """Draw now, out of turn: after a key, so that the answer does not wait for the next frame."""
        self._seen = None
        app = self.app
        if isinstance(app, Host):
            app.frame_clock.draw(self, app.frame_clock.current())

    def _unchanged(self, frame: Frame) -> bool:
        inputs = self.inputs(frame)
        if inputs is None:
            self._seen = None
            return False
        seen = (frame.width, frame.height, frame.focused, *inputs)
        before, self._seen = self._seen, seen
        return before is not None and len(before) == len(seen) and all(map(_same, before, seen))

    def _title_row(self, frame: Frame) -> Row:
        style = "title_focus" if frame.focused else "title"
        after, right = self.heading(frame)
        mark = "▌" if frame.focused else " "
        return spread(((f"{mark}{self.TITLE} ", f"{style}@panel"), *after), right, frame.width, "dim@panel")

    def _show(self, rows: list[Row], width: int) -> None:
        if len(rows) != len(self._glass) or width != self._strip_width:
            self._strip_width = width
            self._strips.clear()
            self._glass = rows
            self.refresh()
            return
        changed = [Region(0, y, width, 1) for y, row in enumerate(rows) if row != self._glass[y]]
        self._glass = rows
        if len(self._strips) > _GLASSES_KEPT * len(rows):
            self._strips = {row: self._strips[row] for row in rows if row in self._strips}
        if changed:
            self.refresh(*changed)

    @property
    def glass(self) -> tuple[Row, ...]:
        """The rows on the screen, title included."""
        return tuple(self._glass)

    def render_line(self, y: int) -> Strip:
        """Return the strip of one row; the same object for the same content."""
        row = self._glass[y] if y < len(self._glass) else _BLANK
        strip = self._strips.get(row)
        if strip is None or strip.cell_length != self.size.width:
            strip = self._strips[row] = self._strip(row, self.size.width)
        return strip

    def _strip(self, row: Row, width: int) -> Strip:
        palette = self._palette or self._take_palette()
        if row_width(row) > width:
            row = crop(row, width)
        spare = width - row_width(row)
        if spare > 0:
            row = (*row, (" " * spare, ""))
        segments: list[Segment] = []
        text, style = "", palette.rich("")
        for piece, name in row:
            own = palette.rich(name)
            if self._ascii:
                piece = piece.translate(ASCII)
            if own is style or not text or (not piece.strip(" ") and _same_ground(own, style)):
                style = own if not text else style
                text += piece
            elif not text.strip(" ") and _same_ground(own, style):
                text, style = text + piece, own
            else:
                segments.append(Segment(text, style))
                text, style = piece, own
        if text:
            segments.append(Segment(text, style))
        return Strip(segments, width)

    def _take_palette(self) -> Palette:
        app = self.app
        self._palette = app.palette if isinstance(app, Host) else FALLBACK
        return self._palette

    def notify_style_update(self) -> None:
        """Forget cached colours when the theme changes."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()

    def on_mount(self) -> None:
        """Take part in the app's frames."""
        app = self.app
        if isinstance(app, Host):
            app.frame_clock.attach(self)

    def on_unmount(self) -> None:
        """Leave the app's frames."""
        app = self.app
        if isinstance(app, Host):
            app.frame_clock.detach(self)

    def on_resize(self) -> None:
        """Draw at once in the new size, so that no old row is shown at the wrong width."""
        self.redraw()


def _same(before: object, now: object) -> bool:
    if before is now:
        return True
    plain = (int, str, float, bool, tuple, type(None))
    return isinstance(now, plain) and before == now


def _same_ground(one: Style, two: Style) -> bool:
    """Whether blanks look the same in both styles, so that they need no segment (and no escape codes) of their own."""
    plain = not (one.reverse or two.reverse or one.underline or two.underline)
    return plain and one.bgcolor == two.bgcolor
