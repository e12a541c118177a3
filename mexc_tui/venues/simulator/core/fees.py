"""What an execution costs an account, and in which asset it pays."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ONE, ceil_to, exact
from mexc_tui.venues.simulator.core.accounts import Accounts
from mexc_tui.venues.simulator.core.exact import multiply

MX = "MX"
MX_DISCOUNT = Decimal("0.2")
"""What MEXC takes off a spot fee that is paid in MX (its fee guides of 2024 and 2025). The larger discount for
holding 500 MX for a day rests on snapshots at random times and is not modelled."""
MX_DECIMALS = 8
"""A fee in MX is raised to so many decimals, so that none vanishes. MEXC does not document its rounding."""
_BRIDGE = "USDT"


class Fees:
    """Charges executions: out of what was received, or in MX for accounts that asked for that.

    In MX the fee is its value in the pair's quote, less ``MX_DISCOUNT``, at the last price of MX in that quote
    (``MX`` + quote, else MXUSDT against quote + USDT). Where that price is not to be had here, or the account has
    less free MX than that, the full fee is taken out of what was received, as on MEXC. What an execution itself
    brings in MX counts as free.
    """

    def __init__(self, accounts: Accounts, last_price: Callable[[str], Decimal | None]) -> None:
        self._accounts = accounts
        self._last_price = last_price
        self.in_mx: set[str] = set()
        """Accounts that pay in MX where they can."""

    def rates(self, account_id: str, pair: Instrument) -> tuple[Decimal, Decimal]:
        """Return maker and taker fee as fractions."""
        self._accounts.require(account_id)
        return pair.maker_fee, pair.taker_fee

    def pays_in_mx(self, account_id: str) -> bool:
        """Whether the account pays its fees in MX where it can."""
        self._accounts.require(account_id)
        return account_id in self.in_mx

    def pay_in_mx(self, account_id: str, enabled: bool) -> None:
        """Let the account pay its fees in MX from now on, or no longer."""
        self._accounts.require(account_id)
        if enabled:
            self.in_mx.add(account_id)
        else:
            self.in_mx.discard(account_id)

    def charge(
        self, account_id: str, pair: Instrument, rate: Decimal, quote: Decimal, got: tuple[Decimal, str]
    ) -> tuple[Decimal, str]:
        """Take the fee of an execution worth ``quote`` that brought ``got``; return amount and asset."""
        amount, asset = got
        fee = multiply(amount, rate)
        if fee and account_id in self.in_mx:
            in_mx = self.value_in_mx(multiply(quote, rate), pair.quote)
            if in_mx is not None and in_mx <= self._accounts.free_of(account_id, MX):
                fee, asset = in_mx, MX
        self._accounts.collect_fee(account_id, asset, fee)
        return fee, asset

    def value_in_mx(self, value: Decimal, quote: str) -> Decimal | None:
        """Return what is due in MX for a fee worth ``value`` of an asset; None where MX has no price in it."""
        leg, price = ONE, ONE if quote == MX else self._last_price(MX + quote)
        if price is None:
            cross, price = self._last_price(quote + _BRIDGE), self._last_price(MX + _BRIDGE)
            if cross is None or price is None:
                return None
            leg = cross
        with exact():
            return ceil_to(value * (ONE - MX_DISCOUNT) * leg / price, MX_DECIMALS)
