"""Changing limits while the desk runs: what tightens holds at once, what loosens needs a reason and waits.

What is tighter than the config file is recorded and outlives the desk; what is looser ends with it. A restart takes the
tighter one of file and record.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from mexc_tui.domain.commands import SetLimit
from mexc_tui.domain.controls.case import counted
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.limit_changes import ceiling, changed, known, looser, unfit, value_of
from mexc_tui.domain.limits import Limits, WaitingLimit
from mexc_tui.domain.numbers import plain
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.kept import KeptState

TIGHTENED, WAITING = "tightened_limit ", "waiting_limit "
"""Names of records, followed by the limit's; an empty value ends what the record before it said."""
_MS = 1_000_000
_MINUTE_MS = 60_000
MOST_REASON = 200


class LimitChanges:
    """Holds the limits as they are now, and those that are to be loosened."""

    def __init__(self, start: Limits, facts: FactLog, kept: KeptState, *, live: bool = False) -> None:
        """``live``: orders are real, and a loosening that was asked for before the desk began is called off."""
        self.now = start
        self._live = live
        self._start = start
        self._facts = facts
        self._kept = kept
        self._waiting: dict[str, WaitingLimit] = {}
        self._due_ns: dict[str, int] = {}
        self._tightened: dict[str, Decimal] = {}

    @property
    def waiting(self) -> tuple[WaitingLimit, ...]:
        """What is to be loosened, in the order in which it was asked for."""
        return tuple(self._waiting.values())

    def resume(self, recorded: Mapping[str, str]) -> None:
        """Take up what is recorded: of two values the tighter one holds."""
        for record, text in recorded.items():
            kind, _, name = record.partition(" ")
            number, _, rest = text.partition(" ")
            if not text or not known(name) or unfit(name, value := Decimal(number)):
                continue
            if kind == WAITING.strip():
                due_ms, _, reason = rest.partition(" ")
                self._waiting[name] = WaitingLimit(name=name, value=value, due_ms=int(due_ms), reason=reason)
            elif looser(name, value_of(self._start, name), value):
                self.now = changed(self.now, name, value)
                self._tightened[name] = value

    def start(self, at: Timestamp) -> list[Effect]:
        """Say what differs from the config file, and go on waiting: never longer than the delay, as clocks jump."""
        for name, change in self._waiting.items():
            left_ms = min(max(0, change.due_ms - at.wall_ms), self._delay_ms)
            self._due_ns[name] = at.mono_ns + left_ms * _MS
        effects = [effect for name in tuple(self._waiting) for effect in self._not_live(name, at)] if self._live else []
        if not self._tightened:
            return effects
        named = ", ".join(f"{name} {plain(value)}" for name, value in self._tightened.items())
        text = f"Limits that were tightened are tighter than the config file and hold on: {named}."
        return [*effects, self._facts.emit(at, "limit", Level.INFO, text)]

    def _not_live(self, name: str, at: Timestamp) -> list[Effect]:
        """Call off what was asked for before: it may have been meant for an account that was not live then."""
        value = plain(self._waiting[name].value)
        text = (
            f"{name} stays {self._shown(name)}: the loosening to {value} was asked for before"
            " this live desk began, and is called off. Ask again if it is still meant."
        )
        return [self._drop(name, at), self._facts.emit(at, "limit", Level.WARN, text)]

    def set(self, command: SetLimit, at: Timestamp) -> list[Effect]:
        """Carry out a change, or say why not."""
        name, value, reason = command.name, command.value, " ".join(command.reason.split())
        refusal = self._refusal(name, value, reason)
        if refusal:
            text = f"{refusal} No limit was changed."
            return [self._facts.emit(at, "problem", Level.WARN, text, command_id=command.command_id)]
        if value is None:
            text = (
                f"{name} stays {self._shown(name)}: the loosening to {plain(self._waiting[name].value)} is called off."
            )
            return [
                self._drop(name, at),
                self._facts.emit(at, "limit", Level.GOOD, text, command_id=command.command_id),
            ]
        if looser(name, value, value_of(self.now, name)):
            return self._wait(name, value, reason, at, command.command_id)
        called_off = name in self._waiting
        before = self._shown(name)
        effects = [self._drop(name, at)] if called_off else []
        text = f"{name} is {plain(value)} now, it was {before}."
        if called_off:
            text += " Its loosening is called off."
        return [
            *effects,
            *self._take(name, value, at),
            self._facts.emit(at, "limit", Level.GOOD, text, command_id=command.command_id),
        ]

    def _refusal(self, name: str, value: Decimal | None, reason: str) -> str:
        if not known(name):
            return f"There is no limit {name[:40]} that can be changed while the desk runs; `limits show` lists them."
        if value is None:
            return "" if name in self._waiting else f"No loosening of {name} waits."
        why = unfit(name, value)
        if why:
            return f"{name} {why}."
        if not looser(name, value, value_of(self.now, name)):
            return ""
        most = ceiling(self._start, name)
        if looser(name, value, most):
            shown = "" if most is None else plain(most)
            return (
                f"{plain(value)} is looser than the ceiling of {name}, {shown}, which nothing passes while the desk"
                " runs. Ceilings stand in the config file under [limits.ceilings]."
            )
        if not reason:
            return f"{plain(value)} loosens {name}, now {self._shown(name)}: that needs a reason."
        return "" if len(reason) <= MOST_REASON else f"A reason has at most {MOST_REASON} characters."

    def _wait(self, name: str, value: Decimal, reason: str, at: Timestamp, command_id: str) -> list[Effect]:
        due_ms = at.wall_ms + self._delay_ms
        self._waiting.pop(name, None)
        self._waiting[name] = WaitingLimit(name=name, value=value, due_ms=due_ms, reason=reason)
        self._due_ns[name] = at.mono_ns + self._delay_ms * _MS
        delay = counted(self._start.loosening_delay_minutes, "minute")
        text = (
            f"{name} goes from {self._shown(name)} to {plain(value)} in {delay}: {reason}."
            f" Until then it stays as it is; “limit {name} cancel” calls it off."
        )
        return [
            self._kept.write(WAITING + name, f"{value} {due_ms} {reason}", at),
            self._facts.emit(at, "limit", Level.WARN, text, command_id=command_id),
        ]

    def tick(self, at: Timestamp) -> list[Effect]:
        """Loosen what has waited long enough."""
        due = [name for name, due_ns in self._due_ns.items() if at.mono_ns >= due_ns]
        return [effect for name in due for effect in self._loosen(name, at)]

    def _loosen(self, name: str, at: Timestamp) -> list[Effect]:
        change, before = self._waiting[name], self._shown(name)
        effects = [self._drop(name, at)]
        if looser(name, change.value, ceiling(self._start, name)):
            text = f"{name} stays {before}: {plain(change.value)} is looser than its ceiling by now."
            return [*effects, self._facts.emit(at, "limit", Level.WARN, text)]
        if not looser(name, change.value, value_of(self.now, name)):
            return effects
        text = f"{name} is {plain(change.value)} now, it was {before}: {change.reason}."
        if looser(name, change.value, value_of(self._start, name)):
            text += f" When the desk ends it is {plain(value_of(self._start, name) or change.value)} again,"
            text += " as the config file says."
        return [*effects, *self._take(name, change.value, at), self._facts.emit(at, "limit", Level.WARN, text)]

    @property
    def _delay_ms(self) -> int:
        return self._start.loosening_delay_minutes * _MINUTE_MS

    def _take(self, name: str, value: Decimal, at: Timestamp) -> list[Effect]:
        """Let a value hold, and record it where it is tighter than the one the desk began with."""
        self.now = changed(self.now, name, value)
        if looser(name, value_of(self._start, name), value):
            self._tightened[name] = value
            return [self._kept.write(TIGHTENED + name, str(value), at)]
        return [] if self._tightened.pop(name, None) is None else [self._kept.write(TIGHTENED + name, "", at)]

    def _drop(self, name: str, at: Timestamp) -> Effect:
        del self._waiting[name], self._due_ns[name]
        return self._kept.write(WAITING + name, "", at)

    def _shown(self, name: str) -> str:
        value = value_of(self.now, name)
        return "not set" if value is None else plain(value)
