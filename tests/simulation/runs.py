"""Runs by seed: one, and the shortest that fails in the same way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from mexc_tui.store import schema
from tests.simulation.script import STEPS, Step, script
from tests.simulation.world import BreachError, World


class Outcome(msgspec.Struct):
    seed: int
    breach: str
    """Empty where all was well."""
    suffered: Counter[str]
    inputs: int
    expected: Counter[str]
    digest: str
    """Of everything in the journal and everything said."""
    log: tuple[str, ...]


def run(seed: int, steps: int = STEPS) -> Outcome:
    """Play the script of a seed."""
    return play(seed, script(seed, steps))


def play(seed: int, steps: Sequence[Step]) -> Outcome:
    """Play a script in the world of a seed."""
    world = World(seed)
    breach = ""
    try:
        world.play(steps)
    except BreachError as error:
        breach = str(error)
    log = tuple(f"{fact.time_ms} {fact.kind}: {fact.message}" for fact in world.facts)
    written = "\n".join(schema.encode(row)[1] for row in world.disk.rows)
    digest = sha256("\n".join((written, *log)).encode()).hexdigest()
    return Outcome(seed, breach, world.suffered, world.inputs, world.expected, digest, log)


def kind_of(breach: str) -> str:
    """Return what a breach is about, without numbers and names."""
    text = re.sub(r"^(step \d+ \(\w+\)|calm|at the end|after \d+ s of calm): ", "", breach)
    return re.sub(r"\S*\d\S*", "#", text.split(";")[0])


def shortened(seed: int, steps: int, breach: str) -> list[Step]:
    """Drop steps for as long as what is left fails in the same way."""
    left, kind = script(seed, steps), kind_of(breach)
    size = len(left) // 2
    while size:
        at = 0
        while at < len(left):
            fewer = left[:at] + left[at + size :]
            if kind_of(play(seed, fewer).breach) == kind:
                left = fewer
            else:
                at += size
        size //= 2
    return left
