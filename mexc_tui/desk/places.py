"""Where desks are found: one lock and one entry for each in the state folder, its socket in the runtime folder.

The lock decides which process is the desk of an account. Lock and entry lie in the state folder because the runtime
folder may differ between a login, a cron job and a service of the same user.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.files import read_json, read_whole, replace_whole
from mexc_tui.config.locks import FileLock, HeldError, held
from mexc_tui.config.paths import APP, private_folder, state_folder
from mexc_tui.desk.errors import DeskHeldError
from mexc_tui.domain.views import VenueKind

LONGEST_PATH = 100
"""Bytes of a socket's path; the system takes 107."""


class DeskEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A desk that runs, as it wrote it down when it began to listen."""

    desk_id: str
    name: str
    kind: VenueKind
    account: str
    """Whose money it is, in words."""
    pid: int
    socket: str
    log: str
    started_ms: int
    program: str
    """Version of the program that runs it."""


def desks_folder() -> Path:
    """Make and return the folder of locks and entries.

    Raises:
        ConfigError: the state folder cannot be made or written.
    """
    return private_folder(state_folder() / "desks")


def desk_log(name: str) -> Path:
    """Return the path of a desk's log."""
    return state_folder() / "log" / f"desk-{name}.log"


def runtime_folder() -> Path:
    """Make and return the folder of sockets: 0700, ours, and short enough for a socket's path.

    Raises:
        ConfigError: it cannot be made, or belongs to somebody else.
    """
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(given) / APP if given and _ours(Path(given)) else state_folder() / "run"
    if len(os.fsencode(folder)) > LONGEST_PATH - 40:
        which = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
        folder = Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}-{which}"
    private_folder(folder)
    if not _ours(folder):
        raise ConfigError(
            f"The folder {folder} belongs to another user or can be entered by others, so no desk can be reached "
            "through it. Remove it, or point XDG_RUNTIME_DIR to a folder of your own."
        )
    return folder


def socket_path(desk_id: str) -> Path:
    """Return where a desk listens."""
    return runtime_folder() / f"{desk_id}.sock"


def _ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def desk_lock(desk_id: str) -> FileLock:
    """Make this process the one desk of an account until the lock is released or the process ends.

    Raises:
        DeskHeldError: another process is that desk.
        ConfigError: the state folder cannot be written.
    """
    path = desks_folder() / f"{desk_id}.lock"
    try:
        return FileLock(path)
    except HeldError as error:
        raise DeskHeldError(f"Another process{error.holder} runs the desk of this account.") from None
    except OSError as error:
        raise ConfigError(f"The lock {path} cannot be made ({error.strerror}); nothing was started.") from error


def runs(desk_id: str) -> bool:
    """Whether a process is that desk, be it starting, open or ending."""
    return held(desks_folder() / f"{desk_id}.lock")


def register(entry: DeskEntry) -> DeskEntry:
    """Write down a desk that listens now; it gets another name where a different desk has its own already.

    Raises:
        ConfigError: it cannot be written.
    """
    if any(other.name == entry.name and other.desk_id != entry.desk_id for other in entries()):
        entry = msgspec.structs.replace(entry, name=f"{entry.name}-{entry.desk_id[-4:]}")
    path = desks_folder() / f"{entry.desk_id}.json"
    try:
        replace_whole(path, msgspec.json.encode(entry))
    except OSError as error:
        raise ConfigError(
            f"The file {path}, by which a desk is found, cannot be written ({error.strerror}), so none was started and "
            "nothing was sent. Free space on the disk or check the folder's permissions. Until then `mexc-tui cancel "
            "--all --direct` cancels without a desk, with the keys that are set."
        ) from error
    return entry


def unregister(desk_id: str) -> None:
    """Remove the entry of a desk that ends; idempotent."""
    with contextlib.suppress(OSError):
        (desks_folder() / f"{desk_id}.json").unlink()


def entry_of(desk_id: str) -> DeskEntry | None:
    """Return the entry of a desk that runs."""
    entry = written_entry(desk_id)
    return entry if entry is not None and runs(desk_id) else None


def written_entry(desk_id: str) -> DeskEntry | None:
    """Return what the last desk of an account wrote down, while it runs and after it was killed."""
    try:
        return read_json(desks_folder() / f"{desk_id}.json", DeskEntry)
    except (OSError, ValueError):
        return None


def registered(entry: DeskEntry) -> bool:
    """Whether a desk can be found by what it wrote down."""
    try:
        found = read_whole(desks_folder() / f"{entry.desk_id}.json")
    except (OSError, ConfigError):
        return False
    return found == msgspec.json.encode(entry)


def entries() -> list[DeskEntry]:
    """Return all desks of this user that run, the oldest first."""
    found = (entry_of(path.stem) for path in desks_folder().glob("*.json"))
    return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.started_ms)
