"""Which account it is: the same for every key of it and for every spelling of its exchange's address.

An account is named by what its exchange calls it. An index remembers the account of each key by the key's SHA-256,
never the key itself, so that a known key needs no answer from the exchange.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.files import read_json
from mexc_tui.config.paths import private_folder, state_folder
from mexc_tui.config.settings import Credentials
from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.views import VenueKind

JOURNAL = "journal.db"
LOCK = "journal.lock"
INDEX = "accounts.json"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")

_log = logging.getLogger(__name__)


class _Index(msgspec.Struct):
    """Account ids by exchange and key fingerprint."""

    accounts: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)


def normalised(base_url: str) -> str:
    """Return one spelling for every spelling of an address: ``https://api.mexc.com``, ``http://127.0.0.1:8080``."""
    parts = urlsplit(base_url.strip())
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    if host in _THIS_MACHINE:
        host = _THIS_MACHINE[0]
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{host}{port}{parts.path.rstrip('/')}"


def known_folder(kind: VenueKind, base_url: str, credentials: Credentials) -> Path | None:
    """Return the folder of the account of a key that was used before; None for a key that was not."""
    account_id = _read_index().accounts.get(normalised(base_url), {}).get(_fingerprint(credentials))
    if account_id is not None:
        return _folder(kind, base_url, account_id)
    return next(_earlier_folders(kind, base_url, credentials), None)


async def account_folder(
    kind: VenueKind, base_url: str, credentials: Credentials, ask: Callable[[], Awaitable[str]]
) -> Path:
    """Return the folder of an account's journal; journals kept by key until now are carried over into it.

    ``ask`` is called for a key that is not known, and returns the exchange's name of the account.

    Raises:
        VenueError: the exchange could not be asked.
        JournalInUseError: an earlier journal of the account is in use.
        ConfigError: the state folder cannot be written.
    """
    import asyncio  # Here: whoever only asks for a spelling does without.

    venue, fingerprint = normalised(base_url), _fingerprint(credentials)
    account_id = _read_index().accounts.get(venue, {}).get(fingerprint)
    if account_id is None:
        try:
            account_id = await ask()
        except VenueError as error:
            if not error.definite:
                raise
            # A key that may not ask is an account of its own until it may.
            _log.warning("the exchange does not name the account of this key: %s", error.message)
            account_id = f"key {fingerprint}"
        else:
            _remember(venue, fingerprint, account_id)
    folder = _folder(kind, base_url, account_id)
    await asyncio.to_thread(_carry_over, kind, base_url, credentials, folder)
    return folder


async def kept_folder(
    kind: VenueKind, base_url: str, credentials: Credentials, ask: Callable[[], Awaitable[str]]
) -> Path | None:
    """Return the folder of an account that has a journal on this machine, whichever of its keys this is; else None.

    ``ask`` is called for a key that is not known where other accounts of the exchange are.

    Raises:
        VenueError: the exchange could not be asked.
    """
    folder = known_folder(kind, base_url, credentials)
    if folder is None and _read_index().accounts.get(normalised(base_url)):
        try:
            folder = _folder(kind, base_url, await ask())
        except VenueError as error:
            if not error.definite:
                raise
    return folder if folder is not None and folder.exists() else None


def remember_key(base_url: str, credentials: Credentials, account_id: str) -> None:
    """Note which account a key belongs to, so that its desk finds the account's journal.

    Raises:
        ConfigError: the state folder cannot be written.
    """
    _remember(normalised(base_url), _fingerprint(credentials), account_id)


def paper_folder(base_url: str) -> Path:
    """Make and return the folder of the paper account on an exchange; one of another spelling is carried over.

    Raises:
        JournalInUseError: the earlier one is in use.
        ConfigError: it cannot be made.
    """
    from mexc_tui.config.locks import FileLock
    from mexc_tui.store.lock import journal_lock

    home = private_folder(state_folder() / VenueKind.PAPER.value)
    folder = home / _short(normalised(base_url))
    with FileLock(home / f"{INDEX}.lock", wait=True):
        earlier = (home / _short(spelled) for spelled in _spellings(base_url))
        old = next((one for one in earlier if one.exists()), None)
        if old is not None and not folder.exists():
            with journal_lock(old / LOCK):
                os.rename(old, folder)
        return private_folder(folder)


def _folder(kind: VenueKind, base_url: str, account_id: str) -> Path:
    return state_folder() / kind.value / _short(f"{normalised(base_url)}\n{account_id}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _fingerprint(credentials: Credentials) -> str:
    return hashlib.sha256(credentials.api_key.reveal().encode()).hexdigest()


def _read_index() -> _Index:
    try:
        return read_json(state_folder() / INDEX, _Index)
    except FileNotFoundError:
        return _Index()
    except (OSError, ValueError) as error:
        _log.warning("the index of accounts cannot be read, so the exchange is asked: %s", error)
        return _Index()


def _remember(venue: str, fingerprint: str, account_id: str) -> None:
    from mexc_tui.config.files import replace_whole
    from mexc_tui.config.locks import FileLock

    home = private_folder(state_folder())
    try:
        with FileLock(home / f"{INDEX}.lock", wait=True):
            index = _read_index()
            index.accounts.setdefault(venue, {})[fingerprint] = account_id
            replace_whole(home / INDEX, msgspec.json.format(msgspec.json.encode(index), indent=1))
    except OSError as error:
        raise ConfigError(f"The folder {home} cannot be written ({error.strerror}); nothing was started.") from error


def _carry_over(kind: VenueKind, base_url: str, credentials: Credentials, folder: Path) -> None:
    """Bring journals that were kept by address and key into the account's, whichever of its keys had them."""
    from mexc_tui.config.locks import FileLock
    from mexc_tui.store.errors import JournalError
    from mexc_tui.store.lock import journal_lock

    def found() -> list[Path]:
        return [old for old in _earlier_folders(kind, base_url, credentials) if old != folder]

    if not found():
        return
    home = private_folder(state_folder())
    try:
        with FileLock(home / f"{INDEX}.lock", wait=True), ExitStack() as held:
            earlier = found()
            for old in earlier:
                held.enter_context(journal_lock(old / LOCK))
            if len(earlier) != 1 or not _renamed(earlier[0], folder):
                held.enter_context(journal_lock(private_folder(folder) / LOCK))
                _merge(earlier, folder)
    except JournalError:
        raise
    except OSError as error:
        raise ConfigError(f"The folder {home} cannot be written ({error.strerror}); nothing was started.") from error
    _log.info("the journal of this account was carried over from %s", ", ".join(old.name for old in earlier))


def _renamed(old: Path, new: Path) -> bool:
    """Give a folder another name; False where something has that name already."""
    try:
        os.rename(old, new)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _merge(earlier: list[Path], folder: Path) -> None:
    from mexc_tui.store.merge import merge, set_aside

    merge([old / JOURNAL for old in earlier], folder / JOURNAL)
    for old in earlier:
        set_aside(old / JOURNAL)


def _earlier_folders(kind: VenueKind, base_url: str, credentials: Credentials) -> Iterator[Path]:
    """Give the folders in which a journal of this address, however spelled, and this key was kept."""
    home = state_folder() / kind.value
    key = credentials.api_key.reveal()
    names = [_short(f"{spelled}\n{key}") for spelled in _spellings(base_url)]
    names.append(_folder(kind, base_url, f"key {_fingerprint(credentials)}").name)
    for name in dict.fromkeys(names):
        if (home / name / JOURNAL).exists():
            yield home / name


def _spellings(base_url: str) -> list[str]:
    plain = normalised(base_url)
    parts = urlsplit(plain)
    port = f":{parts.port}" if parts.port is not None else ""
    hosts = _THIS_MACHINE if parts.hostname == _THIS_MACHINE[0] else (parts.netloc.removesuffix(port),)
    ports = (port,) if port else ("", f":{_DEFAULT_PORTS.get(parts.scheme, 443)}")
    spelled = [f"{parts.scheme}://{host}{end}{parts.path}" for host in hosts for end in ports]
    return [base_url, *spelled, *(f"{one}/" for one in spelled)]
