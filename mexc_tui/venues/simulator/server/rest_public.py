"""Public REST endpoints."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mexc_tui.domain.candles import window_end
from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.domain.market import Candle, Interval, Trade
from mexc_tui.domain.numbers import ZERO, divide, plain, round_to
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.server.call import Call, Context, Endpoint
from mexc_tui.venues.simulator.server.codec import padded
from mexc_tui.wire.mexc import endpoints as wire
from mexc_tui.wire.mexc.enums import PAIR_STATUSES, TRADE_SIDES
from mexc_tui.wire.mexc.intervals import REST_INTERVALS

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_STATUS_NUMBERS = {status: number for number, status in PAIR_STATUSES.items()} | {InstrumentStatus.UNKNOWN: "0"}
_SIDE_NUMBERS = {sides: number for number, sides in TRADE_SIDES.items()}
_LISTED_TYPES = ("LIMIT", "MARKET", "LIMIT_MAKER")


RowMaker = Callable[[Instrument, int], dict[str, object]]


class PublicApi:
    """Market data and facts about pairs."""

    def __init__(self, context: Context) -> None:
        self._ctx = context
        self._core = context.core

    def endpoints(self) -> list[Endpoint]:
        """Return every public endpoint."""
        return [
            Endpoint(wire.PING, self.ping),
            Endpoint(wire.TIME, self.time),
            Endpoint(wire.DEFAULT_SYMBOLS, self.default_symbols),
            Endpoint(wire.EXCHANGE_INFO, self.exchange_info),
            Endpoint(wire.DEPTH, self.depth),
            Endpoint(wire.TRADES, self.trades),
            Endpoint(wire.AGG_TRADES, self.agg_trades),
            Endpoint(wire.KLINES, self.klines),
            Endpoint(wire.AVG_PRICE, self.avg_price),
            Endpoint(wire.TICKER_24H, self.ticker_24h),
            Endpoint(wire.TICKER_PRICE, self.ticker_price),
            Endpoint(wire.BOOK_TICKER, self.book_ticker),
            Endpoint(wire.SYMBOL_OFFLINE, self.offline),
            Endpoint(wire.ANNOUNCEMENTS, self.announcements),
            Endpoint(wire.ETF_INFO, self.etf_info),
        ]

    def ping(self, call: Call) -> object:
        return {}

    def time(self, call: Call) -> object:
        return {"serverTime": call.now_ms}

    def default_symbols(self, call: Call) -> object:
        names = [
            i.symbol for i in self._core.symbols.instruments() if i.api_trading and i.status is InstrumentStatus.ONLINE
        ]
        return {"data": names, "code": 0, "msg": "success", "timestamp": call.now_ms}

    def exchange_info(self, call: Call) -> object:
        one, several = call.text("symbol"), call.text("symbols")
        if one or several:
            names = [one] if one else [name for name in several.split(",") if name]
            found = [self._core.symbols.instrument(name) for name in names]
        else:
            found = list(self._core.symbols.instruments())
        return {
            "timezone": "CST",
            "serverTime": call.now_ms,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [symbol_row(i) for i in found],
        }

    def depth(self, call: Call) -> object:
        instrument = self._core.symbols.instrument(call.need("symbol"))
        limit = call.limit(100, wire.MAX_DEPTH)
        self._ctx.book_requested()
        version, bids, asks = self._core.market.depth(instrument.symbol, limit)
        self._ctx.hub.snapshot_taken(instrument.symbol)
        places, steps = instrument.price_decimals, instrument.qty_decimals
        return {
            "lastUpdateId": version,
            "bids": [(padded(p, places), padded(q, steps)) for p, q in bids],
            "asks": [(padded(p, places), padded(q, steps)) for p, q in asks],
            "timestamp": call.now_ms,
        }

    def trades(self, call: Call) -> object:
        symbol = self._core.symbols.instrument(call.need("symbol")).symbol
        return [_trade_row(t) for t in self._core.market.recent_trades(symbol, call.limit(500, 1000))]

    def agg_trades(self, call: Call) -> object:
        symbol = self._core.symbols.instrument(call.need("symbol")).symbol
        limit = call.limit(500, 1000)
        start, end = call.whole("startTime"), call.whole("endTime")
        if (start is None) != (end is None):
            raise SimError(-1128, "Combination of optional parameters invalid.")
        found = self._core.market.recent_trades(symbol, 1000)
        if start is not None and end is not None:
            if end - start > HOUR_MS:
                raise SimError(-1127, "More than 1 hours between startTime and endTime.")
            found = [t for t in found if start <= t.time_ms <= end]
        return [_agg_row(t) for t in found[:limit]]

    def klines(self, call: Call) -> object:
        symbol = self._core.symbols.instrument(call.need("symbol")).symbol
        name = call.need("interval")
        if name not in REST_INTERVALS:
            raise SimError(-1121, "Invalid interval.")
        interval = Interval(name)
        start, end = call.whole("startTime"), call.whole("endTime")
        candles = self._core.market.candles(symbol, interval, call.limit(500, 1000), start, end)
        return [_kline_row(c, window_end(interval, c.open_ms)) for c in candles if end is None or c.open_ms < end]

    def avg_price(self, call: Call) -> object:
        instrument = self._core.symbols.instrument(call.need("symbol"))
        recent = self._core.market.recent_trades(instrument.symbol, 1000)
        since = [t for t in recent if t.time_ms > call.now_ms - 300_000]
        qty = sum((t.qty for t in since), ZERO)
        if qty > 0:
            quote = sum((t.price * t.qty for t in since), ZERO)
            price = round_to(divide(quote, qty), instrument.price_decimals)
        else:
            price = self._core.market.ticker(instrument.symbol).last or ZERO
        return {"mins": 5, "price": plain(price)}

    def ticker_24h(self, call: Call) -> object:
        return self._one_or_all(call, self._day_row)

    def ticker_price(self, call: Call) -> object:
        return self._one_or_all(call, self._price_row)

    def book_ticker(self, call: Call) -> object:
        return self._one_or_all(call, self._book_row)

    def offline(self, call: Call) -> object:
        states = {InstrumentStatus.PAUSED: 2, InstrumentStatus.OFFLINE: 3}
        gone = [i for i in self._core.symbols.instruments() if i.status in states]
        return {"data": [{"symbol": i.symbol, "state": states[i.status]} for i in gone]}

    def etf_info(self, call: Call) -> object:
        """No leveraged token is listed here."""
        self._core.symbols.instrument(call.need("symbol"))
        raise SimError(-1121, "Invalid symbol.")

    def announcements(self, call: Call) -> object:
        limit = call.whole("limit") or 20
        if limit % 5 or limit > 100:
            raise SimError(33333, "Parameter error: limit")
        page = max(1, call.whole("page") or 1)
        language = call.text("language") or "en-US"
        rows = [
            {
                "title": f"{symbol} is listed for spot trading",
                "url": f"https://www.mexc.com/announcements/{symbol}",
                "postTime": at,
                "language": language,
            }
            for symbol, at in reversed(self._ctx.listed_ms.items())
        ]
        pages = max(1, -(-len(rows) // limit))
        details = rows[(page - 1) * limit : page * limit]
        return {"data": [{"details": details, "totalPage": pages}], "code": 0, "msg": "success"}

    def _one_or_all(self, call: Call, row: RowMaker) -> object:
        symbol = call.text("symbol")
        if symbol:
            return row(self._core.symbols.instrument(symbol), call.now_ms)
        return [row(i, call.now_ms) for i in self._core.symbols.instruments()]

    def _price_row(self, instrument: Instrument, now_ms: int) -> dict[str, object]:
        return {"symbol": instrument.symbol, "price": _text(self._core.market.ticker(instrument.symbol).last)}

    def _book_row(self, instrument: Instrument, now_ms: int) -> dict[str, object]:
        best = self._core.market.best(instrument.symbol)
        places, steps = instrument.price_decimals, instrument.qty_decimals
        row: dict[str, object] = {"symbol": instrument.symbol}
        for name, offer in zip(("bid", "ask"), best or (None, None), strict=True):
            # An empty side is written as zeros; what is not known is left out.
            nothing = None if best is None else "0"
            row[f"{name}Price"] = padded(offer[0], places) if offer else nothing
            row[f"{name}Qty"] = padded(offer[1], steps) if offer else nothing
        return row

    def _day_row(self, instrument: Instrument, now_ms: int) -> dict[str, object]:
        ticker = self._core.market.ticker(instrument.symbol)
        bid, ask = self._core.market.best(instrument.symbol) or (None, None)
        change = None if ticker.last is None or ticker.open is None else ticker.last - ticker.open
        return {
            "symbol": instrument.symbol,
            "priceChange": _text(change),
            "priceChangePercent": None if ticker.change is None else plain(round_to(ticker.change, 4)),
            "prevClosePrice": _text(ticker.open),
            "lastPrice": _text(ticker.last),
            "bidPrice": plain(bid[0]) if bid else "",
            "bidQty": plain(bid[1]) if bid else "",
            "askPrice": plain(ask[0]) if ask else "",
            "askQty": plain(ask[1]) if ask else "",
            "openPrice": _text(ticker.open),
            "highPrice": _text(ticker.high),
            "lowPrice": _text(ticker.low),
            "volume": _text(ticker.volume),
            "quoteVolume": _text(ticker.quote_volume),
            "openTime": now_ms - 60_000,
            "closeTime": now_ms,
            "count": None,
        }


def symbol_row(i: Instrument) -> dict[str, object]:
    """Return a pair as exchangeInfo prints it; the fields named precision of amounts and sizes are minimums."""
    filters: list[dict[str, str]] = []
    if i.bid_multiplier_up is not None or i.ask_multiplier_down is not None:
        filters.append(
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": _text(i.bid_multiplier_up) or "",
                "askMultiplierDown": _text(i.ask_multiplier_down) or "",
            }
        )
    row: dict[str, object] = {
        "symbol": i.symbol,
        "status": _STATUS_NUMBERS[i.status],
        "baseAsset": i.base,
        "baseAssetPrecision": i.qty_decimals,
        "quoteAsset": i.quote,
        "quotePrecision": i.price_decimals,
        "quoteAssetPrecision": i.price_decimals,
        "baseCommissionPrecision": i.qty_decimals,
        "quoteCommissionPrecision": i.price_decimals,
        "orderTypes": [t for t in i.order_types if t in _LISTED_TYPES],
        "isSpotTradingAllowed": i.api_trading,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": plain(i.min_notional),
        "baseSizePrecision": plain(i.min_qty),
        "permissions": ["SPOT"],
        "filters": filters,
        "maxQuoteAmount": plain(i.max_notional if i.max_notional is not None else Decimal(2_000_000)),
        "makerCommission": plain(i.maker_fee),
        "takerCommission": plain(i.taker_fee),
        "quoteAmountPrecisionMarket": plain(i.min_notional_market),
        "maxQuoteAmountMarket": plain(i.max_notional_market if i.max_notional_market is not None else Decimal(100_000)),
        "fullName": i.full_name,
        "tradeSideType": _SIDE_NUMBERS[i.sides],
        "contractAddress": "",
        "conceptPlateIds": [],
        "st": i.risk_flag,
    }
    if i.first_open_ms is not None:
        row["firstOpenTime"] = i.first_open_ms
    return row


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _trade_row(t: Trade) -> dict[str, object]:
    bought = t.taker is Side.BUY
    return {
        "id": None,
        "price": plain(t.price),
        "qty": plain(t.qty),
        "quoteQty": plain(t.price * t.qty),
        "time": t.time_ms,
        "isBuyerMaker": not bought,
        "isBestMatch": True,
        "tradeType": "BID" if bought else "ASK",
    }


def _agg_row(t: Trade) -> dict[str, object]:
    return {
        "a": None,
        "f": None,
        "l": None,
        "p": plain(t.price),
        "q": plain(t.qty),
        "T": t.time_ms // 1000 * 1000,
        "m": t.taker is Side.SELL,
        "M": True,
    }


def _kline_row(c: Candle, end_ms: int) -> list[object]:
    prices = [plain(c.open), plain(c.high), plain(c.low), plain(c.close)]
    return [c.open_ms, *prices, plain(c.volume), end_ms, plain(c.quote_volume)]
