"""REST endpoints: method, path, weight, the permission a key needs, and limits of their own."""

from __future__ import annotations

from typing import Final

import msgspec

ACCOUNT_READ: Final = "SPOT_ACCOUNT_READ"
ACCOUNT_WRITE: Final = "SPOT_ACCOUNT_WRITE"
DEAL_READ: Final = "SPOT_DEAL_READ"
DEAL_WRITE: Final = "SPOT_DEAL_WRITE"
WITHDRAW_READ: Final = "SPOT_WITHDRAW_READ"
WITHDRAW_WRITE: Final = "SPOT_WITHDRAW_WRITE"
TRANSFER_READ: Final = "SPOT_TRANSFER_READ"
TRANSFER_WRITE: Final = "SPOT_TRANSFER_WRITE"
PERMISSIONS: Final = (
    ACCOUNT_READ,
    ACCOUNT_WRITE,
    DEAL_READ,
    DEAL_WRITE,
    WITHDRAW_READ,
    WITHDRAW_WRITE,
    TRANSFER_READ,
    TRANSFER_WRITE,
)

MAX_DEPTH: Final = 2_000
"""Levels a side that a book is served with at most, whatever is asked for."""
MAX_ROWS: Final = 1_000
"""Trades, candles and orders in one answer at most."""
SURE_CANDLES: Final = 500
"""Candles in one answer at least where there are so many; 1,000 may be asked for, and are not always given."""
MAX_RECV_WINDOW_MS: Final = 60_000


class Route(msgspec.Struct, frozen=True, gc=False):
    """One endpoint. Weights are the newer, higher ones of MEXC's documentation."""

    method: str
    path: str
    weight: int = 1
    permission: str = ""
    """What the key must be allowed; empty where neither key nor signature is needed."""
    limit: tuple[int, float] | None = None
    """A limit of its own: requests, seconds."""


def _route(
    method: str, name: str, weight: int = 1, permission: str = "", limit: tuple[int, float] | None = None
) -> Route:
    return Route(method, f"/api/v3/{name}", weight, permission, limit)


PING: Final = _route("GET", "ping")
TIME: Final = _route("GET", "time")
DEFAULT_SYMBOLS: Final = _route("GET", "defaultSymbols")
EXCHANGE_INFO: Final = _route("GET", "exchangeInfo", 25)
DEPTH: Final = _route("GET", "depth", 3)
TRADES: Final = _route("GET", "trades", 5)
AGG_TRADES: Final = _route("GET", "aggTrades")
KLINES: Final = _route("GET", "klines")
AVG_PRICE: Final = _route("GET", "avgPrice")
TICKER_24H: Final = _route("GET", "ticker/24hr", 25)
TICKER_PRICE: Final = _route("GET", "ticker/price", 10)
BOOK_TICKER: Final = _route("GET", "ticker/bookTicker", 10)
SYMBOL_OFFLINE: Final = _route("GET", "symbol/offline", 10)
ANNOUNCEMENTS: Final = _route("GET", "announcements", 8, limit=(5, 2.0))
ETF_INFO: Final = _route("GET", "etf/info")

ORDER_PLACE: Final = _route("POST", "order", 1, DEAL_WRITE)
ORDER_TEST: Final = _route("POST", "order/test", 1, DEAL_WRITE)
ORDER_BATCH: Final = _route("POST", "batchOrders", 10, DEAL_WRITE, (2, 1.0))
ORDER_CANCEL: Final = _route("DELETE", "order", 1, DEAL_WRITE)
OPEN_CANCEL: Final = _route("DELETE", "openOrders", 1, DEAL_WRITE)
ALL_CANCEL: Final = _route("DELETE", "order/all", 1, DEAL_WRITE)
ORDER: Final = _route("GET", "order", 2, DEAL_READ)
OPEN_ORDERS: Final = _route("GET", "openOrders", 3, DEAL_READ)
ALL_ORDERS: Final = _route("GET", "allOrders", 10, DEAL_READ)
MY_TRADES: Final = _route("GET", "myTrades", 10, DEAL_READ)

ACCOUNT: Final = _route("GET", "account", 10, ACCOUNT_READ, (2, 1.0))
TRADE_FEE: Final = _route("GET", "tradeFee", 20, ACCOUNT_READ)
SELF_SYMBOLS: Final = _route("GET", "selfSymbols", 1, ACCOUNT_READ)
MX_DEDUCT: Final = _route("GET", "mxDeduct/enable", 1, ACCOUNT_READ)
MX_DEDUCT_SET: Final = _route("POST", "mxDeduct/enable", 1, ACCOUNT_WRITE)
KYC: Final = _route("GET", "kyc/status", 1, ACCOUNT_READ)
UID: Final = _route("GET", "uid", 1, ACCOUNT_READ)
KEY_INFO: Final = _route("GET", "apiKeyInfo", 1, ACCOUNT_READ)
KEY_CHANGE: Final = _route("POST", "apiKeyInfo", 1, ACCOUNT_WRITE)
COINS: Final = _route("GET", "capital/config/getall", 10, WITHDRAW_READ)
DEPOSITS: Final = _route("GET", "capital/deposit/hisrec", 1, WITHDRAW_READ)
WITHDRAWALS: Final = _route("GET", "capital/withdraw/history", 1, WITHDRAW_READ)

GROUPS: Final = _route("GET", "strategy/group", 20, ACCOUNT_READ)
GROUP_CREATE: Final = _route("POST", "strategy/group", 20, ACCOUNT_WRITE)
GROUP_DELETE: Final = _route("DELETE", "strategy/group", 20, ACCOUNT_WRITE)
GROUP_ADD: Final = _route("POST", "strategy/group/uid", 20, ACCOUNT_WRITE)
GROUP_REMOVE: Final = _route("DELETE", "strategy/group/uid", 20, ACCOUNT_WRITE)

LISTEN_CREATE: Final = _route("POST", "userDataStream", 1, ACCOUNT_READ)
LISTEN_LIST: Final = _route("GET", "userDataStream", 1, ACCOUNT_READ)
LISTEN_EXTEND: Final = _route("PUT", "userDataStream", 1, ACCOUNT_READ)
LISTEN_CLOSE: Final = _route("DELETE", "userDataStream", 1, ACCOUNT_READ)
