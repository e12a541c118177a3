"""What becomes of a command that a client sent: taken once, or answered why not."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec.structs import replace

from mexc_tui.desk.protocol import Answer, Outcome
from mexc_tui.domain.client import DeskClient, Role
from mexc_tui.domain.commands import AmendOrder, Arm, Command, PlaceOrder, Release, Resume
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.numbers import is_plain

IDS_KEPT = 10_000
TEXT_LIMIT = 1_000
LATE_MS = 5_000
"""What may lead to an order and has waited longer for the desk, is no longer meant."""

_VIEW_ONLY = "This client may only look (role view), so nothing was done. Attach with the role trade to act."


class Intake:
    """Shared by all clients of a desk, so that an id counts once whoever repeats it."""

    def __init__(self) -> None:
        self._taken: dict[str, None] = {}

    def submit(self, command: Command, role: Role, desk: DeskClient, refusal: str = "") -> Answer:
        """Hand the command to the desk, unless it was before or may not be; ``refusal`` is why none may be now."""
        command_id = command.command_id
        if role is not Role.TRADE:
            return Answer(command_id=command_id[:TEXT_LIMIT], outcome=Outcome.REFUSED, reason=_VIEW_ONLY)
        fault = fault_of(command)
        if fault:
            return Answer(command_id=command_id[:TEXT_LIMIT], outcome=Outcome.REFUSED, reason=fault)
        if command_id in self._taken:
            return Answer(command_id=command_id, outcome=Outcome.REPEATED)
        if refusal:
            return Answer(command_id=command_id, outcome=Outcome.REFUSED, reason=refusal)
        self._taken[command_id] = None
        if len(self._taken) > IDS_KEPT:
            del self._taken[next(iter(self._taken))]
        desk.submit(command)
        return Answer(command_id=command_id, outcome=Outcome.TAKEN)


def on_its_way(command: Command, given: Timestamp, now: Timestamp) -> tuple[Command, str]:
    """Return a command as it is on arrival, and why it comes too late; the reason is empty where it does not.

    A desk that was stopped for a while finds what was sent meanwhile. What reduces is carried out however late.
    """
    # The one clock cannot be set, the other goes on while the machine sleeps.
    waited_ms = max(0, (now.mono_ns - given.mono_ns) // 1_000_000, now.wall_ms - given.wall_ms)
    exposes = isinstance(command, PlaceOrder | AmendOrder | Resume | Release) or (
        isinstance(command, Arm) and command.armed
    )
    if exposes and waited_ms > LATE_MS:
        waited = f"{waited_ms // 1_000} s"
        return command, f"The desk did not read it for {waited}, so it was not carried out. Is it still meant?"
    if isinstance(command, PlaceOrder) and command.seen_age_ms >= 0:
        command = replace(command, seen_age_ms=command.seen_age_ms + waited_ms)
    return command, ""


def fault_of(command: Command) -> str:
    """Return why a command cannot be meant, whoever sent it; empty if nothing is wrong with its values."""
    if not command.command_id:
        return "A command needs an id; nothing was done."
    return _fault_in(msgspec.to_builtins(command, builtin_types=(Decimal,)))


def _fault_in(value: object) -> str:
    if isinstance(value, dict):
        return next(filter(None, map(_fault_in, (*value, *value.values()))), "")
    if isinstance(value, list | tuple):
        return next(filter(None, map(_fault_in, value)), "")
    if isinstance(value, str) and len(value) > TEXT_LIMIT:
        return f"A text in the command is longer than {TEXT_LIMIT} characters; nothing was done."
    if isinstance(value, Decimal) and not is_plain(value):
        return "A number in the command is not finite or too long; nothing was done."
    return ""
