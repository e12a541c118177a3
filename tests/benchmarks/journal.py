"""How long it takes to open journals of many records, to the point where a desk has taken them up."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from mexc_tui.domain.limits import Limits
from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import FillRecord, IntentRecord, OrderRecord, Record
from mexc_tui.store.database import Database
from mexc_tui.store.journal import SqliteJournal

SIZES = (10_000, 100_000, 1_000_000)
START_MS = 1_760_000_000_000
ONE, PRICE, FEE = Decimal("0.01"), Decimal(60_000), Decimal("0.3")


def history() -> Iterator[Record]:
    """Give the records of orders that are sent, taken, filled and done, one a second, for ever."""
    for number in itertools.count(1):
        at = START_MS + number * 1_000
        side = Side.BUY if number % 2 else Side.SELL
        order = Order(
            client_order_id=f"mtui-bench-{number}",
            symbol="BTCUSDT",
            side=side,
            type=OrderType.LIMIT,
            state=OrderState.PENDING,
            created_ms=at,
            updated_ms=at,
            price=PRICE,
            qty=ONE,
        )
        yield IntentRecord(order=order, command_id=f"{number:032x}", wall_ms=at)
        order = msgspec.structs.replace(order, state=OrderState.WORKING, order_id=f"C02__{number:020d}")
        yield OrderRecord(order=order, wall_ms=at + 5)
        value = ONE * PRICE
        fill = Fill(
            trade_id=f"{number:018d}X1",
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=side,
            price=PRICE,
            qty=ONE,
            quote_qty=value,
            fee=FEE,
            fee_asset="USDT",
            is_maker=False,
            time_ms=at + 10,
        )
        yield FillRecord(fill=fill, base="BTC", quote="USDT", fee_quote=FEE, wall_ms=at + 11)
        done = msgspec.structs.replace(order, state=OrderState.FILLED, filled_qty=ONE, filled_quote=value)
        yield OrderRecord(order=done, wall_ms=at + 12)


def make(path: Path, size: int) -> None:
    """Write a journal of so many records."""
    database = Database(path)
    database._connection.execute("PRAGMA synchronous = OFF")
    records = itertools.islice(history(), size)
    while batch := list(itertools.islice(records, 5_000)):
        database.append(batch)
        database.tidy()
    database.close()


async def opened(path: Path) -> float:
    """Return seconds from nothing to a desk that has taken the journal up."""
    began = time.perf_counter()
    journal = SqliteJournal(path)
    resumed = await journal.resume()
    info = VenueInfo(name="bench", kind=VenueKind.LOCAL, can_trade=True)
    Desk("bench", Limits(), info, currency="USDT", resumed=resumed)
    took = time.perf_counter() - began
    await journal.close()
    return took


def measure(size: int) -> tuple[float, float]:
    """Return seconds of the first opening, which makes the snapshot, and of the next."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        make(path, size)
        return asyncio.run(opened(path)), asyncio.run(opened(path))
