"""The state of a local exchange on disk: a file with everything, and beside it a journal of what came after."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import glob
import os
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec

from mexc_tui.config.files import decode_json, read_whole
from mexc_tui.config.locks import FileLock, HeldError
from mexc_tui.desk.errors import InvalidRequestError, RefusedError
from mexc_tui.venues.simulator.changes import Changes, Record, bring_up_to_date
from mexc_tui.venues.simulator.core.events import BookBroken, BookLevel, CandleMoved, PublicTrade, SimEvent
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server.keys import ApiKey, KeyRing
from mexc_tui.venues.simulator.state import ExchangeState, KeptState

FORMAT = 1
EVERY_S = 2.0
"""How often the journal is brought to the disk itself: power loss takes no more than that."""
WHOLE_EVERY = 5
"""After so many times the whole state is written instead, while something changes."""

_record_line = msgspec.json.Encoder().encode
MOST_BYTES = 256 << 20


class StateError(Exception):
    """The file cannot be read or written; a whole sentence."""


class _Saved(msgspec.Struct):
    format: int
    keys: list[ApiKey]
    exchange: dict[str, Any]
    generation: int = 0
    """Journals of this number and later ones hold what came after."""


class StateFile:
    """Loads once, then keeps what changes. The file holds secrets and is readable by its owner only.

    ``persist`` writes to the journal what has changed and belongs before everything that reports it, so that killing
    the process takes back nothing that was acknowledged. Power loss may take the last two seconds.
    """

    def __init__(self, path: Path, exchange: Exchange, kept: KeptState | None = None) -> None:
        """``kept`` dumps and restores the exchange where that takes more than its own parts."""
        self.keys: list[ApiKey] = []
        """What an earlier run left."""
        self.ring: KeyRing | None = None
        """The keys to save."""
        self.problem = ""
        """Why nothing can be kept at the moment, as a sentence; empty while all is well."""
        self.on_problem: Callable[[str], None] = lambda sentence: None
        self._path = path
        self._beside = path.with_name(path.name + ".new")
        self._kept = ExchangeState(exchange) if kept is None else kept
        self._changed = True
        self._changes = Changes(exchange)
        self._generation = 0
        self._journal: FileIO | None = None
        self._writing = threading.Lock()
        self._on_disk = 0
        exchange.listen(self._on_event)

    def load(self) -> None:
        """Take over what an earlier run left, if anything, and make sure that it can be written.

        Raises:
            StateError: a file is damaged, or cannot be read or written.
        """
        content = self._read(self._path)
        if content:
            try:
                saved = decode_json(content, _Saved)
                if saved.format != FORMAT:
                    raise ValueError(f"it has format {saved.format}, this program reads {FORMAT}")
                self._kept.restore(bring_up_to_date(saved.exchange, self._later(saved.generation)))
            except (ValueError, ArithmeticError) as problem:
                reason = str(problem).rstrip(".") if isinstance(problem, ValueError) else "a number in it is none"
                raise StateError(f"The state file {self._path} cannot be used ({reason}); move it away.") from None
            self.keys = saved.keys
            self._generation = saved.generation
        self._generation = max([self._generation, *(number for number, _ in self._journals())])
        self._probe()

    async def keep(self) -> None:
        """Save every few seconds while something changes."""
        count = 0
        while True:
            await asyncio.sleep(EVERY_S)
            count += 1
            if self._changed and count >= WHOLE_EVERY:
                count = 0
                content, generation = self._content()
                await asyncio.to_thread(self._write, content, generation)
            elif self._journal is not None:
                await asyncio.to_thread(self._sync, os.dup(self._journal.fileno()))

    def persist(self, everything: bool = False) -> None:
        """Write down what has changed, before it is reported; ``everything`` where keys or pairs may have."""
        if everything or not self._journal_changes():
            self.save()

    def save(self) -> None:
        """Save everything now; ``problem`` says whether that failed."""
        self._write(*self._content())

    def close(self) -> None:
        """Save for the last time."""
        self.save()
        self._end_journal()

    def _journal_changes(self) -> bool:
        """Append what has changed to the journal; False if that failed."""
        if not self._changes:
            return True
        line = _record_line(self._changes.drain()) + b"\n"
        try:
            if self._journal is None:
                self._journal = FileIO(self._journal_path(self._generation), "ab", opener=_private)
            written = self._journal.write(line)
        except OSError as failure:
            self._fail(failure)
            return False
        if written != len(line):
            self._fail(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            return False
        return True

    def _content(self) -> tuple[bytes, int]:
        """Return everything as it is; what comes after goes to the next journal."""
        self._changed = False
        # Until this content is on disk, the journal before it must hold all that has been reported.
        self._journal_changes()
        self._end_journal()
        self._generation += 1
        self._changes.start_over()
        keys = self.keys if self.ring is None else self.ring.all()
        saved = _Saved(FORMAT, keys, self._kept.dump(), self._generation)
        return msgspec.json.encode(saved), self._generation

    def _write(self, content: bytes, generation: int) -> None:
        with self._writing:
            if generation <= self._on_disk:
                return
            try:
                self._replace(content)
                self._on_disk = generation
                for number, path in self._journals():
                    if number < generation:
                        path.unlink(missing_ok=True)
            except OSError as failure:
                self._changed = True
                with contextlib.suppress(OSError):
                    self._beside.unlink()
                self._fail(failure)
            else:
                self.problem = ""

    def _sync(self, handle: int) -> None:
        try:
            os.fsync(handle)
        except OSError as failure:
            self._fail(failure)
        finally:
            os.close(handle)

    def _replace(self, content: bytes) -> None:
        handle = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._beside, self._path)

    def _fail(self, failure: OSError) -> None:
        before, self.problem = self.problem, f"The state file {self._path} could not be written: {failure.strerror}."
        if not before:
            self.on_problem(f"{self.problem} Until it can be, what happens is lost when this program ends suddenly.")

    def _end_journal(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _journal_path(self, generation: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{generation}.journal")

    def _journals(self) -> list[tuple[int, Path]]:
        """Return the journals beside the file with their numbers, oldest first."""
        found = []
        for path in self._path.parent.glob(f"{glob.escape(self._path.name)}.*.journal"):
            number = path.name.removeprefix(f"{self._path.name}.").removesuffix(".journal")
            if number.isascii() and number.isdigit():
                found.append((int(number), path))
        return sorted(found)

    def _later(self, generation: int) -> list[Record]:
        """Return the records of the journals from a number on.

        A last line that was not finished belongs to nothing that was reported, unless the disk was full; what came
        after it then, in later journals, rests on what is missing and does not count.

        Raises:
            ValueError: another line cannot be read.
        """
        records: list[Record] = []
        for number, path in self._journals():
            *lines, unfinished = self._read(path).split(b"\n")
            if number < generation:
                continue
            try:
                records += [decode_json(line, Record) for line in lines]
            except ValueError as problem:
                raise ValueError(f"its journal {path.name} is damaged: {problem}") from None
            if unfinished:
                break
        return records

    def _read(self, path: Path) -> bytes:
        try:
            return read_whole(path, MOST_BYTES)
        except FileNotFoundError:
            return b""
        except OSError as problem:
            raise StateError(f"The state file {path} cannot be read: {problem.strerror}.") from None

    def _probe(self) -> None:
        try:
            os.close(os.open(self._beside, os.O_WRONLY | os.O_CREAT, 0o600))
            self._beside.unlink()
        except OSError as problem:
            raise StateError(f"The state file {self._path} cannot be written: {problem.strerror}.") from None

    def _on_event(self, event: SimEvent) -> None:
        if not isinstance(event, BookLevel | PublicTrade | BookBroken | CandleMoved):
            self._changed = True
            self._changes.add(event)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def lock_state(path: Path | None) -> Iterator[None]:
    """Keep other processes from a paper account meanwhile.

    Raises:
        RefusedError: another process has it; InvalidRequestError: the lock cannot be made.
    """
    if path is None:
        yield
        return
    try:
        lock = FileLock(path.with_name(path.name + ".lock"))
    except HeldError as error:
        raise RefusedError(
            f"Another program{error.holder} is trading with the paper account in {path}. Close it first; nothing was "
            "started."
        ) from None
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be used: {error.strerror}. The exchange was not started.") from None
    with lock:
        yield


def open_state(path: Path | None, exchange: Exchange, kept: KeptState | None = None) -> StateFile | None:
    """Return the state file, loaded into the exchange; InvalidRequestError if it cannot be used."""
    if path is None:
        return None
    try:
        state = StateFile(path, exchange, kept)
        state.load()
    except StateError as problem:
        raise InvalidRequestError(f"{problem} The exchange was not started.") from None
    return state
