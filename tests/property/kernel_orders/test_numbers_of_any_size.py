"""Figures as large, small and long as an answer may hold: the desk goes on and its views can be sent."""

from __future__ import annotations

import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.desk.protocol import encode_view
from mexc_tui.domain import commands, inputs
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import plain
from mexc_tui.domain.orders import Balance
from mexc_tui.domain.views import PositionsView, VenueKind
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import Resumed
from mexc_tui.venues.mexc.rest.fields import as_number
from tests.examples import examples
from tests.unit.kernel_orders.conftest import build

SYMBOLS = ("BTCUSDT", "ETHBTC")
PAIRS = tuple(
    Instrument(symbol=symbol, base=symbol[:3], quote=symbol[3:], price_decimals=2, qty_decimals=6) for symbol in SYMBOLS
)
DIGITS = st.tuples(st.integers(0, 41), st.integers(0, 41), st.sampled_from("1359")).map(
    lambda shape: shape[2] * shape[0] + ("." + "0" * (shape[1] - 1) + shape[2] if shape[1] else "")
)
NUMBERS = (
    (DIGITS | st.sampled_from(["0", "1", "60000", "0.01", "1e40", "1e39", "9e-40"]))
    .map(as_number)
    .filter(lambda number: number is not None)
)
TIMES = st.sampled_from([0, 1, 1_790_000_000_000, 1_790_000_060_000, 4_102_444_799_999, 2**63 - 1, -(2**63)])
TOPICS = frozenset(
    {
        *(f"{kind}:{symbol}" for kind in ("book", "tape", "gate") for symbol in SYMBOLS),
        *(f"candles:{symbol}:1m" for symbol in SYMBOLS),
        *("orders", "fills", "positions", "balances", "equity", "risk", "link", "instruments"),
        "watchlist:BTCUSDT,ETHBTC",
    }
)
NAMED: dict[str, st.SearchStrategy[Any]] = {
    "symbol": st.sampled_from(SYMBOLS),
    "asset": st.sampled_from(["BTC", "USDT", "ETH"]),
    "fee_asset": st.sampled_from(["BTC", "USDT", "MX", ""]),
    "client_order_id": st.sampled_from(["mtui-1", "other", ""]),
    "symbols": st.just(frozenset(SYMBOLS)),
    "price_decimals": st.integers(0, 40),
    "qty_decimals": st.integers(0, 40),
}


def of(kind: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Return values of a type, with numbers that a venue lets through."""
    if name in NAMED and kind is not Decimal:
        return NAMED[name]
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Decimal:
        return NUMBERS
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return st.builds(
            kind, **{field.name: of(hints[field.name], field.name) for field in msgspec.structs.fields(kind)}
        )
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(of(part, name) for part in parts))
    if origin is tuple and parts[-1] is not Ellipsis:
        return st.tuples(*(of(part) for part in parts))
    if origin in (tuple, list, frozenset):
        made = st.lists(of(parts[0], name), max_size=3)
        return made if origin is list else made.map(origin)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    simple = {int: TIMES, str: NUMBERS.map(plain), bool: st.booleans(), float: st.floats(0, 1e6), type(None): st.none()}
    return simple[kind] if kind is not VenueError else st.just(VenueError("no", kind=ErrorKind.NETWORK))


KINDS = [
    inputs.BookDelta,
    inputs.BookSnapshot,
    inputs.TopLevels,
    inputs.TradesSeen,
    inputs.CandleSeen,
    inputs.CandleHistory,
    inputs.TopOfBook,
    inputs.TickersSeen,
    inputs.InstrumentsLoaded,
    inputs.OrderReported,
    inputs.FillReported,
    inputs.BalanceReported,
    inputs.Reconciled,
    inputs.LookupAnswered,
    inputs.Tick,
    commands.PlaceOrder,
    commands.Flatten,
    commands.Arm,
]


@examples(15)
@given(st.lists(st.one_of(*map(of, KINDS)), min_size=3, max_size=12))
def test_no_figure_ends_the_desk(items: list[Any]) -> None:
    desk = Desk(
        "run",
        Limits(),
        VenueInfo(name="a venue", kind=VenueKind.DEMO, can_trade=True),
        currency="USDT",
        resumed=Resumed(),
    )
    at = inputs.Timestamp(1_790_000_000_000, 1_000_000_000)
    desk.start(at)
    desk.handle(inputs.InstrumentsLoaded(PAIRS), at)
    desk.handle(inputs.VenueHealth(None, None, 0.0, 0, 0, 0, 500, 5.0, 5), at)
    desk.handle(inputs.InterestChanged(Interest(topics=TOPICS)), at)
    for item in (
        inputs.BookDelta("BTCUSDT", 7, 7, [], [], at.wall_ms, at.mono_ns),
        inputs.BookSnapshot("BTCUSDT", 7, [("1", "9" * 40), ("0.5", "9" * 40)], [("2", "1")], at.mono_ns, 1_000),
        *items,
    ):
        at = inputs.Timestamp(at.wall_ms + 300, at.mono_ns + 300_000_000)
        desk.handle(item, at)
        desk.handle(inputs.Tick(), at)
        for view in desk.views(at, TOPICS).values():
            encode_view(view)


def test_a_sum_longer_than_any_number_that_may_come_in_is_valued() -> None:
    bench = build()
    most = Decimal("9" * 40)
    bench.market([("59999", "9" * 40)], [("60001", "1")])
    bench.account(btc="1")
    bench.do(inputs.BalanceReported(Balance(asset="BTC", free=most, locked=most), "", bench.wall_ms))
    bench.tick(2)
    view = bench.desk.views(bench.at(), TOPICS)["positions"]
    assert isinstance(view, PositionsView)
    assert [row.qty for row in view.positions] == [Decimal("1" + "9" * 39 + "8")]
