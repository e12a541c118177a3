"""Arming: who may unlock the ticket, and what locks it again. A locked ticket stands before new orders only."""

from __future__ import annotations

from mexc_tui.domain.commands import Arm
from mexc_tui.domain.controls.case import counted
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import LinkChanged, LinkState, Timestamp
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.risk import Market, Risk

_MINUTE_NS = 60_000_000_000


class Arming:
    """Locks an idle ticket; where a name must be typed to unlock it, also after any break in what is known."""

    def __init__(self, risk: Risk, market: Market, orders: OrderStore, facts: FactLog) -> None:
        self._risk = risk
        self._market = market
        self._orders = orders
        self._facts = facts
        self._command_ns = 0
        self._down: set[bool] = set()
        """Streams that are down; True is the account's."""
        self._traded: set[str] = set()
        """Symbols of the orders sent since it was unlocked."""

    def given(self, at: Timestamp) -> None:
        """Note that somebody is there."""
        self._command_ns = at.mono_ns

    def sent(self, symbol: str) -> None:
        """Note what is traded."""
        self._traded.add(symbol)

    def command(self, command: Arm, at: Timestamp) -> list[Effect]:
        """Lock at once; unlock if nothing speaks against it."""
        risk = self._risk
        if command.armed and not risk.armed:
            why = self._why_not(command.name)
            if why:
                text = f"The ticket stays locked: {why}. Cancel, flatten and halt work."
                return [self._facts.emit(at, "problem", Level.WARN, text, command_id=command.command_id)]
            self._traded.clear()
        return risk.arm(command.armed, at, command.command_id)

    def link(self, item: LinkChanged, at: Timestamp) -> list[Effect]:
        """Lock when a stream is lost; what happened meanwhile is for a person to look at."""
        if item.state in (LinkState.CONNECTED, LinkState.CONNECTING):
            self._down.discard(item.private)
            return []
        self._down.add(item.private)
        return self._lock(f"since the {'account' if item.private else 'market'} stream was interrupted", at)

    def tick(self, at: Timestamp) -> list[Effect]:
        """Lock after a long time without a command, and on old books of what is traded."""
        risk = self._risk
        if not risk.armed:
            return []
        minutes = risk.limits.idle_lock_minutes
        if minutes and at.mono_ns - self._command_ns >= minutes * _MINUTE_NS:
            return risk.arm(False, at, why=f"no command came for {counted(minutes, 'minute')}")
        if not risk.arm_name:
            return []
        for symbol in sorted(self._traded.union(order.symbol for order in self._orders.live())):
            age_ms = self._market.book_age_ms(symbol, at)
            if age_ms is not None and age_ms > risk.limits.max_book_age_ms:
                return self._lock(f"since the book of {symbol}, which you trade, is {age_ms // 1_000} s old", at)
        return []

    def _why_not(self, name: str) -> str:
        wanted = self._risk.arm_name
        if not wanted:
            return ""
        if name.strip() != wanted:
            return f"to unlock it, type the name of the account, which is {wanted}: orders here are real"
        if self._down:
            return "a stream is down"
        return ""

    def _lock(self, why: str, at: Timestamp) -> list[Effect]:
        return self._risk.arm(False, at, why=why) if self._risk.arm_name else []
