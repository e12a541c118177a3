"""What each owner has bought and not sold, from executions alone, the same live and from the journal."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Side
from mexc_tui.kernel.records import FillRecord


class OwnedAssets:
    """Adds up executions by owner and asset; a sale of more than an owner has bought leaves it nothing, never less."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Decimal]] = {}

    def of(self, owner: str) -> dict[str, Decimal]:
        """Return what an owner has bought and not sold, by asset."""
        return self._held.get(owner, {})

    def book(self, record: FillRecord, owner: str) -> None:
        """Count one execution; one of nobody known changes nothing."""
        if not owner or not record.base:
            return
        held, fill = self._held.setdefault(owner, {}), record.fill
        with exact():
            left = held.get(record.base, ZERO) + (fill.qty if fill.side is Side.BUY else -fill.qty)
        if left > 0:
            held[record.base] = left
        else:
            held.pop(record.base, None)

    def saved(self) -> tuple[tuple[str, str, Decimal], ...]:
        """Return owner, asset and quantity of everything."""
        return tuple((owner, asset, qty) for owner, held in self._held.items() for asset, qty in held.items())

    def restore(self, saved: tuple[tuple[str, str, Decimal], ...]) -> None:
        """Take up what a snapshot holds."""
        for owner, asset, qty in saved:
            self._held.setdefault(owner, {})[asset] = qty
