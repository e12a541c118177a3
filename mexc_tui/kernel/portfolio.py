"""The account as the desk knows it: balances less what is on its way, positions, equity, results of the day."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from mexc_tui.domain.inputs import BalanceReported, Reconciled, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ZERO, divide, exact
from mexc_tui.domain.orders import Balance, Fill
from mexc_tui.domain.positions import CostBasis, fee_in_quote, trimmed, unrealised, with_fill, with_spent
from mexc_tui.domain.views import (
    BalanceRow,
    BalancesView,
    EquityView,
    FillsView,
    Position,
    PositionsView,
)
from mexc_tui.kernel.effects import FillRecord, HoldingRecord, StateRecord
from mexc_tui.kernel.valuation import DayResult, Prices

USDT = "USDT"
FILLS_SHOWN = 500
FILL_KEYS_KEPT = 50_000
_NS_PER_MS = 1_000_000


class _Account(msgspec.Struct):
    """One asset: what the exchange said last, and when, by both clocks."""

    balance: Balance
    pushed_ms: int = 0
    """Exchange time of the newest push."""
    heard_ns: int = 0
    """When the newest push came in."""
    asked_ns: int = 0
    """When the newest reconciliation that told the balance was asked for."""


class Portfolio:
    """Balances, positions and equity. Unknown stays None until the exchange has told it."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._accounts: dict[str, _Account] = {}
        self._complete = False
        self._reconciled_ns = 0
        self._basis: dict[str, CostBasis] = {}
        self._bases: dict[str, str] = {}
        """Base asset of each symbol that was traded, also while the list of pairs is not loaded."""
        self.third_assets: set[str] = set()
        """Assets that paid fees of pairs in which they are neither base nor quote."""
        self._fills: deque[Fill] = deque(maxlen=FILLS_SHOWN)
        self._seen: dict[tuple[str, str], None] = {}
        self._recorded: dict[str, Decimal] = {}
        self.day = DayResult()
        self._fills_view = FillsView(fills=())
        self.equity: Decimal | None = None
        """In USDT, at the last measurement; None while unknown."""
        self.exposure: Decimal | None = None
        """Value of everything but USDT."""
        self._unpriced: tuple[str, ...] = ()
        self._worth: dict[str, Decimal] = {}

    # --- balances

    def balance(self, asset: str) -> Balance | None:
        """Return what the exchange last said of an asset; None while nothing is known."""
        account = self._accounts.get(asset)
        if account is not None:
            return account.balance
        return Balance(asset=asset, free=ZERO, locked=ZERO) if self._complete else None

    def covers(self, asset: str, exchange_ms: int, learned_ns: int) -> bool:
        """EmitFact whether the asset's balance already includes what happened at ``exchange_ms``.

        It does when a push is dated no earlier, or when a reconciliation was asked for after we learned of it.
        """
        account = self._accounts.get(asset)
        asked_ns = self._reconciled_ns
        if account is not None:
            if exchange_ms and account.pushed_ms >= exchange_ms:
                return True
            asked_ns = account.asked_ns
        return 0 < learned_ns < asked_ns

    def pushed(self, item: BalanceReported, at: Timestamp) -> None:
        """Take in one balance push; an older one than the last is ignored."""
        asset = item.balance.asset
        account = self._accounts.get(asset)
        if account is None:
            # A complete picture without an asset says that nothing of it was held.
            before = Balance(asset=asset, free=ZERO, locked=ZERO) if self._complete else item.balance
            account = self._accounts[asset] = _Account(before)
        elif item.time_ms < account.pushed_ms:
            return
        self.day.moved(item.change, asset, item.balance.total - account.balance.total, self._prices.usdt(asset))
        account.balance, account.pushed_ms, account.heard_ns = item.balance, item.time_ms, at.mono_ns

    def reconciled(self, item: Reconciled) -> None:
        """Take in a complete picture; an asset it leaves out is not held, one pushed meanwhile keeps its push."""
        told = {balance.asset: balance for balance in item.balances}
        for asset in sorted(self._accounts.keys() | told.keys()):
            balance = told.get(asset) or Balance(asset=asset, free=ZERO, locked=ZERO)
            account = self._accounts.get(asset)
            if account is None:
                self._accounts[asset] = _Account(balance, asked_ns=item.asked_ns)
            elif account.heard_ns < item.asked_ns and account.asked_ns <= item.asked_ns:
                account.balance, account.asked_ns = balance, item.asked_ns
        self._complete = True
        self._reconciled_ns = max(self._reconciled_ns, item.asked_ns)

    # --- fills and positions

    def fill(self, fill: Fill, pair: Instrument | None) -> Decimal | None:
        """Book a fill that is new (see ``is_new``) and return its fee in quote, None where it cannot be valued."""
        base, quote = (pair.base, pair.quote) if pair is not None else split_symbol(fill)
        fee = fee_in_quote(fill, base, quote, self._prices.of(fill.fee_asset, quote))
        self.replay(FillRecord(fill=fill, fee_quote=fee, wall_ms=fill.time_ms), pair)
        return fee

    def is_new(self, fill: Fill) -> bool:
        """EmitFact whether this execution has not been booked yet."""
        return fill.key not in self._seen

    def replay(self, record: FillRecord, pair: Instrument | None) -> None:
        """Book a fill with the fee it was valued at then."""
        fill = record.fill
        self._seen[fill.key] = None
        while len(self._seen) > FILL_KEYS_KEPT:
            del self._seen[next(iter(self._seen))]
        self._fills.appendleft(fill)
        self._fills_view = FillsView(fills=tuple(self._fills))
        base, quote = (pair.base, pair.quote) if pair is not None else split_symbol(fill)
        self._bases[fill.symbol] = base
        before = self._basis.get(fill.symbol) or CostBasis(symbol=fill.symbol)
        self._basis[fill.symbol] = with_fill(before, fill, base, quote, record.fee_quote)
        if fill.fee and fill.fee_asset not in (base, quote, USDT):
            self.third_assets.add(fill.fee_asset)
            self._spend(fill.fee_asset, fill.fee, record.fee_quote if quote == USDT else None)

    def _spend(self, asset: str, fee: Decimal, value: Decimal | None) -> None:
        """Take a fee of another pair out of what is held with a known cost; ``value`` in USDT, None if unknown."""
        pair, left = f"{asset}{USDT}", fee
        for symbol in sorted(self._basis, key=lambda name: (name != pair, name)):
            basis = self._basis[symbol]
            part = min(left, basis.qty) if self._base_of(symbol) == asset else ZERO
            if part > 0:
                with exact():
                    left -= part
                    share = None if value is None or symbol != pair else divide(value * part, fee)
                self._basis[symbol] = with_spent(basis, part, share)

    def settle_holdings(self, at: Timestamp, quiet: Callable[[str], bool]) -> list[HoldingRecord]:
        """After a reconciliation: forget the cost of what left the account some other way.

        ``quiet`` tells whether nothing of an asset is moving, so that the balance can be compared with the fills.
        """
        records = []
        for asset, account in self._accounts.items():
            total = account.balance.total
            if self._recorded.get(asset, ZERO) == total or not quiet(asset):
                continue
            record = HoldingRecord(asset=asset, total=total, wall_ms=at.wall_ms)
            self.replay_holding(record)
            records.append(record)
        return records

    def replay_holding(self, record: HoldingRecord) -> None:
        """Cap the known cost of an asset by what was held at that moment."""
        self._recorded[record.asset] = record.total
        left = record.total
        for symbol in sorted(self._basis):
            if self._base_of(symbol) == record.asset:
                self._basis[symbol] = trimmed(self._basis[symbol], left)
                left -= self._basis[symbol].qty

    def _base_of(self, symbol: str) -> str:
        return self._prices.base_of(symbol) or self._bases.get(symbol, "")

    def symbols(self) -> set[str]:
        """Return the symbols in which something of known cost is held."""
        return {symbol for symbol, basis in self._basis.items() if basis.qty > 0}

    def held(self) -> dict[str, Decimal]:
        """Return every asset of which something is held, with its total."""
        return {asset: a.balance.total for asset, a in self._accounts.items() if a.balance.total > 0}

    # --- views

    def fills_view(self) -> FillsView:
        """Return the latest fills, newest first."""
        return self._fills_view

    def positions_view(self) -> PositionsView:
        """Return every holding but USDT as a position, by symbol."""
        rows = []
        with exact():
            for symbol, qty in sorted(self._split_holdings()):
                rows.append(self._position(symbol, qty))
        return PositionsView(positions=tuple(rows))

    def _split_holdings(self) -> Iterable[tuple[str, Decimal]]:
        """Share each asset out over the symbols in which it was bought; the rest goes to its USDT pair."""
        left = self.held()
        for symbol, basis in self._basis.items():
            asset = self._base_of(symbol)
            if symbol == f"{asset}{USDT}" or not asset:
                continue
            share = min(basis.qty, left.get(asset, ZERO))
            left[asset] = left.get(asset, ZERO) - share
            if share > 0 or basis.traded:
                yield symbol, share
        for asset in sorted({self._base_of(symbol) for symbol in self._basis} - {""}):
            left.setdefault(asset, ZERO)
        for asset, qty in left.items():
            symbol = f"{asset}{USDT}"
            if asset != USDT and (qty > 0 or symbol in self._basis):
                yield symbol, qty

    def _position(self, symbol: str, qty: Decimal) -> Position:
        basis = self._basis.get(symbol) or CostBasis(symbol=symbol)
        shown = trimmed(basis, qty)
        asset = self._base_of(symbol) or symbol.removesuffix(USDT)
        mark = self._prices.sell_mark(symbol, qty) if qty > 0 else None
        return Position(
            symbol=symbol,
            asset=asset,
            qty=qty,
            known_qty=shown.qty,
            average=shown.average,
            mark=mark,
            value=None if mark is None else qty * mark,
            unrealised=unrealised(shown, mark),
            realised=basis.realised,
            fees=basis.fees,
            unknown_fees=basis.unknown_fees,
            unknown_sold=basis.unknown_sold,
        )

    def balances_view(self) -> BalancesView:
        """Return every asset held, with its value in USDT where there is a price."""
        rows = []
        with exact():
            for asset, account in sorted(self._accounts.items()):
                total = account.balance.total
                if total == 0 and asset != USDT:
                    continue
                price = self._prices.usdt(asset)
                rows.append(BalanceRow(balance=account.balance, value=None if price is None else total * price))
        return BalancesView(rows=tuple(rows), reconciled_ns=self._reconciled_ns)

    def measure(self, at: Timestamp) -> None:
        """Value everything now; assets without any price are left out and named."""
        if not self._complete:
            return
        exposure, unpriced, worth = ZERO, [], {}
        with exact():
            for asset, total in sorted(self.held().items()):
                price = self._prices.measured(asset)
                if price is None:
                    unpriced.append(asset)
                    continue
                worth[asset] = total * price
                exposure += ZERO if asset == USDT else worth[asset]
            equity = exposure + worth.get(USDT, ZERO)
        self.day.measured(at, equity, worth, tuple(unpriced))
        self.equity, self.exposure, self._unpriced, self._worth = equity, exposure, tuple(unpriced), worth

    def largest(self) -> list[str]:
        """Return the assets held, the most valuable first."""
        return sorted(self.held(), key=lambda asset: (-self._worth.get(asset, ZERO), asset))

    def equity_view(self) -> EquityView:
        """Return the equity curve."""
        return EquityView(points=self.day.curve(), unpriced=self._unpriced)

    def day_record(self, at: Timestamp) -> StateRecord | None:
        """Return the start of the day to be journalled, once a day."""
        return self.day.record(at)


def split_symbol(fill: Fill) -> tuple[str, str]:
    """Return base and quote of a fill whose pair is not listed any more, as well as its name tells."""
    for quote in (USDT, "USDC", "USD1", "EUR", "BTC", "ETH"):
        if fill.symbol.endswith(quote) and fill.symbol != quote:
            return fill.symbol.removesuffix(quote), quote
    return fill.symbol, ""
