"""Candles as rows of characters: half-cell bodies and wicks, volume, own orders and fills, a crosshair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from mexc_tui.domain.market import Candle, Interval
from mexc_tui.domain.orders import Fill, Order, Side
from mexc_tui.domain.views import CandlesView
from mexc_tui.ui.primitives.rows import Row, Span
from mexc_tui.ui.primitives.text import compact, fixed, percent, wrap

ZOOMS: tuple[tuple[int, int], ...] = ((1, 5), (1, 3), (1, 2), (1, 1), (2, 1), (4, 1))
"""Zoom steps, widest first: candles merged into one, and cells that one takes."""
DEFAULT_ZOOM = 3

_MARKET = frozenset({"candle_up", "candle_down", "volume_up", "volume_down", "up", "down"})
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_MIN_AXIS = 8
_DAY = 24 * 60
_ROUND_MINUTES = (1, 5, 10, 15, 30, 60, 120, 240, 720, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY)
"""What times on the axis may be apart."""


class ChartState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the chart looks: zoom step, candles panned back from the newest, crosshair column from the right."""

    zoom: int = DEFAULT_ZOOM
    pan: int = 0
    crosshair: int | None = None


class ChartInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the chart draws."""

    view: CandlesView | None
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    price_decimals: int = 2
    ascii_only: bool = False
    fault: bool = False
    """The candles are old: more may have been traded since."""


class _Canvas:
    """A grid of (character, style) that folds into rows of spans."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells: list[list[tuple[str, str]]] = [[(" ", "")] * width for _ in range(height)]

    def put(self, x: int, y: int, char: str, style: str) -> None:
        if 0 <= x < self.width and 0 <= y < self.height:
            self._cells[y][x] = (char, style)

    def empty(self, x: int, y: int) -> bool:
        return 0 <= x < self.width and 0 <= y < self.height and self._cells[y][x][0] == " "

    def text(self, x: int, y: int, text: str, style: str) -> None:
        for offset, char in enumerate(text):
            self.put(x + offset, y, char, style)

    def rows(self) -> list[Row]:
        return [_fold(cells) for cells in self._cells]


def _fold(cells: Sequence[tuple[str, str]]) -> Row:
    spans: list[tuple[str, str]] = []
    for char, style in cells:
        if spans and (spans[-1][1] == style or (char == " " and "@" not in spans[-1][1] + style)):
            spans[-1] = (spans[-1][0] + char, spans[-1][1])
        else:
            spans.append((char, style))
    return tuple(spans)


def merge(candles: Sequence[Candle], size: int) -> list[Candle]:
    """Return candles merged in groups of ``size``, counted from the newest so that the live one is stable."""
    if size == 1:
        return list(candles)
    merged: list[Candle] = []
    for end in range(len(candles), 0, -size):
        group = candles[max(0, end - size) : end]
        merged.append(
            Candle(
                open_ms=group[0].open_ms,
                open=group[0].open,
                high=max(c.high for c in group),
                low=min(c.low for c in group),
                close=group[-1].close,
                volume=sum((c.volume for c in group), Decimal(0)),
                quote_volume=sum((c.quote_volume for c in group), Decimal(0)),
                closed=group[-1].closed,
            )
        )
    merged.reverse()
    return merged


def axis_width(candles: Sequence[Candle], price_decimals: int) -> int:
    """Return the cells that the price axis needs for these candles."""
    if not candles:
        return _MIN_AXIS
    return max(_MIN_AXIS, len(f"{max(c.high for c in candles):,.{price_decimals}f}") + 1)


def visible(data: ChartInput, state: ChartState, width: int) -> tuple[list[Candle], int, int]:
    """Return the candles in sight, the cells each takes, and the axis width."""
    view = data.view
    if view is None or not view.candles:
        return [], 1, _MIN_AXIS
    group, cells = ZOOMS[state.zoom]
    axis = axis_width(view.candles[-200:], data.price_decimals)
    merged = merge(view.candles, group)
    fits = max(1, (width - axis) // cells)
    end = max(min(len(merged), fits), len(merged) - state.pan)
    return merged[max(0, end - fits) : end], cells, axis


def legend(data: ChartInput, state: ChartState, width: int, room: int) -> Row:
    """Return the values under the crosshair, else of the newest candle in sight, in at most ``room`` cells.

    ``width`` is that of the chart. What matters least yields first: volume, then open, high and low.
    """
    candles, _, _ = visible(data, state, width)
    view = data.view
    if view is None or not candles:
        return ()
    index = len(candles) - 1 if state.crosshair is None else max(0, len(candles) - 1 - state.crosshair)
    candle = candles[index]
    style = "stale" if data.fault else "up" if candle.close >= candle.open else "down"
    move = (candle.close - candle.open) / candle.open if candle.open else None
    d = data.price_decimals
    when = _moment(candle.open_ms, view.interval, full=True)
    spans: list[tuple[int, Span]] = [
        (1, (f"{when} ", "cross" if state.crosshair is not None else "dim")),
        (2, (f"O {fixed(candle.open, d)} H {fixed(candle.high, d)} L {fixed(candle.low, d)} ", "")),
        (0, (f"C {fixed(candle.close, d)} {percent(move)} ", style)),
        (3, (f"V {compact(candle.volume)}", "dim")),
    ]
    while spans and sum(len(text) for _, (text, _) in spans) > room:
        spans.remove(max(spans, key=lambda span: span[0]))
    return tuple(span for _, span in spans)


def chart_rows(data: ChartInput, state: ChartState, width: int, height: int) -> list[Row]:
    """Return ``height`` rows of ``width`` cells: candles, volume, time axis."""
    candles, cells, axis = visible(data, state, width)
    body = height - 1
    if body < 4 or width < axis + 4:
        return [()] * height
    if data.view is None or not candles:
        loading = data.view is not None and data.view.loading
        message = "loading candles…" if loading else "no candles for this symbol and interval yet"
        said: list[Row] = [((f"  {line}", "dim"),) for line in wrap(message, width - 4)[:height]]
        return said + [()] * (height - len(said))
    volume_height = max(1, body // 5) if body >= 8 else 0
    price_height = body - volume_height
    canvas = _Canvas(width, body)
    left = width - axis - len(candles) * cells
    scale = _Scale(candles, price_height)
    _draw_orders(canvas, data.orders, scale, width - axis)
    for index, candle in enumerate(candles):
        _draw_candle(canvas, left + index * cells, cells, candle, scale, data.ascii_only)
    if volume_height:
        _draw_volume(canvas, candles, left, cells, price_height, volume_height)
    _draw_fills(canvas, data, candles, left, cells, scale)
    _draw_axis(canvas, candles, scale, width - axis, axis, data.price_decimals, data.orders)
    if state.crosshair is not None:
        _draw_crosshair(canvas, candles, left, cells, state.crosshair, price_height)
    times = _time_axis(candles, left, cells, width, data.view.interval)
    rows = canvas.rows()
    return [*(map(_aged, rows) if data.fault else rows), times]


def _aged(row: Row) -> Row:
    """Take the market's colours out of a row; own orders and fills keep theirs."""
    return tuple(
        (text, "stale" + style[len(base) :] if (base := style.partition("@")[0]) in _MARKET else style)
        for text, style in row
    )


class _Scale:
    """Maps a price to half-cells from the top. Drawing only, so floats."""

    def __init__(self, candles: Sequence[Candle], rows: int) -> None:
        self.high = float(max(c.high for c in candles))
        self.low = float(min(c.low for c in candles))
        if self.high <= self.low:
            pad = abs(self.high) * 0.001 or 1e-12
            self.high, self.low = self.high + pad, self.low - pad
        self.rows = rows
        self.per_half = (self.high - self.low) / max(1, rows * 2 - 1)

    def half(self, price: float) -> int:
        return round((self.high - price) / self.per_half)

    def row(self, price: Decimal) -> int | None:
        half = self.half(float(price))
        return half // 2 if 0 <= half < self.rows * 2 else None

    def price(self, row: int) -> float:
        return self.high - (row * 2 + 0.5) * self.per_half


_GLYPHS = {
    # (upper half, lower half), each of ' ' nothing, 'w' wick, 'b' body
    ("w", "w"): "│",
    ("b", "b"): "┃",
    ("w", "b"): "╽",
    ("b", "w"): "╿",
    (" ", "w"): "╷",
    ("w", " "): "╵",
    (" ", "b"): "╻",
    ("b", " "): "╹",
}
_WIDE = {("b", "b"): "█", (" ", "b"): "▄", ("b", " "): "▀", ("w", "b"): "▄", ("b", "w"): "▀"}
_ASCII = {"w": "|", "b": "#"}


def _draw_candle(canvas: _Canvas, x: int, cells: int, candle: Candle, scale: _Scale, ascii_only: bool) -> None:
    style = "candle_up" if candle.close >= candle.open else "candle_down"
    top, bottom = scale.half(float(candle.high)), scale.half(float(candle.low))
    body_top = scale.half(float(max(candle.open, candle.close)))
    body_bottom = scale.half(float(min(candle.open, candle.close)))

    def kind(half: int) -> str:
        if body_top <= half <= body_bottom:
            return "b"
        return "w" if top <= half <= bottom else " "

    wide = max(1, cells - 1)
    middle = x + (wide - 1) // 2
    for row in range(max(0, top // 2), min(scale.rows, bottom // 2 + 1)):
        pair = (kind(row * 2), kind(row * 2 + 1))
        if pair == (" ", " "):
            continue
        if ascii_only:
            canvas.put(middle, row, _ASCII["b" if "b" in pair else "w"], style)
        elif wide > 1 and "b" in pair:
            for offset in range(wide):
                canvas.put(x + offset, row, _WIDE[pair], style)
        else:
            canvas.put(middle, row, _GLYPHS[pair], style)


def _draw_volume(canvas: _Canvas, candles: Sequence[Candle], left: int, cells: int, top: int, height: int) -> None:
    largest = max((c.volume for c in candles), default=Decimal(0))
    if largest <= 0:
        return
    for index, candle in enumerate(candles):
        eighths = round(float(candle.volume / largest) * height * 8)
        if candle.volume > 0:
            eighths = max(1, eighths)
        style = "volume_up" if candle.close >= candle.open else "volume_down"
        for row in range(height):
            part = min(8, max(0, eighths - (height - 1 - row) * 8))
            if part:
                for offset in range(max(1, cells - 1)):
                    canvas.put(left + index * cells + offset, top + row, _EIGHTHS[part], style)


def _draw_orders(canvas: _Canvas, orders: Sequence[Order], scale: _Scale, right: int) -> None:
    for order in orders:
        row = scale.row(order.price) if order.price is not None else None
        if row is not None:
            style = "bid" if order.side is Side.BUY else "ask"
            for x in range(0, right, 2):
                canvas.put(x, row, "╌", style)


def _draw_fills(
    canvas: _Canvas, data: ChartInput, candles: Sequence[Candle], left: int, cells: int, scale: _Scale
) -> None:
    starts = [c.open_ms for c in candles]
    for fill in data.fills:
        if fill.time_ms < starts[0]:
            continue
        index = max(i for i, start in enumerate(starts) if start <= fill.time_ms)
        row = scale.row(fill.price)
        if row is not None:
            buy = fill.side is Side.BUY
            middle = left + index * cells + (max(1, cells - 1) - 1) // 2
            canvas.put(middle, row, "▲" if buy else "▼", "own@bid" if buy else "own@ask")


def _draw_axis(
    canvas: _Canvas,
    candles: Sequence[Candle],
    scale: _Scale,
    x: int,
    axis: int,
    decimals: int,
    orders: Sequence[Order],
) -> None:
    for price in _round_prices(scale.low, scale.high, max(2, scale.rows // max(2, scale.rows // 6)), decimals):
        row = scale.half(price) // 2
        canvas.text(x, row, f" {price:,.{decimals}f}"[:axis].ljust(axis), "axis")
    for order in orders:
        row_at = scale.row(order.price) if order.price is not None else None
        if row_at is not None:
            style = "bid" if order.side is Side.BUY else "ask"
            canvas.text(x, row_at, f" {order.price:,.{decimals}f}"[:axis].ljust(axis), style)
    last = candles[-1]
    row_last = scale.row(last.close)
    if row_last is not None:
        style = "up@cursor" if last.close >= last.open else "down@cursor"
        canvas.text(x, row_last, f"►{last.close:,.{decimals}f}"[:axis].ljust(axis), style)


def _round_prices(low: float, high: float, most: int, decimals: int) -> list[float]:
    """Return round prices from low to high, at most so many steps apart, none finer than the price is printed."""
    least = (high - low) / most
    power = max(math.floor(math.log10(least)), -decimals)
    step = next(size for size in (1, 2, 5, 10, 20, 50) if size * 10.0**power >= least) * 10.0**power
    return [at * step for at in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _draw_crosshair(canvas: _Canvas, candles: Sequence[Candle], left: int, cells: int, back: int, rows: int) -> None:
    index = max(0, len(candles) - 1 - back)
    middle = left + index * cells + (max(1, cells - 1) - 1) // 2
    for row in range(rows):
        if canvas.empty(middle, row):
            canvas.put(middle, row, "┊", "cross")


def _time_axis(candles: Sequence[Candle], left: int, cells: int, width: int, interval: Interval) -> Row:
    text = [" "] * width
    least_ms = max(1, 12 // cells) * (candles[-1].open_ms - candles[-2].open_ms if len(candles) > 1 else 0)
    step_ms = next((minutes * 60_000 for minutes in _ROUND_MINUTES if minutes * 60_000 >= least_ms), max(1, least_ms))
    for index in range(len(candles) - 1, -1, -1):
        before_ms = candles[index - 1].open_ms if index else candles[index].open_ms
        if candles[index].open_ms // step_ms == before_ms // step_ms:
            continue
        label = _moment(candles[index].open_ms, interval)
        x = left + index * cells
        start = min(max(0, x), width - len(label))
        if start >= 0 and all(c == " " for c in text[max(0, start - 1) : start + len(label) + 1]):
            text[start : start + len(label)] = label
    return (("".join(text), "axis"),)


def _moment(ms: int, interval: Interval, *, full: bool = False) -> str:
    at = datetime.fromtimestamp(ms / 1000, UTC)
    if interval in (Interval.D1, Interval.W1, Interval.MO1):
        return at.strftime("%Y-%m-%d") if full else at.strftime("%d %b")
    if full:
        return at.strftime("%d %b %H:%M")
    return at.strftime("%d %Hh") if interval in (Interval.H4, Interval.H8) else at.strftime("%H:%M")
