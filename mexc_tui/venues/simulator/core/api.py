"""What the server needs of the exchange, and what the exchange needs of a market source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle, Interval, Ticker, Trade
from mexc_tui.domain.orders import Balance, Side
from mexc_tui.venues.simulator.core.events import Listener, OwnTrade, SimOrder
from mexc_tui.venues.simulator.core.groups import TradeGroups

Offer = tuple[Decimal, Decimal]
"""Price and quantity."""


class MarketSource(Protocol):
    """Drives the foreign side of a market: orders and trades of everybody else."""

    def advance(self, now_ms: int) -> None:
        """Let everything happen that happens up to ``now_ms``, in order, at its own time."""


class Upstream(Protocol):
    """Brings what a mirrored market is asked for, before it is served."""

    async def before(self, method: str, path: str, params: Mapping[str, str]) -> None:
        """Return when a REST call can be answered; SimError where it cannot be."""

    def watched(self, books: frozenset[str], candles: frozenset[tuple[str, str]]) -> None:
        """Take note of which pairs, and which candles of them, streams follow now."""


class ExchangeCore(Protocol):
    """A spot exchange without a wire. Synchronous and deterministic: time comes from ``advance`` only.

    Calls that trade raise ``SimError`` with MEXC's code, message and HTTP status.
    """

    groups: TradeGroups
    """Accounts that do not trade with each other."""

    @property
    def now_ms(self) -> int:
        """Exchange time."""

    def advance(self, now_ms: int) -> None:
        """Move time forward; markets move with it."""

    def listen(self, listener: Listener) -> None:
        """Announce every event to ``listener``, at once and in order."""

    def instruments(self) -> Sequence[Instrument]:
        """Return every pair, listed or announced."""

    def instrument(self, symbol: str) -> Instrument:
        """Return one pair; SimError(-1121) for an unknown one."""

    def depth(
        self, symbol: str, limit: int
    ) -> tuple[int, list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Return version, bids and asks, best first."""

    def recent_trades(self, symbol: str, limit: int) -> list[Trade]:
        """Return the latest trades, newest first."""

    def candles(
        self, symbol: str, interval: Interval | str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        """Return candles oldest first, the current one last; ``8h`` is known besides the REST intervals."""

    def best(self, symbol: str) -> tuple[Offer | None, Offer | None] | None:
        """Return the best bid and ask, each a price and a quantity or None for an empty side; None if unknown."""

    def ticker(self, symbol: str) -> Ticker:
        """Return the 24-hour figures."""

    def open_account(self, account_id: str, funds: dict[str, Decimal]) -> None:
        """Create an account, or add funds to it (announced as DEPOSIT)."""

    def balances(self, account_id: str) -> Sequence[Balance]:
        """Return every asset with something free or locked."""

    def fees(self, account_id: str, symbol: str) -> tuple[Decimal, Decimal]:
        """Return maker and taker fee as fractions."""

    def pays_in_mx(self, account_id: str) -> bool:
        """Whether the account pays its fees in MX where it can."""

    def pay_in_mx(self, account_id: str, wanted: bool) -> None:
        """Let the account pay its fees in MX from now on, or no longer."""

    def place(
        self,
        account_id: str,
        *,
        symbol: str,
        side: Side,
        type: str,  # noqa: A002
        qty: Decimal | None = None,
        quote_qty: Decimal | None = None,
        price: Decimal | None = None,
        client_order_id: str | None = None,
        stp_mode: str = "",
        test: bool = False,
    ) -> SimOrder:
        """Check, freeze, match and rest an order; with ``test`` only check it."""

    def cancel(
        self, account_id: str, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """Cancel an open order; SimError(-2011) if it is not open."""

    def cancel_all(self, account_id: str, symbol: str | None = None) -> list[SimOrder]:
        """Cancel every open order of the account, or those of one pair."""

    def find_order(
        self, account_id: str, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """Return an order in whatever state; SimError(-2013) if there is none."""

    def open_orders(self, account_id: str, symbol: str | None = None) -> list[SimOrder]:
        """Return open orders, oldest first."""

    def all_orders(
        self, account_id: str, symbol: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[SimOrder]:
        """Return orders of a pair in whatever state, newest first."""

    def own_trades(
        self,
        account_id: str,
        symbol: str,
        *,
        order_id: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 100,
    ) -> list[OwnTrade]:
        """Return the account's fills, newest first."""

    def list_symbol(self, instrument: Instrument, opens_ms: int | None = None, price: Decimal | None = None) -> None:
        """List a new pair now, or announce it to open at a time; with ``price`` a modelled market trades it."""

    def set_paused(self, symbol: str, paused: bool) -> None:
        """Pause or reopen a pair (status 2 or 1); open orders stay."""

    def nudge(self, symbol: str, fraction: Decimal) -> None:
        """Move a modelled market by a fraction of its price."""
