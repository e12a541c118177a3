"""Stream channels: ``spot@kind.v3.api.pb`` and what follows it, each part after an ``@``."""

from __future__ import annotations

from typing import Final

AGGRE_DEPTH: Final = "spot@public.aggre.depth.v3.api.pb"
"""Increments of a book; followed by speed and symbol."""
AGGRE_DEALS: Final = "spot@public.aggre.deals.v3.api.pb"
"""Public trades; followed by speed and symbol."""
AGGRE_BOOK_TICKER: Final = "spot@public.aggre.bookTicker.v3.api.pb"
"""Best prices; followed by speed and symbol."""
BOOK_TICKER_BATCH: Final = "spot@public.bookTicker.batch.v3.api.pb"
"""Best prices as a list of one; followed by the symbol."""
LIMIT_DEPTH: Final = "spot@public.limit.depth.v3.api.pb"
"""The top of a book, whole; followed by symbol and number of levels."""
KLINE: Final = "spot@public.kline.v3.api.pb"
"""Candles; followed by symbol and the stream's name of the interval."""
MINI_TICKER: Final = "spot@public.miniTicker.v3.api.pb"
"""24-hour figures; followed by symbol and time zone (``24H``, ``UTC+8``)."""
MINI_TICKERS: Final = "spot@public.miniTickers.v3.api.pb"
"""24-hour figures of all pairs; followed by the time zone."""

PRIVATE_ORDERS: Final = "spot@private.orders.v3.api.pb"
PRIVATE_DEALS: Final = "spot@private.deals.v3.api.pb"
PRIVATE_ACCOUNT: Final = "spot@private.account.v3.api.pb"
PRIVATE: Final = (PRIVATE_ORDERS, PRIVATE_DEALS, PRIVATE_ACCOUNT)

PUBLIC_PREFIX: Final = "spot@public."
PRIVATE_PREFIX: Final = "spot@private."

SPEEDS_MS: Final = {"10ms": 10, "100ms": 100}
LIMIT_DEPTHS: Final = (5, 10, 20)
MAX_CHANNELS: Final = 30
"""Subscriptions that one connection takes in all; whether an unsubscription gives a place back is not documented."""
