"""A desk that stands still: fixed views from seeded figures, a clock that is moved by hand."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget

from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Fact, Level
from mexc_tui.domain.inputs import LinkState, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Headroom, Limits, TradingState, Violation
from mexc_tui.domain.market import Candle, Interval, Trade
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import Balance, Fill, Order, OrderState, OrderType, Side
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_EQUITY,
    TOPIC_FILLS,
    TOPIC_INSTRUMENTS,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    BalanceRow,
    BalancesView,
    BookState,
    BookView,
    CandlesView,
    EquityView,
    FillsView,
    GateInputs,
    InstrumentsView,
    LinkView,
    OrdersView,
    Position,
    PositionsView,
    RiskView,
    Standing,
    TapeView,
    VenueKind,
    View,
    WatchlistView,
    WatchRow,
    book_topic,
    candles_topic,
    gate_topic,
    tape_topic,
    watchlist_topic,
)
from mexc_tui.ui.app import CockpitApp
from mexc_tui.ui.frame_clock import Frame, FrameClock
from mexc_tui.ui.leaving import OnQuit
from mexc_tui.ui.options import UiOptions
from mexc_tui.ui.state import DeskState, Selection
from mexc_tui.ui.themes import DEFAULT_THEME, load_themes

WALL_MS = 1_760_000_000_000
MONO_NS = 5_000_000_000_000
D = Decimal

# symbol, base, price decimals, quantity decimals, middle of the book in units
MARKETS = (
    ("BTCUSDT", "BTC", 2, 6, 6_412_055),
    ("ETHUSDT", "ETH", 2, 5, 345_127),
    ("SOLUSDT", "SOL", 2, 3, 16_283),
    ("MXUSDT", "MX", 4, 2, 28_417),
    ("PEPEUSDT", "PEPE", 12, 0, 12_345_678),
    ("龙虾USDT", "龙虾", 5, 1, 4_210),
)


WATCHLIST = watchlist_topic([market[0] for market in MARKETS])


class FakeDesk:
    """A DeskClient whose views and facts a test sets; it keeps the commands and interests it is given.

    Once something is looked at, nothing else has a view.
    """

    def __init__(self, views: dict[str, View]) -> None:
        self.views = views
        self.commands: list[Command] = []
        self.interests: list[Interest] = []
        self.events: list[Fact] = []
        self.moment = Timestamp(WALL_MS, MONO_NS)
        self.death = ""

    def submit(self, command: Command) -> None:
        self.commands.append(command)

    def look(self, interest: Interest) -> None:
        self.interests.append(interest)

    def view(self, topic: str) -> View | None:
        seen = not self.interests or topic in self.interests[-1].topics
        return self.views.get(topic) if seen else None

    def facts(self, after: int) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.events if fact.seq > after)

    def now(self) -> Timestamp:
        return self.moment

    def died(self) -> str:
        return self.death

    def close(self) -> None:
        self.interests.append(Interest())

    def pass_time(self, milliseconds: int) -> None:
        self.moment = Timestamp(self.moment.wall_ms + milliseconds, self.moment.mono_ns + milliseconds * 1_000_000)

    def change(self, topic: str, **fields: Any) -> None:
        """Replace fields of a view."""
        self.views[topic] = msgspec.structs.replace(self.views[topic], **fields)


def _instrument(symbol: str, base: str, price_decimals: int, qty_decimals: int) -> Instrument:
    return Instrument(
        symbol=symbol,
        base=base,
        quote="USDT",
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        min_notional=D(1),
        taker_fee=D("0.0005"),
        maker_fee=D(0),
        full_name=base.title(),
        api_trading=symbol != "SOLUSDT",
    )


def _book(symbol: str, price_decimals: int, qty_decimals: int, middle: int, rng: random.Random) -> BookView:
    spread = max(1, middle // 600_000)
    scale = 10**qty_decimals
    dollars = D(10_000) / unscaled(middle, price_decimals) * scale

    def side(start: int, step: int) -> tuple[tuple[int, int], ...]:
        price, levels = start, []
        for depth in range(60):
            levels.append((price, max(1, int(float(dollars) * rng.uniform(0.05, 1.0) * (1 + depth / 15)))))
            price += step * rng.choice((1, 1, 1, 2, 3))
        return tuple(levels)

    bids, asks = side(middle, -1), side(middle + spread, 1)
    return BookView(
        symbol=symbol,
        state=BookState.LIVE,
        version=1_001,
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        bids=bids,
        asks=asks,
        known_low=bids[-1][0],
        known_high=asks[-1][0],
        as_of_ns=MONO_NS - 40_000_000,
        sent_ms=WALL_MS - 60,
    )


def _trades(market: tuple[str, str, int, int, int], rng: random.Random) -> TapeView:
    symbol, _, price_decimals, qty_decimals, middle = market
    trades = []
    for number in range(80):
        side = rng.choice((Side.BUY, Side.SELL))
        qty = unscaled(
            int(rng.lognormvariate(0, 1.2) * 10**qty_decimals * 300 / (middle / 10**price_decimals)) + 1, qty_decimals
        )
        price = unscaled(middle + (1 if side is Side.BUY else 0) + rng.randint(-3, 3), price_decimals)
        when = WALL_MS - (80 - number) * 347
        trades.append(Trade(trade_id=str(number), price=price, qty=qty, taker=side, time_ms=when))
    return TapeView(symbol=symbol, trades=tuple(trades), count=80, as_of_ns=MONO_NS - 90_000_000)


def _candles(market: tuple[str, str, int, int, int], interval: Interval, rng: random.Random) -> CandlesView:
    symbol, _, decimals, _, middle = market
    price = middle
    candles = []
    for back in range(240):
        close, span = price, max(2, middle // 900)
        start = close + rng.randint(-span, span)
        high, low = max(start, close) + rng.randint(0, span), min(start, close) - rng.randint(0, span)
        volume = unscaled(rng.randint(100, 900_000), 3)
        candles.append(
            Candle(
                open_ms=(WALL_MS // 60_000 - back) * 60_000,
                open=unscaled(start, decimals),
                high=unscaled(high, decimals),
                low=unscaled(low, decimals),
                close=unscaled(close, decimals),
                volume=volume,
                quote_volume=volume * unscaled(close, decimals),
                closed=back > 0,
            )
        )
        price = start
    return CandlesView(symbol=symbol, interval=interval, candles=tuple(reversed(candles)), as_of_ns=MONO_NS)


def _orders() -> OrdersView:
    def order(number: int, side: Side, price: str, state: OrderState, filled: str = "0", **more: Any) -> Order:
        return Order(
            client_order_id=f"mtui-test-{number}",
            symbol="BTCUSDT",
            side=side,
            type=OrderType.LIMIT,
            state=state,
            created_ms=WALL_MS - 60_000 * number,
            updated_ms=WALL_MS - 30_000 * number,
            price=D(price),
            qty=D("0.015"),
            filled_qty=D(filled),
            filled_quote=D(filled) * D(price),
            order_id="" if state in (OrderState.PENDING, OrderState.UNKNOWN) else f"C02__{number}",
            **more,
        )

    return OrdersView(
        open=(
            order(6, Side.BUY, "64120.48", OrderState.WORKING),
            order(5, Side.BUY, "64120.51", OrderState.PARTIAL, "0.005"),
            order(4, Side.SELL, "64120.72", OrderState.CANCELLING, cancel_requested=True),
            order(3, Side.SELL, "64120.70", OrderState.PENDING),
            order(2, Side.BUY, "64120.45", OrderState.UNKNOWN, reason="the answer was lost; looking it up"),
        ),
        recent=(
            order(8, Side.BUY, "64110.00", OrderState.FILLED, "0.015"),
            order(7, Side.SELL, "64990.00", OrderState.REJECTED, reason="MEXC 30005: oversold"),
            order(9, Side.SELL, "64300.00", OrderState.CANCELLED),
        ),
    )


def _account() -> dict[str, View]:
    return {
        TOPIC_POSITIONS: PositionsView(
            positions=(
                Position(
                    symbol="BTCUSDT",
                    asset="BTC",
                    qty=D("0.045"),
                    known_qty=D("0.045"),
                    average=D("64120.40"),
                    mark=D("64120.55"),
                    value=D("2885.42"),
                    unrealised=D("12.34"),
                    realised=D("-3.20"),
                    fees=D("1.44"),
                ),
                Position(
                    symbol="MXUSDT",
                    asset="MX",
                    qty=D(1000),
                    known_qty=D(0),
                    average=None,
                    mark=D("2.8417"),
                    value=D("2841.70"),
                    unrealised=None,
                    realised=D(0),
                    fees=D(0),
                ),
            )
        ),
        TOPIC_BALANCES: BalancesView(
            currency="USDT",
            rows=(
                BalanceRow(balance=Balance(asset="USDT", free=D("8123.45"), locked=D("1923.60")), value=D("10047.05")),
                BalanceRow(balance=Balance(asset="BTC", free=D("0.015"), locked=D("0.03")), value=D("2885.42")),
                BalanceRow(balance=Balance(asset="MX", free=D(1000), locked=D(0)), value=D("2841.70")),
                BalanceRow(balance=Balance(asset="ODD", free=D("123456789012345678"), locked=D(0)), value=None),
            ),
            reconciled_ns=MONO_NS - 4_000_000_000,
        ),
        TOPIC_FILLS: FillsView(
            fills=tuple(
                Fill(
                    trade_id=str(number),
                    order_id=f"C02__{number}",
                    client_order_id=f"mtui-test-{number}",
                    symbol="BTCUSDT",
                    side=Side.SELL if number % 3 == 0 else Side.BUY,
                    price=D("64120.40") - number * D("7.5"),
                    qty=D("0.005"),
                    quote_qty=D("320.60"),
                    fee=D("0.16"),
                    fee_asset="USDT",
                    is_maker=number % 2 == 0,
                    time_ms=WALL_MS - number * 47_000,
                )
                for number in range(1, 13)
            )
        ),
        TOPIC_EQUITY: EquityView(
            points=tuple(
                (WALL_MS - (600 - i) * 1_000, D(15_700) + D(i * 37 % 113) - D(i * i % 71)) for i in range(600)
            ),
            unpriced=("ODD",),
        ),
    }


def _desk_health() -> dict[str, View]:
    limits = Limits()
    return {
        TOPIC_RISK: RiskView(
            state=TradingState.ACTIVE,
            reason="",
            armed=True,
            ready=True,
            ready_reason="",
            limits=limits,
            headroom=(
                Headroom(code="MAX_OPEN_ORDERS", label="open orders", used=D(5), limit=D(50), unit=""),
                Headroom(code="MAX_POSITION", label="BTCUSDT holding", used=D("4810"), limit=D(10_000), unit="USDT"),
                Headroom(code="ORDER_RATE", label="orders per second", used=D(1), limit=D(5), unit="/s"),
            ),
            equity=D("15774.17"),
            day_pnl=D("41.87"),
            exposure=D("5727.12"),
            in_flight=1,
            unknown=1,
            compared_ns=MONO_NS - 4_200_000_000,
        ),
        TOPIC_LINK: LinkView(
            venue="embedded exchange",
            kind=VenueKind.DEMO,
            state=LinkState.CONNECTED,
            reason="",
            can_trade=True,
            rest_ms=3.2,
            stream_ms=1.1,
            clock_offset_ms=0.4,
            frames=123_456,
            frames_per_s=417.0,
            weight_used=12,
            weight_limit=500,
            order_tokens=4.6,
            order_limit=5,
            private_state=LinkState.CONNECTED,
            as_of_ns=MONO_NS - 100_000_000,
        ),
    }


def _watchlist(rng: random.Random) -> WatchlistView:
    rows = []
    for symbol, _, price_decimals, _, middle in MARKETS:
        spark = tuple(unscaled(middle + rng.randint(-middle // 150, middle // 150), price_decimals) for _ in range(24))
        rows.append(
            WatchRow(
                symbol=symbol,
                last=unscaled(middle, price_decimals),
                change=D(rng.randint(-650, 650)) / 10_000,
                bid=unscaled(middle, price_decimals),
                ask=unscaled(middle + max(1, middle // 600_000), price_decimals),
                quote_volume=D(rng.randint(20_000, 900_000_000)),
                spark=spark,
                tradable=symbol != "SOLUSDT",
                price_decimals=price_decimals,
                as_of_ns=MONO_NS - 300_000_000,
            )
        )
    return WatchlistView(rows=tuple(rows))


def _gate(instrument: Instrument, book: BookView) -> GateInputs:
    return GateInputs(
        symbol=instrument.symbol,
        instrument=instrument,
        book=book,
        book_age_ms=40,
        last=unscaled(book.bids[0][0], book.price_decimals),
        limits=Limits(),
        state=TradingState.ACTIVE,
        armed=True,
        ready=True,
        ready_reason="",
        can_trade=True,
        journal_ok=True,
        base_free=D("0.015"),
        base_total=D("0.045"),
        quote_free=D("8123.45"),
        currency="USDT",
        quote_price=D(1),
        price_age_ms=0,
        base_price=unscaled(book.asks[0][0], book.price_decimals),
        base_exposure=D("4823.60"),
        quote_exposure=D(0),
        gross_exposure=D("5127.20"),
        equity=D(100_000),
        usual_value=None,
        own_bid=None,
        own_ask=None,
        open_orders=5,
        in_flight=1,
        unknown=1,
        standing=Standing(
            compared_age_ms=0,
            clock_offset_ms=0,
            held="",
            requests=0,
            failed=0,
            unvalued_ms=0,
            day_exposure=Decimal(0),
            losses=0,
            cooling_ms=0,
        ),
        recent_sends=(),
    )


def make_views(seed: int = 7) -> dict[str, View]:
    """Return one view for every topic, the same for the same seed."""
    rng = random.Random(seed)
    instruments = {symbol: _instrument(symbol, base, pd, qd) for symbol, base, pd, qd, _ in MARKETS}
    views: dict[str, View] = {TOPIC_INSTRUMENTS: InstrumentsView(by_symbol=instruments), TOPIC_ORDERS: _orders()}
    views.update(_account())
    views.update(_desk_health())
    views[WATCHLIST] = _watchlist(rng)
    for market in MARKETS:
        symbol = market[0]
        book = _book(symbol, *market[2:], rng)
        views[book_topic(symbol)] = book
        views[tape_topic(symbol)] = _trades(market, rng)
        views[gate_topic(symbol)] = _gate(instruments[symbol], book)
        for interval in (Interval.M1, Interval.M5):
            views[candles_topic(symbol, interval)] = _candles(market, interval, rng)
    return views


def make_facts() -> list[Fact]:
    """Return facts of every level, with and without violations."""
    return [
        Fact(
            seq=1, time_ms=WALL_MS - 61_000, kind="link", level=Level.GOOD, message="connected to the embedded exchange"
        ),
        Fact(
            seq=2,
            time_ms=WALL_MS - 32_000,
            kind="accepted",
            level=Level.INFO,
            message="buy 0.015 BTCUSDT at 64,120.48 rests",
            symbol="BTCUSDT",
        ),
        Fact(
            seq=3,
            time_ms=WALL_MS - 21_000,
            kind="filled",
            level=Level.GOOD,
            message="bought 0.005 BTCUSDT at 64,120.51",
            symbol="BTCUSDT",
        ),
        Fact(
            seq=4,
            time_ms=WALL_MS - 9_000,
            kind="denied",
            level=Level.WARN,
            message="buy 2 BTCUSDT was not sent",
            symbol="BTCUSDT",
            violations=(
                Violation(
                    code="NOTIONAL_MAX_OWN",
                    message="worth 128,241.10 USDT, limit 2,500",
                    limit="2500",
                    actual="128241.10",
                ),
            ),
        ),
        Fact(
            seq=5,
            time_ms=WALL_MS - 2_000,
            kind="unknown",
            level=Level.BAD,
            message="buy 0.015 BTCUSDT at 64,120.45: no answer came; it may be live and is being looked up",
            symbol="BTCUSDT",
        ),
    ]


class PaneApp(App[None]):
    """Holds one pane, with a clock and a palette."""

    CSS = "Screen { layout: vertical; }"

    def __init__(self, pane: Widget, desk: FakeDesk, state: DeskState, theme: str = DEFAULT_THEME) -> None:
        super().__init__()
        self.pane = pane
        self.frame_clock = FrameClock(desk, state)
        self.desk_state = state
        themes, _ = load_themes()
        self.palette = themes[theme].palette
        for known in themes.values():
            self.register_theme(known.textual)
        self.theme = theme

    def compose(self) -> ComposeResult:
        yield self.pane


@pytest.fixture
def views() -> dict[str, View]:
    """One view for every topic; change it before making the desk."""
    return make_views()


@pytest.fixture
def desk(views: dict[str, View]) -> FakeDesk:
    """A desk with those views and a few facts."""
    made = FakeDesk(views)
    made.events = make_facts()
    return made


@pytest.fixture
def state() -> DeskState:
    """BTCUSDT, one minute, with size presets."""
    return DeskState(
        Selection(
            symbol="BTCUSDT",
            watchlist=tuple(market[0] for market in MARKETS),
            presets=(D(50), D(100), D(250), D(500), D(1000)),
            size=D(50),
        )
    )


@pytest.fixture
def make_frame(desk: FakeDesk, state: DeskState) -> Callable[..., Frame]:
    """Return a function (width, height, **selection fields) → Frame for presenters."""

    def make(width: int = 60, height: int = 20, *, focused: bool = False, **fields: Any) -> Frame:
        if fields:
            state.change(**fields)
        return Frame(desk, desk.now(), state.selection, width, height, focused)

    return make


@pytest.fixture
def make_pane_app(desk: FakeDesk, state: DeskState) -> Callable[..., PaneApp]:
    """Return a function (pane, theme) → app that shows just that pane."""

    def make(pane: Widget, theme: str = DEFAULT_THEME) -> PaneApp:
        return PaneApp(pane, desk, state, theme)

    return make


@pytest.fixture
def make_cockpit(desk: FakeDesk) -> Callable[..., CockpitApp]:
    """Return a function (options) → the whole cockpit on the desk, drawing only when its clock is advanced."""

    def make(*, on_quit: OnQuit = "ask", **options: Any) -> CockpitApp:
        numbers = itertools.count(1)
        chosen: dict[str, Any] = {"timer": False, "watchlist": tuple(market[0] for market in MARKETS), **options}
        return CockpitApp(desk, UiOptions(**chosen), new_id=lambda: f"command-{next(numbers)}", on_quit=lambda: on_quit)

    return make
