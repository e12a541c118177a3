"""Tapes: what an exchange sent, byte for byte, with the time at which it arrived.

A tape is a text file of one JSON object a line, only ever appended to. Its first line is the header::

    {"tape":1,"program":"mexc-tui 0.1.0","rest":"https://…","ws":"wss://…","symbols":["BTCUSDT"],"t":…,"n":…}

Every line carries ``t``, milliseconds since 1970 by the recording machine's clock, and ``n``, nanoseconds of its
monotonic clock: distances are taken from ``n``, the date from the header's ``t``. Every line after the header names
its kind in ``k``:

``pair``      ``pair``: the rules of a symbol as JSON of ``mexc_tui.domain.instrument.Instrument``
``frame``     ``b``: one binary stream frame before it was decoded, in base64
``text``      ``s``: one text frame (answers to subscriptions and pings)
``snapshot``  ``symbol``, ``version``, ``limit``, ``bids``, ``asks``: a book read by REST, numbers as texts
``link``      ``state``, ``reason``, ``symbols``: the stream went or came; pushes before it may be missing

A reader ignores kinds it does not know. A last line without a line break was torn by the end of the recording and is
left out. A file whose name ends in ``.gz`` is the same text, compressed so that whatever reached the disk can be read.
Nothing but public data is ever in a tape.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import queue
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

FORMAT = 1
WAITING = 50_000
"""Lines that may wait for the disk; beyond that it is too slow to record."""
GATHER_S = 0.25
"""How long lines are gathered before a compressed tape is brought up to date."""
CLOSE_LIMIT_S = 10.0

_GZIP = 31
_BATCH = 2_000


class TapeFileError(OSError):
    """A tape cannot be written. The text says why and what is in it."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "the tape cannot be written"


class TapeWriter:
    """Appends lines on a thread of its own; calls return at once and never raise after the start.

    Every line is handed to the system as soon as it comes (compressed ones four times a second), so that a killed
    recorder leaves all but the last moment. ``problem`` says why recording has stopped, and is empty while it goes on.
    """

    def __init__(self, path: Path, *, waiting: int = WAITING) -> None:
        """Make the file.

        Raises:
            TapeFileError: it exists, or cannot be made.
        """
        self.path = path
        self.problem = ""
        self.lines = 0
        """Lines written so far."""
        self.size = 0
        """Bytes written so far."""
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise TapeFileError(f"{path} exists already and is left as it is; choose another name.") from None
        except OSError as error:
            raise TapeFileError(f"The tape {path} cannot be made: {error.strerror}.") from error
        self._packer = zlib.compressobj(wbits=_GZIP) if path.suffix == ".gz" else None
        self._waiting: queue.Queue[bytes | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._run, name="tape", daemon=True)
        self._thread.start()

    def header(self, *, program: str, rest: str, ws: str, symbols: Sequence[str], wall_ms: int, mono_ns: int) -> None:
        """Write the first line."""
        names = {"tape": FORMAT, "program": program, "rest": rest, "ws": ws, "symbols": list(symbols)}
        self._put({**names, "t": wall_ms, "n": mono_ns})

    def frame(self, mono_ns: int, wall_ms: int, frame: bytes | str) -> None:
        """Write one stream frame; fits the tap of a venue."""
        if isinstance(frame, str):
            self.line("text", wall_ms, mono_ns, {"s": frame})
        else:
            self.line("frame", wall_ms, mono_ns, {"b": base64.b64encode(frame).decode("ascii")})

    def line(self, kind: str, wall_ms: int, mono_ns: int, fields: Mapping[str, Any]) -> None:
        """Write one line of any kind."""
        self._put({"k": kind, "t": wall_ms, "n": mono_ns, **fields})

    def close(self) -> None:
        """Write what is waiting and bring it to the disk; idempotent."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=CLOSE_LIMIT_S)
        self._thread.join(CLOSE_LIMIT_S)

    def _put(self, row: Mapping[str, Any]) -> None:
        if self.problem:
            return
        try:
            self._waiting.put_nowait(msgspec.json.encode(row) + b"\n")
        except queue.Full:
            self.problem = f"The disk is too slow for {self.path}; recording has stopped after {self.lines} lines."

    def _run(self) -> None:
        try:
            while True:
                batch, last = self._gather()
                self._write(batch, last=last)
                if last:
                    os.fsync(self._file)
                    return
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            why = "there is no room left for it" if full else str(error.strerror)
            self.problem = (
                f"The tape {self.path} cannot be written any further: {why}. "
                f"The {self.lines} lines before that can be replayed."
            )
        finally:
            os.close(self._file)

    def _gather(self) -> tuple[list[bytes], bool]:
        """Wait for lines; return them and whether they are the last."""
        batch: list[bytes] = []
        end = 0.0
        while len(batch) < _BATCH:
            try:
                line = self._waiting.get(timeout=max(0.0, end - time.monotonic()) if batch else None)
            except queue.Empty:
                break
            if line is None:
                return batch, True
            if not batch:
                end = time.monotonic() + (GATHER_S if self._packer is not None else 0.0)
            batch.append(line)
        return batch, False

    def _write(self, batch: list[bytes], *, last: bool) -> None:
        data = b"".join(batch)
        if self._packer is not None:
            data = self._packer.compress(data) + self._packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        self.size += len(data)
        while data:
            data = data[os.write(self._file, data) :]
        self.lines += len(batch)
