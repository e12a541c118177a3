"""A recorded market played back: raw recordings, or neutral JSON lines of snapshots, increments and trades."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ONE, decimals_of, parse_decimal, scaled
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.core.symbols import SymbolRegistry
from mexc_tui.venues.simulator.core.timeline import Timeline
from mexc_tui.venues.simulator.markets.events import TapeError, TapeLine, level_of
from mexc_tui.venues.simulator.markets.recording import (
    FrameDecoder,
    damaged,
    is_recording,
    read_recording,
    rows_of,
)

QUOTES = ("USDT", "USDC", "USDE", "USD1", "BTC", "ETH", "EUR", "MX")
TAKER_FEE = parse_decimal("0.0005")
_USED = frozenset({"depth_snapshot", "depth", "trade"})

__all__ = ["TapeError", "TapeLine", "TapeMarket", "instruments_of", "read_tape"]


class TapeMarket:
    """Plays a recording of one or several symbols into an exchange.

    A symbol's market begins at its snapshot; earlier increments, and those up to the snapshot's id, are in it already.
    Quantities of the tape are the foreign part of a level, own orders stand beside them. When the tape ends, the
    markets stand still. Playback begins with ``start``.
    """

    def __init__(
        self,
        lines: Sequence[TapeLine],
        *,
        speed: float = 1.0,
        instruments: Sequence[Instrument] | None = None,
        from_s: float = 0.0,
    ) -> None:
        """``speed`` 2.0 plays twice as fast, infinity everything at once; TapeError unless it is positive.

        Playback begins ``from_s`` seconds into the tape, with the books as they were at that moment.
        """
        if not speed > 0:
            raise TapeError(f"A tape plays at a speed above zero, not {speed}.")
        last_s = (lines[-1].at_ms - lines[0].at_ms) / 1_000 if lines else 0.0
        if not 0 <= from_s <= last_s:
            raise TapeError(f"The tape is {last_s:.1f} s long, so it cannot begin at {from_s:g} s.")
        self.lines = lines
        self.instruments = instruments_of(lines) if instruments is None else list(instruments)
        self.speed = speed
        self._first_ms = lines[0].at_ms if lines else 0
        self._begin_ms = self._first_ms + round(from_s * 1_000)
        self._next = 0
        self._started_ms: int | None = None
        self._pairs: dict[str, Pair] = {}
        self._snapshot_ids: dict[str, int] = {}

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        decode: FrameDecoder,
        speed: float = 1.0,
        *,
        from_s: float = 0.0,
    ) -> TapeMarket:
        """Read a tape, raw or neutral; TapeError for a missing, empty or corrupt file. ``decode`` reads raw frames."""
        lines, instruments = read_tape(Path(path), decode)
        return cls(lines, speed=speed, instruments=instruments, from_s=from_s)

    @property
    def finished(self) -> bool:
        """Whether everything has been played."""
        return self._next >= len(self.lines)

    def attach(self, symbols: SymbolRegistry, timeline: Timeline) -> None:
        """List the tape's symbols at an exchange and let the tape move them."""
        for instrument in self.instruments:
            self._pairs[instrument.symbol] = symbols.add_pair(instrument)
        timeline.add(self)
        if self._begin_ms > self._first_ms:
            self._seek()

    def _seek(self) -> None:
        """Bring the books to where they were when playback begins; trades before that are past."""
        while not self.finished and self.lines[self._next].at_ms <= self._begin_ms:
            line = self.lines[self._next]
            self._next += 1
            if line.kind != "trade":
                self._play(line, self._pairs[line.symbol])

    def start(self, now_ms: int) -> None:
        """Begin to play, once; later calls change nothing."""
        if self._started_ms is None:
            self._started_ms = now_ms

    def prepare(self, now_ms: int) -> None:
        """Nothing to prepare."""

    def next_ms(self) -> int | None:
        """Return when the next line is due, None before the start and after the end."""
        if self._started_ms is None or self.finished:
            return None
        return self._started_ms + ceil((self.lines[self._next].at_ms - self._begin_ms) / self.speed)

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
            for price in [p for p in pair.book.side(side).levels if p not in kept]:
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


def read_tape(path: Path, decode: FrameDecoder) -> tuple[list[TapeLine], list[Instrument]]:
    """Read what of a tape matters for a book, and the pairs; TapeError for a missing, empty or corrupt file.

    A last line that was torn by the end of the recording is left out.
    """
    rows = rows_of(path)
    lines: list[TapeLine] = []
    newest = 0
    for number, row in rows:
        if number == 1 and is_recording(row):
            found = read_recording(path, chain(((number, row),), rows), decode)
            return found.lines, _fitting(found.instruments, found.lines)
        try:
            line = _line(row, newest)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, number, error) from None
        if line is not None:
            newest = line.at_ms
            lines.append(line)
    symbols = {line.symbol for line in lines if line.kind == "depth_snapshot"}
    if not symbols:
        raise TapeError(f"The tape {path} holds no depth_snapshot, so there is no market in it.")
    lines = [line for line in lines if line.symbol in symbols]
    return lines, instruments_of(lines)


def instruments_of(lines: Sequence[TapeLine]) -> list[Instrument]:
    """Return the pairs of a tape, in order of appearance, with the decimals that its numbers need."""
    prices: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for line in lines:
        for price, qty in (*line.bids, *line.asks):
            prices[line.symbol] = max(prices.get(line.symbol, 0), decimals_of(parse_decimal(price)))
            sizes[line.symbol] = max(sizes.get(line.symbol, 0), decimals_of(parse_decimal(qty)))
    return [_instrument(symbol, prices[symbol], sizes[symbol]) for symbol in prices]


def _fitting(known: Sequence[Instrument], lines: Sequence[TapeLine]) -> list[Instrument]:
    """Return the pairs as recorded, open to keys, with at least the decimals that the tape's numbers need."""
    real = {pair.symbol: pair for pair in known}
    found = []
    for needed in instruments_of(lines):
        pair = real.get(needed.symbol, needed)
        found.append(
            replace(
                pair,
                price_decimals=max(pair.price_decimals, needed.price_decimals),
                qty_decimals=max(pair.qty_decimals, needed.qty_decimals),
                api_trading=True,
            )
        )
    return found


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
        price, qty = level_of((row["price"], row["qty"]))
        if parse_decimal(qty) == 0:
            return None
        return TapeLine(at, kind, symbol, 0, [(price, qty)], [], Side(row["taker"]))
    update_id = row["lastUpdateId" if kind == "depth_snapshot" else "finalUpdateId"]
    if not isinstance(update_id, int):
        raise TypeError("an update id must be a whole number")
    return TapeLine(at, kind, symbol, update_id, [level_of(x) for x in row["bids"]], [level_of(x) for x in row["asks"]])
