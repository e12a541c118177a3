"""What a holding cost by a run of the account's own trades: walked through in order, booked like live executions."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Side
from mexc_tui.kernel.costs import Costs, in_order
from mexc_tui.kernel.records import FillRecord, TradeRange


class KnownPart(msgspec.Struct, frozen=True, gc=False):
    """What is held of an asset because it was bought in one pair: base, and its cost in quote with fees."""

    symbol: str
    quote: str
    qty: Decimal
    cost: Decimal
    unknown_fees: tuple[str, ...]
    """Assets in which fees were paid for it whose value at the time is not known; they are not in the cost."""


class Walk:
    """Takes trades in the order in which they happened, so many at a time.

    The balance before the first trade follows from what is held at the end. It counts as held at unknown cost, and
    sales take what has a known cost first, as in the ledger; so all is known at the end exactly where the balance was
    zero at some point, and nothing but trades moved it since.
    """

    def __init__(self, asset: str, currency: str, held: Decimal, records: Iterable[FillRecord]) -> None:
        self.asset = asset
        self.held = held
        self._records = sorted(records, key=in_order)
        self._next = 0
        self._costs = Costs(currency)
        self._moved = ZERO
        self._lowest = ZERO
        self._unknown_fees: dict[str, dict[str, None]] = {}

    @property
    def count(self) -> int:
        """How many trades there are."""
        return len(self._records)

    @property
    def newest_ms(self) -> int:
        """Exchange time of the last trade."""
        return self._records[-1].fill.time_ms

    def advance(self, trades: int) -> bool:
        """Take so many more trades; True after the last one."""
        for record in self._records[self._next : self._next + trades]:
            self._note_fee(record)
            self._costs.book(record)
            with exact():
                self._moved += change_of(self.asset, record)
            self._lowest = min(self._lowest, self._moved)
        self._next += trades
        return self._next >= len(self._records)

    def _note_fee(self, record: FillRecord) -> None:
        """Keep which fees the cost of what is held lacks; a holding that was sold whole takes its fees with it."""
        fill = record.fill
        fees = self._unknown_fees.setdefault(fill.symbol, {})
        if not self._costs.of(fill.symbol).qty:
            fees.clear()
        if fill.side is Side.BUY and record.fee_quote is None:
            fees[fill.fee_asset] = None

    def short(self) -> Decimal:
        """Return how much less was held at some point than nothing: it came or went without a trade. Zero for none."""
        with exact():
            return max(ZERO, -(self.held - self._moved + self._lowest))

    def parts(self) -> tuple[KnownPart, ...]:
        """Return what is held with a known cost, by the pair in which it was bought."""
        found = []
        for basis in map(self._costs.of, self._costs.symbols()):
            base, quote = self._costs.pair(basis.symbol) or ("", "")
            if base == self.asset and basis.qty > 0:
                fees = tuple(self._unknown_fees[basis.symbol])
                found.append(KnownPart(basis.symbol, quote, basis.qty, basis.cost, fees))
        return tuple(found)

    def ranges(self) -> tuple[TradeRange, ...]:
        """Return which trades were counted, by symbol."""
        by_symbol: dict[str, list[FillRecord]] = {}
        for record in self._records:
            by_symbol.setdefault(record.fill.symbol, []).append(record)
        return tuple(
            TradeRange(
                symbol=symbol,
                count=len(records),
                first_id=records[0].fill.trade_id,
                first_ms=records[0].fill.time_ms,
                last_id=records[-1].fill.trade_id,
                last_ms=records[-1].fill.time_ms,
            )
            for symbol, records in sorted(by_symbol.items())
        )


def change_of(asset: str, record: FillRecord) -> Decimal:
    """Return by how much a trade changed the balance of an asset."""
    fill, sign = record.fill, 1 if record.fill.side is Side.BUY else -1
    with exact():
        change = -fill.fee if fill.fee_asset == asset else ZERO
        if record.base == asset:
            change += sign * fill.qty
        if record.quote == asset:
            change -= sign * fill.quote_qty
        return change
