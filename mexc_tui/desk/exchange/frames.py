"""Decoding of recorded MEXC frames for a replay."""

from __future__ import annotations

from mexc_tui.domain.inputs import BookDelta, TradesSeen
from mexc_tui.venues.mexc.stream.codec import CodecError, convert, parse

_BODIES = ("publicAggreDepths", "publicAggreDeals")


def decode_frame(frame: bytes) -> list[BookDelta | TradesSeen]:
    """Return what a frame says of books and trades; nothing where it is of another kind or damaged."""
    try:
        wrapper = parse(frame)
        if wrapper.WhichOneof("body") not in _BODIES:
            return []
        return [item for item in convert(wrapper, recv_ns=0) if isinstance(item, BookDelta | TradesSeen)]
    except CodecError:
        return []
