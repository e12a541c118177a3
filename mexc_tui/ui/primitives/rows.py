"""What a presenter makes and a pane draws: rows of spans, each a text and the name of a style."""

from __future__ import annotations

Span = tuple[str, str]
"""Text (already clean, see ``mexc_tui.ui.primitives.text``) and the name of a style in the palette, '' for plain."""

Row = tuple[Span, ...]
