"""What a guard is told when it starts, and what it writes down for the desk that comes after."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec

from mexc_tui.config.files import read_json, replace_whole
from mexc_tui.config.settings import GuardSettings

REPORT = "guard.json"
_TAKEN = "guard.last.json"

BEAT = b"\n"
FAREWELL = b"bye\n"
"""The last line of a desk that ends in order: nothing is to be done."""
BEAT_S = 1.0


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """The first line that a guard reads; it holds secrets, and so travels by pipe only."""

    desk_id: str
    desk_name: str
    base_url: str
    ws_url: str
    api_key: str
    api_secret: str
    real_orders: bool
    currency: str
    folder: str
    """Where the account's journal lies."""
    settings: GuardSettings

    def __repr__(self) -> str:
        return f"Brief({self.desk_name}, {self.base_url})"


class GuardReport(msgspec.Struct, kw_only=True):
    """What a guard did, kept until the next desk of the account has told it."""

    began_ms: int
    why: str
    plan: str
    cancelled: list[str] = []
    sold: list[str] = []
    left: list[str] = []
    """What the plan covers and is open or held still, or not known; whole phrases."""
    done: bool = False

    def sentence(self, when: str) -> str:
        """Return what a user is told; ``when`` is the time at which it began, in words."""
        did = [f"cancelled {_listed(self.cancelled)}" if self.cancelled else ""]
        did.append(f"sold {_listed(self.sold)}" if self.sold else "")
        told = " and ".join(part for part in did if part) or "found nothing to do"
        end = "" if self.done else " It did not get to the end."
        left = f" Left: {_listed(self.left)}." if self.left else ""
        return f"At {when} {self.why}; the guard ({self.plan}) {told}.{end}{left}"


def keep(folder: Path, report: GuardReport) -> None:
    """Write the report, durably and in one piece.

    Raises:
        OSError: it cannot be written.
    """
    replace_whole(folder / REPORT, msgspec.json.encode(report))


def guarded_before(folder: Path) -> tuple[str, ...]:
    """Return what a guard did that no desk has told yet, and put its report aside; nothing where it did nothing."""
    path = folder / REPORT
    try:
        report = read_json(path, GuardReport)
        told = report.sentence(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.began_ms / 1_000)))
    except OSError:
        return ()
    except (ValueError, OverflowError):
        told = "The guard acted while no desk ran, and its report cannot be read; guard.log has what it did."
    with contextlib.suppress(OSError):
        path.rename(folder / _TAKEN)
    return (told,)


def _listed(parts: list[str]) -> str:
    shown = ", ".join(parts[:6])
    return shown if len(parts) <= 6 else f"{shown} and {len(parts) - 6} more"
