"""How many generated cases a test is given."""

from __future__ import annotations

from hypothesis import settings

USUAL = 60


def scaled(number: int) -> int:
    """Return so many in the usual profile, and in the profile ``long`` as many times more as it runs examples."""
    return max(1, number * settings.default.max_examples // USUAL)


def examples(number: int) -> settings:
    """Return settings with so many examples in the usual profile, and in proportion in others."""
    return settings(max_examples=scaled(number))
