from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.gate import Seen, check, fingerprint, mark_of
from mexc_tui.domain.instrument import Instrument, InstrumentStatus, TradeSides
from mexc_tui.domain.limits import Limits, TradingState, Verdict
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.views import BookState, BookView, GateInputs, Standing

D = Decimal
PAIR = Instrument(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    price_decimals=2,
    qty_decimals=4,
    min_qty=D("0.0002"),
    min_notional=D(5),
    min_notional_market=D(5),
    max_notional=D(1_000_000),
    taker_fee=D("0.001"),
)
BOOK = BookView(
    symbol="BTCUSDT",
    state=BookState.LIVE,
    version=7,
    price_decimals=2,
    qty_decimals=4,
    bids=((9_999_00, 5_0000), (9_990_00, 10_0000)),
    asks=((10_000_00, 5_0000), (10_010_00, 10_0000), (10_100_00, 50_0000)),
)


def inputs(**changes: Any) -> GateInputs:
    start = GateInputs(
        symbol="BTCUSDT",
        instrument=PAIR,
        book=BOOK,
        book_age_ms=100,
        last=D(10_000),
        limits=limits(),
        state=TradingState.ACTIVE,
        armed=True,
        ready=True,
        ready_reason="",
        can_trade=True,
        journal_ok=True,
        base_free=D(2),
        base_total=D(2),
        quote_free=D(100_000),
        currency="USDT",
        quote_price=D(1),
        price_age_ms=0,
        base_price=D(10_000),
        base_exposure=D(0),
        quote_exposure=D(0),
        gross_exposure=D(0),
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
        recent_sends=(),
    )
    return msgspec.structs.replace(start, **{"base_free": D(0), "base_total": D(0), **changes})


def limits(**changes: Any) -> Limits:
    loose = {"confirm_order_value": D(10**9), "confirm_slippage": D(1)}
    return msgspec.structs.replace(Limits(), **{**loose, **changes})


def buy(qty: str | None = "0.1", price: str | None = "9999", kind: OrderType = OrderType.LIMIT, **more: Any) -> Draft:
    return Draft(symbol="BTCUSDT", side=Side.BUY, type=kind, qty=_d(qty), price=_d(price), **more)


def market(qty: str | None = "0.1", **more: Any) -> Draft:
    return buy(qty, None, OrderType.MARKET, **more)


def sell(qty: str = "0.1", price: str | None = "10001", kind: OrderType = OrderType.LIMIT) -> Draft:
    return Draft(symbol="BTCUSDT", side=Side.SELL, type=kind, qty=_d(qty), price=_d(price))


def _d(text: str | None) -> D | None:
    return None if text is None else D(text)


def codes(verdict: Verdict) -> set[str]:
    return {violation.code for violation in verdict.violations}


def message(verdict: Verdict, code: str) -> str:
    return next(violation.message for violation in verdict.violations if violation.code == code)


def pair(**changes: Any) -> Instrument:
    return msgspec.structs.replace(PAIR, **changes)


def book(**changes: Any) -> BookView:
    return msgspec.structs.replace(BOOK, **changes)


def test_a_sound_order_passes_and_says_what_it_would_do():
    verdict = check(buy("0.1", "10000", OrderType.IOC), inputs())
    assert verdict.passes
    assert verdict.notional == D(1_000)
    assert verdict.average_price == D(10_000)
    assert verdict.slippage == 0
    assert verdict.fee == D(1)
    assert verdict.exposure_after == D(1_000)


@pytest.mark.parametrize(
    ("draft", "state", "code"),
    [
        (buy(), {"instrument": None}, "INSTRUMENT_KNOWN"),
        (buy(), {"instrument": pair(status=InstrumentStatus.PAUSED)}, "INSTRUMENT_TRADABLE"),
        (buy(), {"instrument": pair(api_trading=False)}, "INSTRUMENT_TRADABLE"),
        (buy(), {"instrument": pair(sides=TradeSides.SELL_ONLY)}, "INSTRUMENT_TRADABLE"),
        (buy(), {"limits": limits(denied_symbols=("BTCUSDT",))}, "RESTRICTED_SYMBOL"),
        (buy(), {"limits": limits(allowed_symbols=("ETHUSDT",))}, "RESTRICTED_SYMBOL"),
        (buy(), {"instrument": pair(risk_flag=True)}, "RESTRICTED_SYMBOL"),
        (market(uncapped=True), {"instrument": pair(order_types=("LIMIT",))}, "ORDER_TYPE_SUPPORTED"),
        (market(), {"book": book(asks=())}, "MARKET_CAP"),
        (buy(qty=None, quote_qty=D(100)), {}, "ORDER_TYPE_SUPPORTED"),
        (buy(price="9999.001"), {}, "PRICE_PRECISION"),
        (buy(qty="0.10001"), {}, "QTY_PRECISION"),
        (market(None, quote_qty=D("100.001"), uncapped=True), {}, "QUOTE_PRECISION"),
        (buy(price="0"), {}, "PRICE_POSITIVE"),
        (buy(price=None), {}, "PRICE_POSITIVE"),
        (buy(qty="0.0001", price="10000"), {}, "QTY_MIN"),
        (buy(qty=None), {}, "QTY_MIN"),
        (buy(qty="0.0003"), {}, "NOTIONAL_MIN"),
        (buy(), {"instrument": pair(max_notional=D(500))}, "NOTIONAL_MAX"),
        (buy(price="10000", kind=OrderType.POST_ONLY), {}, "TIF_VALID"),
        (buy(), {"limits": limits(max_order_qty={"BTCUSDT": D("0.05")})}, "MAX_ORDER_QTY"),
        (buy(qty="0.3"), {}, "MAX_ORDER_VALUE"),
        (buy(price="10101"), {}, "PRICE_COLLAR_FAR"),
        (buy(price="4000"), {}, "PRICE_COLLAR_NEAR"),
        (buy(price="3000"), {}, "PRICE_COLLAR_REFERENCE"),
        (buy(), {"book": book(bids=(), asks=()), "last": None}, "PRICE_COLLAR_REFERENCE"),
        (
            buy(price="10000"),
            {"instrument": pair(bid_multiplier_up=D("0.001")), "last": D(9_900)},
            "PRICE_COLLAR_REFERENCE",
        ),
        (market("60", uncapped=True), {}, "SLIPPAGE_ESTIMATE"),
        (market("200", uncapped=True), {}, "SLIPPAGE_ESTIMATE"),
        (sell(qty="3"), {"base_free": D(2), "base_total": D(2)}, "SIDE_SANITY"),
        (sell(qty="2"), {"base_free": D(1), "base_total": D(2)}, "FREE_BALANCE"),
        (buy(), {"recent_sends": ((500, fingerprint("BTCUSDT", Side.BUY, D(9999), D("0.1"))),)}, "DUPLICATE_ORDER"),
        (buy(), {"in_flight": 5}, "IN_FLIGHT_LIMIT"),
        (buy(), {"unknown": 1}, "UNKNOWN_OUTCOME_LOCK"),
        (buy(), {"recent_sends": tuple((age, "x") for age in range(5))}, "ORDER_RATE"),
        (buy(), {"quote_free": D(900)}, "FREE_BALANCE"),
        (buy(), {"base_exposure": D(9_500)}, "MAX_POSITION"),
        (buy(), {"gross_exposure": D(24_500)}, "MAX_GROSS_EXPOSURE"),
        (buy(), {"limits": limits(max_pair_order_value={"BTCUSDT": D(999)})}, "MAX_ORDER_VALUE"),
        (buy("0.3"), {"limits": limits(max_pair_order_value={"BTCUSDT": D(9_999)})}, "MAX_ORDER_VALUE"),
        (buy(), {"limits": limits(max_asset_value={"BTC": D(999)})}, "MAX_POSITION"),
        (buy(), {"base_exposure": D(9_500), "limits": limits(max_asset_value={"BTC": D(10**6)})}, "MAX_POSITION"),
        (buy(), {"book": book(bids=((8_999_00, 1),))}, "MARKET_DATA_REASONABILITY"),
        (buy(), {"quote_price": None}, "PRICE_PATH"),
        (buy(), {"price_age_ms": 90_001}, "PRICE_PATH"),
        (buy("0.001"), {"quote_price": D(300)}, "MAX_ORDER_VALUE"),
        (
            sell(),
            {"base_free": D(1), "base_total": D(1), "currency": "EUR", "quote_exposure": D(9_500)},
            "MAX_POSITION",
        ),
        (buy(price="10001"), {"own_ask": ("mx1", D(10_001))}, "SELF_CROSS"),
        (sell(price="9998"), {"base_free": D(1), "base_total": D(1), "own_bid": ("mx1", D(9_998))}, "SELF_CROSS"),
        (buy(), {"open_orders": 50}, "MAX_OPEN_ORDERS"),
        (buy(), {"book_age_ms": 5_001}, "BOOK_FRESH"),
        (buy(), {"book": book(state=BookState.STALE)}, "BOOK_VALID"),
        (buy(), {"book": book(bids=((10_000_00, 1),))}, "BOOK_VALID"),
        (buy(), {"ready": False}, "STREAM_RECONCILING"),
        (buy(), {"state": TradingState.HALTED}, "TRADING_STATE"),
        (buy(), {"state": TradingState.REDUCING}, "REDUCING"),
        (buy(), {"armed": False}, "ARMED"),
        (buy(), {"can_trade": False}, "PAPER_LIVE_MATCH"),
        (buy(), {"journal_ok": False}, "AUDIT_WRITABLE"),
    ],
)
def test_each_control_refuses_what_it_is_for(draft, state, code):
    verdict = check(draft, inputs(**state))
    assert code in codes(verdict)


@pytest.mark.parametrize(
    ("missing", "controls"),
    [
        ({"book": None}, ["BOOK_VALID", "MAX_ORDER_VALUE", "SLIPPAGE_ESTIMATE"]),
        ({"book_age_ms": None}, ["BOOK_FRESH"]),
        ({"quote_free": None}, ["FREE_BALANCE"]),
        ({"base_exposure": None}, ["MAX_POSITION"]),
        ({"gross_exposure": None}, ["MAX_GROSS_EXPOSURE"]),
        ({"quote_price": None}, ["MAX_ORDER_VALUE", "MAX_POSITION", "MAX_GROSS_EXPOSURE"]),
        ({"instrument": None}, ["PRICE_PRECISION", "QTY_MIN", "NOTIONAL_MIN"]),
    ],
)
def test_a_control_without_its_input_refuses_and_is_named(missing, controls):
    verdict = check(buy(), inputs(**missing))
    assert not verdict.passes
    assert verdict.max_qty == 0
    said = " ".join(v.message for v in verdict.violations if v.code == "CHECK_UNAVAILABLE")
    for control in controls:
        assert control in said


def test_a_control_that_throws_refuses():
    broken = msgspec.structs.replace(PAIR, min_qty="not a number")  # type: ignore[arg-type]
    verdict = check(buy(), inputs(instrument=broken))
    assert "QTY_MIN" in message(verdict, "CHECK_UNAVAILABLE")


def test_unknown_holdings_refuse_a_sell():
    assert not check(sell(), inputs(base_free=None, base_total=None)).passes


def test_everything_wrong_is_said_at_once_in_words_with_numbers():
    verdict = check(buy("0.65", "10000"), inputs(quote_free=D(100), armed=False, open_orders=50))
    assert {"MAX_ORDER_VALUE", "FREE_BALANCE", "ARMED", "MAX_OPEN_ORDERS"} <= codes(verdict)
    assert message(verdict, "MAX_ORDER_VALUE") == (
        "The order is worth 6,500.00 USDT; your limit for one order is 2,500.00 USDT."
        " Or: override MAX_ORDER_VALUE because …"
    )


def test_the_largest_size_that_passes_and_what_binds_it():
    verdict = check(buy("9", "9999"), inputs())
    assert (verdict.max_qty, verdict.binding) == (D("0.2500"), "MAX_ORDER_VALUE")
    assert check(buy("0.25", "9999"), inputs()).passes
    assert not check(buy("0.2501", "9999"), inputs()).passes
    free = check(buy("9", "9999"), inputs(quote_free=D(1_000)))
    assert (free.max_qty, free.binding) == (D("0.1000"), "FREE_BALANCE")
    assert check(sell("9"), inputs(base_free=D("1.23456"), base_total=D(2))).max_qty == D("1.2345")


def test_an_empty_ticket_is_told_the_largest_size_too():
    assert check(buy(None, "9999"), inputs()).max_qty == D("0.2500")


def test_no_size_passes_when_something_else_is_wrong_or_the_least_is_too_much():
    halted = check(buy(), inputs(state=TradingState.HALTED))
    assert (halted.max_qty, halted.binding) == (D(0), "TRADING_STATE")
    poor = check(buy(), inputs(quote_free=D(3)))
    assert (poor.max_qty, poor.binding) == (D(0), "FREE_BALANCE")


def test_a_covered_sell_reduces_and_passes_the_exposure_controls():
    state = inputs(
        base_free=D(2),
        base_total=D(2),
        in_flight=9,
        unknown=1,
        open_orders=99,
        ready=False,
        journal_ok=False,
    )
    verdict = check(sell("2"), state)
    assert verdict.passes
    assert verdict.reduces
    assert verdict.notional == D(20_002)


def test_halted_takes_nothing_but_a_flattening_sale_within_its_own_collar():
    state = {"base_free": D(2), "base_total": D(2), "state": TradingState.HALTED, "armed": False}
    out = sell("2", "9600", OrderType.IOC)
    assert codes(check(out, inputs(**state))) >= {"TRADING_STATE", "ARMED", "PRICE_COLLAR_FAR"}
    assert check(out, inputs(**state, flattening=True)).passes
    below = sell("2", "9400", OrderType.IOC)
    assert codes(check(below, inputs(**state, flattening=True))) == {"PRICE_COLLAR_FAR"}


def test_a_market_order_is_judged_as_if_it_filled_at_its_cap():
    verdict = check(market("6"), inputs(limits=limits(max_order_value=D(10**6), max_slippage=D("0.002"))))
    assert verdict.cap == D(10_020), "slippage binds before the collar"
    assert verdict.notional == 6 * D(10_020)
    assert verdict.worst_price == D(10_010)
    assert verdict.average_price is not None
    assert verdict.average_price.quantize(D("0.01")) == D("10001.67")
    assert check(market("0.2487"), inputs()).passes
    assert codes(check(market("0.2488"), inputs())) == {"MAX_ORDER_VALUE"}


SELL = Draft(symbol="BTCUSDT", side=Side.SELL, type=OrderType.MARKET, qty=D("0.1"))


@pytest.mark.parametrize(
    ("change", "draft", "cap"),
    [
        ({}, market(), "10050"),
        ({"instrument": pair(price_decimals=0), "book": book(price_decimals=0, asks=((999, 1),))}, market(), "1003"),
        ({"instrument": pair(bid_multiplier_up=D("0.002")), "last": D(10_000)}, market(), "10015"),
        ({"instrument": pair(bid_multiplier_up=D("0.002")), "last": D(9_000)}, market(), "10000"),
        ({}, SELL, "9899.01"),
        ({"instrument": pair(ask_multiplier_down=D("0.002")), "last": D(10_000)}, SELL, "9985"),
    ],
)
def test_a_cap_stands_on_the_grid_inside_every_limit_and_never_short_of_the_market(change, draft, cap):
    assert check(draft, inputs(**change)).cap == D(cap)


def test_a_market_buy_by_amount_never_spends_more_than_that():
    verdict = check(market(None, quote_qty=D(1_000)), inputs())
    assert verdict.passes
    assert (verdict.qty, verdict.notional) == (D("0.0995"), D("999.975"))
    uncapped = check(market(None, quote_qty=D(1_000), uncapped=True), inputs())
    assert (uncapped.cap, uncapped.notional, uncapped.qty) == (None, D(1_000), D("0.1"))
    assert "smallest step" in message(check(market(None, quote_qty=D("0.5")), inputs()), "QTY_MIN")


def test_an_uncapped_buy_needs_what_the_exchange_reserves():
    state = inputs(quote_free=D(1_052), limits=limits(max_order_value=D(10**6)))
    verdict = check(market("0.1", uncapped=True), state)
    assert verdict.notional == D(1_050)
    assert verdict.max_qty == D("0.1000")
    assert codes(check(market("0.1001", uncapped=True), state)) == {"FREE_BALANCE"}


def test_market_orders_repeat_each_other_whatever_their_caps():
    sent = ((500, mark_of(market("0.1"))),)
    moved = book(asks=((10_001_00, 5_0000),))
    assert "DUPLICATE_ORDER" in codes(check(market("0.1"), inputs(book=moved, recent_sends=sent)))


def test_the_part_of_a_limit_order_that_takes_slips_and_pays_the_taker_fee():
    generous = limits(max_order_value=D(10**6), max_position_value=D(10**7))
    state = inputs(limits=generous, quote_free=D(10**7))
    verdict = check(buy("7", "10010"), state)
    assert verdict.worst_price == D(10_010)
    assert verdict.fee == D("70.02")


def test_what_was_on_the_screen_must_still_hold():
    fine = Seen(version=5, age_ms=100, bid=D(9_999), ask=D(10_000))
    assert check(buy(), inputs(), fine).passes
    old = Seen(version=5, age_ms=6_000, bid=D(9_999), ask=D(10_000))
    assert codes(check(buy(), inputs(), old)) == {"INTENT_STILL_VALID"}
    moved = Seen(version=5, age_ms=100, bid=D(9_999), ask=D(9_900))
    said = check(buy(), inputs(), moved)
    assert "from 9,900 on the screen to 10,000" in message(said, "INTENT_STILL_VALID")


def test_a_market_order_needs_a_screen_a_limit_order_states_its_price():
    blind = Seen(version=0, age_ms=0)
    assert check(buy(), inputs(), blind).passes
    assert "CHECK_UNAVAILABLE" in codes(check(market(), inputs(), blind))


def test_tiny_prices_keep_every_digit():
    pair_of_dust = Instrument(symbol="XUSDT", base="X", quote="USDT", price_decimals=12, qty_decimals=0)
    dust_book = BookView(
        symbol="XUSDT",
        state=BookState.LIVE,
        version=1,
        price_decimals=12,
        qty_decimals=0,
        bids=((11_999, 10**18),),
        asks=((12_000, 10**18),),
    )
    draft = Draft(symbol="XUSDT", side=Side.BUY, qty=D(10**11), price=D("0.000000012"))
    verdict = check(draft, inputs(symbol="XUSDT", instrument=pair_of_dust, book=dust_book, last=D("0.000000012")))
    assert verdict.passes
    assert verdict.notional == D("1200")
    assert verdict.max_qty == D(208_333_333_333)


def test_headroom_tells_used_and_limit():
    rows = {row.code: row for row in check(buy(), inputs(open_orders=3)).headroom}
    assert rows["MAX_ORDER_VALUE"].used == D("999.9")
    assert (rows["MAX_OPEN_ORDERS"].used, rows["MAX_OPEN_ORDERS"].limit) == (D(3), D(50))


@pytest.mark.parametrize(
    ("draft", "state", "code"),
    [
        (buy("0.21"), {"limits": limits(confirm_order_value=D(2_000))}, "CONFIRM_ORDER_VALUE"),
        (buy("0.21"), {"usual_value": D(200)}, "SIZE_VS_USUAL"),
        (buy(), {"equity": D(1_500), "limits": limits(confirm_share=D("0.5"))}, "CONCENTRATION"),
        (
            buy("0.2", "10050", OrderType.IOC),
            {
                "book": book(asks=((10_000_00, 1_000), (10_050_00, 90_000))),
                "limits": limits(confirm_slippage=D("0.001")),
            },
            "CONFIRM_SLIPPAGE",
        ),
    ],
)
def test_what_is_asked_first_passes_once_confirmed_and_is_never_asked_of_what_reduces(draft, state, code):
    asked = check(draft, inputs(**state))
    assert (asked.to_confirm, asked.passes) == ((code,), False)
    confirmed = check(msgspec.structs.replace(draft, confirmed=(code,)), inputs(**state))
    assert (confirmed.passes, [note.code for note in confirmed.notes]) == (True, [code])
    other = check(msgspec.structs.replace(draft, confirmed=("OTHER",)), inputs(**state))
    assert not other.passes
    held = {**state, "base_free": D(9), "base_total": D(9)}
    out = msgspec.structs.replace(draft, side=Side.SELL, price=D(9_999), type=OrderType.LIMIT)
    assert check(out, inputs(**held)).passes
    halted = check(draft, inputs(**state, state=TradingState.HALTED))
    assert not halted.to_confirm, "a question is asked only where the answer would send the order"


def test_flattening_into_another_asset_meets_no_limit_on_exposure():
    state = {"base_free": D(2), "base_total": D(2), "currency": "EUR", "quote_exposure": D(10**6)}
    out = sell("2", "9990", OrderType.IOC)
    assert "MAX_POSITION" in codes(check(out, inputs(**state)))
    assert check(out, inputs(**state, flattening=True)).passes
