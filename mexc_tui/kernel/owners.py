"""What scripts and algorithms have sent lately, and which of them, or which pairs, are halted for them.

A halt is latched: recorded, taken up by a restart, and lifted only by a person at a screen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from mexc_tui.domain.commands import Release
from mexc_tui.domain.controls.owner import reason_of
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.limits import Limits, Violation
from mexc_tui.domain.orders import Order, Side
from mexc_tui.domain.owners import PERSON, told
from mexc_tui.domain.views import OwnerHalt
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.kept import KeptState
from mexc_tui.kernel.order_store import OrderStore

HALTED = "halted_automation "
"""Name of a record, followed by the owner's or the pair's; an empty value ends what the record before it said."""
SENDS_KEPT = 1_000
OWNERS_KEPT = 50
_MS = 1_000_000
_SECOND_MS = 1_000


class _Sent(msgspec.Struct, frozen=True, gc=False):
    """One order that an owner sent."""

    at_ns: int
    client_order_id: str
    symbol: str
    side: Side
    entry: bool
    """Whether it did not reduce."""


class Owners:
    """Counts by owner and keeps the halts."""

    def __init__(self, facts: FactLog, orders: OrderStore, kept: KeptState) -> None:
        self._facts = facts
        self._kept = kept
        self._orders = orders
        self._sent: dict[str, deque[_Sent]] = {}
        self._halts: dict[str, str] = {}

    @property
    def halts(self) -> tuple[OwnerHalt, ...]:
        """What is halted and why, the oldest first."""
        return tuple(OwnerHalt(name=name, reason=reason) for name, reason in self._halts.items())

    def halted(self, name: str) -> str:
        """Return why an owner or a pair is halted; empty where it is not."""
        return self._halts.get(name, "")

    def resume(self, recorded: Mapping[str, str]) -> None:
        """Take up the halts that are recorded."""
        self._halts.update((name.removeprefix(HALTED), reason) for name, reason in recorded.items())

    # --- counting

    def sent(self, order: Order, at: Timestamp, age_ms: int = 0) -> None:
        """Remember an order, sent just now or so long ago."""
        if not order.owner:
            return
        kept = self._sent.setdefault(order.owner, deque(maxlen=SENDS_KEPT))
        kept.append(
            _Sent(
                at.mono_ns - max(0, age_ms) * _MS,
                order.client_order_id,
                order.symbol,
                order.side,
                not order.reduce_only,
            )
        )
        if len(self._sent) > OWNERS_KEPT:
            del self._sent[min(self._sent, key=lambda owner: self._sent[owner][-1].at_ns)]

    def sends(self, owner: str, at: Timestamp) -> int:
        """Return how many orders an owner has sent within the last second."""
        return sum(1 for _ in self._recent(owner, _SECOND_MS, at))

    def entries(self, owner: str, symbol: str, limits: Limits, at: Timestamp) -> tuple[int, tuple[int, int]]:
        """Return what REPEATED_EXECUTION counts: an owner's orders that did not reduce, and fills of a pair by side."""
        entries, filled = 0, {Side.BUY: 0, Side.SELL: 0}
        for one in self._recent(owner, limits.repeated_window_ms, at):
            entries += one.entry
            if one.entry and one.symbol == symbol:
                order = self._orders.get(one.client_order_id)
                filled[one.side] += order is not None and order.filled_qty > 0
        return entries, (filled[Side.BUY], filled[Side.SELL])

    def _recent(self, owner: str, window_ms: int, at: Timestamp) -> Iterable[_Sent]:
        for one in reversed(self._sent.get(owner, ())):
            if at.mono_ns - one.at_ns >= window_ms * _MS:
                return
            yield one

    # --- halting

    def caught(self, violations: Iterable[Violation], owner: str, symbol: str, at: Timestamp) -> list[Effect]:
        """Latch what the gate has found of a script or algorithm; nothing where that is latched already."""
        effects: list[Effect] = []
        for found in violations:
            name = {"REPEATED_EXECUTION": owner, "VOLATILITY_BREAKER": symbol}.get(found.code, "")
            if name and name not in self._halts:
                self._halts[name] = reason_of(found)
                text = f"{found.message} Its working orders stay at the exchange; cancel and flatten work."
                if name == symbol:
                    text = f"{found.message} Working orders stay at the exchange; cancel and flatten work."
                effects += [self._record(name, at), self._facts.emit(at, "automation halted", Level.BAD, text)]
        return effects

    def release(self, command: Release, by: str, at: Timestamp) -> list[Effect]:
        """Let an owner, or scripts and algorithms in a pair, act again."""
        name = command.name
        if by != PERSON:
            text = "Only a person at a screen lets automation act again: type “release NAME” there. Nothing was done."
        elif name not in self._halts:
            halted = ", ".join(self._halts)
            text = f"{name[:40]} is not halted; {f'what is: {halted}' if halted else 'nothing is'}. Nothing was done."
        else:
            del self._halts[name]
            self._sent.pop(name, None)
            what = f"Scripts and algorithms may act in {name}" if name.isupper() else f"{told(name)} may act"
            text = f"{what[:1].upper()}{what[1:]} again, within the limits."
            fact = self._facts.emit(at, "automation released", Level.WARN, text, command_id=command.command_id)
            return [self._record(name, at), fact]
        return [self._facts.emit(at, "problem", Level.WARN, text, command_id=command.command_id)]

    def _record(self, name: str, at: Timestamp) -> Effect:
        return self._kept.write(HALTED + name, self._halts.get(name, ""), at)
