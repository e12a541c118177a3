"""Many short lives of a desk, each with its own trouble, none of which may break a rule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples import scaled
from tests.simulation.exchange import START_MS
from tests.simulation.runs import play, run
from tests.simulation.script import Step

RUNS = 50
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("first", range(0, scaled(1_000), RUNS))
def test_no_run_breaks_a_rule(first: int) -> None:
    for seed in range(first, first + RUNS):
        outcome = run(seed)
        breach = outcome.breach
        assert not breach, f"python -m tests.simulation --runs 1 --seed {seed} --shrink: {breach}"
        alarms = [line for line in outcome.log if line.split()[1] == "break:"]
        assert seed % 3 or not alarms, "with one kind of trouble at most the account always explains itself"


LOST = tuple(Step(0, "push_fault", (channel, "missing", 50)) for channel in ("orders", "fills", "balances"))
RESTING = (Step(0, "place", (0, "BUY", "LIMIT", 300.0, 0.03, False)), Step(0, "wait", (12_000,)))


@pytest.mark.parametrize(
    ("done", "told", "untold"),
    [
        ((Step(0, "deposit", ("USDT", 0.1)),), "transfer", "transfer break reconciled"),
        ((Step(0, "withdraw", ("USDT", 0.1)),), "transfer", "transfer break reconciled"),
        ((Step(0, "elsewhere", (0, "BUY", 300, -1.0)),), "filled", "filled"),
        ((Step(0, "elsewhere", (0, "BUY", 300, 2.0)),), "elsewhere", "elsewhere"),
        ((Step(0, "cancel_elsewhere", (0.0,)),), "cancelled", "cancelled"),
    ],
)
@pytest.mark.parametrize("pushed", [True, False])
def test_what_happens_elsewhere_is_told_as_what_it_is_or_as_a_break(
    done: tuple[Step, ...], told: str, untold: str, pushed: bool
) -> None:
    """Within the fifteen seconds between comparisons and five more, also where every push of it is lost."""
    before = (Step(0, "wait", (20_000,)), *(RESTING if done[0].name == "cancel_elsewhere" else ()))
    quiet = play(3, before)
    outcome = play(
        3, (*before, *(() if pushed else LOST), *done, Step(0, "wait", (20_000,)), Step(0, "wait", (15_000,)))
    )
    assert not outcome.breach
    new = outcome.log[len(quiet.log) :]
    kinds = [line.split()[1].rstrip(":") for line in new]
    assert [kind for kind in kinds if kind != "near"] == (told if pushed else untold).split()
    if done[0].name != "cancel_elsewhere":
        assert int(new[min(1, len(new) - 1)].split()[0]) - START_MS <= 1_500 + 20_000 + 20_000


def test_a_seed_gives_the_same_journal_to_the_last_byte() -> None:
    """In another process too, where sets and dictionaries of texts have another order."""
    command = [sys.executable, "-m", "tests.simulation", "--runs", "6", "--seed", "1", "--digest"]
    first, second = (
        subprocess.run(
            command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False
        ).stdout
        for seed in ("1", "2")
    )
    assert first.count("\n") == 6
    assert first == second
