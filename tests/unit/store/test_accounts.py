"""One journal an account, whatever key and whatever spelling of the address it is used with."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from mexc_tui.config.locks import FileLock
from mexc_tui.config.settings import Credentials, Secret
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.records import StateRecord
from mexc_tui.store import accounts
from mexc_tui.store.accounts import JOURNAL, LOCK, account_folder, known_folder, normalised, paper_folder
from mexc_tui.store.database import Database
from mexc_tui.store.errors import JournalInUseError
from mexc_tui.store.journal import SqliteJournal

LOCAL = "http://127.0.0.1:8080"
VERSION_1 = Path(__file__).parents[1] / "store" / "journals" / "version1.db"


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(accounts, "state_folder", lambda: tmp_path)
    return tmp_path


def keys(key: str) -> Credentials:
    return Credentials(api_key=Secret(key), secret_key=Secret("s"))


class Exchange:
    """Tells the account, and counts how often it is asked."""

    def __init__(self, answer: str | VenueError = "209302839") -> None:
        self.answer = answer
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        if isinstance(self.answer, VenueError):
            raise self.answer
        return self.answer


def folder(key: str, url: str = LOCAL, exchange: Exchange | None = None) -> Path:
    return asyncio.run(account_folder(VenueKind.LOCAL, url, keys(key), exchange or Exchange()))


def earlier(home: Path, url: str, key: str) -> Path:
    """Keep a journal where earlier versions kept it."""
    made = home / "local" / hashlib.sha256(f"{url}\n{key}".encode()).hexdigest()[:12]
    made.mkdir(parents=True)
    shutil.copy(VERSION_1, made / JOURNAL)
    return made


@pytest.mark.parametrize(
    ("spelled", "plain"),
    [
        ("https://API.mexc.com/", "https://api.mexc.com"),
        ("HTTPS://api.mexc.com:443", "https://api.mexc.com"),
        ("http://localhost:8080/", LOCAL),
        ("http://[::1]:8080", LOCAL),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("https://other.host:8443/base/", "https://other.host:8443/base"),
        ("http://[fe80::1]:80/", "http://[fe80::1]"),
    ],
)
def test_every_spelling_of_an_address_is_one(spelled: str, plain: str):
    assert normalised(spelled) == plain
    assert normalised(plain) == plain


def test_a_new_key_of_the_account_finds_its_journal(home: Path):
    assert folder("old key") == folder("new key", "http://localhost:8080/")
    assert folder("old key", exchange=Exchange("another account")) == folder("old key")
    assert folder("third key", exchange=Exchange("another account")) != folder("old key")


def test_a_known_key_needs_no_exchange(home: Path):
    first = folder("key")
    gone = Exchange(VenueError("gone", kind=ErrorKind.NETWORK, sent=False))
    assert folder("key", exchange=gone) == first == known_folder(VenueKind.LOCAL, "http://[::1]:8080/", keys("key"))
    assert gone.asked == 0
    with pytest.raises(VenueError):
        folder("unknown key", exchange=gone)
    assert known_folder(VenueKind.LOCAL, LOCAL, keys("unknown key")) is None


def test_the_index_holds_no_key_and_a_torn_one_is_made_anew(home: Path):
    first = folder("very secret key")
    index = home / accounts.INDEX
    assert "very secret key" not in index.read_text()
    assert list(json.loads(index.read_text())["accounts"]) == [LOCAL]
    index.write_text("{")
    again = Exchange()
    assert folder("very secret key", exchange=again) == first
    assert again.asked == 1


def test_a_key_that_may_not_ask_is_an_account_of_its_own_until_it_may(home: Path):
    refused = VenueError("no permission", kind=ErrorKind.REFUSED_HERE, sent=True, definite=True)
    own = folder("key", exchange=Exchange(refused))
    own.mkdir(parents=True)
    shutil.copy(VERSION_1, own / JOURNAL)
    named = folder("key")
    assert named != own
    assert (named / JOURNAL).exists()
    assert not own.exists()


@pytest.mark.parametrize("url", [LOCAL, f"{LOCAL}/", "http://localhost:8080", "http://[::1]:8080/"])
def test_the_journal_of_an_earlier_version_is_carried_over(home: Path, url: str):
    old = earlier(home, url, "key")
    assert known_folder(VenueKind.LOCAL, LOCAL, keys("key")) == old
    new = folder("key")
    assert not old.exists()
    database = Database(new / JOURNAL)
    assert database.last == 23
    database.close()


def test_two_journals_of_two_spellings_become_one(home: Path):
    first, second = earlier(home, LOCAL, "key"), earlier(home, "http://localhost:8080", "key")
    new = folder("key")
    database = Database(new / JOURNAL)
    fills = 5
    assert database.last == 2 * 23 - fills
    database.close()
    assert (first / "journal.merged.db").exists()
    assert (second / "journal.v1.db").exists()
    assert folder("key") == new


def length(path: Path) -> int:
    database = Database(path)
    try:
        assert len(list(database.replay())) == database.last
        return database.last
    finally:
        database.close()


def test_the_earlier_journal_of_a_second_key_comes_to_the_first(home: Path):
    new = folder("first key")
    new.mkdir(parents=True)
    database = Database(new / JOURNAL)
    database.append([StateRecord(name="n", value="own", wall_ms=1)])
    database.close()
    old = earlier(home, LOCAL, "second key")
    assert folder("second key") == new
    assert length(new / JOURNAL) == 1 + 23
    assert not (old / JOURNAL).exists()
    assert length(old / "journal.merged.db") == 23
    assert folder("second key") == folder("first key") == new
    assert length(new / JOURNAL) == 1 + 23


def test_a_merge_that_was_cut_off_adds_nothing_twice(home: Path, monkeypatch):
    earlier(home, LOCAL, "key"), earlier(home, "http://localhost:8080", "key")

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mexc_tui.store.merge.set_aside", killed)
        with pytest.raises(KeyboardInterrupt):
            folder("key")
    (new,) = (one for one in (home / "local").iterdir() if length(one / JOURNAL) != 23)
    assert folder("key") == new
    assert length(new / JOURNAL) == 2 * 23 - 5


def test_nothing_is_merged_into_a_journal_that_is_in_use(home: Path):
    new = folder("first key")
    journal = SqliteJournal(new / JOURNAL)
    old = earlier(home, LOCAL, "second key")
    with pytest.raises(JournalInUseError):
        folder("second key")
    asyncio.run(journal.close())
    assert length(new / JOURNAL) == 0
    assert length(old / JOURNAL) == 23


def test_a_desk_that_makes_the_folder_meanwhile_is_not_overwritten(home: Path, monkeypatch):
    new = folder("another key")
    old = earlier(home, LOCAL, "key")
    made: list[SqliteJournal] = []
    take = FileLock.__init__

    def beaten(lock: FileLock, path: Path, **wait: bool) -> None:
        take(lock, path, **wait)
        if path.parent == old:
            monkeypatch.setattr(FileLock, "__init__", take)
            made.append(SqliteJournal(new / JOURNAL))

    monkeypatch.setattr(FileLock, "__init__", beaten)
    with pytest.raises(JournalInUseError):
        folder("key")
    asyncio.run(made[0].close())
    assert length(old / JOURNAL) == 23
    assert length(folder("key") / JOURNAL) == 23


def test_an_earlier_journal_that_is_in_use_is_left_alone(home: Path):
    old = earlier(home, LOCAL, "key")
    lock = FileLock(old / LOCK)
    with pytest.raises(JournalInUseError):
        folder("key")
    lock.release()
    assert (old / JOURNAL).exists()


def test_a_paper_account_of_another_spelling_is_carried_over(home: Path):
    old = home / "paper" / hashlib.sha256(b"http://localhost:8080").hexdigest()[:12]
    old.mkdir(parents=True)
    (old / "account.json").write_text("{}")
    new = paper_folder("http://localhost:8080")
    assert new == paper_folder("http://[::1]:8080/")
    assert (new / "account.json").exists()
    assert not old.exists()
