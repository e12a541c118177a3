"""From rows of MEXC's answers to values of the trading domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.instrument import Instrument, InstrumentStatus, TradeSides
from mexc_tui.domain.market import Candle, Ticker, Trade
from mexc_tui.domain.numbers import ZERO, BadNumberError, parse_decimal, plain
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest, OrderState, OrderType, Side
from mexc_tui.venues.mexc.rest.fields import Row, as_number, list_of, unreadable
from mexc_tui.venues.mexc.rest.models import AggTrade, BookTicker, LastPrice
from mexc_tui.wire.mexc import enums

T = TypeVar("T")

_STATUS = {**enums.PAIR_STATUSES, "ENABLED": InstrumentStatus.ONLINE}
_SIDES = {str(number): sides for number, sides in enums.TRADE_SIDES.items()}
_UNLISTED_TYPES = (OrderType.IOC.value, OrderType.FOK.value)
_MOST_DECIMALS = 30


def instrument(row: Row) -> Instrument:
    """Read one pair of exchangeInfo.

    ``quoteAmountPrecision`` and ``baseSizePrecision`` are minimums in spite of their names. Immediate-or-cancel and
    fill-or-kill work wherever limit orders do, though MEXC does not list them. What is not said is not allowed.
    """
    listed = row.texts("orderTypes")
    unlisted = tuple(kind for kind in _UNLISTED_TYPES if kind not in listed) if "LIMIT" in listed else ()
    up, down = _percent_price(row)
    return Instrument(
        symbol=row.text("symbol"),
        base=row.text("baseAsset"),
        quote=row.text("quoteAsset"),
        price_decimals=_decimals(row, "quotePrecision", "quoteAssetPrecision"),
        qty_decimals=_decimals(row, "baseAssetPrecision"),
        status=_STATUS.get(row.text("status", default=""), InstrumentStatus.UNKNOWN),
        api_trading=row.flag("isSpotTradingAllowed", default=False),
        sides=_SIDES.get(row.text("tradeSideType", default="1"), TradeSides.CLOSED),
        order_types=listed + unlisted,
        min_qty=row.number("baseSizePrecision", default=ZERO),
        min_notional=row.number("quoteAmountPrecision", default=ZERO),
        min_notional_market=row.number("quoteAmountPrecisionMarket", "quoteAmountPrecision", default=ZERO),
        max_notional=row.maybe_number("maxQuoteAmount") or None,
        max_notional_market=row.maybe_number("maxQuoteAmountMarket") or None,
        maker_fee=row.number("makerCommission", default=ZERO),
        taker_fee=row.number("takerCommission", default=ZERO),
        bid_multiplier_up=up,
        ask_multiplier_down=down,
        full_name=row.text("fullName", default=""),
        risk_flag=row.flag("st", default=False),
        first_open_ms=row.maybe_integer("firstOpenTime"),
    )


def readable(rows: Sequence[Any], where: str, read: Callable[[Row], T]) -> list[T]:
    """Read a list of rows, leaving out those that cannot be read."""
    found: list[T] = []
    for item in rows:
        try:
            found.append(read(Row(item, where)))
        except VenueError:
            continue
    return found


def levels(data: object, where: str) -> list[tuple[str, str]]:
    """Read one side of a book, best level first."""
    found: list[tuple[str, str]] = []
    for item in list_of(data, where):
        if not isinstance(item, list) or len(item) < 2:
            raise unreadable(where, "a level is not a pair of price and quantity")
        price, qty = _level_text(item[0], where), _level_text(item[1], where)
        found.append((price, qty))
    return found


def trade(row: Row) -> Trade:
    """Read one public trade; MEXC gives no id here."""
    return Trade(
        trade_id=row.text("id", default=""),
        price=row.number("price"),
        qty=row.number("qty"),
        taker=_taker(row, "isBuyerMaker", row.text("tradeType", default="")),
        time_ms=row.integer("time"),
    )


def agg_trade(row: Row) -> AggTrade:
    """Read one aggregated trade."""
    return AggTrade(price=row.number("p"), qty=row.number("q"), taker=_taker(row, "m", ""), time_ms=row.integer("T"))


def candle(item: object, now_ms: int, where: str) -> Candle:
    """Read one candle; it is closed once the exchange's time has passed its end."""
    if not isinstance(item, list) or len(item) < 8:
        raise unreadable(where, "a candle does not have eight parts")
    numbers = [as_number(part) for part in item[:8]]
    if any(number is None for number in numbers):
        raise unreadable(where, "a candle holds something that is not a number")
    start, opening, high, low, close, volume, end, quote = (number for number in numbers if number is not None)
    return Candle(
        open_ms=int(start),
        open=opening,
        high=high,
        low=low,
        close=close,
        volume=volume,
        quote_volume=quote,
        closed=int(end) <= now_ms,
    )


def ticker(row: Row) -> Ticker:
    """Read 24-hour figures; ``priceChangePercent`` is a fraction in spite of its name."""
    return Ticker(
        symbol=row.text("symbol"),
        last=row.maybe_number("lastPrice"),
        change=row.maybe_number("priceChangePercent"),
        open=row.maybe_number("openPrice"),
        high=row.maybe_number("highPrice"),
        low=row.maybe_number("lowPrice"),
        volume=row.maybe_number("volume"),
        quote_volume=row.maybe_number("quoteVolume"),
        bid=row.maybe_number("bidPrice") or None,
        ask=row.maybe_number("askPrice") or None,
    )


def last_price(row: Row) -> LastPrice:
    """Read the last price of a pair."""
    return LastPrice(symbol=row.text("symbol"), price=row.maybe_number("price"))


def book_ticker(row: Row) -> BookTicker:
    """Read best prices."""
    return BookTicker(
        symbol=row.text("symbol"),
        bid=row.maybe_number("bidPrice") or None,
        bid_qty=row.maybe_number("bidQty"),
        ask=row.maybe_number("askPrice") or None,
        ask_qty=row.maybe_number("askQty"),
    )


def balance(row: Row) -> Balance:
    """Read what is held of one asset."""
    return Balance(asset=row.text("asset"), free=row.number("free"), locked=row.number("locked", default=ZERO))


def order_report(row: Row) -> OrderReport:
    """Read an order in whatever state.

    MEXC reports a protective price and an amount computed from it for market orders, so the amount is only taken
    where no quantity is given. A type that cannot be placed through the API reads as None, an unknown state as UNKNOWN.
    """
    qty = row.maybe_number("origQty", "Qty") or None
    filled = row.number("executedQty", default=ZERO)
    created = row.integer("time", "transactTime", default=0)
    return OrderReport(
        symbol=row.text("symbol"),
        order_id=row.text("orderId"),
        client_order_id=row.text("clientOrderId", default=""),
        side=side(row),
        type=_order_type(row.text("type", default="")),
        state=_state(row.text("status", default=""), filled),
        price=row.number("price", default=ZERO),
        qty=qty,
        quote_qty=None if qty is not None else row.maybe_number("origQuoteOrderQty") or None,
        filled_qty=filled,
        filled_quote=row.number("cummulativeQuoteQty", "cumulativeQuoteQty", default=ZERO),
        created_ms=created,
        updated_ms=row.integer("updateTime", default=created),
    )


def fill(row: Row) -> Fill:
    """Read one own trade."""
    price, qty = row.number("price"), row.number("qty")
    return Fill(
        trade_id=row.text("id"),
        order_id=row.text("orderId"),
        client_order_id=row.text("clientOrderId", default=""),
        symbol=row.text("symbol"),
        side=Side.BUY if row.flag("isBuyer") else Side.SELL,
        price=price,
        qty=qty,
        quote_qty=row.number("quoteQty", default=price * qty),
        fee=row.number("commission"),
        fee_asset=row.text("commissionAsset"),
        is_maker=row.flag("isMaker", default=False),
        time_ms=row.integer("time"),
    )


def side(row: Row) -> Side:
    """Read the side of an order."""
    try:
        return Side(row.text("side").upper())
    except ValueError:
        raise unreadable("an order", "its side is neither BUY nor SELL") from None


def order_fields(request: OrderRequest) -> list[tuple[str, str]]:
    """Return the parameters of an order that is known to be complete; nothing MEXC does not document is among them."""
    fields = [("symbol", request.symbol), ("side", request.side.value), ("type", request.type.value)]
    for name, value in (("quantity", request.qty), ("quoteOrderQty", request.quote_qty), ("price", request.price)):
        if value is not None:
            fields.append((name, plain(value)))
    if request.client_order_id:
        fields.append(("newClientOrderId", request.client_order_id))
    return fields


def _level_text(value: object, where: str) -> str:
    if isinstance(value, str):
        try:
            parse_decimal(value)
        except BadNumberError:
            number = as_number(value)
        else:
            return value
    else:
        number = as_number(value)
    if number is None:
        raise unreadable(where, "a level holds something that is not a number")
    return format(number, "f")


def _decimals(row: Row, *names: str) -> int:
    value = row.integer(*names)
    if not 0 <= value <= _MOST_DECIMALS:
        raise unreadable("a pair", f"{names[0]} is {value}")
    return value


def _percent_price(row: Row) -> tuple[Decimal | None, Decimal | None]:
    for item in row.rows("filters"):
        if item.text("filterType", default="") == "PERCENT_PRICE_BY_SIDE":
            return item.maybe_number("bidMultiplierUp"), item.maybe_number("askMultiplierDown")
    return None, None


def _taker(row: Row, maker_flag: str, trade_type: str) -> Side:
    if trade_type in ("BID", "ASK"):
        return Side.BUY if trade_type == "BID" else Side.SELL
    return Side.SELL if row.flag(maker_flag) else Side.BUY


def _order_type(text: str) -> OrderType | None:
    try:
        return OrderType(text)
    except ValueError:
        return None


def _state(text: str, filled: Decimal) -> OrderState:
    state = enums.ORDER_STATES.get(text, OrderState.UNKNOWN)
    return OrderState.PARTIALLY_CANCELLED if state is OrderState.CANCELLED and filled > 0 else state
