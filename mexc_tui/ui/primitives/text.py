"""Text for the screen: cleaning what comes from outside, fitting it to cells, and printing numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal, localcontext
from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size

from mexc_tui.domain.numbers import amount
from mexc_tui.ui.primitives.rows import Row, Span

UNKNOWN = "—"
"""What stands where a value is not known."""

ELLIPSIS = "…"
REPLACEMENT = "\ufffd"

_DROPPED = frozenset(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x00AD, 0x061C, 0xFEFF, 0x180E]
)
_SUFFIXES = ((15, "Q"), (12, "T"), (9, "B"), (6, "M"), (3, "K"))
_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


@lru_cache(4096)
def clean(text: str) -> str:
    """Return text from outside as one line of printable characters.

    Escape and control bytes, direction overrides, zero-width characters and lone surrogates are taken out or
    replaced; blanks of any kind become a space. Nothing is read as markup, here or later.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_printable(char) for char in text)


def _printable(char: str) -> str:
    point = ord(char)
    if point in _DROPPED:
        return ""
    category = unicodedata.category(char)
    if category in ("Zs", "Zl", "Zp") or char in "\t\n\r":
        return " "
    if category == "Cc" or 0xD800 <= point <= 0xDFFF:
        return REPLACEMENT
    if unicodedata.bidirectional(char) in ("R", "AL", "AN"):
        # A right-to-left letter makes many terminals reorder the numbers beside it.
        return REPLACEMENT
    if category in ("Cf", "Mn", "Me", "Cn", "Co"):
        return ""
    return char


def width_of(text: str) -> int:
    """Cells that the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int) -> str:
    """Return the text in exactly ``width`` cells: padded on the right, or cut with an ellipsis."""
    if width <= 0:
        return ""
    size = width_of(text)
    if size <= width:
        return text + " " * (width - size)
    return set_cell_size(text, width - 1) + ELLIPSIS


def fit_right(text: str, width: int) -> str:
    """Like ``fit``, with the text at the right end; for numbers."""
    if width <= 0:
        return ""
    size = width_of(text)
    return " " * (width - size) + text if size <= width else fit(text, width)


def number(text: str, width: int) -> str:
    """Right-align a number; one that does not fit becomes hashes, for a cut number would be another number."""
    size = width_of(text)
    return " " * (width - size) + text if size <= width else "#" * max(0, width)


def centre(text: str, width: int) -> str:
    """Like ``fit``, with the text in the middle."""
    spare = width - width_of(text)
    return fit(" " * (spare // 2) + text, width) if spare > 0 else fit(text, width)


def wrap(text: str, width: int) -> list[str]:
    """Return the text in lines of at most ``width`` cells, broken at spaces where possible."""
    if width <= 0:
        return []
    lines: list[str] = []
    line = ""
    for word in text.split():
        while width_of(word) > width:
            head, *_ = chop_cells(word, width)
            if line:
                lines.append(line)
                line = ""
            lines.append(head)
            word = word[len(head) :]
        if line and width_of(line) + 1 + width_of(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def row_width(row: Row) -> int:
    """Cells that a row takes."""
    return sum(width_of(text) for text, _ in row)


def spread(left: Sequence[Span], right: Sequence[Span], width: int, style: str = "") -> Row:
    """Return one row with ``left`` and ``right`` at its ends; the left part yields when both do not fit."""
    left_row, right_row = tuple(left), tuple(right)
    gap = width - row_width(left_row) - row_width(right_row)
    if gap >= 0:
        return (*left_row, (" " * gap, style), *right_row)
    return (*crop(left_row, max(0, width - row_width(right_row) - 1)), (" ", style), *right_row)


def crop(row: Row, width: int) -> Row:
    """Return the row cut to ``width`` cells."""
    kept: list[Span] = []
    for text, style in row:
        size = width_of(text)
        if size > width:
            if width > 0:
                kept.append((fit(text, width), style))
            break
        kept.append((text, style))
        width -= size
    return tuple(kept)


def units(value: int | None, decimals: int) -> str:
    """Print a scaled integer with thousands separated: ``units(6412055, 2)`` is ``64,120.55``."""
    if value is None:
        return UNKNOWN
    sign = "-" if value < 0 else ""
    if decimals <= 0:
        return f"{sign}{abs(value):,}"
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{sign}{whole:,}.{fraction:0{decimals}d}"


def fixed(value: Decimal | None, decimals: int) -> str:
    """Print a decimal with thousands separated and exactly ``decimals`` decimals, in plain notation."""
    return UNKNOWN if value is None else f"{value:,.{max(0, decimals)}f}"


def exact(value: Decimal | None) -> str:
    """Print a decimal with thousands separated, every digit it needs and no more."""
    if value is None:
        return UNKNOWN
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def money(value: Decimal | None, decimals: int = 2) -> str:
    """Print an amount of quote; amounts too small for the decimals keep two significant digits."""
    return UNKNOWN if value is None else amount(value, decimals)


def signed(value: Decimal | None, decimals: int = 2) -> str:
    """Print a gain or loss with its sign always shown; a value that rounds to nothing has none."""
    if value is None:
        return UNKNOWN
    text = fixed(value, decimals)
    if not text.strip("-0.,"):
        return text.lstrip("-")
    return text if text.startswith("-") else f"+{text}"


def percent(fraction: Decimal | None, decimals: int = 2) -> str:
    """Print a fraction as a signed percentage: 0.0123 is ``+1.23%``."""
    return UNKNOWN if fraction is None else f"{signed(fraction * 100, decimals)}%"


def compact(value: Decimal | int | None) -> str:
    """Print an amount in three or four significant digits: ``1.23K``, ``45.6M``; small ones plainly."""
    if value is None:
        return UNKNOWN
    size = Decimal(value)
    sign = "-" if size < 0 else ""
    size = abs(size)
    power = size.adjusted() if size else 0
    if power >= 18:
        return f"{sign}{size.scaleb(-power).quantize(Decimal('0.01'), ROUND_DOWN)}e{power}"
    for exponent, suffix in _SUFFIXES:
        if power >= exponent:
            return sign + _digits(size.scaleb(-exponent), 3) + suffix
    return sign + (_digits(size, 4) if power >= 0 else _tiny(size))


def _digits(value: Decimal, count: int) -> str:
    """Cut a number of at least one to ``count`` significant digits, trailing zeros kept off."""
    places = max(0, count - 1 - value.adjusted())
    with localcontext() as context:
        context.prec = 60
        text = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _tiny(value: Decimal) -> str:
    if value == 0:
        return "0"
    places = min(24, 2 - value.adjusted())
    text = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN):f}"
    return text.rstrip("0").rstrip(".")


def short(value: Decimal | None, width: int) -> str:
    """Print a quantity in at most ``width`` cells: exactly if it fits, else with a sign that it is shortened.

    Decimals that do not fit end in an ellipsis; where even the whole part does not fit, a suffix stands for it.
    A quantity that is there and would be cut to nothing is shown as less than the smallest number that fits.
    """
    if value is None:
        return UNKNOWN
    text = exact(value)
    if len(text) <= width:
        return text
    if abs(value) >= 1:
        for whole in (text, text.replace(",", "")):
            if len(whole) <= width:
                return whole
            if whole.partition(".")[0] != whole and len(whole.partition(".")[0]) + 2 < width:
                return whole[: width - 1] + ELLIPSIS
        return compact(value)
    shown = text[: width - 1]
    if not shown.strip("-0."):
        return "<0." + "0" * max(0, width - 4) + "1" if width >= 4 else "<1"
    return shown + ELLIPSIS


def price_in(value: Decimal | None, decimals: int, width: int, *, ascii_only: bool = False) -> str:
    """Print a price in at most ``width`` cells without losing a digit that tells it from its neighbours.

    A small price whose zeros do not fit has them counted, as is usual for coins with many zeros: 0.000000012258 is
    ``0.0₇12258``. Decimals that do not fit even so end in an ellipsis.
    """
    text = fixed(value, decimals)
    if value is None or len(text) <= width:
        return text
    if 0 < value < Decimal("0.001"):
        digits = text[2:].lstrip("0")
        zeros = str(len(text) - 2 - len(digits))
        text = (
            f"{digits[0]}.{digits[1:] or '0'}e-{int(zeros) + 1}"
            if ascii_only
            else f"0.0{zeros.translate(_LOW)}{digits}"
        )
        if len(text) <= width:
            return text
        return compact(value) if ascii_only else text[: width - 1] + ELLIPSIS
    return text[: width - 1] + ELLIPSIS if "." in text[: width - 1] else compact(value)


def age(milliseconds: int | None) -> str:
    """Print how long ago something was: ``120ms``, ``3.4s``, ``2m05``, ``3h12``."""
    if milliseconds is None:
        return UNKNOWN
    milliseconds = max(0, milliseconds)
    if milliseconds < 1_000:
        return f"{milliseconds}ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1_000:.1f}s"
    minutes, seconds = divmod(milliseconds // 1_000, 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02d}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}" if hours < 100 else f"{hours // 24}d"


def age_ms(now_ns: int, then_ns: int) -> int | None:
    """Milliseconds from ``then_ns`` to ``now_ns`` on the monotonic clock; None where ``then_ns`` was never set."""
    return None if then_ns <= 0 else max(0, (now_ns - then_ns) // 1_000_000)


def clock(wall_ms: int) -> str:
    """Print a time of day in UTC, ``HH:MM:SS``."""
    return datetime.fromtimestamp(wall_ms / 1_000, UTC).strftime("%H:%M:%S")


def bar(share: float, width: int, *, ascii_only: bool = False) -> str:
    """Return a bar growing to the right over ``share`` (0..1) of ``width`` cells, in eighths, padded with spaces."""
    share = min(1.0, max(0.0, share))
    if ascii_only:
        return ("=" * round(share * width)).ljust(width)
    whole, eighths = divmod(round(share * width * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths]).ljust(width)
