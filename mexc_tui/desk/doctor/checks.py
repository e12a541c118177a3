"""One check of ``mexc-tui doctor``: what was looked at, the verdict, and the remedy."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """A result; ``remedy`` is empty only where the verdict is ok."""

    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def ok(check: str, detail: str) -> Check:
    """Return a check that passed."""
    return Check(check, Verdict.OK, detail)


def warn(check: str, detail: str, remedy: str) -> Check:
    """Return a check that passed with a flaw."""
    return Check(check, Verdict.WARN, detail, remedy)


def fail(check: str, detail: str, remedy: str) -> Check:
    """Return a check that did not pass."""
    return Check(check, Verdict.FAIL, detail, remedy)
