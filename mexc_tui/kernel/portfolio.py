"""The account as the desk knows it: balances less what is on its way, positions, equity, results of the day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import SetCost
from mexc_tui.domain.inputs import BalanceReported, Reconciled, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Balance, Fill
from mexc_tui.domain.positions import fee_in_quote, trimmed, unrealised
from mexc_tui.domain.views import BalanceRow, BalancesView, EquityView, Position, PositionsView
from mexc_tui.kernel.ledger import Ledger
from mexc_tui.kernel.records import CostRecord, FillRecord, HoldingRecord, StateRecord, Way
from mexc_tui.kernel.transfers import HOLDINGS
from mexc_tui.kernel.valuation import DayResult, Prices

_BY_TRADE = ("ENTRUST", "TRADE_FEE")
"""How the kinds of balance changes begin that orders make; any other may be a transfer."""
_SUSPECTED = 20
_DUST = Decimal("0.01")
SETTLING_MS = 1_000
"""What was filled together is pushed one by one: for so long a push may show some of it and not yet the rest."""


class _Account(msgspec.Struct):
    """One asset: what the exchange said last, and when, by both clocks."""

    balance: Balance
    pushed_ms: int = 0
    """Exchange time of the newest push."""
    heard_ns: int = 0
    """When the newest push came in."""
    asked_ns: int = 0
    """When the newest reconciliation that reported the balance was asked for."""


class Portfolio:
    """Balances, positions and equity. Unknown stays None until the exchange has reported it."""

    def __init__(self, prices: Prices, ledger: Ledger, day: DayResult) -> None:
        self._prices = prices
        self._ledger = ledger
        self._costs = ledger.costs
        self._transfers = ledger.transfers
        self.currency = ledger.currency
        self._accounts: dict[str, _Account] = {}
        self._complete = False
        self._reconciled_ns = 0
        self.day = day
        self.equity: Decimal | None = None
        """In the account's currency, at the last measurement; None while unknown."""
        self.exposure: Decimal | None = None
        """Value of everything but the account's currency."""
        self._unpriced: tuple[str, ...] = ()
        self._worth: dict[str, Decimal] = {}

    @property
    def complete(self) -> bool:
        """Whether the exchange has told of every balance."""
        return self._complete

    @property
    def reconciled_ns(self) -> int:
        """When the latest picture of every balance was asked for; zero before the first."""
        return self._reconciled_ns

    # --- balances

    def balance(self, asset: str) -> Balance | None:
        """Return what the exchange last said of an asset; None while nothing is known."""
        account = self._accounts.get(asset)
        if account is not None:
            return account.balance
        return Balance(asset=asset, free=ZERO, locked=ZERO) if self._complete else None

    def placed(self, asset: str, exchange_ms: int, learned_ns: int) -> bool:
        """Return whether the asset's balance already shows as locked what was placed at ``exchange_ms``.

        It does when a push is dated no earlier, or when a reconciliation was asked for after we learned of it.
        """
        return self.reaches(asset, exchange_ms) or self._asked_since(asset, learned_ns)

    def covers(self, asset: str, exchange_ms: int, learned_ns: int) -> bool:
        """Return whether the asset's balance includes, by its time alone, everything filled up to ``exchange_ms``.

        It does when a push is dated later by the time the exchange takes to settle what was filled together, or when
        a reconciliation was asked for after we learned of it.
        """
        return self.reaches(asset, exchange_ms, SETTLING_MS) or self._asked_since(asset, learned_ns)

    def reaches(self, asset: str, exchange_ms: int, by_ms: int = 0) -> bool:
        """Return whether an asset's newest push is dated so much later than ``exchange_ms``, or at it."""
        account = self._accounts.get(asset)
        return account is not None and exchange_ms > 0 and account.pushed_ms >= exchange_ms + by_ms

    def _asked_since(self, asset: str, learned_ns: int) -> bool:
        account = self._accounts.get(asset)
        return 0 < learned_ns < (self._reconciled_ns if account is None else account.asked_ns)

    def lacking(self, asset: str) -> Decimal | None:
        """Return by how much an asset's total is less than executions make it; None where transfers blur that."""
        return self._transfers.lacking(asset, self.total(asset))

    def negligible(self, asset: str, amount: Decimal) -> bool:
        """Whether an amount is nothing, or no more than rounding."""
        return not amount or self._dust(asset, amount)

    def worth(self, asset: str, qty: Decimal) -> Decimal | None:
        """Return what so much of an asset is worth in the account's currency; None without a price."""
        price = self._prices.measured(asset)
        with exact():
            return None if price is None else qty * price

    def pushed(self, item: BalanceReported, at: Timestamp) -> bool:
        """Take in one balance push, an older one than the last excepted; whether it may tell of a transfer."""
        asset = item.balance.asset
        account = self._accounts.get(asset)
        if account is None:
            # A complete picture without an asset says that nothing of it was held.
            before = Balance(asset=asset, free=ZERO, locked=ZERO) if self._complete else item.balance
            account = self._accounts[asset] = _Account(before)
        elif item.time_ms < account.pushed_ms:
            return False
        account.balance, account.pushed_ms, account.heard_ns = item.balance, item.time_ms, at.mono_ns
        by_trade = item.change.upper().startswith(_BY_TRADE)
        if not by_trade:
            self._transfers.doubt(asset)
        return not by_trade

    def reconciled(self, item: Reconciled, symbols: Iterable[str]) -> frozenset[str]:
        """Take in a picture of every balance; an asset it leaves out is not held, one pushed meanwhile keeps its push.

        Return those of the symbols whose base is not what it was, without a push that said so.
        """
        reported = {balance.asset: balance for balance in item.balances}
        moved: set[str] = set()
        for asset in sorted(self._accounts.keys() | reported.keys()):
            nothing = Balance(asset=asset, free=ZERO, locked=ZERO)
            balance = reported.get(asset, nothing)
            account = self._accounts.setdefault(asset, _Account(nothing))
            if account.heard_ns < item.asked_ns and account.asked_ns <= item.asked_ns:
                if account.balance.total != balance.total:
                    moved.add(asset)
                account.balance, account.asked_ns = balance, item.asked_ns
        self._complete = True
        self._reconciled_ns = max(self._reconciled_ns, item.asked_ns)
        return frozenset(symbol for symbol in symbols if self._base_of(symbol) in moved)

    # --- fills and positions

    def fill(self, fill: Fill, pair: Instrument | None, at: Timestamp, way: Way = Way.HERE) -> FillRecord:
        """Book a fill that is new and return its record, with its fee in quote, None where it cannot be valued."""
        known = self._costs.pair(fill.symbol) or ("", "")
        base, quote = (pair.base, pair.quote) if pair is not None else known
        fee = fee_in_quote(fill, base, quote, self._prices.of(fill.fee_asset, quote))
        record = FillRecord(
            fill=fill,
            base=base,
            quote=quote,
            fee_quote=fee,
            wall_ms=at.wall_ms,
            way=way,
            currency=self.currency,
            quote_price=None if quote in ("", self.currency) else self._prices.worth(quote),
        )
        self._ledger.book(record)
        return record

    def settle_holdings(
        self, at: Timestamp, since_ms: int, time_ms: int, quiet: Callable[[str], bool]
    ) -> tuple[list[HoldingRecord | StateRecord], dict[str, Decimal]]:
        """After a reconciliation: tell transfers from results, and forget the cost of what left the account so.

        The balances were read between the two times, by the exchange's clock. ``quiet`` tells whether nothing of an
        asset is moving, so that the balance can be compared with the fills. Returns the records, and what came or
        went by transfer.
        """

        def usable(asset: str) -> bool:
            priced = self._prices.measured(asset) is not None or not self.day.counts(asset)
            return priced and quiet(asset)

        totals = self._totals()
        settled = self._transfers.compare(totals, usable)
        records: list[HoldingRecord | StateRecord] = []
        for asset, by in settled.items():
            total = totals[asset]
            if by:
                self.day.transferred(asset, by, self._prices.measured(asset))
            elif self._costs.last_held(asset) == total and self._transfers.expected(asset) is not None:
                continue
            record = HoldingRecord(asset=asset, total=total, wall_ms=at.wall_ms, since_ms=since_ms, time_ms=time_ms)
            self._ledger.hold(record)
            records.append(record)
        if not self._transfers.complete and all(self._transfers.expected(asset) is not None for asset in totals):
            self._transfers.completed(since_ms)
            records.append(StateRecord(name=HOLDINGS, value=str(since_ms), wall_ms=at.wall_ms))
        if any(settled.values()) and (day := self.day.record(at)) is not None:
            records.append(day)
        return records, {asset: by for asset, by in settled.items() if by and not self._dust(asset, by)}

    def _dust(self, asset: str, by: Decimal) -> bool:
        """Whether an amount is worth less than a hundredth of the account's currency: the exchange rounds fees."""
        price = self._prices.measured(asset)
        with exact():
            return price is not None and abs(by) * price < _DUST

    def cost_of(self, command: SetCost, time_ms: int, at: Timestamp) -> CostRecord | str:
        """Return the record of what somebody says a holding cost, or why it says nothing."""
        asset = command.asset
        balance, symbol = self.balance(asset), self._home_pair(asset)
        if balance is None or not symbol or asset == self.currency:
            why = "its balance is not known yet" if balance is None else f"it has no pair with {self.currency}"
            return f"No cost can be kept for {asset}: {why}."
        if not (command.price.is_finite() and command.price > 0):
            return "A cost is a number above zero."
        with exact():
            qty = balance.total if command.whole else balance.total - self._costs.known(asset)
            if qty <= 0:
                held = "nothing of it is held" if not balance.total else "the cost of all that is held is known"
                return f"No cost was set for {asset}: {held}."
            return CostRecord(
                symbol=symbol,
                base=asset,
                quote=self.currency,
                qty=qty,
                cost=qty * command.price,
                whole=command.whole,
                time_ms=time_ms,
                wall_ms=at.wall_ms,
            )

    def total(self, asset: str) -> Decimal:
        """Return all that is held of an asset, as far as the exchange has told."""
        account = self._accounts.get(asset)
        return ZERO if account is None else account.balance.total

    def unexplained(self, asset: str) -> Decimal:
        """Return how much of an asset came or went although no trade, fee or transfer was told; zero for dust."""
        by = self._transfers.unexplained(asset, self.total(asset))
        return ZERO if self._dust(asset, by) else by

    def all_unexplained(self) -> dict[str, Decimal]:
        """Return every asset of which something is unexplained."""
        found = {asset: self.unexplained(asset) for asset in sorted(self._accounts)}
        return {asset: by for asset, by in found.items() if by}

    def accept_transfer(self, asset: str) -> None:
        """Take for a transfer what is unexplained, once a comparison agrees with that."""
        if self.total(asset) == self._transfers.expected(asset):
            self._transfers.accept(asset)

    def _totals(self) -> dict[str, Decimal]:
        return {asset: account.balance.total for asset, account in self._accounts.items()}

    @property
    def unclear(self) -> bool:
        """Whether some of what is held may or may not be a result of trading."""
        return self._transfers.unclear(self._totals())

    def suspected(self) -> set[str]:
        """Return the pairs whose executions would tell a trade from two transfers."""
        moved = self._transfers.open
        pairs = ((base, quote) for base in moved for quote in moved if (moved[base] > 0) != (moved[quote] > 0))
        found = sorted(filter(None, (self._prices.symbol_of(base, quote) for base, quote in pairs)))
        return set(found[:_SUSPECTED])

    def _base_of(self, symbol: str) -> str:
        return self._prices.base_of(symbol) or self._costs.base_of(symbol)

    def symbols(self) -> set[str]:
        """Return the symbols in which something of known cost is held."""
        return self._costs.open_symbols()

    def home_pairs(self) -> list[str]:
        """Return the pairs with the account's currency of what is held, the most valuable first."""
        pairs = (self._home_pair(asset) for asset in self.largest() if asset != self.currency)
        return [symbol for symbol in pairs if symbol]

    def without_home_pair(self) -> list[tuple[str, Decimal, tuple[str, ...]]]:
        """Return what is held and has no pair with the account's currency, and the pairs in which it can be sold."""
        held = self.held()
        stuck = (asset for asset in self.largest() if asset != self.currency and not self._home_pair(asset))
        return [(asset, held[asset], self._prices.selling_pairs(asset)) for asset in stuck]

    def _home_pair(self, asset: str) -> str:
        """Return the pair of an asset with the account's currency, listed or once traded; empty where none is known."""
        listed = self._prices.home_pair(asset)
        if listed:
            return listed
        wanted = (asset, self.currency)
        return next((symbol for symbol in self._costs.symbols() if self._costs.pair(symbol) == wanted), "")

    def held(self) -> dict[str, Decimal]:
        """Return every asset of which something is held, with its total."""
        return {asset: a.balance.total for asset, a in self._accounts.items() if a.balance.total > 0}

    # --- views

    def positions_view(self) -> PositionsView:
        """Return every holding but the account's currency as a position, by symbol."""
        rows = []
        with exact():
            for symbol, asset, qty in sorted(self._split_holdings()):
                rows.append(self._position(symbol, asset, qty))
        return PositionsView(positions=tuple(rows))

    def _split_holdings(self) -> Iterable[tuple[str, str, Decimal]]:
        """Share each asset out over the symbols in which it was bought; the rest goes to its pair with the currency.

        An asset without such a pair stands under its own name.
        """
        left = self.held()
        traded = {symbol: self._base_of(symbol) for symbol in self._costs.symbols()}
        homes = {asset: self._home_pair(asset) or asset for asset in {*left, *traded.values()} - {""}}
        for symbol, asset in traded.items():
            if not asset or symbol == homes[asset]:
                continue
            basis = self._costs.of(symbol)
            share = min(basis.qty, left.get(asset, ZERO))
            left[asset] = left.get(asset, ZERO) - share
            if share > 0 or basis.traded:
                yield symbol, asset, share
        for asset in sorted({*traded.values()} - {""}):
            left.setdefault(asset, ZERO)
        for asset, qty in left.items():
            if asset != self.currency and (qty > 0 or homes[asset] in traded):
                yield homes[asset], asset, qty

    def _position(self, symbol: str, asset: str, qty: Decimal) -> Position:
        basis = self._costs.of(symbol)
        shown = trimmed(basis, qty)
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
        """Return every asset held, with its value in the account's currency where there is a price."""
        rows = []
        with exact():
            for asset, account in sorted(self._accounts.items()):
                total = account.balance.total
                if total == 0 and asset != self.currency:
                    continue
                price = self._prices.worth(asset)
                rows.append(BalanceRow(balance=account.balance, value=None if price is None else total * price))
        return BalancesView(rows=tuple(rows), reconciled_ns=self._reconciled_ns, currency=self.currency)

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
                exposure += ZERO if asset == self.currency else worth[asset]
            equity = exposure + worth.get(self.currency, ZERO)
        self.day.measured(at, equity, worth, tuple(unpriced), unclear=self.unclear)
        self.equity, self.exposure, self._unpriced, self._worth = equity, exposure, tuple(unpriced), worth

    def largest(self) -> list[str]:
        """Return the assets held, the most valuable first."""
        return sorted(self.held(), key=lambda asset: (-self._worth.get(asset, ZERO), asset))

    def equity_view(self) -> EquityView:
        """Return the equity curve."""
        return EquityView(points=self.day.curve(), unpriced=self._unpriced, currency=self.currency)

    def day_record(self, at: Timestamp) -> StateRecord | None:
        """Return the start of the day to be journalled, once a day."""
        return self.day.record(at)
