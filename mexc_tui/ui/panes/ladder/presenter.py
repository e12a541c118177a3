"""The price ladder: one row per price, bids left, asks right, prices standing still while sizes change."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.orders import Order, OrderState, Side
from mexc_tui.domain.views import BookState, BookView
from mexc_tui.ui.primitives.glyphs import state_glyph
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import age, clean, compact, exact, fit, fit_right, units, width_of, wrap

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_URGENT = (OrderState.UNKNOWN, OrderState.CANCELLING, OrderState.PENDING, OrderState.PARTIAL, OrderState.WORKING)
SIZE_WIDTH = 9
BANNER_LINES = 2
LATE_MS = 1_000
"""A picture that is so much older than the book is not called exact."""
MARGIN = 4
"""With a ladder of n rows, the middle may wander to within n / MARGIN rows of an end before it is recentred."""


class LadderInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the ladder draws."""

    book: BookView
    age_ms: int | None = None
    lag_ms: int = 0
    """How much older than the frame the picture on the terminal is."""
    fault: str = ""
    """Why no book can be trusted now, whatever it says of itself."""
    base: str = ""
    quote: str = ""
    orders: tuple[Order, ...] = ()
    """Orders of the symbol that may be live."""
    ghost: Draft | None = None
    last: Decimal | None = None
    last_taker: Side | None = None
    average: Decimal | None = None
    cursor: Decimal | None = None
    group: int = 1
    ascii_only: bool = False


class Widths(msgspec.Struct, frozen=True):
    """Cells of the parts of a row: on either side a wing (bar, own orders) and the size, and the price between."""

    wing: int
    size: int
    price: int


def in_units(price: Decimal, decimals: int) -> int:
    """Return a price as a count of 10^-decimals, cut towards zero."""
    return int(price.scaleb(decimals))


def middle(book: BookView, group: int, height: int) -> int | None:
    """Return the row at the middle of the spread; the best bid's where a view of that height cannot hold both touches,
    or there is no ask; the best ask's where there is no bid.
    """
    if book.bids:
        bid = book.bids[0][0] // group
        ask = -(-book.asks[0][0] // group) if book.asks else bid
        return ((bid + ask) // 2 if bid < ask < bid + height else bid) * group
    if book.asks:
        return -(-book.asks[0][0] // group) * group
    return None


def top_row(
    top: int | None, book: BookView, group: int, height: int, *, recentre: bool, seek: int | None
) -> int | None:
    """Return the price of the first row: moved only if asked, if the middle left the view, or to show ``seek``."""
    mid = middle(book, group, height)
    if mid is None:
        return top
    inner = max(1, height // MARGIN)
    if top is not None:
        place = (top - mid) // group
    if top is None or recentre or (seek is None and not inner <= place < height - inner):
        top = mid + (height // 2) * group
    if seek is not None:
        row = (top - seek) // group
        if row < 0:
            top = seek
        elif row >= height:
            top = seek + (height - 1) * group
    return top


def rows_away(data: LadderInput, top: int | None, height: int) -> int:
    """Return how many rows below the view the market is; negative above it, zero while it can be seen."""
    mid = middle(data.book, data.group, height)
    if mid is None or top is None:
        return 0
    place = (top - mid) // data.group
    return min(0, place) if place < height else place - height + 1


def widths_for(width: int, price_text: int, size_text: int) -> Widths:
    """Share the width out: prices and sizes take what they need, the wings what is left."""
    half = max(0, width - price_text - 4) // 2
    size = min(half, max(5, size_text))
    return Widths(wing=max(0, half - size), size=size, price=price_text)


def ladder_rows(data: LadderInput, top: int | None, width: int, height: int) -> list[Row]:
    """Return the ladder: a banner if the book is not to be trusted, the price rows, and a line about the cursor."""
    book = data.book
    style = "bad@alert" if data.fault or book.state is BookState.STALE else "warn!@band"
    rows: list[Row] = [((fit(f" {line}", width), style),) for line in banner(data, width)]
    room = height - len(rows) - 1
    if top is None or (not book.bids and not book.asks):
        rows += [()] * max(0, room // 2 - 1)
        if book.state is BookState.LIVE:
            rows.append(((fit(" the book is empty: no bids and no asks", width), "dim"),))
        rows += [()] * max(0, height - len(rows))
        return rows[:height]
    grid = _Grid(data, top, width, max(0, room))
    rows += [grid.row(place) for place in range(max(0, room))]
    rows.append(_ghost_line(data, top, width, room) or cursor_line(data, width, rows_away(data, top, max(1, room))))
    return rows


def _ghost_line(data: LadderInput, top: int, width: int, height: int) -> Row:
    """Return where an order is that the ticket prepares at a price out of view; nothing if it can be seen."""
    at = _ghost_row(data)
    row = 0 if at is None else (top - at) // data.group
    if at is None or data.ghost is None or data.ghost.price is None or 0 <= row < height:
        return ()
    away = -row if row < 0 else row - height + 1
    price = units(in_units(data.ghost.price, data.book.price_decimals), data.book.price_decimals)
    arrow, where = ("↑", "above") if row < 0 else ("↓", "below")
    text = f" {arrow} {data.ghost.side.value.lower()} {price}, {away:,} row{'s' * (away != 1)} {where}"
    return ((fit(text, width), "warn@band"),)


def heading(data: LadderInput, symbol: str) -> tuple[Row, Row]:
    """Return the symbol and step for the title, and the state of the book."""
    book = data.book
    step = exact(Decimal(data.group).scaleb(-book.price_decimals))
    left: Row = ((clean(symbol), "strong@panel"), (f" ×{step}", "dim@panel"))
    if data.fault or book.state is not BookState.LIVE:
        return left, ()
    seen_ms = None if data.age_ms is None else data.age_ms + data.lag_ms
    if data.lag_ms > LATE_MS:
        return left, ((f" seen {age(seen_ms)} late ", "warn@panel"),)
    return left, ((" exact ", "good@panel"), (f"{age(seen_ms)} ", "dim@panel"))


def banner(data: LadderInput, width: int) -> list[str]:
    """Return the lines that stand over a book that cannot be trusted; none over one that can."""
    book = data.book
    if not data.fault and book.state is BookState.LIVE:
        return []
    old = "" if data.age_ms is None else f" {age(data.age_ms)} old"
    if data.fault:
        text = f"NOT CURRENT{old} — {clean(data.fault)}"
    elif book.state is BookState.STALE:
        text = f"STALE{old} — {clean(book.reason) or 'updates are missing'}"
    elif book.state is BookState.SYNCING:
        text = f"SYNCING{old} — {clean(book.reason) or 'waiting for a snapshot'}"
    else:
        text = f"NO BOOK YET — {clean(book.reason) or 'waiting for the first snapshot'}"
    lines = wrap(text, width - 2)
    return lines if len(lines) <= BANNER_LINES else [*lines[: BANNER_LINES - 1], " ".join(lines[BANNER_LINES - 1 :])]


class _Grid:
    """The price rows of one frame."""

    def __init__(self, data: LadderInput, top: int, width: int, height: int) -> None:
        book = data.book
        self.data, self.top, self.width = data, top, width
        self.group, self.decimals = data.group, book.price_decimals
        self.trusted = not data.fault and book.state is BookState.LIVE
        bottom = top - (height - 1) * data.group
        self.bids = _grouped(book.bids, lambda price: price // data.group * data.group, bottom, top)
        self.asks = _grouped(book.asks, lambda price: -(-price // data.group) * data.group, bottom, top)
        self.best_bid = book.bids[0][0] // data.group * data.group if book.bids else None
        self.best_ask = -(-book.asks[0][0] // data.group) * data.group if book.asks else None
        peak = max(max(self.bids.values(), default=0), max(self.asks.values(), default=0))
        self.scale = scale_of(peak)
        self.places = _places(self.scale, book.qty_decimals, SIZE_WIDTH)
        size_text = len(units(self.scale // 10 ** (book.qty_decimals - self.places), self.places))
        self.widths = widths_for(width, max(7, len(units(top, self.decimals))), min(SIZE_WIDTH, size_text + 1))
        self.own = _own_by_row(data, data.group)
        self._ghost_row = _ghost_row(data)
        self.cursor = None if data.cursor is None else row_of(data.cursor, self.decimals, data.group)
        self.last = None if data.last is None else row_of(data.last, self.decimals, data.group)
        self.average = None if data.average is None else row_of(data.average, self.decimals, data.group)

    def row(self, place: int) -> Row:
        price = self.top - place * self.group
        if price <= 0:
            return (("", ""),)
        back = "@cursor" if price == self.cursor else ""
        spans = [*self._bid_side(price, back), *self._price(price, back), *self._ask_side(price, back)]
        tail = self.width - sum(width_of(text) for text, _ in spans)
        if tail > 0:
            spans.append((" " * tail, back))
        return _merged(spans)

    def _bid_side(self, price: int, back: str) -> list[Span]:
        w = self.widths
        qty = self.bids.get(price)
        if qty is None and not self._hidden_bid(price):
            own = self._own(price, Side.BUY, w.wing + w.size, back)
            aside = ("", back) if own[0] else self._aside(price, Side.SELL, back)
            room = w.wing + w.size - width_of(own[0]) - width_of(aside[0])
            return [own, (" " * room, back), aside]
        own = self._own(price, Side.BUY, w.wing, back)
        room = w.wing - width_of(own[0])
        if qty is None:
            return [own, (" " * room, back), (fit_right("?", w.size), f"unknown{back}")]
        text = self._size(qty, partly=self._partly_bid(price))
        bar = self._bar(qty, room, back, "bid_bar", leftwards=True)
        return [own, *bar, (fit_right(text, w.size), f"{self._tone('bid')}{back}")]

    def _ask_side(self, price: int, back: str) -> list[Span]:
        w = self.widths
        qty = self.asks.get(price)
        if qty is None and not self._hidden_ask(price):
            own = self._own(price, Side.SELL, w.wing + w.size, back)
            aside = ("", back) if own[0] else self._aside(price, Side.BUY, back)
            room = w.wing + w.size - width_of(own[0]) - width_of(aside[0])
            return [aside, (" " * room, back), own]
        own = self._own(price, Side.SELL, w.wing, back)
        room = w.wing - width_of(own[0])
        if qty is None:
            return [(fit_right("?", w.size), f"unknown{back}"), (" " * room, back), own]
        text = self._size(qty, partly=self._partly_ask(price))
        bar = self._bar(qty, room, back, "ask_bar", leftwards=False)
        return [(fit_right(text, w.size), f"{self._tone('ask')}{back}"), *bar, own]

    def _bar(self, qty: int, room: int, back: str, name: str, *, leftwards: bool) -> list[Span]:
        """Return a bar over the wing, a cell away from the size; own orders lie over its end."""
        full = max(0, self.widths.wing - 1)
        gap, space = (" " * min(1, room), back), max(0, room - 1)
        if self.data.ascii_only:
            bar, style = "=" * min(space, round(qty / self.scale * full)), f"{name if self.trusted else 'faint'}{back}"
        else:
            bar = _eighths(min(space * 8, max(1, round(qty / self.scale * full * 8))))
            style = f"{name if self.trusted else 'faint'}{'~' if leftwards else ''}{back}"
        pad = (" " * (space - width_of(bar)), back)
        if leftwards:
            return [pad, (bar if self.data.ascii_only else _mirrored(bar), style), gap]
        return [gap, (bar, style), pad]

    def _price(self, price: int, back: str) -> list[Span]:
        data = self.data
        text = units(price, self.decimals)
        style = self._price_style(price)
        if price == self.last:
            mark = "=" if data.ascii_only else {Side.BUY: "▴", Side.SELL: "▾", None: "•"}[data.last_taker]
            text, style = f"{mark}{text}", "last"
        left, number = (" ", back), (fit_right(text, self.widths.price + 1), f"{self._tone(style)}{back}")
        pointer = ("Ø ", f"position!{back}") if price == self.average else ("  ", back)
        if price == self.cursor and pointer[0] == "  ":
            pointer = ("◂ " if not data.ascii_only else "< ", f"accent{back}")
        return [left, number, pointer]

    def _price_style(self, price: int) -> str:
        if self.best_bid is not None and price <= self.best_bid:
            return "bid"
        if self.best_ask is not None and price >= self.best_ask:
            return "ask"
        return "dim"

    def _tone(self, style: str) -> str:
        return style if self.trusted else "stale"

    def _size(self, qty: int, *, partly: bool) -> str:
        text = _quantity(qty, self.data.book.qty_decimals, self.places)
        if width_of(text) + partly > self.widths.size:
            text = compact(Decimal(qty).scaleb(-self.data.book.qty_decimals))
        return f"{text}+" if partly else text

    def _own(self, price: int, side: Side, room: int, back: str) -> Span:
        """Return the mark and size of own orders on a row; the mark alone where the size stands on the other side."""
        mine = self._mine(price, side)
        if mine is None:
            return ("", back)
        glyph, size, times, style = mine
        ghost_back = "@ghost" if style == "ghost" and not back else back
        exactly = glyph + exact(size) + times
        if width_of(exactly) > room and self._aside(price, side, back)[0]:
            return (fit(glyph, min(room, width_of(glyph))), f"{style}{ghost_back}")
        return (_tagged(glyph, size, times, room), f"{style}{ghost_back}")

    def _aside(self, price: int, side: Side, back: str) -> Span:
        """Return side and size of own orders that their wing has no room for, to stand on the empty other side."""
        w, mine = self.widths, self._mine(price, side)
        taken = (self.bids, self.asks) if side is Side.BUY else (self.asks, self.bids)
        hidden = self._hidden_ask(price) if side is Side.BUY else self._hidden_bid(price)
        if mine is None or price in taken[1] or hidden or self._mine(price, side.opposite) is not None:
            return ("", back)
        hidden_here = self._hidden_bid(price) if side is Side.BUY else self._hidden_ask(price)
        glyph, size, times, style = mine
        room = w.wing + (0 if price in taken[0] or hidden_here else w.size)
        if width_of(glyph + exact(size) + times) <= room:
            return ("", back)
        word = f"{side.value.lower()} "
        text = _tagged(word, size, times, w.wing + w.size)
        return ("", back) if len(text) <= len(word) else (text, f"{style}{back}")

    def _mine(self, price: int, side: Side) -> tuple[str, Decimal | None, str, str] | None:
        """Return mark, size, count and style of the ghost or the own orders on a side of a row."""
        ghost = self.data.ghost
        if ghost is not None and ghost.side is side and self._ghost_row == price:
            size = ghost.qty if ghost.qty is not None else ghost.quote_qty
            return ("+" if self.data.ascii_only else "◌", size, "", "ghost")
        found = self.own.get((price, side))
        if found is None:
            return None
        state, qty, count = found
        style = "unknown" if state is OrderState.UNKNOWN else "own"
        times = "" if count == 1 else f"×{count}"
        return (state_glyph(state, ascii_only=self.data.ascii_only), qty, times, style)

    def _hidden_bid(self, price: int) -> bool:
        low = self.data.book.known_low
        return low is not None and price + self.group - 1 < low and (self.best_bid is None or price < self.best_bid)

    def _hidden_ask(self, price: int) -> bool:
        high = self.data.book.known_high
        return high is not None and price - self.group + 1 > high and (self.best_ask is None or price > self.best_ask)

    def _partly_bid(self, price: int) -> bool:
        low = self.data.book.known_low
        return low is not None and price < low

    def _partly_ask(self, price: int) -> bool:
        high = self.data.book.known_high
        return high is not None and price > high


def cursor_line(data: LadderInput, width: int, away: int = 0) -> Row:
    """Return what stands between the touch and the cursor, and the exact price an order there would have.

    A market ``away`` rows below the view (above it, if negative) matters more, and is said instead.
    """
    if away:
        decimals = data.book.price_decimals
        aim = "" if data.cursor is None else f" {units(in_units(data.cursor, decimals), decimals)}"
        rows = "1 row" if abs(away) == 1 else f"{abs(away):,} rows"
        where = f"  {'↓' if away > 0 else '↑'} market {rows} {'below' if away > 0 else 'above'}, Space"
        return ((aim, "accent!@band"), (fit(where, width - width_of(aim)), "warn@band"))
    if data.cursor is None:
        return ((fit(" j/k moves the cursor", width), "dim@band"),)
    book = data.book
    price = in_units(data.cursor, book.price_decimals)
    head = f" {units(price, book.price_decimals)}"
    side, levels = _towards(book, price)
    if side == "":
        return ((head, "accent!@band"), (fit("  inside the spread", width - width_of(head)), "dim@band"))
    qty = sum(size for at, size in levels if (at >= price if side == "bids" else at <= price))
    worth = sum(at * size for at, size in levels if (at >= price if side == "bids" else at <= price))
    edge = book.known_low if side == "bids" else book.known_high
    beyond = edge is not None and (price < edge if side == "bids" else price > edge)
    amount = compact(Decimal(qty).scaleb(-book.qty_decimals))
    value = compact(Decimal(worth).scaleb(-book.qty_decimals - book.price_decimals))
    sign = "≥" if beyond else ""
    text = f"  {side} to here {sign}{amount} {clean(data.base)} = {sign}{value} {clean(data.quote)}"
    if width_of(head) + width_of(text) > width:
        text = f"  {sign}{amount} = {sign}{value} {clean(data.quote)}"
    return ((head, "accent!@band"), (fit(text, width - width_of(head)), "text@band"))


def _towards(book: BookView, price: int) -> tuple[str, tuple[tuple[int, int], ...]]:
    if book.bids and price <= book.bids[0][0]:
        return "bids", book.bids
    if book.asks and price >= book.asks[0][0]:
        return "asks", book.asks
    return "", ()


def scale_of(peak: int) -> int:
    """Return a full bar's quantity: the peak raised to 1, 2 or 5 times a power of ten, so that bars stand still."""
    if peak <= 0:
        return 1
    power: int = 10 ** (len(str(peak)) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= peak)


def _grouped(levels: tuple[tuple[int, int], ...], place: Callable[[int], int], bottom: int, top: int) -> dict[int, int]:
    rows: dict[int, int] = {}
    for price, qty in levels:
        row = place(price)
        if bottom <= row <= top:
            rows[row] = rows.get(row, 0) + qty
        elif rows:
            break
    return rows


def row_of(price: Decimal, decimals: int, group: int) -> int:
    """Return the row a price falls into, as the price of that row."""
    return in_units(price, decimals) // group * group


def _side_row(price: int, side: Side, group: int) -> int:
    return price // group * group if side is Side.BUY else -(-price // group) * group


def _ghost_row(data: LadderInput) -> int | None:
    if data.ghost is None or data.ghost.price is None:
        return None
    return _side_row(in_units(data.ghost.price, data.book.price_decimals), data.ghost.side, data.group)


def _own_by_row(data: LadderInput, group: int) -> dict[tuple[int, Side], tuple[OrderState, Decimal, int]]:
    rows: dict[tuple[int, Side], tuple[OrderState, Decimal, int]] = {}
    for order in data.orders:
        left = order.remaining_qty
        if order.price is None or left is None:
            continue
        row = _side_row(in_units(order.price, data.book.price_decimals), order.side, group)
        state, qty, count = rows.get((row, order.side), (order.state, Decimal(0), 0))
        rows[row, order.side] = (min(state, order.state, key=_urgency), qty + left, count + 1)
    return rows


def _urgency(state: OrderState) -> int:
    return _URGENT.index(state) if state in _URGENT else len(_URGENT)


def _tagged(glyph: str, size: Decimal | None, times: str, room: int) -> str:
    """Return the mark and the size, exactly or in short; the mark alone where no true size fits."""
    for text in (exact(size) + times, exact(size), compact(size) + times, compact(size)):
        if width_of(glyph + text) <= room:
            return glyph + text
    return fit(glyph, min(room, width_of(glyph)))


def _places(scale: int, decimals: int, width: int) -> int:
    """Return how many decimals sizes are shown with: as many as fit beside the largest."""
    whole = len(f"{scale // 10**decimals:,}")
    return max(0, min(decimals, 4, width - whole - 2))


@lru_cache(1024)
def _quantity(qty: int, decimals: int, places: int) -> str:
    text = units(qty // 10 ** (decimals - places), places)
    if qty > 0 and not text.strip("0.,"):
        return "<" + units(1, places) if places else "<1"
    return text


@lru_cache(2048)
def _eighths(count: int) -> str:
    whole, rest = divmod(count, 8)
    return "█" * whole + _EIGHTHS[rest]


@lru_cache(2048)
def _mirrored(bar: str) -> str:
    """Return the text that, drawn in reverse video, is the bar growing to the left."""
    whole = bar.count("█")
    rest = bar[whole:]
    return (_EIGHTHS[8 - _EIGHTHS.index(rest)] if rest else "") + " " * whole


def _merged(spans: list[Span]) -> Row:
    row: list[Span] = []
    for text, style in spans:
        if not text:
            continue
        if row and row[-1][1] == style:
            row[-1] = (row[-1][0] + text, style)
        else:
            row.append((text, style))
    return tuple(row)
