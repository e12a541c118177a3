"""The status bar and the row of hints: where we are, whether orders go out, how fresh everything is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.views import BookState, BookView, LinkView, RiskView, VenueKind
from mexc_tui.ui.frame_clock import ScreenHealth
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import UNKNOWN, age, clean, fit, row_width, spread, width_of, wrap

OLD_BOOK_MS = 3_000
SILENT_MS = 5_000
"""A desk tells of its link every second; one that has not for so long is frozen, or its clients are not read."""
_HELD = ("  ✖ no requests: {why}, {when} ", "  ✖ no requests, {when} ", "  ✖ no requests ")
LATE_SCREEN_MS = 500
"""From here on the time that a frame takes to the terminal is said."""
_NO_DESK, _LEAVE = " NO DESK — ", " ^Q leaves, mexc-tui starts it again "
_CLOCK_OFF_MS = 1_000
"""From here on this machine's clock deserves a look, although it is allowed for."""


class StatusInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the status bar draws."""

    link: LinkView | None
    risk: RiskView | None
    book: BookView | None
    book_age_ms: int | None
    link_age_ms: int | None
    died: str = ""
    view_only: bool = False
    """The desk takes no command from this screen."""
    health: ScreenHealth = ScreenHealth()
    compared_ms: int | None = None
    """Age of the last comparison of the account; None before the first."""


def status_row(data: StatusInput, width: int) -> Row:
    """Return one row: venue and mode always, then as many figures as fit, the important ones first."""
    if data.died:
        return ((fit(_NO_DESK + clean(data.died), width - width_of(_LEAVE)) + _LEAVE, "bad@alert"),)
    left = (*_venue(data.link), *_mode(data), *_link(data.link, data.link_age_ms))
    least = width_of(_HELD[-1]) if data.link is not None and data.link.held else 0
    if row_width(left) + least > width:
        left = (*_venue(data.link), *_mode(data, brief=True), *_link(data.link, data.link_age_ms, brief=True))
    left = (*left, *_held(data.link, width - row_width(left)))
    right: list[Span] = []
    for span in _figures(data):
        if row_width((*left, *right, span)) + 1 > width:
            continue
        right.append(span)
    return spread(left, right, width, "dim@panel")


def news_rows(time: str, message: str, reasons: Sequence[str], width: int, most: int, more: str) -> list[str]:
    """Return what has happened; of a refusal that has no room, the reasons rather than the order."""
    rest = "; ".join(reason for reason in reasons if reason not in message)
    rows = wrapped(f"{time} {message} {rest}", width, most, more)
    if reasons and len(wrap(f"{time} {message} {rest}", width - 1)) > most:
        return wrapped(f"{time} Not sent: {' '.join(reasons)}", width, most, more)
    return rows


def wrapped(text: str, width: int, most: int, more: str = "") -> list[str]:
    """Return a sentence in rows of the width, ``most`` of them; ``more`` says where the whole is if that is cut."""
    lines = wrap(text, width - 1) or [""]
    if len(lines) > most:
        end = f" {more}" if more else ""
        lines = [*lines[: most - 1], fit(" ".join(lines[most - 1 :]), width - 1 - width_of(end)) + end]
    return [fit(f" {line}", width) for line in lines]


def lost_desk(died: str, width: int) -> str:
    """Return why there is no desk where the status bar has no room for all of it; else nothing."""
    return "" if width_of(_NO_DESK + clean(died) + _LEAVE) <= width else clean(died)


def hint_row(hints: Sequence[tuple[str, str]], width: int) -> Row:
    """Return keys with a word each, as many as fit."""
    spans: list[Span] = []
    room = width - 1
    for key, word in hints:
        size = width_of(key) + width_of(word) + 3
        if size > room:
            break
        spans += [(f" {key}", "key@band"), (f" {word} ", "dim@band")]
        room -= size
    spans.append((" " * (room + 1), "dim@band"))
    return tuple(spans)


def _venue(link: LinkView | None) -> tuple[Span, ...]:
    if link is None:
        return ((" NO VENUE ", "warn!@panel"),)
    kind = link.kind.value
    name = clean(link.venue)
    if link.kind is VenueKind.LIVE:
        return ((f" LIVE {name} ", "live@live"),)
    shown = f" {name}" if name.lower() != kind else ""
    return ((f" {kind.upper()} ", f"{kind}@{kind}"), (shown, "text@panel"))


def _mode(data: StatusInput, *, brief: bool = False) -> tuple[Span, ...]:
    """Return what may be sent and why not; ``brief`` leaves the reason to the other panes."""
    risk, link = data.risk, data.link
    if risk is None:
        return (("  mode unknown", "unknown@panel"),)
    if risk.state is TradingState.HALTED:
        return (
            ("  ", "dim@panel"),
            (" HALTED ", "halted@halted"),
            (_halted(risk, brief=brief), "halted@panel"),
        )
    if link is not None and not link.can_trade:
        return (("  WATCH ONLY", "locked@panel"),)
    if not risk.ready:
        return (("  NOT READY" if brief else f"  NOT READY {clean(risk.ready_reason)}", "warn@panel"),)
    if risk.state is TradingState.REDUCING:
        return (("  REDUCING" if brief else f"  REDUCING {clean(risk.reason)}", "warn@panel"),)
    word, style = ("ARMED", "armed") if risk.armed else ("LOCKED", "locked")
    if data.view_only:
        word, style = "VIEW", "locked"
    spans: list[Span] = [(f"  {word}", f"{style}@panel")]
    if risk.unknown:
        spans.append((f"  ? {risk.unknown} unknown", "unknown@panel"))
    return tuple(spans)


def _halted(risk: RiskView, *, brief: bool) -> str:
    """Say how far cancelling everything has come, else why trading is halted; and how that is lifted."""
    sweep = None if risk.sweep is None or risk.sweep.verified else risk.sweep
    if brief:
        return " :resume" if sweep is None else f" left {sweep.left} · :resume"
    progress = "" if sweep is None else f"cancelled {sweep.confirmed}, sent {sweep.sent}, left {sweep.left}"
    return f" {progress or clean(risk.reason)} · :resume lifts it"


def _link(link: LinkView | None, age_ms: int | None, *, brief: bool = False) -> tuple[Span, ...]:
    if link is None:
        return ((" no link ", "warn@panel"),)
    if age_ms is not None and age_ms > SILENT_MS:
        return ((f"  ✖ desk silent for {age(age_ms)} ", "bad@panel"),)
    if link.state is not LinkState.CONNECTED:
        reason = f": {clean(link.reason)}" if link.reason and not brief else ""
        return ((f"  ✖ {link.state.value}{reason} ", "bad@panel"),)
    if link.private_state is not LinkState.CONNECTED:
        return ((f"  ● link, account {link.private_state.value} ", "warn@panel"),)
    return (("  ● link ", "good@panel"),)


def _held(link: LinkView | None, room: int) -> tuple[Span, ...]:
    """Say that no request goes out, why and for how long; as short as the room wants it."""
    if link is None or not link.held:
        return ()
    when = f"again in {age(round(link.held_s * 1_000))}" if link.held_s >= 1 else "trying again"
    for form in _HELD:
        text = form.format(why=clean(link.held), when=when)
        if width_of(text) <= room:
            return ((text, "bad@panel"),)
    return ((" ✖ ", "bad@panel"),)


def _figures(data: StatusInput) -> list[Span]:
    link, book, health = data.link, data.book, data.health
    spans: list[Span] = []
    if health.lag_ms > LATE_SCREEN_MS:
        spans.append((f"screen {age(health.lag_ms)} behind  ", "warn@panel"))
    if book is not None:
        state = "" if book.state is BookState.LIVE else f" {book.state.value}"
        late = data.book_age_ms is None or data.book_age_ms > OLD_BOOK_MS or bool(state)
        spans.append((f"book {age(data.book_age_ms)}{state}  ", "warn@panel" if late else "text@panel"))
    if link is not None:
        spans.append((f"rest {_ms(link.rest_ms)}  feed {_ms(link.stream_ms)}  ", "dim@panel"))
        if link.weight_limit:
            short = link.weight_used * 5 > link.weight_limit * 4
            style = "warn@panel" if short else "dim@panel"
            spans.append((f"weight {link.weight_used}/{link.weight_limit}  ", style))
        if link.order_limit:
            style = "warn@panel" if link.order_tokens < 1 else "dim@panel"
            spans.append((f"orders {link.order_tokens:.0f}/{link.order_limit}  ", style))
        if link.clock_offset_ms is not None and abs(link.clock_offset_ms) > _CLOCK_OFF_MS:
            spans.append((f"clock off {age(round(abs(link.clock_offset_ms)))}  ", "warn@panel"))
        if link.unknown_frames:
            spans.append((f"{link.unknown_frames} unread  ", "warn@panel"))
        spans.append((f"{link.frames_per_s:.0f} frames/s  ", "dim@panel"))
    if not health.glass.known:
        spans.append(("screen age unknown  ", "dim@panel"))
    behind = health.fps < health.target_fps * 0.8 and health.fps > 0
    spans.append((f"{health.fps:.0f} fps ", "warn@panel" if behind else "dim@panel"))
    if health.skipped:
        spans.append((f"{health.skipped} skipped ", "dim@panel"))
    if data.compared_ms is not None:
        spans.append((f"compared {age(data.compared_ms)} ago ", "dim@panel"))
    return spans


def _ms(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.1f}ms" if value < 10 else f"{value:.0f}ms"
