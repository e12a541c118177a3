"""Names of the stream channels, requests that fit the wire, and reading of control answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from mexc_tui.domain.market import Interval
from mexc_tui.wire.mexc import channels as wire
from mexc_tui.wire.mexc.intervals import BY_STREAM_NAME, STREAM_NAMES

MAX_REQUEST: Final = 1000
"""Longest request that is sent, in bytes. MEXC documents no limit; widely used clients stay within 1 kB."""

PING: Final = '{"method":"PING"}'
INVALID_KEY: Final = "Invalid listen key"

BOOK: Final = "book"
TRADES: Final = "trades"
BEST: Final = "best prices"
CANDLES: Final = "candles"
LEVELS: Final = "levels"
TICKERS: Final = "24-hour figures"
_CONTENT: Final = {
    wire.AGGRE_DEPTH: BOOK,
    wire.AGGRE_DEALS: TRADES,
    wire.AGGRE_BOOK_TICKER: BEST,
    wire.BOOK_TICKER_BATCH: BEST,
    wire.KLINE: CANDLES,
    wire.LIMIT_DEPTH: LEVELS,
    wire.MINI_TICKER: TICKERS,
    wire.MINI_TICKERS: TICKERS,
}
_REFUSED: Final = re.compile(r"Not Subscribed successfully! \[([^\]]*)\]\.?(?:\s*Reason\s*[：:]\s*(.*))?", re.DOTALL)
_ACCEPTED: Final = re.compile(r"(?<!Not )Subscribed successful! \[([^\]]*)\]")


class Speed(StrEnum):
    """How often the exchange sends aggregated pushes."""

    FAST = "10ms"
    NORMAL = "100ms"


_FAST: Final = f"@{Speed.FAST.value}@"
_NORMAL: Final = f"@{Speed.NORMAL.value}@"


def depth(symbol: str, speed: Speed | str = Speed.NORMAL) -> str:
    """Increments of a book."""
    return f"{wire.AGGRE_DEPTH}@{Speed(speed).value}@{symbol}"


def deals(symbol: str, speed: Speed | str = Speed.NORMAL) -> str:
    """Public trades."""
    return f"{wire.AGGRE_DEALS}@{Speed(speed).value}@{symbol}"


def book_ticker(symbol: str, speed: Speed | str = Speed.NORMAL) -> str:
    """Best prices."""
    return f"{wire.AGGRE_BOOK_TICKER}@{Speed(speed).value}@{symbol}"


def book_ticker_batch(symbol: str) -> str:
    """Best prices, as a list."""
    return f"{wire.BOOK_TICKER_BATCH}@{symbol}"


def kline(symbol: str, interval: Interval | str) -> str:
    """Candles; an interval by its REST name (``4h``; also ``8h``) or its stream name (``Hour4``).

    Raises:
        ValueError: there is no such interval.
    """
    return f"{wire.KLINE}@{symbol}@{STREAM_NAMES[interval_of(interval)]}"


def interval_of(name: Interval | str) -> Interval:
    """Return an interval by its REST name or its stream name.

    Raises:
        ValueError: there is no such interval.
    """
    return BY_STREAM_NAME[name] if name in BY_STREAM_NAME else Interval(name)


def limit_depth(symbol: str, levels: int) -> str:
    """Whole top of a book with every push; 5, 10 or 20 levels."""
    if levels not in wire.LIMIT_DEPTHS:
        raise ValueError("limit.depth offers 5, 10 or 20 levels")
    return f"{wire.LIMIT_DEPTH}@{symbol}@{levels}"


def mini_ticker(symbol: str, zone: str = "24H") -> str:
    """24-hour figures of one pair; the zone is mandatory."""
    return f"{wire.MINI_TICKER}@{symbol}@{zone}"


def mini_tickers(zone: str = "24H") -> str:
    """24-hour figures of all pairs; the zone is mandatory."""
    return f"{wire.MINI_TICKERS}@{zone}"


def symbol_of(channel: str) -> str:
    """Return the pair a channel belongs to; empty for account channels and those of all pairs."""
    if not channel.startswith(wire.PUBLIC_PREFIX) or ".miniTickers." in channel:
        return ""
    parts = [part for part in channel.split("@")[2:] if part not in wire.SPEEDS_MS]
    return parts[0] if parts else ""


def candles_of(channel: str) -> Interval | None:
    """Return the length of the candles that a channel brings; None for any other channel."""
    return BY_STREAM_NAME.get(channel.rpartition("@")[2]) if channel.startswith(wire.KLINE) else None


def channel_of(frame: bytes) -> bytes:
    """Return the name of the channel that a push came by: its first field."""
    return frame[2 : 2 + frame[1]] if len(frame) > 2 else b""


def content(channel: str) -> tuple[str, str, str]:
    """Return what a public channel carries: the kind, the pair (empty for all), and the interval or depth if any.

    Channels that tell the same at another speed or in another form have the same content.

    Raises:
        ValueError: it is not the name of a public channel.
    """
    form, _, rest = channel.partition(".pb@")
    kind = _CONTENT.get(f"{form}.pb")
    symbol = symbol_of(channel)
    if kind is None or not rest or not (symbol or kind == TICKERS):
        raise ValueError(f"{channel[:80]!r} is not the name of a public channel")
    detail = rest.rpartition("@")[2]
    if kind == CANDLES:
        if detail not in BY_STREAM_NAME:
            raise ValueError(f"{detail[:20]!r} is not the stream name of an interval")
        return kind, symbol, BY_STREAM_NAME[detail].value
    if kind == LEVELS:
        return kind, symbol, detail
    return kind, symbol, ""


def once_each(channels: Iterable[str]) -> list[str]:
    """Leave out what is named twice, and what comes at the fast speed as well: it would bring everything again."""
    wanted = dict.fromkeys(channels)
    return [channel for channel in wanted if channel.replace(_NORMAL, _FAST) not in wanted or _NORMAL not in channel]


def is_private(channel: str) -> bool:
    """Whether a channel carries account events and so needs a listen key."""
    return channel.startswith(wire.PRIVATE_PREFIX)


def fallback(channel: str) -> str | None:
    """Return the channel to try when this one is refused, or None."""
    if _FAST in channel:
        return channel.replace(_FAST, _NORMAL)
    if ".miniTicker" in channel and channel.endswith("@24H"):
        return channel.removesuffix("24H") + "UTC+8"
    return None


def requests(method: str, channels: Iterable[str], ids: Iterator[int]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Split channels over as many requests as the size limit needs: (id, channels, JSON text)."""
    batch: list[str] = []
    size = 0
    for channel in channels:
        length = len(channel.encode()) + 3
        if batch and size + length > MAX_REQUEST - 80:
            yield _request(method, tuple(batch), next(ids))
            batch, size = [], 0
        batch.append(channel)
        size += length
    if batch:
        yield _request(method, tuple(batch), next(ids))


def _request(method: str, batch: tuple[str, ...], number: int) -> tuple[int, tuple[str, ...], str]:
    return number, batch, msgspec.json.encode({"method": method, "params": batch, "id": number}).decode()


class AnswerKind(StrEnum):
    PONG = "pong"
    CHANNELS = "channels"
    INVALID_KEY = "invalid key"
    BAD_REQUEST = "bad request"
    OTHER = "other"


class Answer(msgspec.Struct, frozen=True):
    """A control answer. Its code is 0 even where every channel was refused, so the text decides."""

    kind: AnswerKind
    id: int = 0
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    reason: str = ""


class _Control(msgspec.Struct):
    id: int = 0
    code: int = 0
    msg: str = ""


_read = msgspec.json.Decoder(_Control, strict=False).decode


def parse_answer(text: str) -> Answer:
    """Read a text frame; what cannot be read is OTHER, never an exception."""
    if text.strip().startswith(INVALID_KEY):
        return Answer(AnswerKind.INVALID_KEY, reason=INVALID_KEY)
    try:
        control = _read(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Answer(AnswerKind.OTHER, reason=_clean(text))
    message = control.msg
    if message == "PONG":
        return Answer(AnswerKind.PONG, control.id)
    if message.startswith(INVALID_KEY):
        return Answer(AnswerKind.INVALID_KEY, control.id, reason=INVALID_KEY)
    if message == "msg format invalid":
        return Answer(AnswerKind.BAD_REQUEST, control.id, reason=message)
    refused = _REFUSED.search(message)
    if refused is not None:
        accepted = _ACCEPTED.search(message)
        return Answer(
            AnswerKind.CHANNELS,
            control.id,
            _names(accepted.group(1)) if accepted else (),
            _names(refused.group(1)),
            _clean(refused.group(2) or ""),
        )
    listed = _ACCEPTED.search(message)
    names = _names(listed.group(1) if listed else message)
    if control.code == 0 and names and all(name.startswith("spot@") for name in names):
        return Answer(AnswerKind.CHANNELS, control.id, names)
    return Answer(AnswerKind.OTHER, control.id, reason=_clean(message))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _clean(text: str) -> str:
    """Return printable text of bounded length: it may reach the screen."""
    return "".join(character for character in text[:200] if character.isprintable()).strip()
