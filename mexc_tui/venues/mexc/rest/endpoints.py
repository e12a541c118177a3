"""MEXC's REST endpoints: method, path, weight, who may sign, and whether a repeat is safe."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import force_setattr

from mexc_tui.venues.mexc.rest.budget import Cost
from mexc_tui.venues.mexc.rest.errors import Call
from mexc_tui.venues.mexc.rest.lanes import Duty

UNGUARDED_CHANGES = frozenset({"/api/v3/userDataStream"})
"""Changing paths that may be called on any host; every other change is refused where orders are."""


class Repeat(StrEnum):
    """How often a request may be sent."""

    SAFE = "safe"
    """Again and again: it only reads."""
    ONCE = "once"
    """One more time: doing it twice is the same as once."""
    NEVER = "never"


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """One endpoint. Weights are the newer, higher ones of MEXC's documentation."""

    method: str
    path: str
    label: str
    """What it is called in messages."""
    weight: int = 1
    signed: bool = False
    duty: Duty = Duty.DATA
    repeat: Repeat = Repeat.SAFE
    order_action: bool = False
    own: tuple[int, float] | None = None
    """A limit of its own: requests, seconds."""

    cost: Cost = Cost(Duty.DATA)
    """What one attempt takes from the budget; follows from the rest."""
    call: Call = Call("", Duty.DATA, changes=False)
    """What an error needs to know of it; follows from the rest."""

    def __post_init__(self) -> None:
        own = None if self.own is None else (f"{self.method} {self.path}", *self.own)
        changes = self.method != "GET" and self.path not in UNGUARDED_CHANGES
        force_setattr(self, "cost", Cost(self.duty, self.weight, self.signed, self.order_action, own))
        force_setattr(self, "call", Call(self.label, self.duty, changes))


def _public(path: str, label: str, weight: int = 1, own: tuple[int, float] | None = None) -> Endpoint:
    return Endpoint("GET", f"/api/v3/{path}", label, weight, own=own)


def _account(path: str, label: str, weight: int = 1, own: tuple[int, float] | None = None) -> Endpoint:
    return Endpoint("GET", f"/api/v3/{path}", label, weight, signed=True, duty=Duty.ACCOUNT, own=own)


def _change(method: str, path: str, label: str, weight: int = 1, repeat: Repeat = Repeat.NEVER) -> Endpoint:
    return Endpoint(method, f"/api/v3/{path}", label, weight, signed=True, duty=Duty.ACCOUNT, repeat=repeat)


def _place(path: str, label: str, weight: int = 1, own: tuple[int, float] | None = None) -> Endpoint:
    return Endpoint("POST", f"/api/v3/{path}", label, weight, True, Duty.PLACE, Repeat.NEVER, True, own)


def _cancel(path: str, label: str) -> Endpoint:
    return Endpoint("DELETE", f"/api/v3/{path}", label, 1, True, Duty.CANCEL, Repeat.ONCE, True)


PING = _public("ping", "the ping")
TIME = _public("time", "the time")
DEFAULT_SYMBOLS = _public("defaultSymbols", "the list of pairs open to the API")
EXCHANGE_INFO = _public("exchangeInfo", "the list of pairs", 25)
DEPTH = _public("depth", "the order book", 3)
TRADES = _public("trades", "recent trades", 5)
AGG_TRADES = _public("aggTrades", "aggregated trades")
KLINES = _public("klines", "candles")
AVG_PRICE = _public("avgPrice", "the average price")
TICKER_24H = _public("ticker/24hr", "the 24-hour figures", 25)
TICKER_PRICE = _public("ticker/price", "the last prices", 10)
BOOK_TICKER = _public("ticker/bookTicker", "the best prices", 10)
SYMBOL_OFFLINE = _public("symbol/offline", "the list of suspended pairs", 10)
ANNOUNCEMENTS = _public("announcements", "announcements", 8, (5, 2.0))
ETF_INFO = _public("etf/info", "the leveraged token's figures")

ORDER_PLACE = _place("order", "the order")
ORDER_TEST = _place("order/test", "the test order")
ORDER_BATCH = _place("batchOrders", "the batch of orders", 10, (2, 1.0))
ORDER_CANCEL = _cancel("order", "the cancel")
OPEN_CANCEL = _cancel("openOrders", "the cancel of open orders")
ALL_CANCEL = _cancel("order/all", "the cancel of all orders")

ORDER = _account("order", "the order's state", 2)
OPEN_ORDERS = _account("openOrders", "the open orders", 3)
ALL_ORDERS = _account("allOrders", "the orders", 10)
MY_TRADES = _account("myTrades", "own trades", 10)
ACCOUNT = _account("account", "the account", 10, (2, 1.0))
TRADE_FEE = _account("tradeFee", "the fees", 20)
SELF_SYMBOLS = _account("selfSymbols", "the pairs this key may trade")
MX_DEDUCT = _account("mxDeduct/enable", "the setting for fees in MX")
MX_DEDUCT_SET = _change("POST", "mxDeduct/enable", "the change of fees in MX", repeat=Repeat.ONCE)
KYC = _account("kyc/status", "the identity level")
UID = _account("uid", "the user id")
KEY_INFO = _account("apiKeyInfo", "the key's properties")
KEY_CHANGE = _change("POST", "apiKeyInfo", "the change of the key")
COINS = _account("capital/config/getall", "the coins and networks", 10)

GROUPS = _account("strategy/group", "the self-trade groups", 20)
GROUP_CREATE = _change("POST", "strategy/group", "the new self-trade group", 20)
GROUP_DELETE = _change("DELETE", "strategy/group", "the deletion of a self-trade group", 20, Repeat.ONCE)
GROUP_ADD = _change("POST", "strategy/group/uid", "the addition to a self-trade group", 20, Repeat.ONCE)
GROUP_REMOVE = _change("DELETE", "strategy/group/uid", "the removal from a self-trade group", 20, Repeat.ONCE)

LISTEN_CREATE = _change("POST", "userDataStream", "the account stream's key", repeat=Repeat.ONCE)
LISTEN_LIST = _account("userDataStream", "the account stream's keys")
LISTEN_EXTEND = _change("PUT", "userDataStream", "the extension of the account stream", repeat=Repeat.ONCE)
LISTEN_CLOSE = _change("DELETE", "userDataStream", "the end of the account stream", repeat=Repeat.ONCE)
