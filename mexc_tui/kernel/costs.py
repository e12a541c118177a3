"""What holdings cost: fills and holdings as they were recorded, added up in the same way at every start."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.numbers import ZERO, divide, exact
from mexc_tui.domain.positions import CostBasis, trimmed, with_fill, with_spent
from mexc_tui.kernel.records import DeskSnapshot, FillRecord, HoldingRecord


class Costs:
    """Cost basis by symbol. Needs no market: base and quote come with every record."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._basis: dict[str, CostBasis] = {}
        self._pairs: dict[str, tuple[str, str]] = {}
        self._held: dict[str, Decimal] = {}
        self.third_assets: set[str] = set()
        """Assets that paid fees of pairs in which they are neither base nor quote."""

    def of(self, symbol: str) -> CostBasis:
        """Return the basis of a symbol."""
        return self._basis.get(symbol) or CostBasis(symbol=symbol)

    def symbols(self) -> list[str]:
        """Return every symbol that was traded, in the order of its first fill."""
        return list(self._basis)

    def open_symbols(self) -> set[str]:
        """Return the symbols in which something of known cost is held."""
        return {symbol for symbol, basis in self._basis.items() if basis.qty > 0}

    def pair(self, symbol: str) -> tuple[str, str] | None:
        """Return base and quote of a symbol that was traded; None where that is not known."""
        pair = self._pairs.get(symbol)
        return pair if pair is not None and pair[0] else None

    def base_of(self, symbol: str) -> str:
        """Return the base asset of a symbol that was traded; empty where it is not known."""
        return self._pairs.get(symbol, ("", ""))[0]

    def last_held(self, asset: str) -> Decimal:
        """Return the total of an asset by its last record."""
        return self._held.get(asset, ZERO)

    def book(self, record: FillRecord) -> None:
        """Add a fill with the fee it was valued at then; the caller sees to it that it comes once."""
        fill, base, quote = record.fill, record.base, record.quote
        if base or fill.symbol not in self._pairs:
            self._pairs[fill.symbol] = (base, quote)
        self._basis[fill.symbol] = with_fill(self.of(fill.symbol), fill, base, quote, record.fee_quote)
        if fill.fee and fill.fee_asset not in (base, quote, self._currency):
            self.third_assets.add(fill.fee_asset)
            self._spend(fill.fee_asset, fill.fee, record.fee_quote if quote == self._currency else None)

    def _spend(self, asset: str, fee: Decimal, value: Decimal | None) -> None:
        """Take a fee of another pair out of what is held with a known cost.

        ``value`` is in the account's currency, None if unknown.
        """
        left = fee
        own = (asset, self._currency)
        for symbol in sorted(self._basis, key=lambda name: (self._pairs[name] != own, name)):
            basis = self._basis[symbol]
            part = min(left, basis.qty) if self.base_of(symbol) == asset else ZERO
            if part > 0:
                with exact():
                    left -= part
                    share = None if value is None or self._pairs[symbol] != own else divide(value * part, fee)
                self._basis[symbol] = with_spent(basis, part, share)

    def hold(self, record: HoldingRecord) -> None:
        """Cap the known cost of an asset by what was held at that moment."""
        self._held[record.asset] = record.total
        left = record.total
        for symbol in sorted(self._basis):
            if self.base_of(symbol) == record.asset:
                self._basis[symbol] = trimmed(self._basis[symbol], left)
                left -= self._basis[symbol].qty

    def restore(self, saved: DeskSnapshot) -> None:
        """Take up what a snapshot holds."""
        self._basis = {basis.symbol: basis for basis in saved.costs}
        self._pairs = {symbol: (base, quote) for symbol, base, quote in saved.pairs}
        self._held = dict(saved.holdings)
        self.third_assets = set(saved.third_assets)

    def bases(self) -> tuple[CostBasis, ...]:
        """Return the basis of every symbol, in the order of the first fills."""
        return tuple(self._basis.values())

    def pairs(self) -> tuple[tuple[str, str, str], ...]:
        """Return symbol, base and quote of everything that was traded."""
        return tuple((symbol, base, quote) for symbol, (base, quote) in self._pairs.items())

    def holdings(self) -> tuple[tuple[str, Decimal], ...]:
        """Return the last recorded total of every asset."""
        return tuple(self._held.items())
