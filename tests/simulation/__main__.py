"""``python -m tests.simulation --runs N --seed S --jobs J``: many runs; a failing seed is printed and made shorter."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.runs import Outcome, run, shortened
from tests.simulation.script import STEPS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--shrink", action="store_true", help="print the shortest script found that fails the same way")
    parser.add_argument("--digest", action="store_true", help="print what identifies each run to the last byte")
    parser.add_argument("--show", action="store_true", help="print what the desk said in a single run")
    asked = parser.parse_args()
    seeds = range(asked.seed, asked.seed + asked.runs)
    begun, suffered, expected, failed, inputs = time.monotonic(), Counter[str](), Counter[str](), [], 0
    for outcome in _outcomes(seeds, asked.steps, asked.jobs):
        suffered += outcome.suffered
        expected += outcome.expected
        inputs += outcome.inputs
        if outcome.breach:
            failed.append(outcome)
            _say(f"seed {outcome.seed}: {outcome.breach}")
        if asked.digest:
            _say(f"{outcome.seed} {outcome.digest}")
        if asked.show:
            _say(*outcome.log)
    took = time.monotonic() - begun
    if not asked.digest:
        _report(suffered, expected)
        _say(f"{asked.runs:,} runs, {inputs:,} inputs, {len(failed)} failed, {asked.runs / took:,.1f} runs/s")
    if asked.shrink and failed:
        first = failed[0]
        for step in shortened(first.seed, asked.steps, first.breach):
            _say(f"    {step}")
    return 1 if failed else 0


def _report(suffered: Counter[str], expected: Counter[str]) -> None:
    for name, count in suffered.most_common():
        _say(f"{count:10,} {name}")
    for name, count in expected.most_common():
        _say(f"{count:10,} breaches to be mended: {name}")


def _outcomes(seeds: Sequence[int], steps: int, jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from (run(seed, steps) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run, seeds, [steps] * len(seeds), chunksize=20)


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
