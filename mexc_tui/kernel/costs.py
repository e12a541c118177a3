"""What holdings cost: executions and holdings, added up in the order in which they happened, whenever they come."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from mexc_tui.domain.numbers import ZERO, divide, exact
from mexc_tui.domain.orders import Fill, Side
from mexc_tui.domain.positions import CostBasis, trimmed, with_fill, with_spent
from mexc_tui.kernel.records import CostRecord, DeskSnapshot, FillRecord, HoldingRecord

KEPT = 1_000
"""A record that comes after so many later ones counts as the first of them."""

_Place = tuple[int, int, int, str, str]
_Record = FillRecord | HoldingRecord | CostRecord


class _Step(msgspec.Struct):
    """One record in its place, and what it changed."""

    key: _Place
    record: _Record
    before: dict[str, CostBasis | None]


class Costs:
    """Cost basis by symbol. Needs no market: base and quote come with every record.

    The latest steps can be undone, so that a record that comes late takes its place among them: executions by the
    exchange's time and then by trade id, holdings by the time up to which they speak.
    """

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._basis: dict[str, CostBasis] = {}
        self._pairs: dict[str, tuple[str, str]] = {}
        self._held: dict[str, Decimal | None] = {}
        self._steps: list[_Step] = []
        self._before: dict[str, CostBasis | None] = {}
        """What the step that is being taken has changed so far."""
        self.changes = 0
        """Rises with every record."""
        self.third_assets: set[str] = set()
        """Assets that paid fees of pairs in which they are neither base nor quote."""

    def of(self, symbol: str) -> CostBasis:
        """Return the basis of a symbol."""
        return self._basis.get(symbol) or CostBasis(symbol=symbol)

    def symbols(self) -> list[str]:
        """Return every symbol that was traded."""
        return sorted(self._basis)

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

    def last_held(self, asset: str) -> Decimal | None:
        """Return the total of an asset by its last record; None where executions have come that put it in doubt."""
        return self._held.get(asset, ZERO)

    def fills(self) -> Iterator[Fill]:
        """Return the latest executions, newest first."""
        return (step.record.fill for step in reversed(self._steps) if isinstance(step.record, FillRecord))

    def sales(self) -> Iterator[tuple[Fill, Decimal]]:
        """Return the latest sales of what had a known cost, newest first, and what each realised, fees deducted."""
        after: dict[str, CostBasis] = {}
        for step in reversed(self._steps):
            if isinstance(step.record, FillRecord) and step.record.fill.side is Side.SELL:
                fill = step.record.fill
                before = step.before.get(fill.symbol)
                if before is not None and before.qty > 0:
                    with exact():
                        yield fill, (after.get(fill.symbol) or self.of(fill.symbol)).realised - before.realised
            after |= {symbol: basis or CostBasis(symbol=symbol) for symbol, basis in step.before.items()}

    # --- taking in

    def book(self, record: FillRecord) -> None:
        """Add a fill with the fee it was valued at then; the caller sees to it that it comes once."""
        fill, base, quote = record.fill, record.base, record.quote
        if base or fill.symbol not in self._pairs:
            self._pairs[fill.symbol] = (base, quote)
        if fill.fee and fill.fee_asset not in (base, quote, self._currency):
            self.third_assets.add(fill.fee_asset)
        self._insert(_Step(in_order(record), record, {}))

    def hold(self, record: HoldingRecord) -> None:
        """Cap the known cost of an asset by what was held, unless an execution makes it doubtful what was."""
        if not record.time_ms:
            newest = self._steps[-1].key[0] if self._steps else 0
            record = msgspec.structs.replace(record, since_ms=newest, time_ms=newest)
        self._held[record.asset] = record.total
        self._insert(_Step(in_order(record), record, {}))

    def say(self, record: CostRecord) -> None:
        """Take what somebody says a holding cost."""
        self._pairs[record.symbol] = (record.base, record.quote)
        self._insert(_Step(in_order(record), record, {}))

    def known(self, asset: str) -> Decimal:
        """Return how much of an asset has a known cost."""
        with exact():
            return sum((basis.qty for basis in self._basis.values() if self.base_of(basis.symbol) == asset), ZERO)

    def _insert(self, step: _Step) -> None:
        self.changes += 1
        place = bisect_right(self._steps, step.key, key=lambda one: one.key)
        later = self._steps[place:]
        del self._steps[place:]
        for one in reversed(later):
            _restore(self._basis, one.before)
        if isinstance(step.record, HoldingRecord):
            if self._doubtful(step.record):
                self._held[step.record.asset] = None
            else:
                self._take([step])
        else:
            self._take([step])
            for one in later:
                if _doubts(step.record, one.record):
                    self._held[one.key[3]] = None
            later = [one for one in later if not _doubts(step.record, one.record)]
        self._take(later)
        if len(self._steps) > KEPT:
            del self._steps[0]

    def _doubtful(self, holding: HoldingRecord) -> bool:
        for step in reversed(self._steps):
            if step.key[0] <= holding.since_ms:
                break
            if _doubts(step.record, holding):
                return True
        return False

    def _take(self, steps: Iterable[_Step]) -> None:
        for step in steps:
            self._before = step.before = {}
            if isinstance(step.record, FillRecord):
                self._add(step.record)
            elif isinstance(step.record, HoldingRecord):
                self._cap(step.record)
            else:
                self._set_cost(step.record)
            self._steps.append(step)

    def _set(self, basis: CostBasis) -> None:
        self._before.setdefault(basis.symbol, self._basis.get(basis.symbol))
        self._basis[basis.symbol] = basis

    # --- what records mean

    def _add(self, record: FillRecord) -> None:
        fill, base, quote = record.fill, record.base, record.quote
        before = self.of(fill.symbol)
        after = with_fill(before, fill, base, quote, record.fee_quote)
        self._set(after)
        with exact():
            self._spend(base, after.unknown_sold - before.unknown_sold)
        if fill.side is Side.BUY and quote != self._currency:
            with exact():
                paid = fill.quote_qty + (fill.fee if fill.fee_asset == quote else ZERO)
            self._spend(quote, paid)
        if fill.fee and fill.fee_asset not in (base, quote, self._currency):
            self._pay(fill.fee_asset, fill.fee, record.fee_quote if quote == self._currency else None)

    def _parts(self, asset: str, qty: Decimal) -> Iterator[tuple[CostBasis, Decimal]]:
        """Share ``qty`` of an asset out over what is held of it with a known cost, its pair with the currency first."""
        own = (asset, self._currency)
        for symbol in sorted(self._basis, key=lambda name: (self._pairs[name] != own, name)):
            basis = self._basis[symbol]
            part = min(qty, basis.qty) if self.base_of(symbol) == asset else ZERO
            if part > 0:
                yield basis, part
                with exact():
                    qty -= part

    def _spend(self, asset: str, qty: Decimal) -> None:
        """Take what was sold or spent through another pair out of what is held with a known cost."""
        if qty > 0 and asset:
            for basis, part in self._parts(asset, qty):
                with exact():
                    self._set(trimmed(basis, basis.qty - part))

    def _pay(self, asset: str, fee: Decimal, value: Decimal | None) -> None:
        """Take a fee of another pair out of what is held with a known cost.

        ``value`` is in the account's currency, None if unknown.
        """
        for basis, part in self._parts(asset, fee):
            own = self._pairs[basis.symbol] == (asset, self._currency)
            with exact():
                share = None if value is None or not own else divide(value * part, fee)
            self._set(with_spent(basis, part, share))

    def _cap(self, record: HoldingRecord) -> None:
        left = record.total
        for symbol in sorted(self._basis):
            if self.base_of(symbol) == record.asset:
                capped = trimmed(self._basis[symbol], left)
                if capped is not self._basis[symbol]:
                    self._set(capped)
                left -= capped.qty

    def _set_cost(self, record: CostRecord) -> None:
        if record.whole:
            self._spend(record.base, self.known(record.base))
        basis = self.of(record.symbol)
        with exact():
            qty, cost = basis.qty + record.qty, basis.cost + record.cost
        unknown = tuple(dict.fromkeys((*basis.unknown_fees, *record.unknown_fees)))
        self._set(msgspec.structs.replace(basis, qty=qty, cost=cost, unknown_fees=unknown))

    # --- the journal

    def restore(self, saved: DeskSnapshot) -> None:
        """Take up what a snapshot holds."""
        self._basis = {basis.symbol: basis for basis in saved.costs}
        self._pairs = {symbol: (base, quote) for symbol, base, quote in saved.pairs}
        self.third_assets = set(saved.third_assets)
        self._held = dict(saved.holdings)
        latest: list[_Record] = [*saved.fills, *saved.capped, *saved.said]
        self._take(_Step(in_order(record), record, {}) for record in sorted(latest, key=in_order))

    def bases(self) -> tuple[CostBasis, ...]:
        """Return the basis of every symbol before the latest records."""
        basis = dict(self._basis)
        for step in reversed(self._steps):
            _restore(basis, step.before)
        return tuple(basis[symbol] for symbol in sorted(basis))

    def latest(self) -> tuple[tuple[FillRecord, ...], tuple[HoldingRecord, ...], tuple[CostRecord, ...]]:
        """Return the latest records, which others may precede yet, in the order in which they happened."""
        records = [step.record for step in self._steps]
        fills = tuple(record for record in records if isinstance(record, FillRecord))
        capped = tuple(record for record in records if isinstance(record, HoldingRecord))
        return fills, capped, tuple(record for record in records if isinstance(record, CostRecord))

    def pairs(self) -> tuple[tuple[str, str, str], ...]:
        """Return symbol, base and quote of everything that was traded."""
        return tuple((symbol, base, quote) for symbol, (base, quote) in sorted(self._pairs.items()))

    def holdings(self) -> tuple[tuple[str, Decimal | None], ...]:
        """Return the last recorded total of every asset; None where executions have put it in doubt."""
        return tuple(sorted(self._held.items()))


def in_order(record: _Record) -> _Place:
    """Return what sorts records into the order in which they happened."""
    if isinstance(record, CostRecord):
        return (record.time_ms, 2, 0, record.symbol, "")
    if isinstance(record, HoldingRecord):
        return (record.time_ms, 1, 0, record.asset, "")
    fill = record.fill
    return (fill.time_ms, 0, len(fill.trade_id), fill.trade_id, fill.order_id)


def _restore(basis: dict[str, CostBasis], before: dict[str, CostBasis | None]) -> None:
    for symbol, one in before.items():
        if one is None:
            del basis[symbol]
        else:
            basis[symbol] = one


def _doubts(record: _Record, holding: _Record) -> bool:
    """Return whether an execution was made while a holding was read, so that it may or may not be part of it."""
    if not isinstance(record, FillRecord) or not isinstance(holding, HoldingRecord):
        return False
    moved = holding.asset in (record.base, record.quote, record.fill.fee_asset)
    return moved and holding.since_ms < record.fill.time_ms <= holding.time_ms
