"""What a presenter makes and a pane draws: rows of spans, each a text and the name of a style."""

from __future__ import annotations

from mexc_tui.domain.views import LinkView, VenueKind, View

Span = tuple[str, str]
"""Text (already clean, see ``mexc_tui.ui.primitives.text``) and the name of a style in the palette, '' for plain."""

Row = tuple[Span, ...]


def live_mark(link: View | None) -> Row:
    """Return what marks a pane while orders are real; nothing otherwise."""
    return ((" LIVE ", "live@live"),) if isinstance(link, LinkView) and link.kind is VenueKind.LIVE else ()
