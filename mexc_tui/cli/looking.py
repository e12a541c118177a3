"""Runs the commands that only look: one REST question each."""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from mexc_tui.cli.exits import OK, USAGE, ExitError
from mexc_tui.cli.output import Row, narrate, safe, say, shown, table
from mexc_tui.cli.venue import unknown_symbols, with_rest
from mexc_tui.cli.watch_rows import candle_row
from mexc_tui.cli.watching import interval_of, symbols_of
from mexc_tui.domain.book import OrderBook
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.market import Candle
from mexc_tui.domain.numbers import divide, plain
from mexc_tui.domain.orders import OrderReport
from mexc_tui.venues.mexc.rest.client import MexcRest

_Lookup = Callable[[MexcRest, argparse.Namespace], Awaitable[None]]


def run(arguments: argparse.Namespace) -> int:
    """Ask, print and return the exit code."""
    if getattr(arguments, "symbol", None):
        arguments.symbol = symbols_of([arguments.symbol])[0]
    if arguments.lookup == "candles":
        arguments.interval = interval_of(arguments.interval)
    lookup = _LOOKUPS[arguments.lookup]
    with_rest(lambda rest: lookup(rest, arguments), keys=arguments.lookup in ("balances", "orders"))
    return OK


async def _markets(rest: MexcRest, arguments: argparse.Namespace) -> None:
    pairs = sorted(await rest.exchange_info(), key=lambda pair: pair.symbol)
    if arguments.quote:
        pairs = [pair for pair in pairs if pair.quote == arguments.quote.strip().upper()]
    if arguments.json:
        for pair in pairs:
            say(market_row(pair), "", as_json=True)
        return
    headings = ("pair", "status", "tick", "step", "least value", "maker", "taker", "")
    rows = [
        (
            safe(pair.symbol),
            pair.status.value,
            plain(pair.tick),
            plain(pair.step),
            f"{plain(pair.min_notional)} {safe(pair.quote)}",
            f"{plain(pair.maker_fee * 100)}%",
            f"{plain(pair.taker_fee * 100)}%",
            "" if pair.tradable else "not open to keys",
        )
        for pair in pairs
    ]
    _print(headings, rows)
    narrate(f"{len(pairs)} pairs")


async def _book(rest: MexcRest, arguments: argparse.Namespace) -> None:
    await _require(rest, arguments.symbol)
    book = OrderBook(await rest.depth(arguments.symbol, arguments.depth))
    bids, asks = (
        [[plain(book.price(price)), plain(book.quantity(qty))] for price, qty in side]
        for side in book.levels(arguments.depth)
    )
    if arguments.json:
        row = {"type": "book", "symbol": arguments.symbol, "state": "snapshot", "version": book.version}
        say({**row, "bids": bids, "asks": asks, "time": time.time_ns() // 1_000_000}, "", as_json=True)
        return
    rows = [(qty, price, "ask") for price, qty in reversed(asks)] + [(qty, price, "bid") for price, qty in bids]
    _print(("quantity", "price", "side"), rows, left=0)


async def _candles(rest: MexcRest, arguments: argparse.Namespace) -> None:
    await _require(rest, arguments.symbol)
    candles = await rest.klines(arguments.symbol, arguments.interval, arguments.limit)
    if arguments.json:
        for candle in candles:
            row = candle_row(arguments.symbol, arguments.interval, candle, closed=candle.closed)
            say({**row, "quote_volume": plain(candle.quote_volume)}, "", as_json=True)
        return
    _print(("opened (UTC)", "open", "high", "low", "close", "volume"), [_candle_cells(candle) for candle in candles])


async def _balances(rest: MexcRest, arguments: argparse.Namespace) -> None:
    held = sorted(await rest.account(), key=lambda balance: balance.asset)
    if arguments.json:
        for balance in held:
            row = {"type": "balance", "asset": balance.asset, "free": balance.free, "locked": balance.locked}
            say({**row, "total": balance.total}, "", as_json=True)
        return
    rows = [(safe(b.asset), plain(b.free), plain(b.locked), plain(b.total)) for b in held]
    _print(("asset", "free", "locked", "total"), rows)


async def _orders(rest: MexcRest, arguments: argparse.Namespace) -> None:
    if arguments.symbol:
        await _require(rest, arguments.symbol)
    found = await rest.open_orders([arguments.symbol] if arguments.symbol else ())
    found = tuple(sorted(found, key=lambda report: report.created_ms))
    if arguments.json:
        for report in found:
            say(order_row(report), "", as_json=True)
        return
    headings = ("order", "pair", "side", "type", "quantity", "price", "filled", "state")
    rows = [
        (
            safe(report.order_id),
            safe(report.symbol),
            report.side.value.lower(),
            "other" if report.type is None else report.type.value.lower(),
            shown(report.qty),
            shown(report.price),
            plain(report.filled_qty),
            report.state.value,
        )
        for report in found
    ]
    _print(headings, rows)
    if not found:
        narrate("no open orders")


def market_row(pair: Instrument) -> Row:
    """Return the line of a pair."""
    return {
        "type": "market",
        "symbol": pair.symbol,
        "base": pair.base,
        "quote": pair.quote,
        "status": pair.status.value,
        "tradable": pair.tradable,
        "sides": pair.sides.value,
        "tick": pair.tick,
        "step": pair.step,
        "min_qty": pair.min_qty,
        "min_notional": pair.min_notional,
        "max_notional": pair.max_notional,
        "maker_fee": pair.maker_fee,
        "taker_fee": pair.taker_fee,
        "order_types": list(pair.order_types),
    }


def order_row(report: OrderReport) -> Row:
    """Return the line of an order as the exchange shows it."""
    return {
        "type": "order",
        "symbol": report.symbol,
        "order_id": report.order_id,
        "client_order_id": report.client_order_id or None,
        "side": report.side.value.lower(),
        "order_type": None if report.type is None else report.type.value,
        "state": report.state.value,
        "price": report.price,
        "qty": report.qty,
        "filled_qty": report.filled_qty,
        "filled_quote": report.filled_quote,
        "average_price": divide(report.filled_quote, report.filled_qty, 18) if report.filled_qty else None,
        "time": report.created_ms,
    }


async def _require(rest: MexcRest, symbol: str) -> None:
    unknown = unknown_symbols((symbol,), (pair.symbol for pair in await rest.exchange_info()))
    if unknown:
        raise ExitError(unknown, USAGE)


def _candle_cells(candle: Candle) -> tuple[str, ...]:
    opened = datetime.fromtimestamp(candle.open_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return opened, *(plain(price) for price in prices)


def _print(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    say({}, table(headings, rows, left=left), as_json=False)


_LOOKUPS: dict[str, _Lookup] = {
    "markets": _markets,
    "book": _book,
    "candles": _candles,
    "balances": _balances,
    "orders": _orders,
}
