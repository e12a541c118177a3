"""The executions of a journal as rows for tax software: what is not known is empty, never zero."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from mexc_tui.desk.audit import entries, utc
from mexc_tui.domain.numbers import ONE, exact, plain
from mexc_tui.domain.orders import Fill, Side
from mexc_tui.domain.positions import CostBasis
from mexc_tui.kernel.costs import Costs, in_order
from mexc_tui.kernel.records import CostRecord, FillRecord, HoldingRecord

FILL_COLUMNS = (
    *("time", "symbol", "base", "quote", "side", "qty", "price", "amount", "fee", "fee_asset", "fee_in_quote"),
    *("currency", "fee_in_currency", "cost_in_quote", "result_in_quote"),
    *("maker", "order_id", "client_order_id", "trade_id"),
)
"""``time`` is UTC. ``amount`` is in quote. ``cost_in_quote``: what was paid, or what the sold had cost, fees included.

``result_in_quote``: of a sale, fees deducted. ``currency`` is the account's, as it was then.
"""


def fill_rows(path: Path, currency: str) -> Iterator[tuple[str, ...]]:
    """Give every execution once as texts of ``FILL_COLUMNS``, in the order in which they were made.

    ``currency`` is the account's, where the records do not say.

    Raises:
        DeskError: the journal cannot be read.
    """
    fills: dict[tuple[str, str, bool], FillRecord] = {}
    others: list[HoldingRecord | CostRecord] = []
    newest_ms = 0
    for entry in entries(path):
        record = entry.record
        if isinstance(record, FillRecord):
            fills.setdefault((*record.fill.key, record.fill.is_maker), record)
            newest_ms = max(newest_ms, record.fill.time_ms)
            currency = record.currency or currency
        elif isinstance(record, CostRecord):
            others.append(record)
        elif isinstance(record, HoldingRecord):
            # One without a time says only that it came after all before it.
            others.append(record if record.time_ms else replace(record, since_ms=newest_ms, time_ms=newest_ms))
    costs = Costs(currency)
    for one in sorted((*fills.values(), *others), key=in_order):
        if isinstance(one, HoldingRecord):
            costs.hold(one)
        elif isinstance(one, CostRecord):
            costs.say(one)
        else:
            before = costs.of(one.fill.symbol)
            costs.book(one)
            yield _row(one, before, costs.of(one.fill.symbol))


def _row(record: FillRecord, before: CostBasis, after: CostBasis) -> tuple[str, ...]:
    fill = record.fill
    cost, result = _results(record, before, after)
    return (
        utc(fill.time_ms),
        fill.symbol,
        record.base,
        record.quote,
        fill.side.value.lower(),
        plain(fill.qty),
        plain(fill.price),
        plain(fill.quote_qty),
        plain(fill.fee),
        fill.fee_asset,
        _text(record.fee_quote),
        record.currency,
        _text(_fee_in_currency(record)),
        _text(cost),
        _text(result),
        "yes" if fill.is_maker else "no",
        fill.order_id,
        fill.client_order_id,
        fill.trade_id,
    )


def _fee_in_currency(record: FillRecord) -> Decimal | None:
    fill: Fill = record.fill
    if not record.currency:
        return None
    if fill.fee_asset == record.currency or fill.fee == 0:
        return fill.fee
    price = ONE if record.quote == record.currency else record.quote_price
    if record.fee_quote is None or price is None:
        return None
    with exact():
        return record.fee_quote * price


def _results(record: FillRecord, before: CostBasis, after: CostBasis) -> tuple[Decimal | None, Decimal | None]:
    """Return cost and result; None where the fee, the pair or what part of the sold had cost is not known."""
    if record.fee_quote is None or not record.base:
        return None, None
    with exact():
        if record.fill.side is Side.BUY:
            return record.fill.quote_qty + record.fee_quote, None
        if after.unknown_sold != before.unknown_sold:
            return None, None
        return before.cost - after.cost, after.realised - before.realised


def _text(value: Decimal | None) -> str:
    return "" if value is None else plain(value)
