"""Public channels: what each gathers between two pushes, and how it is encoded, once for all its subscribers."""

from __future__ import annotations

import re
from decimal import Decimal

from mexc_tui.domain.candles import window_end
from mexc_tui.domain.market import Candle
from mexc_tui.domain.numbers import divide
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import BookLevel, PublicTrade, SimError
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server import codec
from mexc_tui.wire.mexc import channels as wire
from mexc_tui.wire.mexc.intervals import BY_STREAM_NAME

DAY_MS = 86_400_000
LONGEST_HOLD_MS = 250
_LIMIT_DEPTHS = frozenset(map(str, wire.LIMIT_DEPTHS))

_ZONE = re.compile(r"24H|UTC([+-])(\d{1,2})(?::?(\d{2}))?")


class Channel:
    """One public channel. ``flush`` returns what to push at the end of a period."""

    wants_book = False
    wants_trades = False

    def __init__(self, name: str, symbol: str, period_ms: int) -> None:
        self.name = name
        self.symbol = symbol
        self.period_ms = period_ms
        self.event = name.replace(f"@{symbol}", "", 1) if symbol else name
        self.dirty = False

    def on_book(self, level: BookLevel) -> None:
        """Take a changed level."""
        self.dirty = True

    def on_trade(self, trade: PublicTrade) -> None:
        """Take a public trade."""
        self.dirty = True

    def joined(self) -> None:
        """Someone subscribed: channels that show a state push it at the next period."""
        self.dirty = True

    def flush(self, core: Exchange, now_ms: int) -> list[bytes]:
        """Return the frames of the period that ends now."""
        if not self.dirty:
            return []
        self.dirty = False
        return self.build(core, now_ms)

    def build(self, core: Exchange, now_ms: int) -> list[bytes]:
        """Encode the current state."""
        return []


class AggreDepth(Channel):
    """Increments of a book, absolute quantities, version ranges that join exactly."""

    wants_book = True

    def __init__(self, name: str, symbol: str, period_ms: int) -> None:
        super().__init__(name, symbol, period_ms)
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._first = 0
        self._last = 0
        self._created_ms = 0
        self._shot = 0
        self._held_until_ms = 0

    def snapshot_taken(self, now_ms: int) -> None:
        """Let the push that is being gathered reach beyond the snapshot, as most do on MEXC."""
        if self._first:
            self._shot = self._last
            self._held_until_ms = self._held_until_ms or now_ms + LONGEST_HOLD_MS

    def on_book(self, level: BookLevel) -> None:
        if not self._first:
            self._first = level.version
        self._last = level.version
        self._created_ms = level.time_ms
        (self._bids if level.side is Side.BUY else self._asks)[level.price] = level.qty

    def broken(self) -> None:
        """Drop what was gathered: the next push must not seem to join what was sent before."""
        self._bids, self._asks = {}, {}
        self._first = 0

    def joined(self) -> None:
        """Show nothing: an increment has no state of its own."""

    def flush(self, core: Exchange, now_ms: int) -> list[bytes]:
        if not self._first or (self._shot == self._last and now_ms < self._held_until_ms):
            return []
        self._held_until_ms = 0
        bids, asks = sorted(self._bids.items(), reverse=True), sorted(self._asks.items())
        frame = codec.aggre_depth(
            self.name, self.symbol, self.event, self._first, self._last, bids, asks, self._created_ms, now_ms
        )
        self._bids, self._asks = {}, {}
        self._first = 0
        return [frame]


class LimitDepth(Channel):
    wants_book = True

    def __init__(self, name: str, symbol: str, levels: int) -> None:
        super().__init__(name, symbol, 100)
        self.event = name.split("@" + symbol)[0]
        self._levels = levels
        self._shown: tuple[list[codec.Level], list[codec.Level]] | None = None

    def joined(self) -> None:
        self._shown = None
        self.dirty = True

    def build(self, core: Exchange, now_ms: int) -> list[bytes]:
        version, bids, asks = core.market.depth(self.symbol, self._levels)
        if (bids, asks) == self._shown:
            return []
        self._shown = (bids, asks)
        return [codec.limit_depth(self.name, self.symbol, self.event, version, bids, asks, now_ms)]


class AggreDeals(Channel):
    wants_trades = True

    def __init__(self, name: str, symbol: str, period_ms: int) -> None:
        super().__init__(name, symbol, period_ms)
        self._trades: list[PublicTrade] = []

    def on_trade(self, trade: PublicTrade) -> None:
        self._trades.append(trade)

    def flush(self, core: Exchange, now_ms: int) -> list[bytes]:
        if not self._trades:
            return []
        trades, self._trades = self._trades, []
        return [codec.aggre_deals(self.name, self.symbol, self.event, trades, now_ms)]


class BookTicker(Channel):
    """Best bid and ask, as a single value or as MEXC's list of one."""

    wants_book = True

    def __init__(self, name: str, symbol: str, period_ms: int, *, batch: bool) -> None:
        super().__init__(name, symbol, period_ms)
        self._batch = batch
        self._shown: object = None

    def joined(self) -> None:
        self._shown = None
        self.dirty = True

    def build(self, core: Exchange, now_ms: int) -> list[bytes]:
        version, bids, asks = core.market.depth(self.symbol, 1)
        bid, ask = (bids[0] if bids else None), (asks[0] if asks else None)
        if (bid, ask) == self._shown or (bid is None and ask is None):
            return []
        self._shown = (bid, ask)
        encode = codec.book_ticker_batch if self._batch else codec.aggre_book_ticker
        return [encode(self.name, self.symbol, version, bid, ask, now_ms)]


class Kline(Channel):
    """The candle that is being built, about once a second while the pair trades.

    A candle that was touched after its last push is pushed once more before the next window's first.
    """

    wants_trades = True

    def __init__(self, name: str, symbol: str, interval: str) -> None:
        super().__init__(name, symbol, 1_000)
        self._interval = interval
        self.core_interval = BY_STREAM_NAME[interval]
        self._shown: Candle | None = None

    def joined(self) -> None:
        self._shown = None
        self.dirty = True

    def build(self, core: Exchange, now_ms: int) -> list[bytes]:
        candles = core.market.candles(self.symbol, self.core_interval, 2)
        if not candles:
            return []
        shown, latest = self._shown, candles[-1]
        due = [latest]
        if (
            shown is not None
            and len(candles) > 1
            and shown.open_ms == candles[0].open_ms
            and _differ(shown, candles[0])
        ):
            due.insert(0, candles[0])
        self._shown = latest
        return [
            codec.kline(self.name, self.symbol, self._interval, c, window_end(self.core_interval, c.open_ms), now_ms)
            for c in due
        ]


def _differ(one: Candle, other: Candle) -> bool:
    return (one.close, one.high, one.low, one.volume) != (other.close, other.high, other.low, other.volume)


class MiniTicker(Channel):
    wants_trades = True

    def __init__(self, name: str, symbol: str, zone: str) -> None:
        super().__init__(name, symbol, 1_000)
        self._zone = ZonedChange(zone)

    def build(self, core: Exchange, now_ms: int) -> list[bytes]:
        ticker = core.market.ticker(self.symbol)
        return [codec.mini_ticker(self.name, ticker, self._zone.change(core, self.symbol, ticker.last, now_ms), now_ms)]


class MiniTickers(Channel):
    """Every pair's figures once a second."""

    def __init__(self, name: str, zone: str) -> None:
        super().__init__(name, "", 1_000)
        self._zone = ZonedChange(zone)

    def flush(self, core: Exchange, now_ms: int) -> list[bytes]:
        tickers = [core.market.ticker(i.symbol) for i in core.symbols.instruments()]
        rows = [(t, self._zone.change(core, t.symbol, t.last, now_ms)) for t in tickers if t.last is not None]
        return [codec.mini_tickers(self.name, rows, now_ms)] if rows else []


class ZonedChange:
    """Change since the day began in a time zone; the 24-hour figure for ``24H``."""

    def __init__(self, zone: str) -> None:
        found = _ZONE.fullmatch(zone)
        self._offset_ms: int | None = None
        if found is not None and found.group(1):
            minutes = int(found.group(2)) * 60 + int(found.group(3) or 0)
            self._offset_ms = (1 if found.group(1) == "+" else -1) * minutes * 60_000
        self._opens: dict[str, tuple[int, Decimal]] = {}

    def change(self, core: Exchange, symbol: str, last: Decimal | None, now_ms: int) -> Decimal | None:
        """Return the change as a fraction, or None where only the 24-hour figure applies."""
        if self._offset_ms is None or last is None:
            return None
        day = (now_ms + self._offset_ms) // DAY_MS * DAY_MS - self._offset_ms
        known = self._opens.get(symbol)
        if known is None or known[0] != day:
            candles = core.market.candles(symbol, "30m", 50, start_ms=day)
            if not candles or candles[0].open <= 0:
                return None
            known = self._opens[symbol] = (day, candles[0].open)
        return divide(last - known[1], known[1], 8)


def open_channel(name: str, core: Exchange) -> Channel | None:
    """Return the channel of that name, or None where MEXC would refuse it."""
    parts = name.split("@")
    if len(parts) < 3:
        return None
    kind, rest = "@".join(parts[:2]), parts[2:]
    made = _by_speed(name, kind, rest) or _by_symbol(name, kind, rest)
    if made is None or (made.symbol and not _known(core, made.symbol)):
        return None
    return made


def _by_speed(name: str, kind: str, rest: list[str]) -> Channel | None:
    if len(rest) != 2 or rest[0] not in wire.SPEEDS_MS:
        return None
    period, symbol = wire.SPEEDS_MS[rest[0]], rest[1]
    match kind:
        case wire.AGGRE_DEPTH:
            return AggreDepth(name, symbol, period)
        case wire.AGGRE_DEALS:
            return AggreDeals(name, symbol, period)
        case wire.AGGRE_BOOK_TICKER:
            return BookTicker(name, symbol, period, batch=False)
        case _:
            return None


def _by_symbol(name: str, kind: str, rest: list[str]) -> Channel | None:
    symbol, argument = rest[0], rest[1] if len(rest) == 2 else None
    match kind:
        case wire.LIMIT_DEPTH if argument in _LIMIT_DEPTHS:
            return LimitDepth(name, symbol, int(argument or 0))
        case wire.KLINE if argument in BY_STREAM_NAME:
            return Kline(name, symbol, argument or "")
        case wire.MINI_TICKER if argument and _ZONE.fullmatch(argument):
            return MiniTicker(name, symbol, argument)
        case wire.MINI_TICKERS if len(rest) == 1 and _ZONE.fullmatch(symbol):
            return MiniTickers(name, symbol)
        case wire.BOOK_TICKER_BATCH if len(rest) == 1:
            return BookTicker(name, symbol, 100, batch=True)
        case _:
            return None


def _known(core: Exchange, symbol: str) -> bool:
    try:
        core.symbols.instrument(symbol)
    except SimError:
        return False
    return True
