from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.desk.intake import IDS_KEPT, Intake
from mexc_tui.desk.protocol import Outcome
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Draft, Halt, PlaceOrder
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
