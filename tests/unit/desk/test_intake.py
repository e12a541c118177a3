from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from mexc_tui.desk.intake import IDS_KEPT, Intake, on_its_way
from mexc_tui.desk.protocol import Outcome
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Arm, CancelAll, CancelOrder, Draft, Flatten, Halt, PlaceOrder, Resume
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.orders import Side


class Desk:
    def __init__(self) -> None:
        self.got = []

    def submit(self, command):
        self.got.append(command)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def order(price: str, qty: str = "1", command_id: str = "1") -> PlaceOrder:
    draft = Draft(symbol="BTCUSDT", side=Side.BUY, qty=Decimal(qty), price=Decimal(price))
    return PlaceOrder(command_id=command_id, draft=draft)


def test_a_command_is_executed_once_whoever_repeats_it(desk):
    intake = Intake()
    outcomes = [intake.submit(Halt(command_id="h"), Role.TRADE, desk).outcome for _ in range(3)]
    assert outcomes == [Outcome.TAKEN, Outcome.REPEATED, Outcome.REPEATED]
    assert len(desk.got) == 1


def test_a_viewer_is_refused_and_its_id_stays_free_for_who_may(desk):
    intake = Intake()
    refused = intake.submit(Halt(command_id="h"), Role.VIEW, desk)
    assert refused.outcome is Outcome.REFUSED
    assert "role" in refused.reason
    assert desk.got == []
    assert intake.submit(Halt(command_id="h"), Role.TRADE, desk).outcome is Outcome.TAKEN


@pytest.mark.parametrize(
    "command",
    [
        order("NaN"),
        order("sNaN"),
        order("1", "Infinity"),
        order("1E+999999"),
        order("1E-999999"),
        order("9" * 61),
        Halt(command_id="h", reason="x" * 1_001),
        Halt(command_id=""),
        Halt(command_id="h" * 1_001),
    ],
)
def test_values_that_nobody_can_mean_do_not_reach_the_desk(desk, command):
    answer = Intake().submit(command, Role.TRADE, desk)
    assert answer.outcome is Outcome.REFUSED
    assert answer.reason
    assert desk.got == []


def test_a_desk_that_has_failed_takes_nothing(desk):
    answer = Intake().submit(Halt(command_id="h"), Role.TRADE, desk, "The engine stopped.")
    assert desk.got == []
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, "The engine stopped.")


def test_the_memory_of_ids_is_bounded_and_forgets_the_oldest_first(desk):
    intake = Intake()
    for number in range(IDS_KEPT + 1):
        intake.submit(Halt(command_id=str(number)), Role.TRADE, desk)
    assert intake.submit(Halt(command_id="1"), Role.TRADE, desk).outcome is Outcome.REPEATED
    assert intake.submit(Halt(command_id="0"), Role.TRADE, desk).outcome is Outcome.TAKEN


def test_what_was_taken_is_not_said_to_be_refused_when_it_is_repeated_too_late(desk):
    intake = Intake()
    assert intake.submit(order("1"), Role.TRADE, desk, "too late").outcome is Outcome.REFUSED
    assert intake.submit(order("1"), Role.TRADE, desk).outcome is Outcome.TAKEN
    assert intake.submit(order("1"), Role.TRADE, desk, "too late").outcome is Outcome.REPEATED


def given_before(seconds: float, *, asleep: bool = False) -> tuple[Timestamp, Timestamp]:
    """When a command was given and when it arrives; a machine that sleeps stops one of its two clocks."""
    now = Timestamp(1_000_000, 1_000_000_000_000)
    return Timestamp(now.wall_ms - int(seconds * 1_000), now.mono_ns - (0 if asleep else int(seconds * 1e9))), now


@pytest.mark.parametrize("asleep", [False, True])
@pytest.mark.parametrize("command", [order("1"), Resume(command_id="r"), Arm(command_id="a", armed=True)])
def test_what_may_lead_to_an_order_is_refused_when_it_comes_late(command, asleep):
    assert on_its_way(command, *given_before(4))[1] == ""
    assert "29 s" in on_its_way(command, *given_before(29, asleep=asleep))[1]


@pytest.mark.parametrize(
    "command",
    [
        Halt(command_id="h"),
        CancelAll(command_id="c"),
        CancelOrder(command_id="c", client_order_id="o"),
        Flatten(command_id="f"),
        Arm(command_id="a", armed=False),
    ],
)
def test_what_reduces_is_carried_out_however_late(command):
    assert on_its_way(command, *given_before(3_600)) == (command, "")


def test_the_book_that_was_seen_is_older_by_the_time_on_the_way():
    seen = msgspec.structs.replace(order("1"), seen_age_ms=100)
    assert on_its_way(seen, *given_before(2))[0].seen_age_ms == 2_100
    given, now = given_before(-2)
    assert on_its_way(seen, given, now)[0].seen_age_ms == 100
