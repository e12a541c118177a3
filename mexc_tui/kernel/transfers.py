"""Money that came or went without a trade: what of each balance the executions do not explain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Side
from mexc_tui.kernel.records import DeskSnapshot, FillRecord, HoldingRecord

HOLDINGS = "holdings"
"""State record: every asset has been compared once, so one that is not named was not held."""


class Transfers:
    """Keeps what every total should be, from one comparison to the next.

    An execution that comes late corrects what was taken for a transfer at the next comparison. Totals that moved in
    both directions may be a trade nobody has told yet: they are believed when they are the same at a second comparison.
    """

    def __init__(self) -> None:
        self._expected: dict[str, Decimal] = {}
        self.complete = False
        self._first: dict[str, int] = {}
        """From when on executions change what should be held, by the exchange's clock: the first total of an asset
        includes those before."""
        self._complete_ms = 0
        """The same of what is not named by any total."""
        self._sure: set[str] = set()
        """Assets compared since the account stream was last down, or told of a transfer."""
        self._told: set[str] = set()
        """Assets of which a transfer was told since they were compared."""
        self.open: dict[str, Decimal] = {}
        """What may be transfers or a trade."""
        self._guessed: dict[str, Decimal] = {}
        """What was taken for transfers where some may have happened; executions that come late take it back."""
        self._unnamed: dict[str, Decimal] = {}
        """What was taken for transfers although the account was watched and none was told."""

    def book(self, record: FillRecord) -> None:
        """Add an execution."""
        fill = record.fill
        sign = 1 if fill.side is Side.BUY else -1
        moves = ((record.base, sign * fill.qty), (record.quote, -sign * fill.quote_qty), (fill.fee_asset, -fill.fee))
        with exact():
            for asset, by in moves:
                expected = self.expected(asset)
                if expected is not None and fill.time_ms >= self._first.get(asset, self._complete_ms):
                    self._expected[asset] = expected + by

    def hold(self, record: HoldingRecord) -> None:
        """Take a compared total for what is held."""
        if self.expected(record.asset) is None:
            self._first[record.asset] = record.since_ms
        self._expected[record.asset] = record.total

    def completed(self, since_ms: int) -> None:
        """Note that every asset has been compared, by balances that include all executions before that time."""
        if not self.complete:
            self.complete, self._complete_ms = True, since_ms

    def expected(self, asset: str) -> Decimal | None:
        """Return what should be held of an asset; None where it has never been compared."""
        return self._expected.get(asset, ZERO if self.complete else None)

    def lacking(self, asset: str, total: Decimal) -> Decimal | None:
        """Return by how much a total is less than what it should be; None where that cannot be said."""
        expected = self.expected(asset)
        if expected is None or asset in self._told:
            return None
        with exact():
            return expected - total

    def doubt(self, asset: str | None = None) -> None:
        """Note that transfers of an asset, or of any, may have happened since it was compared."""
        if asset is None:
            self._sure.clear()
        else:
            self._sure.discard(asset)
            self._told.add(asset)
            self._unnamed.pop(asset, None)

    def compare(self, totals: Mapping[str, Decimal], usable: Callable[[str], bool]) -> dict[str, Decimal]:
        """Return by how much each asset that can be compared now was moved by transfers; zero for most.

        ``usable`` tells whether a total can be compared with the executions at this moment.
        """
        found: dict[str, Decimal] = {}
        with exact():
            for asset in sorted(filter(usable, totals)):
                expected = self.expected(asset)
                found[asset] = ZERO if expected is None else totals[asset] - expected
        moved = {asset: by for asset, by in found.items() if by}
        both_ways = len({by > 0 for by in moved.values()}) > 1
        before, self.open = self.open, moved if both_ways else {}
        if self.open and self.open == before:
            self.open = {}
        settled = {asset: by for asset, by in found.items() if asset not in self.open}
        with exact():
            for asset, by in settled.items():
                kept = self._unnamed if self._surprising(asset, by) else self._guessed
                kept[asset] = kept.get(asset, ZERO) + by
        self._sure.update(settled)
        self._told.difference_update(settled)
        return settled

    def _surprising(self, asset: str, by: Decimal) -> bool:
        """Whether a difference is neither a transfer that may have happened nor takes back what was taken for one."""
        guessed = self._guessed.get(asset, ZERO)
        takes_back = (by > 0) != (guessed > 0) and abs(by) <= abs(guessed)
        return by != 0 and asset in self._sure and (bool(self._unnamed.get(asset)) or not takes_back)

    def accept(self, asset: str) -> None:
        """Take what is unexplained for a transfer; an execution that comes late takes it back."""
        with exact():
            self._guessed[asset] = self._guessed.get(asset, ZERO) + self._unnamed.pop(asset, ZERO)

    def unexplained(self, asset: str, total: Decimal) -> Decimal:
        """Return by how much a total is not what executions and transfers that were told make it."""
        expected = self.expected(asset)
        with exact():
            by = ZERO if expected is None else total - expected
            return self._unnamed.get(asset, ZERO) + (by if self._surprising(asset, by) else ZERO)

    def unclear(self, totals: Mapping[str, Decimal]) -> bool:
        """Whether some of what is held may or may not be a result of trading."""
        doubted = (asset for asset in totals if asset not in self._sure)
        return bool(self.open) or any(self.expected(asset) not in (None, totals[asset]) for asset in doubted)

    def restore(self, saved: DeskSnapshot) -> None:
        """Take up what a snapshot holds."""
        self._expected, self.complete = dict(saved.expected), saved.complete
        self._first, self._complete_ms = dict(saved.first_compared), saved.complete_ms

    def saved(self) -> tuple[tuple[str, Decimal], ...]:
        """Return what every total should be."""
        return tuple(sorted(self._expected.items()))

    def first_compared(self) -> tuple[tuple[str, int], ...]:
        """Return from when on executions count in what should be held of each asset."""
        return tuple(sorted(self._first.items()))

    @property
    def complete_ms(self) -> int:
        """The same of assets that no total has named; zero where it is not known."""
        return self._complete_ms
