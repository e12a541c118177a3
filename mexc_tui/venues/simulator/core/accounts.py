"""Balances of the exchange's accounts, and where every unit of money went."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import Balance
from mexc_tui.venues.simulator.core.events import BalanceChanged, SimError
from mexc_tui.venues.simulator.core.exact import add, subtract


class Accounts:
    """Free and locked money by account and asset.

    Money is conserved: balances + ``fees`` + ``outside`` always equals what was deposited, asset by asset.
    """

    def __init__(self, emit: Callable[[BalanceChanged], None], clock: Callable[[], int]) -> None:
        self._emit = emit
        self._clock = clock
        self.free: dict[str, dict[str, Decimal]] = {}
        self.locked: dict[str, dict[str, Decimal]] = {}
        self.fees: dict[str, Decimal] = {}
        """Collected by the exchange."""
        self.outside: dict[str, Decimal] = {}
        """Net amount that went to the rest of the market; negative where more came in than went out."""
        self.deposited: dict[str, Decimal] = {}

    def deposit(self, account_id: str, funds: dict[str, Decimal]) -> None:
        """Create the account if needed and add money to it.

        Raises:
            ValueError: an amount is not positive.
        """
        if any(not amount.is_finite() or amount <= 0 for amount in funds.values()):
            raise ValueError("an account is funded with positive amounts")
        self.free.setdefault(account_id, {})
        self.locked.setdefault(account_id, {})
        for asset, amount in funds.items():
            self.deposited[asset] = add(self.deposited.get(asset, ZERO), amount)
            self.change(account_id, asset, amount, ZERO, "DEPOSIT")

    def require(self, account_id: str) -> None:
        """Raise SimError(10001) for an account that does not exist."""
        if account_id not in self.free:
            raise SimError(10001, "user does not exist")

    def free_of(self, account_id: str, asset: str) -> Decimal:
        """Return what of an asset is free."""
        return self.free[account_id].get(asset, ZERO)

    def balances(self, account_id: str) -> list[Balance]:
        """Return every asset of which something is free or locked."""
        self.require(account_id)
        free, locked = self.free[account_id], self.locked[account_id]
        rows = [
            Balance(asset=asset, free=free.get(asset, ZERO), locked=locked.get(asset, ZERO))
            for asset in dict.fromkeys([*free, *locked])
        ]
        return [row for row in rows if row.free or row.locked]

    def freeze(self, account_id: str, asset: str, amount: Decimal) -> None:
        """Lock money for a new order."""
        self.change(account_id, asset, amount.copy_negate(), amount, "ENTRUST_PLACE")

    def release(self, account_id: str, asset: str, amount: Decimal, kind: str) -> None:
        """Unlock money that an order does not need any more."""
        if amount:
            self.change(account_id, asset, amount, amount.copy_negate(), kind)

    def collect_fee(self, account_id: str, asset: str, fee: Decimal) -> None:
        """Charge a fee."""
        if fee:
            self.fees[asset] = add(self.fees.get(asset, ZERO), fee)
            self.change(account_id, asset, fee.copy_negate(), ZERO, "TRADE_FEE")

    def to_outside(self, asset: str, amount: Decimal) -> None:
        """Book money that the rest of the market got (or gave, if negative)."""
        self.outside[asset] = add(self.outside.get(asset, ZERO), amount)

    def change(self, account_id: str, asset: str, free: Decimal, locked: Decimal, kind: str) -> None:
        """Change a balance and announce it.

        Raises:
            ArithmeticError: the balance would become negative, which would be an error of the exchange itself.
        """
        now_free = add(self.free[account_id].get(asset, ZERO), free)
        now_locked = add(self.locked[account_id].get(asset, ZERO), locked)
        if now_free < 0 or now_locked < 0:
            raise ArithmeticError(f"{asset} of {account_id} would become negative by {kind}")
        self.free[account_id][asset] = now_free
        self.locked[account_id][asset] = now_locked
        self._emit(
            BalanceChanged(
                account_id=account_id,
                asset=asset,
                free=now_free,
                locked=now_locked,
                free_change=free,
                locked_change=locked,
                kind=kind,
                time_ms=self._clock(),
            )
        )

    def unaccounted(self) -> dict[str, Decimal]:
        """Return, for each asset, money that is missing (or too much); empty when the books are right."""
        left = dict(self.deposited)
        for held in (*self.free.values(), *self.locked.values(), self.fees, self.outside):
            for asset, amount in held.items():
                left[asset] = subtract(left.get(asset, ZERO), amount)
        return {asset: amount for asset, amount in left.items() if amount}
