"""Records that are gone from a journal's end are noticed on opening, and hold exposure back until a person resumes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mexc_tui.domain.limits import TradingState
from mexc_tui.kernel.history import TRADING_STATE, Latch
from mexc_tui.kernel.records import Resumed, StateRecord
from mexc_tui.store.errors import JournalError
from mexc_tui.store.journal import SqliteJournal
from mexc_tui.store.latch import LatchFile

Damage = Callable[[Path], object]


def state(number: int) -> StateRecord:
    return StateRecord(name="n", value=str(number), wall_ms=number)


def live(path: Path, *records: StateRecord) -> Resumed:
    """Open, write, and close in order."""

    async def go() -> Resumed:
        journal = SqliteJournal(path)
        try:
            found = await journal.resume()
            for record in records:
                await journal.append([record], durable=True)
            return found
        finally:
            await journal.close()

    return asyncio.run(go())


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A journal as a kill leaves it: its last rows are in the write-ahead log only."""
    home = tmp_path / "desk"
    live(home / "journal.db", *map(state, range(5)))

    async def go() -> None:
        journal = SqliteJournal(home / "journal.db")
        await journal.resume()
        for number in range(5, 9):
            await journal.append([state(number)], durable=True)
        shutil.copytree(home, tmp_path / "killed")
        await journal.close()

    asyncio.run(go())
    return tmp_path / "killed" / "journal.db"


def wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def spoil_middle(path: Path) -> None:
    log = wal(path)
    with open(log, "r+b") as file:
        file.seek(log.stat().st_size // 2)
        file.write(os.urandom(4_096))


DAMAGE: dict[str, Damage] = {
    "all": lambda path: wal(path).write_bytes(os.urandom(wal(path).stat().st_size)),
    "middle": spoil_middle,
    "removed": lambda path: wal(path).unlink(),
    "cut": lambda path: os.truncate(wal(path), 0),
    "whole journal": lambda path: [path.write_bytes(b""), wal(path).unlink()],
    "long note": lambda path: path.with_suffix(".head").write_bytes(b"x" * 4_000),
    "note": lambda path: path.with_suffix(".head").write_bytes(b"x" * 256),
}


def after(path: Path) -> Latch:
    found, latch = live(path), Latch()
    for record in found.records:
        if isinstance(record, StateRecord) and record.name == TRADING_STATE:
            latch.replay(record.value)
    latch.second(found.latch)
    return latch


def test_after_a_kill_that_lost_nothing_nothing_is_said(killed: Path) -> None:
    found = live(killed)
    assert [one.value for one in found.records if isinstance(one, StateRecord)] == [str(n) for n in range(9)]
    assert (found.lost, found.latch) == ("", "")


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_rows_that_are_gone_are_told_once_and_hold_exposure_back_until_a_person_resumes(
    killed: Path, damage: Damage
) -> None:
    damage(killed)
    found = live(killed, state(99))
    assert "The end of the journal is missing" in found.lost
    assert "then :resume" in found.lost
    latch = after(killed)
    assert (latch.state, latch.reason) == (TradingState.REDUCING, found.lost)
    assert live(killed).lost == ""
    resume = StateRecord(name=TRADING_STATE, value="active", wall_ms=1)

    async def go() -> None:
        journal = SqliteJournal(killed)
        await journal.resume()
        await journal.latch(resume)
        await journal.close()

    asyncio.run(go())
    assert after(killed).state is TradingState.ACTIVE


def test_a_halt_stays_one_where_rows_are_gone(killed: Path) -> None:
    LatchFile(killed.with_suffix(".latch")).write("halted: by hand")
    wal(killed).unlink()
    assert live(killed).lost
    assert after(killed) == Latch(TradingState.HALTED, "by hand")


def test_an_older_note_as_after_a_power_cut_is_no_alarm(killed: Path) -> None:
    head = killed.with_suffix(".head")
    newest = head.read_bytes()
    live(killed, state(9))
    head.write_bytes(newest)
    assert live(killed).lost == ""
    for blank in (b"", bytes(256)):
        head.write_bytes(blank)
        assert live(killed).lost == ""


def test_a_last_row_that_was_changed_starts_nothing(killed: Path) -> None:
    live(killed)
    content = killed.read_bytes()
    assert content.count(b'"value":"8"') == 1
    killed.write_bytes(content.replace(b'"value":"8"', b'"value":"7"'))
    with pytest.raises(JournalError, match="entry 9 is not as it was written"):
        live(killed)
