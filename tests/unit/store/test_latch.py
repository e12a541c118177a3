"""A halt is kept in two places, and either is enough."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
from pathlib import Path

import pytest

from mexc_tui.domain.limits import TradingState
from mexc_tui.kernel.history import TRADING_STATE, Latch
from mexc_tui.kernel.records import Resumed, StateRecord
from mexc_tui.store.database import Database
from mexc_tui.store.journal import SqliteJournal
from mexc_tui.store.latch import LatchFile

HALTED = StateRecord(name=TRADING_STATE, value="halted: the user asked", wall_ms=1)
ACTIVE = StateRecord(name=TRADING_STATE, value="active", wall_ms=2)


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def write(path: Path, record: StateRecord, patches: pytest.MonkeyPatch, *broken: str) -> bool:
    """Record a state while one or both places cannot be written; whether both were."""

    async def go() -> bool:
        journal = SqliteJournal(path)
        await journal.resume()
        with patches.context() as patch:
            for place in broken:
                patch.setattr(*{"journal": (Database, "append", full), "file": (LatchFile, "write", full)}[place])
            try:
                await journal.latch(record)
                return True
            except OSError:
                return False
            finally:
                await journal.close()

    return asyncio.run(go())


def after_restart(path: Path) -> Latch:
    async def go() -> Resumed:
        journal = SqliteJournal(path)
        try:
            return await journal.resume()
        finally:
            await journal.close()

    found, latch = asyncio.run(go()), Latch()
    for record in found.records:
        if isinstance(record, StateRecord):
            latch.replay(record.value)
    latch.second(found.latch)
    return latch


PLACES = ("journal", "file")


@pytest.mark.parametrize("broken", [places for n in range(3) for places in itertools.combinations(PLACES, n)])
def test_a_halt_holds_after_a_restart_if_either_place_took_it_and_a_resume_only_if_both_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]
) -> None:
    path = tmp_path / "journal.db"
    assert write(path, HALTED, monkeypatch, *broken) == (not broken)
    halted = after_restart(path).state is TradingState.HALTED
    assert halted == (len(broken) < 2)
    if halted:
        assert write(path, HALTED, monkeypatch)
        assert write(path, ACTIVE, monkeypatch, *broken) == (not broken)
        assert after_restart(path).state is (TradingState.HALTED if broken else TradingState.ACTIVE)


@pytest.mark.parametrize("damage", [b"", b"x", b"halted", b"\0" * 512, b"\xff" * 4_000_000])
def test_a_damaged_file_halts_with_a_sentence_and_resuming_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    path = tmp_path / "journal.db"
    assert write(path, ACTIVE, monkeypatch)
    path.with_suffix(".latch").write_bytes(damage)
    latch = after_restart(path)
    assert latch.state is TradingState.HALTED
    assert "damaged" in latch.reason
    assert "then resume" in latch.reason
    assert write(path, ACTIVE, monkeypatch)
    assert after_restart(path).state is TradingState.ACTIVE


def test_a_reason_of_any_length_fits(tmp_path: Path) -> None:
    file = LatchFile(tmp_path / "latch")
    file.write("halted: " + "ü" * 1_000)
    assert file.read().startswith("halted: üü")
    assert file._path.stat().st_size == 512


def test_a_latch_that_is_no_file_holds_nothing_up_and_counts_as_halted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal.latch")
    latch = LatchFile(tmp_path / "journal.latch")
    assert latch.read().startswith("halted: ")
    with pytest.raises(OSError, match="No such device"):
        latch.write("halted")
