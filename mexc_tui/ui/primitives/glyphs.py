"""Marks that say what an order's state or side is, so that colour is never the only sign."""

from __future__ import annotations

from mexc_tui.domain.orders import OrderState

_STATES = {
    OrderState.PENDING: "…",
    OrderState.WORKING: "●",
    OrderState.PARTIAL: "◐",
    OrderState.CANCELLING: "✕",
    OrderState.UNKNOWN: "?",
}
_ASCII_STATES = {
    OrderState.PENDING: ".",
    OrderState.WORKING: "*",
    OrderState.PARTIAL: "%",
    OrderState.CANCELLING: "x",
    OrderState.UNKNOWN: "?",
}

SPARKS = "▁▂▃▄▅▆▇█"
ASCII_SPARKS = "_.-=^"


def state_glyph(state: OrderState, *, ascii_only: bool = False) -> str:
    """Return the mark of an order that may be live; a blank for one that is over."""
    return (_ASCII_STATES if ascii_only else _STATES).get(state, " ")


def spark(values: list[float], width: int, *, ascii_only: bool = False) -> str:
    """Return the last ``width`` values as a line of blocks, scaled to their own range."""
    marks = ASCII_SPARKS if ascii_only else SPARKS
    shown = values[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = high - low
    top = len(marks) - 1
    return "".join(marks[round((value - low) / span * top) if span else top // 2] for value in shown)


ASCII = str.maketrans(
    {
        **{"●": "*", "○": "O"},
        **dict.fromkeys("▸►▶", ">"),
        **dict.fromkeys("◂◄", "<"),
        **dict.fromkeys("▴▲↑", "^"),
        **dict.fromkeys("▾▼↓", "v"),
        **dict.fromkeys("✖✕×", "x"),
        **dict.fromkeys("—–─╌╴╶━", "-"),
        **dict.fromkeys("│┃▌▏▕╷╵╽╿╻╹", "|"),
        **dict.fromkeys("█▉▊▋▓▒▀▄▐", "#"),
        **dict.fromkeys("▁▂▃▅▆▇", ":"),
        **dict.fromkeys("“”", '"'),
        **{"◐": "%", "◌": "+", "◇": "o", "Ø": "@", "…": "~", "≥": ">", "⊘": "!", "✔": "+", "·": ".", "•": "*"},
        **{"←": "<", "→": ">", "⇧": "S", "\ufffd": "?"},
    }
)
"""What stands for each sign of ours on a terminal that has ASCII only. Names from outside stay as they are."""
