"""Reading of recordings: raw stream frames with their times, turned into the events of a tape.

The books that were recorded are rebuilt exactly: snapshots are joined with the increments around them by version,
increments that do not connect end a book until the next snapshot, and nothing is shown beyond the depth that a
snapshot reached.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from mexc_tui.config.files import TooLargeError, unpacked
from mexc_tui.domain.book import Applied, BookError, OrderBook
from mexc_tui.domain.inputs import BookDelta, BookSnapshot, TradesSeen
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import BadNumberError, parse_decimal, plain
from mexc_tui.venues.simulator.markets.events import TapeError, TapeLine, level_of, reason_of

FORMAT = 1
_KEPT = 2_000
"""Increments kept for a snapshot that may be older than they are."""
_IDS = 20_000
_BROKEN = ("reconnecting", "closed")
MOST_BYTES = 1 << 30
"""Unpacked; the events of a tape are held in memory."""
_LONGEST_LINE = 16 << 20
_MOST_DECIMALS = 18


FrameDecoder = Callable[[bytes], Iterable[BookDelta | TradesSeen]]
"""Turns a recorded frame into what it says of books and trades; nothing for a frame of another kind or a damaged one,
which was no news when it came and is none now: versions tell what is missing."""


class Recording(msgspec.Struct):
    """The events of a recording in order, and the pairs they belong to."""

    lines: list[TapeLine]
    instruments: list[Instrument]


def rows_of(path: Path) -> Iterator[tuple[int, Any]]:
    """Return the lines of a tape with their numbers, unpacked if need be; a torn last one is left out.

    Raises:
        TapeError: the file is missing, empty, unreadable or too large, or a line is not JSON.
    """
    found = False
    try:
        with path.open("rb") as file:
            for row in _rows(path, unpacked(file, MOST_BYTES)):
                found = True
                yield row
    except FileNotFoundError:
        raise TapeError(f"There is no tape {path}.") from None
    except TooLargeError as error:
        raise TapeError(f"The tape {path} is not played: {error.strerror}. Record fewer pairs or less time.") from None
    except OSError as error:
        raise TapeError(f"The tape {path} cannot be read: {error.strerror}.") from None
    except zlib.error:
        raise TapeError(f"The tape {path} is damaged: it cannot be unpacked.") from None
    if not found:
        raise TapeError(f"The tape {path} is empty.")


def _rows(path: Path, pieces: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
    number, torn = 0, b""
    for piece in pieces:
        *lines, torn = (torn + piece).split(b"\n")
        if len(torn) > _LONGEST_LINE:
            raise TapeError(f"The tape {path} is damaged: line {number + len(lines) + 1} has no end.")
        for line in lines:
            number += 1
            if line.strip():
                try:
                    yield number, _decode(line)
                except ValueError as error:
                    raise damaged(path, number, error) from None
    if torn.strip():
        try:
            last = _decode(torn)
        except ValueError as error:
            if number:
                return
            raise damaged(path, 1, error) from None
        yield number + 1, last


def _decode(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def damaged(path: Path, number: int, error: Exception) -> TapeError:
    """Return the error for a line that cannot be used."""
    return TapeError(f"The tape {path} is damaged in line {number}: {reason_of(error)}.")


def is_recording(first: Any) -> bool:
    """Whether a tape whose first line this is holds raw frames."""
    return isinstance(first, dict) and "tape" in first


def read_recording(path: Path, rows: Iterable[tuple[int, Any]], decode: FrameDecoder) -> Recording:
    """Return what a recording holds; TapeError for a damaged one, naming the line."""
    reader = _Reader(decode)
    for number, row in rows:
        try:
            reader.read(row)
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise damaged(path, number, error) from None
    if not reader.begun:
        raise TapeError(f"The tape {path} holds no book that a snapshot begins, so there is no market in it.")
    known = [pair for symbol, pair in reader.pairs.items() if symbol in reader.begun]
    return Recording([line for line in reader.lines if line.symbol in reader.begun], known)


class _Book:
    """One symbol's book as the recording shows it."""

    def __init__(self) -> None:
        self.book: OrderBook | None = None
        self.recent: deque[BookDelta] = deque(maxlen=_KEPT)
        self.ids: dict[str, None] = {}

    def lose(self) -> None:
        self.book = None
        self.recent.clear()

    def snapshot(self, snapshot: BookSnapshot, pair: Instrument | None) -> bool:
        """Begin or renew the book; False where the snapshot does not connect or says nothing new."""
        decimals = (0, 0) if pair is None else (pair.price_decimals, pair.qty_decimals)
        book = OrderBook(snapshot, price_decimals=decimals[0], qty_decimals=decimals[1])
        for delta in self.recent:
            if book.apply(delta) is Applied.GAP:
                return False
        if self.book is not None and book.version < self.book.version:
            return False
        self.book = book
        return True

    def delta(self, delta: BookDelta) -> bool:
        """Apply an increment; False where it changes nothing that is known."""
        self.recent.append(delta)
        if self.book is None:
            return False
        applied = self.book.apply(delta)
        if applied is Applied.GAP:
            self.lose()
            self.recent.append(delta)
        return applied is Applied.APPLIED

    def levels(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        book = self.book
        if book is None:
            return [], []
        bids, asks = book.levels()
        return (
            [(plain(book.price(price)), plain(book.quantity(qty))) for price, qty in bids],
            [(plain(book.price(price)), plain(book.quantity(qty))) for price, qty in asks],
        )

    def within(self, delta: BookDelta) -> BookDelta:
        """Return the part of an increment that lies within the known depth."""
        book = self.book
        if book is None:
            return delta
        view = book.view(1)
        low = None if view.known_low is None else book.price(view.known_low)
        high = None if view.known_high is None else book.price(view.known_high)
        if low is None and high is None:
            return delta
        bids = [level for level in delta.bids if low is None or parse_decimal(level[0]) >= low]
        asks = [level for level in delta.asks if high is None or parse_decimal(level[0]) <= high]
        return BookDelta(delta.symbol, delta.first, delta.last, bids, asks, delta.sent_ms, delta.recv_ns)


class _Reader:
    def __init__(self, decode: FrameDecoder) -> None:
        self.lines: list[TapeLine] = []
        self.pairs: dict[str, Instrument] = {}
        self.begun: set[str] = set()
        self._books: dict[str, _Book] = {}
        self._base: tuple[int, int] | None = None
        self._at_ms = 0
        self._decode = decode

    def read(self, row: Any) -> None:
        if not isinstance(row, dict):
            raise TypeError("not an object")
        wall_ms, mono_ns = _whole(row, "t"), _whole(row, "n")
        if "tape" in row:
            if row["tape"] != FORMAT:
                raise ValueError(f"format {row['tape']!r} is not known to this version")
            self._base = (wall_ms, mono_ns)
            for book in self._books.values():
                book.lose()
            return
        if self._base is None:
            raise ValueError("the header is missing")
        self._at_ms = max(self._at_ms, self._base[0] + (mono_ns - self._base[1]) // 1_000_000)
        kind = row["k"]
        if kind == "frame":
            self._frame(_unpack_frame(row["b"]))
        elif kind == "snapshot":
            self._snapshot(row, mono_ns)
        elif kind == "pair":
            pair = msgspec.convert(row["pair"], Instrument)
            if not (0 <= pair.price_decimals <= _MOST_DECIMALS and 0 <= pair.qty_decimals <= _MOST_DECIMALS):
                raise ValueError(f"{pair.symbol[:20]!r} has decimals that no pair has")
            self.pairs[pair.symbol] = pair
        elif kind == "link" and row["state"] in _BROKEN:
            for symbol in row["symbols"] or list(self._books):
                self._book(symbol).lose()

    def _snapshot(self, row: dict[str, Any], mono_ns: int) -> None:
        symbol, version = row["symbol"], row["version"]
        if not isinstance(symbol, str) or not isinstance(version, int):
            raise TypeError("symbol must be a text and version a whole number")
        sides = [[level_of(level) for level in row[side]] for side in ("bids", "asks")]
        snapshot = BookSnapshot(symbol, version, sides[0], sides[1], mono_ns, int(row.get("limit", 0)))
        book = self._book(symbol)
        if book.snapshot(snapshot, self.pairs.get(symbol)) and book.book is not None:
            self.begun.add(symbol)
            bids, asks = book.levels()
            self.lines.append(TapeLine(self._at_ms, "depth_snapshot", symbol, book.book.version, bids, asks))

    def _frame(self, frame: bytes) -> None:
        for item in self._decode(frame):
            with contextlib.suppress(BookError, BadNumberError):
                if isinstance(item, BookDelta):
                    self._delta(item)
                else:
                    self._trades(item)

    def _delta(self, delta: BookDelta) -> None:
        book = self._book(delta.symbol)
        if book.delta(delta):
            known = book.within(delta)
            self.lines.append(TapeLine(self._at_ms, "depth", delta.symbol, delta.last, known.bids, known.asks))

    def _trades(self, seen: TradesSeen) -> None:
        book, symbol = self._book(seen.symbol), seen.symbol
        for trade in seen.trades:
            if symbol not in self.begun or (trade.trade_id and trade.trade_id in book.ids):
                continue
            if trade.trade_id:
                book.ids[trade.trade_id] = None
                while len(book.ids) > _IDS:
                    del book.ids[next(iter(book.ids))]
            level = (plain(trade.price), plain(trade.qty))
            self.lines.append(TapeLine(self._at_ms, "trade", symbol, 0, [level], [], trade.taker, trade.trade_id))

    def _book(self, symbol: str) -> _Book:
        return self._books.setdefault(symbol, _Book())


def _unpack_frame(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("a frame must be a text")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("a frame is not base64") from None


def _whole(row: dict[str, Any], name: str) -> int:
    value = row[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number")
    return value
