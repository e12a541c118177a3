"""What the client makes of each endpoint: its name in messages, its urgency, and whether a repeat is safe."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import force_setattr

from mexc_tui.venues.mexc.rest.answers import Call
from mexc_tui.venues.mexc.rest.budget import Cost
from mexc_tui.venues.mexc.rest.queue import Duty
from mexc_tui.wire.mexc import endpoints as wire
from mexc_tui.wire.mexc.endpoints import Route

UNGUARDED_CHANGES = frozenset({wire.LISTEN_CREATE.path})
"""Changing paths that may be called on any host; every other change is refused where orders are."""


class Repeat(StrEnum):
    """How often a request may be sent."""

    SAFE = "safe"
    """Again and again: it only reads."""
    ONCE = "once"
    """One more time: doing it twice is the same as once."""
    NEVER = "never"


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """One endpoint and how the client treats it."""

    route: Route
    label: str
    """What it is called in messages."""
    duty: Duty = Duty.REST
    repeat: Repeat = Repeat.SAFE
    order_action: bool = False

    cost: Cost = Cost(Duty.REST)
    """What one attempt takes from the budget; follows from the rest."""
    call: Call = Call("", Duty.REST, changes=False)
    """What an error needs to know of it; follows from the rest."""

    def __post_init__(self) -> None:
        route = self.route
        own = None if route.limit is None else (f"{route.method} {route.path}", *route.limit)
        changes = route.method != "GET" and route.path not in UNGUARDED_CHANGES
        force_setattr(self, "cost", Cost(self.duty, route.weight, self.signed, self.order_action, own))
        force_setattr(self, "call", Call(self.label, self.duty, changes))

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.route.method

    @property
    def path(self) -> str:
        """The path below the host."""
        return self.route.path

    @property
    def signed(self) -> bool:
        """Whether key and signature go with it."""
        return bool(self.route.permission)


def _account(route: Route, label: str) -> Endpoint:
    return Endpoint(route, label, Duty.ACCOUNT)


def _change(route: Route, label: str, repeat: Repeat = Repeat.NEVER) -> Endpoint:
    return Endpoint(route, label, Duty.ACCOUNT, repeat)


def _place(route: Route, label: str) -> Endpoint:
    return Endpoint(route, label, Duty.PLACE, Repeat.NEVER, order_action=True)


def _cancel(route: Route, label: str) -> Endpoint:
    return Endpoint(route, label, Duty.CANCEL, Repeat.ONCE, order_action=True)


PING = Endpoint(wire.PING, "the ping")
TIME = Endpoint(wire.TIME, "the time")
DEFAULT_SYMBOLS = Endpoint(wire.DEFAULT_SYMBOLS, "the list of pairs open to the API")
EXCHANGE_INFO = Endpoint(wire.EXCHANGE_INFO, "the list of pairs")
DEPTH = Endpoint(wire.DEPTH, "the order book", Duty.BOOK)
TRADES = Endpoint(wire.TRADES, "recent trades")
AGG_TRADES = Endpoint(wire.AGG_TRADES, "aggregated trades")
KLINES = Endpoint(wire.KLINES, "candles")
AVG_PRICE = Endpoint(wire.AVG_PRICE, "the average price")
TICKER_24H = Endpoint(wire.TICKER_24H, "the 24-hour figures")
TICKER_PRICE = Endpoint(wire.TICKER_PRICE, "the last prices")
BOOK_TICKER = Endpoint(wire.BOOK_TICKER, "the best prices")
SYMBOL_OFFLINE = Endpoint(wire.SYMBOL_OFFLINE, "the list of suspended pairs")
ANNOUNCEMENTS = Endpoint(wire.ANNOUNCEMENTS, "announcements")
ETF_INFO = Endpoint(wire.ETF_INFO, "the leveraged token's figures")

ORDER_PLACE = _place(wire.ORDER_PLACE, "the order")
ORDER_TEST = _place(wire.ORDER_TEST, "the test order")
ORDER_BATCH = _place(wire.ORDER_BATCH, "the batch of orders")
ORDER_CANCEL = _cancel(wire.ORDER_CANCEL, "the cancel")
OPEN_CANCEL = _cancel(wire.OPEN_CANCEL, "the cancel of open orders")
ALL_CANCEL = _cancel(wire.ALL_CANCEL, "the cancel of all orders")

ORDER = Endpoint(wire.ORDER, "the order's state", Duty.LOOKUP)
OPEN_ORDERS = _account(wire.OPEN_ORDERS, "the open orders")
OPEN_ORDERS_NOW = Endpoint(wire.OPEN_ORDERS, "the open orders", Duty.SWEEP)
ALL_ORDERS = _account(wire.ALL_ORDERS, "the orders")
MY_TRADES = _account(wire.MY_TRADES, "own trades")
ACCOUNT = _account(wire.ACCOUNT, "the account")
TRADE_FEE = _account(wire.TRADE_FEE, "the fees")
SELF_SYMBOLS = _account(wire.SELF_SYMBOLS, "the pairs this key may trade")
MX_DEDUCT = _account(wire.MX_DEDUCT, "the setting for fees in MX")
MX_DEDUCT_SET = _change(wire.MX_DEDUCT_SET, "the change of fees in MX", Repeat.ONCE)
KYC = _account(wire.KYC, "the identity level")
UID = _account(wire.UID, "the user id")
KEY_INFO = _account(wire.KEY_INFO, "the key's properties")
KEY_CHANGE = _change(wire.KEY_CHANGE, "the change of the key")
COINS = _account(wire.COINS, "the coins and networks")

GROUPS = _account(wire.GROUPS, "the self-trade groups")
GROUP_CREATE = _change(wire.GROUP_CREATE, "the new self-trade group")
GROUP_DELETE = _change(wire.GROUP_DELETE, "the deletion of a self-trade group", Repeat.ONCE)
GROUP_ADD = _change(wire.GROUP_ADD, "the addition to a self-trade group", Repeat.ONCE)
GROUP_REMOVE = _change(wire.GROUP_REMOVE, "the removal from a self-trade group", Repeat.ONCE)

LISTEN_CREATE = _change(wire.LISTEN_CREATE, "the account stream's key", Repeat.ONCE)
LISTEN_LIST = _account(wire.LISTEN_LIST, "the account stream's keys")
LISTEN_EXTEND = _change(wire.LISTEN_EXTEND, "the extension of the account stream", Repeat.ONCE)
LISTEN_CLOSE = _change(wire.LISTEN_CLOSE, "the end of the account stream", Repeat.ONCE)
