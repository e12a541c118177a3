"""Stream frames to domain inputs: one protobuf parse, every figure checked, nothing invented."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from google.protobuf.message import DecodeError

from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    CandleSeen,
    FillReported,
    Input,
    OrderReported,
    TickersSeen,
    TopLevels,
    TopOfBook,
    TradesSeen,
)
from mexc_tui.domain.market import Candle, Ticker, Trade
from mexc_tui.domain.numbers import ZERO, BadNumberError, parse_decimal
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderType, Side
from mexc_tui.wire.mexc import enums
from mexc_tui.wire.mexc.channels import PRIVATE_PREFIX, PUBLIC_PREFIX, SPEEDS_MS
from mexc_tui.wire.mexc.intervals import BY_STREAM_NAME
from mexc_tui.wire.mexc.pb import push_pb2 as pb

MAX_FRAME: Final = 8 * 1024 * 1024
"""Longest frame that is looked at, in bytes; all tickers of the exchange take about a twentieth of it."""

_MAX_MS: Final = 4_102_444_800_000
"""The year 2100: a time beyond it is a format change, not a time."""
_MAX_SYMBOL: Final = 48
_MOST_SYMBOLS: Final = 20_000

_STATES: Final = {number: enums.ORDER_STATES[status] for number, status in enums.STATUSES.items()}


class CodecError(ValueError):
    """A frame is not what the exchange's schema promises.

    ``symbol`` names the pair that lost a frame and ``channel`` the stream, where they are known.
    """

    def __init__(self, message: str, *, symbol: str = "", channel: str = "") -> None:
        super().__init__(message)
        self.symbol = symbol
        self.channel = channel

    @property
    def private(self) -> bool:
        """Whether the account lost an event."""
        return self.channel.startswith(PRIVATE_PREFIX)

    @property
    def book(self) -> bool:
        """Whether a book may have lost a change; an unnamed stream may have carried one."""
        return not self.private and (not self.channel or "depth" in self.channel)


class UnknownBodyError(CodecError):
    """The frame is well formed but carries no body that this schema knows."""


def decode(frame: bytes, recv_ns: int) -> tuple[Input, ...]:
    """Return the inputs that one binary frame stands for, oldest first.

    Texts of book levels are passed on as they came; the book scales each exactly and refuses what is no number.

    Raises:
        CodecError: the frame is malformed; UnknownBodyError: its body is of a kind not known here.
    """
    wrapper = parse(frame)
    # Increments of books are nearly all there is, so they are taken first and without helpers. Anything that is
    # not quite as expected goes the long way, which names what is wrong.
    body = wrapper.publicAggreDepths
    first, last = body.fromVersion, body.toVersion
    symbol, sent = wrapper.symbol, wrapper.sendTime
    if (
        symbol in _seen_symbols
        and first.isdecimal()
        and last.isdecimal()
        and len(first) < 20 > len(last)
        and (first + last).isascii()
        and 0 <= sent < _MAX_MS
        and (low := int(first)) <= (high := int(last))
    ):
        bids = [(level.price, level.quantity) for level in body.bids]
        asks = [(level.price, level.quantity) for level in body.asks]
        return (BookDelta(symbol, low, high, bids, asks, sent, recv_ns),)
    return convert(wrapper, recv_ns)


def parse(frame: bytes) -> Any:
    """Return the wrapper message of a frame; CodecError if it is not one."""
    if len(frame) > MAX_FRAME:
        channel = _salvage_channel(frame)
        raise CodecError(f"a frame of {len(frame)} bytes", symbol=_channel_symbol(channel), channel=channel)
    try:
        return _from_string(frame)
    except DecodeError as error:
        channel = _salvage_channel(frame)
        raise CodecError("not a push message", symbol=_channel_symbol(channel), channel=channel) from error


def convert(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    """Return the inputs that a parsed frame stands for; CodecError if a figure in it is unusable."""
    body = wrapper.WhichOneof("body")
    if body is None:
        raise UnknownBodyError("no known body", symbol=_salvaged(wrapper), channel=wrapper.channel)
    try:
        return _HANDLERS[body](wrapper, recv_ns)
    except BadNumberError as error:
        raise CodecError(f"{body}: {error}", symbol=_salvaged(wrapper), channel=wrapper.channel) from error
    except CodecError as error:
        error.symbol = error.symbol or _salvaged(wrapper)
        error.channel = wrapper.channel
        raise


_from_string = pb.PushDataV3ApiWrapper.FromString
_seen_symbols: set[str] = set()
"""Symbols found usable before; a memo, so that the check is made once for each."""


def _salvage_channel(frame: bytes) -> str:
    """Return the channel of a frame that does not parse, if its beginning is whole."""
    if len(frame) < 2 or frame[0] != 0x0A or frame[1] > 0x7F:
        return ""
    text = frame[2 : 2 + frame[1]].decode("utf-8", "replace")
    return text if text.startswith("spot@") else ""


def _channel_symbol(channel: str) -> str:
    """Return the pair a channel name ends with, leaving interval, depth and zone suffixes out."""
    if not channel.startswith(PUBLIC_PREFIX):
        return ""
    parts = channel.split("@")[2:]
    named = [part for part in parts if part not in SPEEDS_MS]
    return named[0] if named and "miniTickers" not in channel and _good_symbol(named[0]) else ""


def _good_symbol(symbol: str) -> bool:
    return 0 < len(symbol) <= _MAX_SYMBOL and symbol.isprintable()


def _salvaged(wrapper: Any) -> str:
    symbol = wrapper.symbol or _channel_symbol(wrapper.channel)
    return symbol if _good_symbol(symbol) else ""


def _symbol(wrapper: Any) -> str:
    symbol: str = wrapper.symbol or _channel_symbol(wrapper.channel)
    if symbol not in _seen_symbols:
        if not _good_symbol(symbol):
            raise CodecError("no usable symbol")
        if len(_seen_symbols) < _MOST_SYMBOLS:
            _seen_symbols.add(symbol)
    return symbol


def _time(ms: int) -> int:
    if not 0 <= ms < _MAX_MS:
        raise CodecError(f"time {ms} is out of range")
    return ms


def _version(text: str) -> int:
    """Return a book version; MEXC sends them as decimal digits."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 19):
        raise CodecError(f"version {text[:40]!r} is not decimal digits")
    return int(text)


def _positive(text: str) -> Decimal:
    value = parse_decimal(text)
    if value <= ZERO:
        raise CodecError(f"{text} is not above zero")
    return value


def _amount(text: str) -> Decimal:
    """Return a number that may be zero; protobuf leaves empty fields out, and an empty amount is none."""
    value = parse_decimal(text) if text else ZERO
    if value < ZERO:
        raise CodecError(f"{text} is negative")
    return value


def _price(text: str) -> Decimal | None:
    """Return a price that may be unknown; a pair that never traded shows nothing or zero."""
    return (_amount(text) or None) if text else None


def _side(number: int) -> Side:
    side = enums.SIDES.get(number)
    if side is None:
        raise CodecError(f"trade type {number} is neither buy nor sell")
    return side


def _required(text: str, name: str) -> str:
    if not text or len(text) > 128 or not text.isprintable():
        raise CodecError(f"{name} is missing or unusable")
    return text


def _optional_id(text: str) -> str:
    return _required(text, "id") if text else ""


def _aggre_depths(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    body = wrapper.publicAggreDepths
    first = _version(body.fromVersion)
    last = _version(body.toVersion)
    if first > last:
        raise CodecError(f"versions run backwards: {first}..{last}")
    return (
        BookDelta(
            _symbol(wrapper),
            first,
            last,
            _levels(body.bids),
            _levels(body.asks),
            _time(wrapper.sendTime),
            recv_ns,
        ),
    )


def _step(wrapper: Any, body: Any, recv_ns: int) -> BookDelta:
    version = _version(body.version)
    bids, asks = _levels(body.bids), _levels(body.asks)
    return BookDelta(_symbol(wrapper), version, version, bids, asks, _time(wrapper.sendTime), recv_ns)


def _levels(items: Iterable[Any]) -> list[tuple[str, str]]:
    return [(level.price, level.quantity) for level in items]


def _increase_depths(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return (_step(wrapper, wrapper.publicIncreaseDepths, recv_ns),)


def _increase_depths_batch(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return tuple(_step(wrapper, item, recv_ns) for item in wrapper.publicIncreaseDepthsBatch.items)


def _limit_depths(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    body = wrapper.publicLimitDepths
    depth = {"5": 5, "10": 10, "20": 20}.get(wrapper.channel.rpartition("@")[2], 0)
    bids, asks = _exact_levels(body.bids), _exact_levels(body.asks)
    return (TopLevels(_symbol(wrapper), _version(body.version), bids, asks, recv_ns, depth),)


def _exact_levels(items: Iterable[Any]) -> tuple[tuple[Decimal, Decimal], ...]:
    read = ((_positive(level.price), _amount(level.quantity)) for level in items)
    return tuple((price, qty) for price, qty in read if qty)


def _trade(item: Any, trade_id: str) -> Trade:
    return Trade(
        trade_id=_optional_id(trade_id),
        price=_positive(item.price),
        qty=_positive(item.quantity),
        taker=_side(item.tradeType),
        time_ms=_time(item.time),
    )


def _trades(wrapper: Any, trades: list[Trade], recv_ns: int) -> tuple[Input, ...]:
    if not trades:
        return ()
    trades.sort(key=_trade_time)
    return (TradesSeen(_symbol(wrapper), tuple(trades), recv_ns),)


def _trade_time(trade: Trade) -> int:
    return trade.time_ms


def _aggre_deals(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return _trades(wrapper, [_trade(item, item.tradeId) for item in wrapper.publicAggreDeals.deals], recv_ns)


def _deals(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return _trades(wrapper, [_trade(item, "") for item in wrapper.publicDeals.deals], recv_ns)


def _kline(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    body = wrapper.publicSpotKline
    interval = BY_STREAM_NAME.get(body.interval)
    if interval is None:
        raise CodecError(f"candle length {body.interval[:20]!r} is not known")
    candle = Candle(
        open_ms=_time(body.windowStart * 1000),
        open=_positive(body.openingPrice),
        high=_positive(body.highestPrice),
        low=_positive(body.lowestPrice),
        close=_positive(body.closingPrice),
        volume=_amount(body.volume),
        quote_volume=_amount(body.amount),
        closed=False,
    )
    if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
        raise CodecError("a candle's low and high do not enclose it")
    return (CandleSeen(_symbol(wrapper), interval, candle, recv_ns),)


def _tops(wrapper: Any, items: Iterable[Any], recv_ns: int) -> tuple[Input, ...]:
    """Return best prices; a one-sided book has none to report, since a side that is not there is not zero."""
    return tuple(
        TopOfBook(
            _symbol(wrapper),
            _positive(item.bidPrice),
            _amount(item.bidQuantity),
            _positive(item.askPrice),
            _amount(item.askQuantity),
            recv_ns,
        )
        for item in items
        if item.bidPrice and item.askPrice and _amount(item.bidPrice) and _amount(item.askPrice)
    )


def _aggre_book_ticker(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return _tops(wrapper, (wrapper.publicAggreBookTicker,), recv_ns)


def _book_ticker(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return _tops(wrapper, (wrapper.publicBookTicker,), recv_ns)


def _book_ticker_batch(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return _tops(wrapper, wrapper.publicBookTickerBatch.items, recv_ns)


def _ticker(item: Any) -> Ticker:
    """Return 24-hour figures. On this stream ``volume`` is the turnover in quote and ``quantity`` the base volume."""
    if not _good_symbol(item.symbol):
        raise CodecError("a ticker without usable symbol")
    return Ticker(
        symbol=item.symbol,
        last=_price(item.price),
        change=parse_decimal(item.rate) if item.rate else None,
        high=_price(item.high),
        low=_price(item.low),
        volume=_amount(item.quantity) if item.quantity else None,
        quote_volume=_amount(item.volume) if item.volume else None,
    )


def _mini_ticker(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    return (TickersSeen((_ticker(wrapper.publicMiniTicker),), recv_ns),)


def _mini_tickers(wrapper: Any, recv_ns: int) -> tuple[Input, ...]:
    tickers = tuple(_ticker(item) for item in wrapper.publicMiniTickers.items)
    return (TickersSeen(tickers, recv_ns),) if tickers else ()


def readable_tickers(frame: bytes, recv_ns: int) -> tuple[Input, ...]:
    """Return what can be read of a frame with the figures of all pairs: one odd pair must not blind the others."""
    tickers = []
    for item in parse(frame).publicMiniTickers.items:
        with suppress(CodecError, BadNumberError):
            tickers.append(_ticker(item))
    return (TickersSeen(tuple(tickers), recv_ns),) if tickers else ()


def _private_orders(wrapper: Any, _recv_ns: int) -> tuple[Input, ...]:
    body = wrapper.privateOrders
    state = _STATES.get(body.status)
    if state is None:
        raise CodecError(f"order status {body.status} is not known")
    order_type = enums.ORDER_TYPES.get(body.orderType)
    qty, amount = _amount(body.quantity), _amount(body.amount)
    by_quote = order_type is OrderType.MARKET and amount > ZERO
    report = OrderReport(
        symbol=_symbol(wrapper),
        order_id=_required(body.id, "order id"),
        client_order_id=_optional_id(body.clientId),
        side=_side(body.tradeType),
        type=order_type,
        state=state,
        price=_amount(body.price),
        qty=qty if qty > ZERO else None,
        quote_qty=amount if by_quote else None,
        filled_qty=_amount(body.cumulativeQuantity),
        filled_quote=_amount(body.cumulativeAmount),
        created_ms=_time(body.createTime),
        updated_ms=_time(wrapper.sendTime or body.createTime),
    )
    return (OrderReported(report),)


def _private_deals(wrapper: Any, _recv_ns: int) -> tuple[Input, ...]:
    body = wrapper.privateDeals
    fill = Fill(
        trade_id=_required(body.tradeId, "trade id"),
        order_id=_required(body.orderId, "order id"),
        client_order_id=_optional_id(body.clientOrderId),
        symbol=_symbol(wrapper),
        side=_side(body.tradeType),
        price=_positive(body.price),
        qty=_positive(body.quantity),
        quote_qty=_amount(body.amount),
        fee=parse_decimal(body.feeAmount) if body.feeAmount else ZERO,
        fee_asset=_optional_id(body.feeCurrency),
        is_maker=body.isMaker,
        time_ms=_time(body.time),
    )
    return (FillReported(fill),)


def _private_account(wrapper: Any, _recv_ns: int) -> tuple[Input, ...]:
    body = wrapper.privateAccount
    balance = Balance(
        asset=_required(body.vcoinName, "asset"),
        free=_amount(body.balanceAmount),
        locked=_amount(body.frozenAmount),
    )
    return (BalanceReported(balance, _optional_id(body.type), _time(body.time)),)


_HANDLERS: Final[dict[str, Callable[[Any, int], tuple[Input, ...]]]] = {
    "publicAggreDepths": _aggre_depths,
    "publicAggreDeals": _aggre_deals,
    "publicAggreBookTicker": _aggre_book_ticker,
    "publicSpotKline": _kline,
    "publicLimitDepths": _limit_depths,
    "publicMiniTicker": _mini_ticker,
    "publicMiniTickers": _mini_tickers,
    "publicBookTickerBatch": _book_ticker_batch,
    "publicBookTicker": _book_ticker,
    "publicDeals": _deals,
    "publicIncreaseDepths": _increase_depths,
    "publicIncreaseDepthsBatch": _increase_depths_batch,
    "privateOrders": _private_orders,
    "privateDeals": _private_deals,
    "privateAccount": _private_account,
}
