"""Groups of accounts that do not trade with each other."""

from __future__ import annotations

import hashlib
from functools import cache

import msgspec

from mexc_tui.venues.simulator.core.events import SimError

FIRST_GROUP = 91


class TradeGroup(msgspec.Struct, kw_only=True):
    """Accounts that count as one for self-trade prevention."""

    ident: int
    name: str
    owner: str
    """The account that made the group; a member only if its own UID is on the list."""
    uids: list[str]
    created_ms: int
    updated_ms: int


class TradeGroups:
    """Every group. MEXC lets a main account group its sub-accounts; here there are none, so any UID is taken."""

    def __init__(self) -> None:
        self._groups: dict[int, TradeGroup] = {}

    def create(self, owner: str, name: str, now_ms: int) -> TradeGroup:
        """Make an empty group; SimError(730002) if the account has one of that name."""
        if any(group.name == name for group in self.of(owner)):
            raise SimError(730002, "Parameter error: tradeGroupName exists")
        ident = max(self._groups, default=FIRST_GROUP - 1) + 1
        group = TradeGroup(ident=ident, name=name, owner=owner, uids=[], created_ms=now_ms, updated_ms=now_ms)
        self._groups[ident] = group
        return group

    def of(self, owner: str) -> list[TradeGroup]:
        """Return the groups that an account made, oldest first."""
        return [group for group in self._groups.values() if group.owner == owner]

    def get(self, owner: str, ident: int) -> TradeGroup:
        """Return a group of the account's own; SimError(22222) if there is none."""
        group = self._groups.get(ident)
        if group is None or group.owner != owner:
            raise SimError(22222, "record does not exist")
        return group

    def delete(self, owner: str, ident: int) -> None:
        """Forget a group; SimError(22222) if there is none."""
        del self._groups[self.get(owner, ident).ident]

    def add(self, owner: str, ident: int, uids: list[str], now_ms: int) -> TradeGroup:
        """Let accounts join a group; SimError(22222) if there is none."""
        group = self.get(owner, ident)
        group.uids.extend(dict.fromkeys(uid for uid in uids if uid not in group.uids))
        group.updated_ms = now_ms
        return group

    def remove(self, owner: str, ident: int, uids: list[str], now_ms: int) -> TradeGroup:
        """Let accounts leave a group; SimError(22222) if there is none."""
        group = self.get(owner, ident)
        group.uids = [uid for uid in group.uids if uid not in uids]
        group.updated_ms = now_ms
        return group

    def together(self, one: str, other: str) -> bool:
        """Whether two accounts are the same or share a group."""
        if one == other:
            return True
        pair = {uid_of(one), uid_of(other)}
        return any(pair.issubset(group.uids) for group in self._groups.values())

    def dump(self) -> list[TradeGroup]:
        """Return every group."""
        return list(self._groups.values())

    def restore(self, groups: list[TradeGroup]) -> None:
        """Take up what ``dump`` gave."""
        self._groups = {group.ident: group for group in groups}


@cache
def uid_of(account_id: str) -> str:
    """Return the numeric UID of an account."""
    return str(10_000_000 + int.from_bytes(hashlib.sha256(account_id.encode()).digest()[:4], "big") % 90_000_000)
