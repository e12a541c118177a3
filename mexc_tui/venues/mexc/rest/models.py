"""Answers of MEXC that are not values of the trading domain."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.orders import Balance, Side
from mexc_tui.venues.mexc.rest.cache import HitRate


class AggTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of the aggregated trades; MEXC rounds their time to the second and gives no ids."""

    price: Decimal
    qty: Decimal
    taker: Side
    time_ms: int


class AveragePrice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    minutes: int
    price: Decimal


class LastPrice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    symbol: str
    price: Decimal | None


class BookTicker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Best prices of a pair; None on a side where nobody stands."""

    symbol: str
    bid: Decimal | None
    bid_qty: Decimal | None
    ask: Decimal | None
    ask_qty: Decimal | None


class OfflineSymbol(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    symbol: str
    delisted: bool
    """True: delisted; False: suspended."""
    offline_ms: int | None


class Announcement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    title: str
    url: str
    posted_ms: int | None
    language: str


class EtfInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A leveraged token."""

    symbol: str
    net_value: Decimal | None
    fee_rate: Decimal | None
    leverage: Decimal | None
    real_leverage: Decimal | None
    time_ms: int | None


class AccountInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The account; a permission that MEXC did not state is None."""

    can_trade: bool | None
    can_withdraw: bool | None
    can_deposit: bool | None
    account_type: str
    permissions: tuple[str, ...]
    balances: tuple[Balance, ...]


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one order of a batch: an order id, or the error."""

    client_order_id: str
    order_id: str = ""
    error: VenueError | None = None


class SelfTrade(StrEnum):
    """What happens where two orders of one account would trade with each other (MEXC's ``stpMode``)."""

    ALLOW = ""
    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"


class TradeFee(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Fees of the account for one pair, as fractions."""

    symbol: str
    maker: Decimal
    taker: Decimal


class KeyInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Properties of an API key; of the key itself only the ends are kept."""

    key_hint: str
    note: str
    permissions: tuple[str, ...]
    days_left: int | None
    """None for a key that does not expire."""
    ip_white_list: tuple[str, ...]
    status: str
    created: str


class Network(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One way in and out of the exchange for a coin; figures in that coin, None where not stated."""

    name: str
    contract: str
    deposit_enabled: bool
    withdraw_enabled: bool
    withdraw_fee: Decimal | None
    withdraw_min: Decimal | None
    withdraw_max: Decimal | None
    confirmations: int | None
    deposit_note: str
    withdraw_note: str


class Coin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    coin: str
    name: str
    networks: tuple[Network, ...]


class SelfTradeGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Accounts that must not trade with each other."""

    group_id: str
    name: str
    uids: tuple[str, ...]


class ListenKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of account streams; they open the stream, so they are not printed."""

    keys: tuple[str, ...]
    available: int | None
    """How many more may be made; None where MEXC does not say."""

    def __repr__(self) -> str:
        return f"ListenKeys({len(self.keys)} keys, available={self.available})"


class RestMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the REST side."""

    requests: int
    failures: int
    host_failures: int
    """Those that are the host's own: no answer, or an error of the server."""
    repeats: int
    rest_ms: float | None
    """Median of recent round trips."""
    weight_used: int
    weight_limit: int
    uid_weight_used: int
    uid_weight_limit: int
    order_tokens: float
    order_limit: int
    cool_down_s: float
    cool_down_reason: str
    breaker: str
    breaker_failures: int
    held: str
    """Why requests do not go out at the moment, in plain words; empty while they do."""
    held_s: float
    """Seconds until they do, or until one tries."""
    clock_offset_ms: float | None
    clock_round_trip_ms: float | None
    cache: dict[str, HitRate]
    unreadable_pairs: int
    """Rows of the list of pairs that could not be read and were left out."""
    unreadable_rows: int
    """Rows of other long lists (figures of all pairs, coins…) that were left out so far for the same reason."""
