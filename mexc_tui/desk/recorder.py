"""Records the configured exchange's raw frames and snapshots into a tape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mexc_tui.config.program import VERSION
from mexc_tui.desk.errors import InvalidRequestError, RefusedError
from mexc_tui.desk.market import PublicMarket
from mexc_tui.domain.inputs import PUSHES, BookSnapshot, Input, LinkChanged, LinkState, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Interval
from mexc_tui.engine.clock import system_now
from mexc_tui.store.tape import TapeFileError, TapeWriter

CHANNELS = ("book", "trades", "ticker")
_POLL_S = 0.05


class Recorder:
    """Writes what the exchange sends of some symbols; the file is made once the exchange has answered."""

    def __init__(self, symbols: Sequence[str], path: Path, remark: Callable[[str], None]) -> None:
        """Check the file's name; remarks for the user go to ``remark``.

        Raises:
            InvalidRequestError: there is such a file already.
        """
        if path.exists():
            raise InvalidRequestError(f"{path} exists already and is left as it is; choose another name.")
        self.frames = 0
        self.lines = 0
        self.size = 0
        self.begun: set[str] = set()
        """Symbols of which the tape holds a book, so that they can be replayed."""
        self._symbols = tuple(symbols)
        self._path = path
        self._remark = remark
        self._market: PublicMarket | None = None
        self._tape: TapeWriter | None = None
        self._connected = False

    async def record(self, seconds: float | None) -> None:
        """Record for so long, or for good; ``close`` afterwards, however it ended.

        Raises:
            RequestError: the exchange cannot be reached or refuses, a pair is not listed, the file cannot be written.
        """
        market = self._market = PublicMarket(
            CHANNELS,
            listen=self._listen,
            emit_fact=lambda fact: self._remark(fact.message),
            remark=self._remark,
            tap=self._tap,
        )
        pairs = await market.connect(self._symbols)
        self._open(market, pairs)
        self._remark(f"recording {', '.join(self._symbols)} to {self._path}; Ctrl-C ends it")
        market.follow(pairs, [(symbol, Interval.M1) for symbol in self._symbols])
        loop = asyncio.get_running_loop()
        start = loop.time()
        while seconds is None or loop.time() - start < seconds:
            if self._tape is not None and self._tape.problem:
                raise RefusedError(self._tape.problem)
            market.check_stream(connected=self._connected, waited_s=loop.time() - start)
            await asyncio.sleep(_POLL_S)

    async def close(self) -> None:
        """Close market and file.

        Raises:
            RefusedError: the file is not complete.
        """
        if self._market is not None:
            await self._market.close()
        tape = self._tape
        if tape is not None:
            tape.close()
            self.lines, self.size = tape.lines, tape.size
            if tape.problem:
                raise RefusedError(tape.problem)

    def _open(self, market: PublicMarket, pairs: Sequence[Instrument]) -> None:
        try:
            tape = TapeWriter(self._path)
        except TapeFileError as error:
            if self._path.exists():
                raise InvalidRequestError(str(error)) from None
            raise RefusedError(str(error)) from None
        self._tape = tape
        at = system_now()
        tape.header(
            program=f"mexc-tui {VERSION}",
            rest=market.base_url,
            ws=market.ws_url,
            symbols=self._symbols,
            wall_ms=at.wall_ms,
            mono_ns=at.mono_ns,
        )
        for pair in (pair for pair in pairs if pair.base):
            tape.line("pair", at.wall_ms, at.mono_ns, {"pair": msgspec.to_builtins(pair)})

    def _tap(self, mono_ns: int, wall_ms: int, frame: bytes | str) -> None:
        if self._tape is not None:
            self.frames += 1
            self._tape.frame(mono_ns, wall_ms, frame)

    def _listen(self, item: Input, at: Timestamp) -> None:
        self._connected = self._connected or isinstance(item, PUSHES)
        if self._tape is None:
            return
        if isinstance(item, BookSnapshot):
            self.begun.add(item.symbol)
            book = {"symbol": item.symbol, "version": item.version, "limit": item.limit}
            fields = {**book, "bids": item.bids, "asks": item.asks}
            self._tape.line("snapshot", at.wall_ms, at.mono_ns, fields)
        elif isinstance(item, LinkChanged) and not item.private:
            self._connected = self._connected or item.state is LinkState.CONNECTED
            fields = {"state": item.state.value, "reason": item.reason, "symbols": sorted(item.symbols)}
            self._tape.line("link", at.wall_ms, at.mono_ns, fields)
