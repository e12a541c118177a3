"""Channels that a program follows besides the books: what arrives is handed out in order, and a loss is reported."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import (
    BookDelta,
    CandleSeen,
    ChannelRefused,
    Input,
    LinkChanged,
    LinkState,
    TickersSeen,
    TopLevels,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.venues.mexc.stream import channels as names

DEFAULT_BUFFER: Final = 10_000


class Subscription:
    """Updates of some channels, for ``async for``; the oldest first, each as the type of its channel.

    ``LinkChanged`` says that something was or may have been missed: the connection was lost or came back, or the
    reader was too slow and what waited for it was dropped (``lost`` counts that). While a connection or
    the speed of a channel is replaced, updates other than trades may come twice.

    Raises:
        VenueError: from the iteration, once the exchange has refused every one of the channels.
        RuntimeError: from the iteration, if the session failed.
    """

    def __init__(
        self,
        channels: Iterable[str],
        buffer: int,
        closed: Callable[[Subscription], None],
        link: LinkState = LinkState.CONNECTED,
    ) -> None:
        self.channels = tuple(dict.fromkeys(channels))
        self.refused: dict[str, str] = {}
        """Channels that the exchange refused and of which nothing has come since, with its reason.

        They are asked for again now and then.
        """
        self.lost = 0
        """Updates dropped because the reader was too slow."""
        self._keys = {names.content(channel) for channel in self.channels}
        self._symbols = frozenset(names.symbol_of(channel) for channel in self.channels)
        self._buffer = max(1, buffer)
        self._items: deque[Input] = deque()
        self._wake = asyncio.Event()
        self._ended: BaseException | None = None
        self._done = False
        self._closed = closed
        self._link = link

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Input:
        while not self._items:
            if self._ended is not None:
                raise self._ended
            if self._done:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._items.popleft()

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the channels up and end the iteration; idempotent."""
        if not self._done:
            self.end()
            self._closed(self)

    def end(self, error: BaseException | None = None) -> None:
        """End the iteration after what has arrived, with an error if there was one; what ended it first counts."""
        if not self._done:
            self._done = True
            self._ended = error
            self._wake.set()

    def handle(self, item: Input) -> None:
        """Take what concerns these channels out of everything that arrives."""
        mine = None if self._done else self._mine(item)
        if mine is None:
            return
        if len(self._items) >= self._buffer:
            self.lost += sum(not isinstance(waiting, LinkChanged) for waiting in self._items)
            self._items.clear()
            reason = f"the reader is too slow: {self.lost} updates were dropped so far"
            self._items.append(LinkChanged(False, self._link, reason, self._symbols - {""}))
        self._items.append(mine)
        self._wake.set()

    def _mine(self, item: Input) -> Input | None:
        match item:
            case BookDelta() | TradesSeen() | TopOfBook() | CandleSeen() | TopLevels():
                if isinstance(item, TradesSeen) and item.history:
                    return None
                return item if self._brought(_content(item)) else None
            case TickersSeen():
                return self._tickers(item)
            case LinkChanged(private=False):
                self._link = item.state
                # A channel of all pairs runs beside those of any pair.
                return item if not item.symbols or "" in self._symbols or item.symbols & self._symbols else None
            case ChannelRefused():
                return self._refuse(item)
        return None

    def _tickers(self, seen: TickersSeen) -> TickersSeen | None:
        if self._brought((names.TICKERS, "", "")):
            return seen
        mine = tuple(ticker for ticker in seen.tickers if self._brought((names.TICKERS, ticker.symbol, "")))
        return TickersSeen(mine, seen.recv_ns) if mine else None

    def _brought(self, content: tuple[str, str, str]) -> bool:
        """Whether this is among what is wanted; what comes is refused no more."""
        if content not in self._keys:
            return False
        for name in [name for name in self.refused if names.content(name) == content]:
            del self.refused[name]
        return True

    def _refuse(self, refused: ChannelRefused) -> ChannelRefused | None:
        mine = [name for name in self.channels if refused.channel in (name, names.fallback(name))]
        if not mine:
            return None
        self.refused.update(dict.fromkeys(mine, refused.reason))
        if len(self.refused) == len(self.channels):
            self.end(
                VenueError(
                    f"MEXC refuses {', '.join(self.channels)}{f': {refused.reason}' if refused.reason else ''}. "
                    "Nothing of it will arrive; orders are not touched.",
                    kind=ErrorKind.BAD_PARAMETER,
                    remedy="Check that the pair exists and is open, then subscribe again.",
                    definite=True,
                )
            )
            self._closed(self)
        return refused


def _content(item: BookDelta | TradesSeen | TopOfBook | CandleSeen | TopLevels) -> tuple[str, str, str]:
    match item:
        case BookDelta():
            return (names.BOOK, item.symbol, "")
        case TradesSeen():
            return (names.TRADES, item.symbol, "")
        case TopOfBook():
            return (names.BEST, item.symbol, "")
        case CandleSeen():
            return (names.CANDLES, item.symbol, item.interval.value)
        case TopLevels():
            return (names.LEVELS, item.symbol, str(item.depth))
