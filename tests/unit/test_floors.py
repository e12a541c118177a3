"""No dependency may be older than the advisories that are known, in what is allowed and in what is installed."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADVISORIES: dict[str, dict[str, str]] = tomllib.loads((ROOT / "tests" / "advisories.toml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = {re.split(r"[<>=!~]", line)[0]: line for line in PROJECT["dependencies"]}


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"[\d.]+", text)[0].strip(".").split("."))  # type: ignore[index]


@pytest.mark.parametrize("name", NEEDED)
def test_the_least_version_is_above_every_advisory(name: str) -> None:
    least = re.search(r"[>=]=([\d.]+)", NEEDED[name])
    assert least, f"{name} has no least version"
    for advisory, mended in ADVISORIES.get(name, {}).items():
        assert version(least[1]) >= version(mended), f"{name} {least[1]} has {advisory}; it is mended in {mended}"
        assert version(importlib.metadata.version(name)) >= version(mended), f"{name} is installed with {advisory}"


def test_every_advisory_is_about_something_needed() -> None:
    assert set(ADVISORIES) <= set(NEEDED)
