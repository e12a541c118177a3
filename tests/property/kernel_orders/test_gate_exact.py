from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.gate import check, fingerprint
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import CONFIRMABLE, Limits, OwnerLimits, TradingState
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.views import BookState, BookView, GateInputs, Owned, Standing

D = Decimal
MOST_UNITS = 60
OWN = OwnerLimits(max_order_value=D("651.5"), max_day_exposure=D(1_200), max_added_value=D(1_700))

_pairs = st.builds(
    Instrument,
    symbol=st.just("XUSDT"),
    base=st.just("X"),
    quote=st.just("USDT"),
    price_decimals=st.sampled_from([0, 2]),
    qty_decimals=st.sampled_from([0, 1]),
    min_qty=st.sampled_from([D(0), D("0.3"), D(2)]),
    min_notional=st.sampled_from([D(0), D(500)]),
    max_notional=st.sampled_from([None, D(3_000)]),
    max_notional_market=st.sampled_from([None, D(2_000)]),
    taker_fee=st.sampled_from([D(0), D("0.002")]),
    maker_fee=st.sampled_from([D(0), D("0.001")]),
)
_levels = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 40)), min_size=0, max_size=4)
_money = st.sampled_from([D(0), D(350), D("999.5"), D(1_500), D(5_000)])
_held = st.sampled_from([None, D(0), D("0.25"), D(4), D("11.15")])


@st.composite
def states(draw: st.DrawFn) -> GateInputs:
    pair = draw(_pairs)
    scale = 10**pair.price_decimals
    bids, asks, price = [], [], 100
    for step, qty in draw(_levels):
        bids.append(((100 - step - len(bids) * 8) * scale, qty))
    for step, qty in draw(_levels):
        price += step
        asks.append((price * scale, qty))
    free = draw(_held)
    exposure = draw(st.sampled_from([D(0), D(333), D(1_500)]))
    return GateInputs(
        symbol="XUSDT",
        instrument=pair,
        book=BookView(
            symbol="XUSDT",
            state=BookState.LIVE,
            version=1,
            price_decimals=pair.price_decimals,
            qty_decimals=pair.qty_decimals,
            bids=tuple(bids),
            asks=tuple(asks),
        ),
        book_age_ms=0,
        last=D(100),
        limits=Limits(
            max_order_value=draw(st.sampled_from([D(700), D("1234.5"), D(10_000)])),
            max_position_value=draw(st.sampled_from([D(900), D(2_500), D(50_000)])),
            max_gross_exposure=draw(st.sampled_from([D(800), D(4_000), D(100_000)])),
            max_order_qty=draw(st.sampled_from([{}, {"XUSDT": D("3.7")}])),
            max_slippage=draw(st.sampled_from([D("0.005"), D("0.5")])),
            collar_far=D("0.3"),
            confirm_order_value=D(10**9),
            confirm_slippage=D(1),
            listing_max_value=draw(st.sampled_from([D(600), D(2_000)])),
            owner=draw(st.sampled_from([{}, {"script": OWN}, {"person": OWN}])),
        ),
        state=TradingState.ACTIVE,
        armed=True,
        ready=True,
        ready_reason="",
        can_trade=True,
        journal_ok=True,
        base_free=free,
        base_total=None if free is None else free + draw(st.sampled_from([D(0), D(2)])),
        quote_free=draw(_money),
        currency=draw(st.sampled_from(["USDT", "EUR"])),
        quote_price=draw(st.sampled_from([D(1), D("0.87"), D(3)])),
        price_age_ms=0,
        base_price=D(100),
        base_exposure=exposure,
        quote_exposure=draw(st.sampled_from([D(0), D(444)])),
        gross_exposure=exposure + draw(st.sampled_from([D(0), D(555)])),
        equity=D(100_000),
        usual_value=None,
        own_bid=None,
        own_ask=None,
        open_orders=0,
        in_flight=0,
        unknown=0,
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
        listed_ms=draw(st.sampled_from([None, -1, 0, 86_399_999, 86_400_000])),
        owned=Owned(
            owner=draw(st.sampled_from(["person", "script", "grid"])),
            day_exposure=draw(st.sampled_from([D(0), D(300)])),
            added=draw(st.sampled_from([None, D(0), D("1234.5")])),
            moved=D(0),
        ),
        recent_sends=tuple(
            (5, fingerprint("XUSDT", side, D(100), D(units).scaleb(-pair.qty_decimals)))
            for side in Side
            for units in draw(st.sets(st.integers(1, 12), max_size=3))
        ),
    )


@given(
    states(), st.sampled_from(Side), st.sampled_from([OrderType.LIMIT, OrderType.MARKET, OrderType.IOC]), st.booleans()
)
def test_the_largest_size_is_the_one_that_trying_every_size_finds(inputs, side, kind, empty):
    pair: Any = inputs.instrument
    price = None if kind is OrderType.MARKET else D(100)

    def judged(units: int | None) -> Any:
        qty = None if units is None else D(units).scaleb(-pair.qty_decimals)
        draft = Draft(symbol="XUSDT", side=side, type=kind, qty=qty, price=price, confirmed=("CONFIRM_LISTING",))
        return check(draft, inputs)

    said = judged(None if empty else 7)
    assert said.max_qty is not None
    units = int(said.max_qty.scaleb(pair.qty_decimals))
    passing = [n for n in range(1, max(MOST_UNITS, units + 3)) if judged(n).passes]
    # Sizes that repeat a recent order are refused one by one; the largest that passes is what counts.
    assert units == (passing[-1] if passing else 0)
    assert said.binding


@given(states(), st.sampled_from(Side), st.sampled_from(OrderType), st.data())
def test_whatever_is_missing_the_answer_is_a_refusal_never_a_crash(inputs, side, kind, data):
    optional = ["instrument", "book", "book_age_ms", "last", "base_free", "base_total", "quote_free"]
    missing = data.draw(st.sets(st.sampled_from(optional)))
    inputs = msgspec.structs.replace(inputs, **dict.fromkeys(missing))
    amounts = st.sampled_from([None, D(0), D(-1), D("0.5"), D(3), D("1E+30"), D("NaN"), D("Infinity"), D("1E-30")])
    draft = Draft(
        symbol="XUSDT",
        side=side,
        type=kind,
        qty=data.draw(amounts),
        quote_qty=data.draw(amounts),
        price=data.draw(amounts),
    )
    verdict = check(draft, inputs)
    needed = {"instrument", "book", "book_age_ms"} | (
        {"base_free", "base_total"} if side is Side.SELL else {"quote_free"}
    )
    if verdict.reduces:
        assert not set(CONFIRMABLE) & {violation.code for violation in (*verdict.violations, *verdict.notes)}
    if missing & needed:
        assert not verdict.passes
    if verdict.passes:
        assert verdict.qty is not None
        assert verdict.qty > 0
        assert verdict.notional is not None
        assert verdict.reduces or verdict.notional * inputs.quote_price <= inputs.limits.max_order_value
