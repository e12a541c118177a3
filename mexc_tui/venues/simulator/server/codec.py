"""Pushes as MEXC encodes them: one PushDataV3ApiWrapper each, numbers trimmed, zero and empty fields left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from mexc_tui.domain.market import Candle, Ticker
from mexc_tui.domain.numbers import ZERO, decimals_of, divide, floor_to, plain, round_to
from mexc_tui.venues.simulator.core.events import BalanceChanged, OrderChanged, OwnTrade, PublicTrade
from mexc_tui.venues.simulator.server.keys import hex_id
from mexc_tui.wire.mexc.channels import PRIVATE_ACCOUNT, PRIVATE_DEALS, PRIVATE_ORDERS
from mexc_tui.wire.mexc.enums import ORDER_TYPE_NUMBERS, SIDE_NUMBERS, STATUS_NUMBERS
from mexc_tui.wire.mexc.pb import push_pb2 as pb

Level = tuple[Decimal, Decimal]


def padded(value: Decimal, decimals: int) -> str:
    """Return a number as REST writes prices and quantities: every decimal of the step, ``375.80``."""
    return f"{value:.{max(decimals, decimals_of(value))}f}"


def aggre_depth(
    channel: str,
    symbol: str,
    event: str,
    first: int,
    last: int,
    bids: Iterable[Level],
    asks: Iterable[Level],
    created_ms: int,
    sent_ms: int,
) -> bytes:
    """Encode one increment of a book covering versions ``first`` to ``last``."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol=symbol, sendTime=sent_ms)
    body = wrapper.publicAggreDepths
    for price, qty in asks:
        body.asks.add(price=plain(price), quantity=plain(qty))
    for price, qty in bids:
        body.bids.add(price=plain(price), quantity=plain(qty))
    body.eventType = event
    body.fromVersion = str(first)
    body.toVersion = str(last)
    body.lastOrderCreateTime = created_ms
    return wrapper.SerializeToString()


def limit_depth(
    channel: str, symbol: str, event: str, version: int, bids: Sequence[Level], asks: Sequence[Level], sent_ms: int
) -> bytes:
    """Encode the best levels of a book."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol=symbol, sendTime=sent_ms)
    body = wrapper.publicLimitDepths
    for price, qty in asks:
        body.asks.add(price=plain(price), quantity=plain(qty))
    for price, qty in bids:
        body.bids.add(price=plain(price), quantity=plain(qty))
    body.eventType = event
    body.version = str(version)
    body.lastOrderCreateTime = sent_ms
    return wrapper.SerializeToString()


def aggre_deals(channel: str, symbol: str, event: str, trades: Sequence[PublicTrade], sent_ms: int) -> bytes:
    """Encode the public trades of one window, oldest first."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol=symbol, sendTime=sent_ms)
    body = wrapper.publicAggreDeals
    for trade in trades:
        body.deals.add(
            price=plain(trade.price),
            quantity=plain(trade.qty),
            tradeType=SIDE_NUMBERS[trade.taker],
            time=trade.time_ms,
            tradeId=trade.trade_id,
        )
    body.eventType = event
    return wrapper.SerializeToString()


def aggre_book_ticker(channel: str, symbol: str, version: int, bid: Level | None, ask: Level | None, at: int) -> bytes:
    """Encode the best bid and ask; an empty side is left out."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol=symbol, sendTime=at)
    _best(wrapper.publicAggreBookTicker, bid, ask)
    wrapper.publicAggreBookTicker.version = str(version)
    wrapper.publicAggreBookTicker.lastOrderCreateTime = at
    return wrapper.SerializeToString()


def book_ticker_batch(channel: str, symbol: str, version: int, bid: Level | None, ask: Level | None, at: int) -> bytes:
    """Encode the best bid and ask as a list of one."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol=symbol, sendTime=at)
    _best(wrapper.publicBookTickerBatch.items.add(), bid, ask)
    wrapper.publicBookTickerBatch.version = str(version)
    wrapper.publicBookTickerBatch.lastOrderCreateTime = at
    return wrapper.SerializeToString()


def _best(body: pb.PublicAggreBookTickerV3Api | pb.PublicBookTickerV3Api, bid: Level | None, ask: Level | None) -> None:
    if bid is not None:
        body.bidPrice, body.bidQuantity = plain(bid[0]), plain(bid[1])
    if ask is not None:
        body.askPrice, body.askQuantity = plain(ask[0]), plain(ask[1])


def kline(channel: str, symbol: str, interval: str, candle: Candle, end_ms: int, sent_ms: int) -> bytes:
    """Encode a candle; its window is in seconds and the wrapper carries createTime."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol=symbol, symbolId=hex_id(symbol), createTime=sent_ms)
    body = wrapper.publicSpotKline
    body.interval = interval
    body.windowStart = candle.open_ms // 1000
    body.windowEnd = end_ms // 1000
    body.openingPrice, body.closingPrice = plain(candle.open), plain(candle.close)
    body.highestPrice, body.lowestPrice = plain(candle.high), plain(candle.low)
    body.volume, body.amount = plain(candle.volume), plain(candle.quote_volume)
    return wrapper.SerializeToString()


def fill_mini_ticker(body: pb.PublicMiniTickerV3Api, ticker: Ticker, zoned: Decimal | None) -> None:
    """Write 24-hour figures; ``volume`` is quote turnover and ``quantity`` base volume."""
    body.symbol = ticker.symbol
    rate = "" if ticker.change is None else plain(round_to(ticker.change, 4))
    zoned_rate = rate if zoned is None else plain(round_to(zoned, 4))
    high = "" if ticker.high is None else plain(ticker.high)
    low = "" if ticker.low is None else plain(ticker.low)
    body.price = "" if ticker.last is None else plain(ticker.last)
    body.rate, body.zonedRate, body.high, body.low = rate, zoned_rate, high, low
    body.volume = "" if ticker.quote_volume is None else plain(ticker.quote_volume)
    body.quantity = "" if ticker.volume is None else plain(ticker.volume)
    body.lastCloseRate, body.lastCloseZonedRate = rate, zoned_rate
    body.lastCloseHigh, body.lastCloseLow = high, low


def mini_ticker(channel: str, ticker: Ticker, zoned: Decimal | None, sent_ms: int) -> bytes:
    """Encode one pair's 24-hour figures."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, symbol=ticker.symbol, sendTime=sent_ms)
    fill_mini_ticker(wrapper.publicMiniTicker, ticker, zoned)
    return wrapper.SerializeToString()


def mini_tickers(channel: str, tickers: Iterable[tuple[Ticker, Decimal | None]], sent_ms: int) -> bytes:
    """Encode every pair's 24-hour figures; the wrapper carries no symbol."""
    wrapper = pb.PushDataV3ApiWrapper(channel=channel, sendTime=sent_ms)
    for ticker, zoned in tickers:
        fill_mini_ticker(wrapper.publicMiniTickers.items.add(), ticker, zoned)
    return wrapper.SerializeToString()


def private_order(event: OrderChanged, sent_ms: int) -> bytes:
    """Encode the state of an own order."""
    order = event.order
    wrapper = pb.PushDataV3ApiWrapper(channel=PRIVATE_ORDERS, symbol=order.symbol, sendTime=sent_ms)
    body = wrapper.privateOrders
    body.id = order.order_id
    body.clientId = order.client_order_id or ""
    body.price = plain(order.price)
    body.quantity = plain(order.qty)
    market_by_qty = order.type == "MARKET" and not order.by_quote
    amount = ZERO if market_by_qty else order.quote_qty
    body.amount = plain(amount)
    average = ZERO
    if order.filled_qty > 0:
        places = max(decimals_of(order.price), 2) + 4
        average = floor_to(divide(order.filled_quote, order.filled_qty), places)
    body.avgPrice = plain(average)
    body.orderType = ORDER_TYPE_NUMBERS[order.type]
    body.tradeType = SIDE_NUMBERS[order.side]
    body.isMaker = event.is_maker
    done = order.status == "FILLED"
    body.remainAmount = "0" if done else plain(max(ZERO, amount - order.filled_quote))
    body.remainQuantity = "0" if done else plain(max(ZERO, order.qty - order.filled_qty))
    if event.last_qty > 0:
        body.lastDealQuantity = plain(event.last_qty)
    body.cumulativeQuantity = plain(order.filled_qty)
    body.cumulativeAmount = plain(order.filled_quote)
    body.status = STATUS_NUMBERS[order.status]
    body.createTime = order.created_ms
    return wrapper.SerializeToString()


def private_deal(trade: OwnTrade, sent_ms: int) -> bytes:
    """Encode an own fill."""
    wrapper = pb.PushDataV3ApiWrapper(channel=PRIVATE_DEALS, symbol=trade.symbol, sendTime=sent_ms)
    body = wrapper.privateDeals
    body.price, body.quantity, body.amount = plain(trade.price), plain(trade.qty), plain(trade.quote_qty)
    body.tradeType = SIDE_NUMBERS[trade.side]
    body.isMaker, body.isSelfTrade = trade.is_maker, trade.is_self_trade
    body.tradeId, body.orderId = trade.trade_id, trade.order_id
    body.clientOrderId = trade.client_order_id or ""
    body.feeAmount, body.feeCurrency = plain(trade.fee), trade.fee_asset
    body.time = trade.time_ms
    return wrapper.SerializeToString()


def private_account(change: BalanceChanged, sent_ms: int) -> bytes:
    """Encode a changed balance; ``balanceAmount`` is what is available."""
    wrapper = pb.PushDataV3ApiWrapper(channel=PRIVATE_ACCOUNT, createTime=sent_ms, sendTime=sent_ms)
    body = wrapper.privateAccount
    body.vcoinName, body.coinId = change.asset, hex_id(change.asset)
    body.balanceAmount, body.balanceAmountChange = plain(change.free), plain(change.free_change)
    body.frozenAmount, body.frozenAmountChange = plain(change.locked), plain(change.locked_change)
    body.type = change.kind
    body.time = change.time_ms
    return wrapper.SerializeToString()
