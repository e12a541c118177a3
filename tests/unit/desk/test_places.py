"""Where desks are found: locks, entries, folders of sockets."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.locks import HeldError
from mexc_tui.desk import places
from mexc_tui.desk.errors import DeskError, DeskHeldError
from mexc_tui.desk.launch import Caller, attach_to
from mexc_tui.domain.client import Role
from mexc_tui.domain.views import VenueKind
from tests.desks import runtime_folder


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with runtime_folder() as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        yield


def entry(desk_id: str = "demo", **more: object) -> places.DeskEntry:
    values = {"name": "demo", "kind": VenueKind.DEMO, "account": "", "log": "", "started_ms": 1, "program": "0"}
    made = places.DeskEntry(desk_id=desk_id, pid=os.getpid(), socket="/nowhere", **values)  # type: ignore[arg-type]
    return msgspec.structs.replace(made, **more)


def test_one_process_is_the_desk_of_an_account_until_it_lets_go():
    lock = places.desk_lock("demo")
    assert places.runs("demo")
    assert not places.runs("paper-1")
    with pytest.raises(DeskHeldError):
        places.desk_lock("demo")
    lock.release()
    assert not places.runs("demo")
    places.desk_lock("demo").release()


def test_a_lock_whose_file_was_removed_is_held_again_unless_another_was_faster():
    lock = places.desk_lock("demo")
    file = places.desks_folder() / "demo.lock"
    lock.renew()
    file.unlink()
    assert not places.runs("demo")
    lock.renew()
    assert places.runs("demo")
    file.unlink()
    other = places.desk_lock("demo")
    with pytest.raises(HeldError):
        lock.renew()
    other.release()
    lock.renew()
    lock.release()
    assert not places.runs("demo")


def test_an_entry_whose_desk_is_gone_is_no_desk_and_tells_the_next_one_of_it():
    lock = places.desk_lock("demo")
    places.register(entry())
    assert [one.name for one in places.entries()] == ["demo"]
    lock.release()
    assert places.entries() == []
    assert places.entry_of("demo") is None
    assert places.written_entry("demo") == entry()
    places.unregister("demo")
    assert places.written_entry("demo") is None


def test_a_desk_knows_whether_it_can_be_found():
    lock = places.desk_lock("demo")
    assert not places.registered(entry())
    made = places.register(entry())
    assert places.registered(made)
    assert not places.registered(entry(socket="/elsewhere"))
    places.unregister("demo")
    assert not places.registered(made)
    lock.release()


def test_two_desks_never_carry_one_name():
    locks = [places.desk_lock(name) for name in ("local-aaaa", "local-bbbb")]
    assert places.register(entry("local-aaaa", name="local-8700")).name == "local-8700"
    assert places.register(entry("local-bbbb", name="local-8700")).name == "local-8700-bbbb"
    assert places.register(entry("local-aaaa", name="local-8700")).name == "local-8700", "its own name is its own"
    for lock in locks:
        lock.release()


def test_an_unreadable_entry_is_no_desk():
    lock = places.desk_lock("demo")
    (places.desks_folder() / "demo.json").write_text('{"name":')
    assert places.entries() == []
    lock.release()


def test_sockets_lie_in_a_private_folder_with_a_short_path(monkeypatch):
    assert len(os.fsencode(places.socket_path("local-0123456789ab"))) <= places.LONGEST_PATH
    with runtime_folder() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        folder = places.runtime_folder()
        assert folder.parent == Path(runtime)
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o755)
        with pytest.raises(ConfigError, match="can be entered by others"):
            places.runtime_folder()
        # A runtime folder of somebody else, as after sudo, is left alone.
        Path(runtime).chmod(0o755)
        assert Path(runtime) not in places.runtime_folder().parents


def test_a_link_in_the_place_of_the_folder_is_refused(monkeypatch, tmp_path):
    with runtime_folder() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        (Path(runtime) / "mexc-tui").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ConfigError, match="belongs to another user"):
            places.runtime_folder()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a socket away")
def test_a_socket_of_another_user_is_not_spoken_to(tmp_path):
    path = tmp_path / "x.sock"
    path.touch()
    os.chown(path, 12345, 12345)
    with pytest.raises(DeskError, match="belongs to another user"):
        attach_to(entry(socket=str(path)), Caller(name="status", role=Role.VIEW))


def test_a_desk_without_a_listener_says_how_to_end_it(tmp_path):
    for path in (tmp_path / "absent.sock", tmp_path / "file.sock"):
        if path.name == "file.sock":
            path.touch()
        with pytest.raises(DeskError, match=r"does not answer.*mexc-tui desk stop demo"):
            attach_to(entry(socket=str(path)), Caller(name="status", role=Role.VIEW))


def test_a_desk_that_cannot_be_written_down_says_what_that_means(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(places, "replace_whole", full)
    with pytest.raises(ConfigError, match=r"No space left on device\).*--direct"):
        places.register(entry())
