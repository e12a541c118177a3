"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import USUAL
from tests.made_tapes import write_tapes

settings.register_profile(
    "repo", deadline=None, max_examples=USUAL, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repo"))


def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two cores with ``-n auto``: many tests wait for another process most of the time."""
    return max(2, len(os.sched_getaffinity(0)) * 3 // 2)


def _recorded() -> Path:
    """Return the folder of recorded answers, frames and markets; skip the test where it is absent."""
    folder = Path(os.environ.get("MEXC_TUI_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"recorded samples are not here ({folder})")
    return folder


@pytest.fixture(params=["made", "recorded"])
def samples(request: pytest.FixtureRequest) -> Path:
    """The folder of answers and frames: those that ship with the tests, then those of the real exchange."""
    return Path(__file__).parent / "samples" if request.param == "made" else _recorded() / "mexc" / "samples"


@pytest.fixture(scope="session")
def made_tapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of generated market recordings."""
    return write_tapes(tmp_path_factory.mktemp("tapes"))


@pytest.fixture(params=["made", "recorded"])
def tapes(request: pytest.FixtureRequest, made_tapes: Path) -> Path:
    """The folder of market recordings: generated ones, then those of real markets."""
    return made_tapes if request.param == "made" else _recorded() / "market"
