"""The vault: API keys of named accounts in one file of mode 0600, encrypted with a passphrase.

The file is one line of JSON, the header, and the ciphertext after it. The header says how the key is derived (scrypt)
and is authenticated with the ciphertext (AES-256-GCM), so that no part of the file can be changed or swapped unnoticed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from mexc_tui.config.environment import check_address, check_key
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.files import read_whole, replace_whole
from mexc_tui.config.locks import FileLock
from mexc_tui.config.settings import MEXC_REST, MEXC_STREAM, Credentials, Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = 1
MOST_BYTES = 1 << 20
COST = 1 << 17
"""scrypt's N: about half a second and 128 MiB for each try of a passphrase."""
LEAST_LENGTH = 8
"""Characters of a new passphrase."""
_BLOCK, _PARALLEL = 8, 1
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,29}")


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named account: its key, where it is, and what its desk may do."""

    name: str
    api_key: Secret
    secret_key: Secret
    base_url: str = MEXC_REST
    ws_url: str = MEXC_STREAM
    mode: Literal["trade", "read", "live"] = "trade"
    """A desk of mode ``read`` sends no order; one of mode ``live`` treats its orders as real, wherever they go."""
    uid: str = ""
    """What the exchange calls the account; empty where it did not say."""
    may_withdraw: bool = False
    """Whether its owner takes a key that may withdraw."""

    def __post_init__(self) -> None:
        """Refuse what no account is.

        Raises:
            ConfigError: with what is wrong; never with a key.
        """
        check_name(self.name)
        check_address("the REST address", self.base_url, ("http", "https"))
        check_address("the stream address", self.ws_url, ("ws", "wss"))
        for what, secret in (("The API key", self.api_key), ("The secret key", self.secret_key)):
            if not secret:
                raise ConfigError(f"{what} is empty.")
            check_key(what, secret.reveal())

    @property
    def credentials(self) -> Credentials:
        """The key pair."""
        return Credentials(api_key=self.api_key, secret_key=self.secret_key)


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the key of the cipher follows from the passphrase. Bounded: a file must not choose how much is computed."""

    vault: int
    n: Annotated[int, Meta(ge=2, le=1 << 20)]
    r: Annotated[int, Meta(ge=1, le=8)]
    p: Annotated[int, Meta(ge=1, le=4)]
    salt: Annotated[bytes, Meta(min_length=16, max_length=64)]
    nonce: Annotated[bytes, Meta(min_length=12, max_length=12)]


class Vault:
    """The accounts of an unlocked vault file. Every change is on the disk before the call returns."""

    def __init__(self, path: Path, passphrase: Secret, accounts: dict[str, Account], content: bytes, cost: int) -> None:
        self.path = path
        self.accounts = accounts
        """By name; changed with ``put``, ``remove`` and ``rename`` only."""
        self._passphrase = passphrase
        self._content = content
        self._cost = cost

    @classmethod
    def create(cls, path: Path, passphrase: Secret, *, cost: int = COST) -> Vault:
        """Return an empty vault; the file is made with the first account.

        Raises:
            ConfigError: the file exists, or the passphrase is too short.
        """
        if path.exists():
            raise ConfigError(f"There is a vault in {path} already; it was left as it is.")
        _check_passphrase(passphrase)
        return cls(path, passphrase, {}, b"", cost)

    @classmethod
    def unlock(cls, path: Path, passphrase: Secret) -> Vault:
        """Read a vault.

        Raises:
            ConfigError: there is none, it can be read by others, or passphrase and file do not go together.
        """
        content = _read(path)
        header, accounts = _decrypted(path, content, passphrase)
        return cls(path, passphrase, {account.name: account for account in accounts}, content, header.n)

    def account(self, name: str) -> Account:
        """Return an account.

        Raises:
            ConfigError: there is none of this name.
        """
        if name not in self.accounts:
            known = ", ".join(sorted(self.accounts)) or "none"
            raise ConfigError(f"The vault has no account {name[:40]!r}; it has: {known}.")
        return self.accounts[name]

    def put(self, account: Account) -> None:
        """Add an account, or replace the one of its name."""
        self._save({**self.accounts, account.name: account})

    def remove(self, name: str) -> None:
        """Forget an account."""
        self.account(name)
        self._save({other: account for other, account in self.accounts.items() if other != name})

    def rename(self, name: str, new: str) -> None:
        """Give an account another name.

        Raises:
            ConfigError: there is no such account, or the new name is taken or none.
        """
        account = self.account(name)
        if new in self.accounts:
            raise ConfigError(f"There is an account {new!r} already.")
        renamed = msgspec.structs.replace(account, name=new)
        self._save({**{other: one for other, one in self.accounts.items() if other != name}, new: renamed})

    def change_passphrase(self, passphrase: Secret) -> None:
        """Encrypt anew with another passphrase."""
        _check_passphrase(passphrase)
        before, self._passphrase = self._passphrase, passphrase
        try:
            self._save(self.accounts)
        except ConfigError:
            self._passphrase = before
            raise

    def _save(self, accounts: dict[str, Account]) -> None:
        header = _Header(
            vault=FORMAT,
            n=self._cost,
            r=_BLOCK,
            p=_PARALLEL,
            salt=secrets.token_bytes(16),
            nonce=secrets.token_bytes(12),
        )
        first = msgspec.json.encode(header)
        text = msgspec.json.encode(list(accounts.values()), enc_hook=lambda secret: secret.reveal())
        content = first + b"\n" + _cipher(header, self._passphrase).encrypt(header.nonce, text, first)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.path.with_name(f"{self.path.name}.lock"), wait=True):
                if (self.path.exists() or self._content) and _read(self.path) != self._content:
                    raise ConfigError(f"The vault {self.path} was changed by another program meanwhile; try again.")
                replace_whole(self.path, content)
        except OSError as error:
            raise ConfigError(f"The vault {self.path} cannot be written ({error.strerror}); it is as before.") from None
        self.accounts, self._content = accounts, content


def check_name(name: str) -> None:
    """Refuse what cannot name an account.

    Raises:
        ConfigError: saying what a name looks like.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name[:40]!r} cannot name an account: small letters, digits, dots and dashes, 30 at most.")


def to_line(account: Account) -> bytes:
    """Return one account as a line for the pipe to its desk."""
    return msgspec.json.encode(account, enc_hook=lambda secret: secret.reveal()) + b"\n"


def from_line(line: bytes) -> Account:
    """Return the account of a line.

    Raises:
        ConfigError: it is none.
    """
    try:
        return msgspec.json.decode(line, type=Account, dec_hook=_secret)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ConfigError("What came over the pipe is no account; nothing was started.") from None


def _check_passphrase(passphrase: Secret) -> None:
    if len(passphrase.reveal()) < LEAST_LENGTH:
        raise ConfigError(f"A passphrase has at least {LEAST_LENGTH} characters; several words are best.")


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise ConfigError(f"The vault {path} can be read by others; make it yours alone: chmod 600 {path}")
        return read_whole(path, MOST_BYTES)
    except FileNotFoundError:
        raise ConfigError(f"There is no vault {path}; `mexc-tui keys add NAME` makes one.") from None
    except OSError as error:
        raise ConfigError(f"The vault {path} cannot be read ({error.strerror}).") from None


def _decrypted(path: Path, content: bytes, passphrase: Secret) -> tuple[_Header, list[Account]]:
    from cryptography.exceptions import InvalidTag

    first, _, body = content.partition(b"\n")
    try:
        header = msgspec.json.decode(first, type=_Header)
        if header.vault != FORMAT:
            raise ConfigError(f"The vault {path} is of format {header.vault}, which this version does not know.")
        text = _cipher(header, passphrase).decrypt(header.nonce, body, first)
        return header, msgspec.json.decode(text, type=list[Account], dec_hook=_secret)
    except InvalidTag:
        raise ConfigError(
            f"The passphrase does not open the vault {path}: it is another one, or the file is damaged."
        ) from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path} is no vault, or damaged; put a copy of it back.") from None


def _cipher(header: _Header, passphrase: Secret) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    derive: Callable[[bytes], bytes] = Scrypt(salt=header.salt, length=32, n=header.n, r=header.r, p=header.p).derive
    return AESGCM(derive(passphrase.reveal().encode("utf-8", "surrogatepass")))


def _secret(kind: type, value: object) -> Secret:
    if kind is not Secret or not isinstance(value, str):
        raise ValueError("not a key")
    return Secret(value)
