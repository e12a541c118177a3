"""The latch: halting takes effect at once and is recorded until that has worked; lifting it waits for the record."""

from __future__ import annotations

from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import LatchAnswered, Timestamp
from mexc_tui.domain.limits import TradingState
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, SaveLatch
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.history import TRADING_STATE, Latch
from mexc_tui.kernel.records import StateRecord

_MS = 1_000_000
AGAIN_NS = 2_000 * _MS
"""Between two attempts to record a halt."""
LOST_NS = 30_000 * _MS
"""An attempt without an answer for so long has come to nothing."""


class Halting:
    """Halts and resumes. A halt that cannot be recorded holds all the same; a resume that cannot be is none."""

    def __init__(self, facts: FactLog, latch: Latch) -> None:
        self._facts = facts
        self._latch = latch
        self._attempt = 0
        self._wanted: TradingState | None = None
        """What is to be recorded and is not yet for certain."""
        self._asked_ns = 0
        self._waiting = False
        self._told = False
        """Whether it has been said that the halt is not recorded."""
        self._command_id = ""
        self._said_ns = 0

    def halt(self, reason: str, at: Timestamp, command_id: str = "", *, left: int = 0) -> list[Effect]:
        """Latch HALTED; survives a restart. Where it is halted already, say so, and that ``left`` orders are left."""
        if self._latch.state is TradingState.HALTED:
            return self._again(left, at, command_id)
        self._latch.state, self._latch.reason, self._said_ns = TradingState.HALTED, reason, at.mono_ns
        text = (
            f"Trading is halted: {reason}. What is open is being cancelled; nothing new is sent."
            " Flatten sells what you hold; only :resume lifts the halt."
        )
        return [
            self._save(TradingState.HALTED, at),
            self._facts.emit(at, "halted", Level.BAD, text, command_id=command_id),
        ]

    def _again(self, left: int, at: Timestamp, command_id: str) -> list[Effect]:
        """Keep a halt, also against a resume that is not recorded yet; say it once for presses in a row."""
        effects = [self._save(TradingState.HALTED, at)] if self._wanted is TradingState.ACTIVE else []
        if effects or at.mono_ns - self._said_ns >= AGAIN_NS:
            self._said_ns = at.mono_ns
            text = messages.halted_already(self._latch.reason, left)
            effects.append(self._facts.emit(at, "halted", Level.BAD, text, command_id=command_id))
        return effects

    def reduce(self, reason: str, at: Timestamp, *, cancels: bool = False) -> list[Effect]:
        """Latch REDUCING where trading is active; survives a restart. ``cancels``: entries are being cancelled."""
        if self._latch.state is not TradingState.ACTIVE:
            return []
        self._latch.state, self._latch.reason = TradingState.REDUCING, reason
        orders = "Open orders work on; cancel those you no longer want."
        if cancels:
            orders = "Open orders that would increase it are being cancelled; the others work on."
        text = (
            f"Only what reduces is taken from now on: {reason}. {orders}"
            " Sales of what you hold into cash, cancel, flatten and halt work. Resume lifts it and allows as much"
            " again."
        )
        return [self._save(TradingState.REDUCING, at), self._facts.emit(at, "reducing", Level.BAD, text)]

    def resume(self, at: Timestamp, command_id: str = "") -> list[Effect]:
        """Lift a halt once that is recorded; what was cancelled stays cancelled."""
        if self._latch.state is TradingState.ACTIVE:
            return []
        self._command_id = command_id
        return [self._save(TradingState.ACTIVE, at)]

    def answered(self, item: LatchAnswered, at: Timestamp) -> list[Effect]:
        """Take in whether the state is on the disk, in both places."""
        if item.attempt != self._attempt:
            return []
        wanted, self._waiting = self._wanted, False
        if item.problem:
            return self._failed(item.problem, wanted, at)
        self._wanted = None
        told, self._told = self._told, False
        if wanted is TradingState.ACTIVE:
            self._latch.state, self._latch.reason = TradingState.ACTIVE, ""
            text = "Trading is active again. Orders that were cancelled stay cancelled."
            return [self._facts.emit(at, "resumed", Level.GOOD, text, command_id=self._command_id)]
        if not told:
            return []
        return [
            self._facts.emit(
                at,
                "journal",
                Level.GOOD,
                f"It is recorded now that trading is {self._latch.state.value}; that holds after a restart too.",
            )
        ]

    def _failed(self, problem: str, wanted: TradingState | None, at: Timestamp) -> list[Effect]:
        self._wanted = self._latch.state
        why = problem.rstrip(".")
        if wanted is TradingState.ACTIVE:
            text = (
                f"Trading stays {self._latch.state.value}: that this is lifted could not be recorded ({why})."
                " Free space on the disk or check the folder's permissions, then resume again."
            )
            return [self._facts.emit(at, "problem", Level.BAD, text, command_id=self._command_id)]
        if self._told:
            return []
        self._told = True
        text = (
            f"Trading is {self._latch.state.value}, but that could not be recorded in both places ({why}); it is tried"
            " again every two seconds. Until it works, do not restart the program: it might forget it. Free space on"
            " the disk."
        )
        return [self._facts.emit(at, "problem", Level.BAD, text)]

    def tick(self, at: Timestamp) -> list[Effect]:
        """Record a halt again that is not recorded yet."""
        since = at.mono_ns - self._asked_ns
        if self._wanted in (None, TradingState.ACTIVE) or since < (LOST_NS if self._waiting else AGAIN_NS):
            return []
        return [self._save(self._latch.state, at)]

    def _save(self, state: TradingState, at: Timestamp) -> Effect:
        self._attempt += 1
        self._wanted, self._asked_ns, self._waiting = state, at.mono_ns, True
        value = state.value if state is TradingState.ACTIVE else f"{state.value}: {self._latch.reason}"
        return SaveLatch(StateRecord(name=TRADING_STATE, value=value, wall_ms=at.wall_ms), self._attempt)
