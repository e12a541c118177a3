"""A recorded market played back: neutral JSON lines of snapshots, depth increments and trades."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import msgspec

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ONE, BadNumberError, decimals_of, parse_decimal, scaled
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.hall import Hall
from mexc_tui.venues.simulator.matching import Pair

QUOTES = ("USDT", "USDC", "USDE", "USD1", "BTC", "ETH", "EUR", "MX")
TAKER_FEE = parse_decimal("0.0005")
_USED = frozenset({"depth_snapshot", "depth", "trade"})


class TapeError(ValueError):
    """A tape cannot be played. The message names the file, and the line where there is one."""


class TapeLine(msgspec.Struct, frozen=True):
    """One event of a tape. Prices and quantities are still texts."""

    at_ms: int
    kind: str
    symbol: str
    update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    taker: Side | None = None


class TapeMarket:
    """Plays a recording of one or several symbols into an exchange.

    A symbol's market begins at its snapshot; earlier increments, and those up to the snapshot's id, are in it already.
    Quantities of the tape are the foreign part of a level, own orders stand beside them. When the tape ends, the
    markets stand still. Playback begins with ``start``, or with the first move of time when ``autostart`` is set.
    """

    def __init__(self, lines: Sequence[TapeLine], *, speed: float = 1.0, autostart: bool = False) -> None:
        """``speed`` 2.0 plays twice as fast, infinity everything at once; TapeError unless it is positive."""
        if not speed > 0:
            raise TapeError(f"A tape plays at a speed above zero, not {speed}.")
        self.lines = lines
        self.speed = speed
        self.autostart = autostart
        self._next = 0
        self._started_ms: int | None = None
        self._pairs: dict[str, Pair] = {}
        self._snapshot_ids: dict[str, int] = {}

    @classmethod
    def from_file(cls, path: str | Path, speed: float = 1.0, *, autostart: bool = False) -> TapeMarket:
        """Read a tape; TapeError for a missing, empty or corrupt file."""
        return cls(read_tape(Path(path)), speed=speed, autostart=autostart)

    @property
    def finished(self) -> bool:
        """Whether everything has been played."""
        return self._next >= len(self.lines)

    @property
    def started(self) -> bool:
        """Whether playback has begun."""
        return self._started_ms is not None

    def attach(self, hall: Hall) -> None:
        """List the tape's symbols at an exchange and let the tape move them."""
        for instrument in instruments_of(self.lines):
            self._pairs[instrument.symbol] = hall.add_pair(instrument)
        hall.add_source(self)

    def start(self, now_ms: int) -> None:
        """Begin to play, once; later calls change nothing."""
        if self._started_ms is None:
            self._started_ms = now_ms

    def prepare(self, now_ms: int) -> None:
        """Start with the first move of time, if that was asked for."""
        if self.autostart:
            self.start(now_ms)

    def next_ms(self) -> int | None:
        """Return when the next line is due, None before the start and after the end."""
        if self._started_ms is None or self.finished:
            return None
        return self._started_ms + ceil((self.lines[self._next].at_ms - self.lines[0].at_ms) / self.speed)

    def advance(self, now_ms: int) -> None:
        """Play every line that is due."""
        while (due := self.next_ms()) is not None and due <= now_ms:
            line = self.lines[self._next]
            self._next += 1
            self._play(line, self._pairs[line.symbol])

    def _play(self, line: TapeLine, pair: Pair) -> None:
        if line.kind == "trade" and line.taker is not None:
            price, qty = line.bids[0]
            pair.print_trade(line.taker, scaled(price, pair.price_decimals), scaled(qty, pair.qty_decimals))
            return
        if line.kind == "depth_snapshot":
            self._snapshot_ids[line.symbol] = line.update_id
            self._rewrite(pair, line)
        elif line.update_id > self._snapshot_ids.get(line.symbol, line.update_id):
            self._set_levels(pair, line)
        pair.uncross()

    def _rewrite(self, pair: Pair, line: TapeLine) -> None:
        """Replace the whole foreign book."""
        for side, levels in ((Side.BUY, line.bids), (Side.SELL, line.asks)):
            kept = {scaled(price, pair.price_decimals) for price, _ in levels}
            for price in [p for p in pair.book.half(side).levels if p not in kept]:
                pair.set_foreign(side, price, 0)
        self._set_levels(pair, line)

    def _set_levels(self, pair: Pair, line: TapeLine) -> None:
        changes = [
            (side, scaled(price, pair.price_decimals), scaled(qty, pair.qty_decimals))
            for side, levels in ((Side.BUY, line.bids), (Side.SELL, line.asks))
            for price, qty in levels
        ]
        for gone in (True, False):
            for side, price, qty in changes:
                if (qty == 0) is gone:
                    pair.set_foreign(side, price, qty)


def tape_exchange(tape: TapeMarket, *, start_ms: int, seed: int = 1) -> Exchange:
    """Return an exchange on which exactly the tape's symbols trade, and no accounts."""
    exchange = Exchange(start_ms=start_ms, seed=seed)
    tape.attach(exchange)
    return exchange


def read_tape(path: Path) -> list[TapeLine]:
    """Read the lines of a tape that matter for a book; TapeError for a missing, empty or corrupt file."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise TapeError(f"There is no tape {path}.") from None
    except OSError as error:
        raise TapeError(f"The tape {path} cannot be read: {error.strerror}.") from None
    if not raw.strip():
        raise TapeError(f"The tape {path} is empty.")
    lines: list[TapeLine] = []
    newest = 0
    for number, text in enumerate(raw.split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            line = _line(msgspec.json.decode(text), newest)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise TapeError(f"The tape {path} is damaged in line {number}: {_why(error)}.") from None
        if line is None:
            continue
        newest = line.at_ms
        lines.append(line)
    symbols = {line.symbol for line in lines if line.kind == "depth_snapshot"}
    if not symbols:
        raise TapeError(f"The tape {path} holds no depth_snapshot, so there is no market in it.")
    return [line for line in lines if line.symbol in symbols]


def instruments_of(lines: Sequence[TapeLine]) -> list[Instrument]:
    """Return the pairs of a tape, in order of appearance, with the decimals that its numbers need."""
    prices: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for line in lines:
        for price, qty in (*line.bids, *line.asks):
            prices[line.symbol] = max(prices.get(line.symbol, 0), decimals_of(parse_decimal(price)))
            sizes[line.symbol] = max(sizes.get(line.symbol, 0), decimals_of(parse_decimal(qty)))
    return [_instrument(symbol, prices[symbol], sizes[symbol]) for symbol in prices]


def _instrument(symbol: str, price_decimals: int, qty_decimals: int) -> Instrument:
    quote = next((name for name in QUOTES if symbol.endswith(name) and symbol != name), "USDT")
    base = symbol.removesuffix(quote)
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        min_notional=ONE,
        min_notional_market=ONE,
        taker_fee=TAKER_FEE,
        full_name=base,
    )


def _line(row: Any, newest_ms: int) -> TapeLine | None:
    """Return one event, None for a kind that does not bear on the book."""
    if not isinstance(row, dict):
        raise TypeError("not an object")
    kind, symbol, at = row["kind"], row["symbol"], row["t"]
    if not (isinstance(kind, str) and isinstance(symbol, str) and symbol and isinstance(at, int)):
        raise TypeError("kind and symbol must be texts and t a whole number")
    if kind not in _USED:
        return None
    at = max(at, newest_ms)
    if kind == "trade":
        price, qty = _level((row["price"], row["qty"]))
        if parse_decimal(qty) == 0:
            return None
        return TapeLine(at, kind, symbol, 0, [(price, qty)], [], Side(row["taker"]))
    update_id = row["lastUpdateId" if kind == "depth_snapshot" else "finalUpdateId"]
    if not isinstance(update_id, int):
        raise TypeError("an update id must be a whole number")
    return TapeLine(at, kind, symbol, update_id, [_level(x) for x in row["bids"]], [_level(x) for x in row["asks"]])


def _level(pair: Sequence[str]) -> tuple[str, str]:
    price, qty = pair
    if parse_decimal(price) <= 0 or parse_decimal(qty) < 0:
        raise BadNumberError(f"a price of {price} and a quantity of {qty}")
    return price, qty


def _why(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return str(error) or type(error).__name__
