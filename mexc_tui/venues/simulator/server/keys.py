"""API keys of accounts, and listen keys of their private streams."""

from __future__ import annotations

import hashlib
from random import Random

import msgspec

from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.wire.mexc.endpoints import PERMISSIONS

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

LISTEN_KEY_MS = 60 * 60 * 1000
LISTEN_KEYS_PER_ACCOUNT = 60
CONNECTIONS_PER_LISTEN_KEY = 5


class ApiKey(msgspec.Struct, kw_only=True):
    """One key pair of an account. An empty ``ips`` lets every address in."""

    access: str
    secret: str
    account_id: str
    permissions: frozenset[str] = frozenset(PERMISSIONS)
    ips: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()
    """Pairs the key may trade; empty: all."""
    note: str = ""
    created_ms: int = 0

    def __repr__(self) -> str:
        return f"ApiKey(account_id={self.account_id!r})"


class KeyRing:
    """Every key pair the exchange knows, by access key."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._keys: dict[str, ApiKey] = {}

    def create(
        self,
        account_id: str,
        *,
        permissions: frozenset[str] = frozenset(PERMISSIONS),
        ips: frozenset[str] = frozenset(),
        symbols: frozenset[str] = frozenset(),
        note: str = "",
        created_ms: int = 0,
    ) -> ApiKey:
        """Make a new key pair for an account."""
        key = ApiKey(
            access="mx0v" + "".join(self._rng.choices(_ALPHABET, k=15)),
            secret=f"{self._rng.getrandbits(128):032x}",
            account_id=account_id,
            permissions=permissions,
            ips=ips,
            symbols=symbols,
            note=note,
            created_ms=created_ms,
        )
        self._keys[key.access] = key
        return key

    def add(self, key: ApiKey) -> None:
        """Take a key pair that was made elsewhere, for example in an earlier run."""
        self._keys[key.access] = key

    def get(self, access: str) -> ApiKey | None:
        """Return the key pair, or None for an unknown access key."""
        return self._keys.get(access)

    def all(self) -> list[ApiKey]:
        """Return every key pair, oldest first."""
        return list(self._keys.values())


class ListenKey(msgspec.Struct):
    key: str
    account_id: str
    expires_ms: int


class ListenKeys:
    """Listen keys with their expiry; 60 an account, valid 60 minutes from the last extension."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._keys: dict[str, ListenKey] = {}

    def create(self, account_id: str, now_ms: int) -> str:
        """Make a listen key; SimError when the account has 60 already."""
        if len(self.of(account_id, now_ms)) >= LISTEN_KEYS_PER_ACCOUNT:
            raise SimError(730002, "The number of listen keys has reached its limit")
        key = "".join(self._rng.choices("0123456789abcdef", k=64))
        self._keys[key] = ListenKey(key, account_id, now_ms + LISTEN_KEY_MS)
        return key

    def extend(self, account_id: str, key: str, now_ms: int) -> None:
        """Let the key live 60 minutes from now; SimError for a foreign, unknown or expired key."""
        self._own(account_id, key, now_ms).expires_ms = now_ms + LISTEN_KEY_MS

    def delete(self, account_id: str, key: str, now_ms: int) -> None:
        """End the key; SimError for a foreign, unknown or expired key."""
        self._own(account_id, key, now_ms)
        del self._keys[key]

    def account(self, key: str, now_ms: int) -> str | None:
        """Return whose key it is, or None when it is not (or no longer) valid."""
        found = self._keys.get(key)
        return found.account_id if found is not None and found.expires_ms > now_ms else None

    def of(self, account_id: str, now_ms: int) -> list[str]:
        """Return the account's valid keys, oldest first."""
        return [k.key for k in self._keys.values() if k.account_id == account_id and k.expires_ms > now_ms]

    def expire(self, now_ms: int) -> list[str]:
        """Forget the keys whose time is over and return them."""
        gone = [k.key for k in self._keys.values() if k.expires_ms <= now_ms]
        for key in gone:
            del self._keys[key]
        return gone

    def kill(self, account_id: str | None = None) -> list[str]:
        """End every key (of one account) at once and return them."""
        gone = [k.key for k in self._keys.values() if account_id is None or k.account_id == account_id]
        for key in gone:
            del self._keys[key]
        return gone

    def _own(self, account_id: str, key: str, now_ms: int) -> ListenKey:
        found = self._keys.get(key)
        if found is None or found.account_id != account_id or found.expires_ms <= now_ms:
            raise SimError(730708, "Invalid listen key")
        return found


def hex_id(name: str) -> str:
    """Return the stable 32-digit hexadecimal id of a symbol or coin."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
