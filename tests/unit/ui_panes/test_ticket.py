from decimal import Decimal

import pytest

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Limits, TradingState, Verdict, Violation
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.views import BookState, BookView, GateInputs, Standing
from mexc_tui.ui.panes.ticket.form import TicketForm
from mexc_tui.ui.panes.ticket.presenter import TicketInput, ticket_rows

INSTRUMENT = Instrument(symbol="BTCUSDT", base="BTC", quote="USDT", price_decimals=2, qty_decimals=6)


def gate_inputs(**more):
    book = BookView(
        symbol="BTCUSDT",
        state=BookState.LIVE,
        version=7,
        price_decimals=2,
        qty_decimals=6,
        bids=((6_400_000, 1_000_000),),
        asks=((6_400_100, 1_000_000),),
    )
    fields = {
        "symbol": "BTCUSDT",
        "instrument": INSTRUMENT,
        "book": book,
        "book_age_ms": 10,
        "last": Decimal(64000),
        "limits": Limits(),
        "state": TradingState.ACTIVE,
        "armed": True,
        "ready": True,
        "ready_reason": "",
        "can_trade": True,
        "journal_ok": True,
        "base_free": Decimal("0.5"),
        "base_total": Decimal("0.5"),
        "quote_free": Decimal(10_000),
        "currency": "USDT",
        "quote_price": Decimal(1),
        "price_age_ms": 0,
        "base_price": Decimal("64001"),
        "base_exposure": Decimal(0),
        "quote_exposure": Decimal(0),
        "gross_exposure": Decimal(0),
        "equity": Decimal(42_000),
        "usual_value": None,
        "own_bid": None,
        "own_ask": None,
        "open_orders": 0,
        "in_flight": 0,
        "unknown": 0,
        "standing": Standing(
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
        "recent_sends": (),
    }
    return GateInputs(**(fields | more))


def typed(form, text):
    for char in text:
        form = form.type_char(char)
    return form


def test_a_size_in_quote_becomes_base_and_is_never_rounded_up():
    form = typed(typed(TicketForm(), "$100").at("price"), "64000.01")
    draft, missing = form.draft(gate_inputs())
    assert not missing
    assert draft.qty == Decimal("0.001562")
    assert draft.qty * draft.price <= 100


def test_a_quarter_of_what_is_free_is_of_base_for_a_sell_and_of_quote_for_a_buy():
    sell = typed(typed(TicketForm(side=Side.SELL), "25%").at("price"), "64000")
    assert sell.draft(gate_inputs())[0].qty == Decimal("0.125")
    buy = typed(typed(TicketForm(), "25%").at("price"), "64000")
    assert buy.draft(gate_inputs())[0].qty == Decimal("0.039062")


def test_a_market_buy_in_quote_stays_in_quote_and_carries_no_price():
    form = typed(TicketForm(type=OrderType.MARKET), "$250.50")
    draft, _ = form.draft(gate_inputs())
    assert (draft.quote_qty, draft.qty, draft.price) == (Decimal("250.50"), None, None)


@pytest.mark.parametrize(
    ("form", "word"),
    [
        (TicketForm(), "size"),
        (TicketForm(size="1"), "price"),
        (TicketForm(size="1", price="1.2.3"), "not a price"),
        (TicketForm(size="$0.01", price="64000"), "smallest step"),
        (TicketForm(size="5%%", price="64000"), "not a size"),
    ],
)
def test_says_what_is_missing_and_keeps_what_was_typed(form, word):
    draft, missing = form.draft(gate_inputs())
    assert draft is None
    assert word in missing


def test_the_first_key_replaces_the_old_text_and_the_next_ones_extend_it():
    form = TicketForm(size="0.5").type_char("2").type_char("5")
    assert form.size == "25"
    assert form.erase().size == "2"
    assert form.type_char("x") == form


def test_a_percentage_of_a_balance_that_is_not_known_is_refused():
    form = TicketForm(size="50%", price="64000")
    assert form.draft(gate_inputs(quote_free=None)) == (None, "the USDT balance is not known yet")


def test_a_refusal_shows_every_reason_and_the_largest_size_that_passes():
    verdict = Verdict(
        violations=(
            Violation(code="MAX_ORDER_VALUE", message="The order is worth 6,500.00 USDT; your limit is 2,500.00 USDT."),
            Violation(code="PRICE_COLLAR_FAR", message="The price is 3.10 % through the ask; your limit is 1 %."),
        ),
        max_qty=Decimal("0.039"),
        binding="MAX_ORDER_VALUE",
    )
    rows = ticket_rows(
        TicketInput(form=TicketForm(size="0.1", price="65000"), inputs=gate_inputs(), draft=None, verdict=verdict),
        44,
        14,
    )
    text = " ".join("".join(span for span, _ in row).strip() for row in rows)
    assert "6,500.00" in text
    assert "3.10 %" in text
    assert "largest that passes: 0.039 BTC" in text
    assert "2 reasons" in text


def test_hostile_words_from_outside_reach_the_rows_clean():
    violation = Violation(code="X", message="\x1b[31mred[/] \u202eevil")
    verdict = Verdict(violations=(violation,))
    rows = ticket_rows(TicketInput(form=TicketForm(), inputs=gate_inputs(), draft=None, verdict=verdict), 44, 14)
    text = "".join(span for row in rows for span, _ in row)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("kind", "said"), [(OrderType.LIMIT, "rests"), (OrderType.IOC, "no fill"), (OrderType.FOK, "no fill")]
)
def test_only_what_can_rest_is_said_to_rest(kind, said):
    verdict = Verdict(violations=(), notional=Decimal(64), fee=Decimal(0))
    form = TicketForm(type=kind, size="0.001", price="64000")
    rows = ticket_rows(TicketInput(form=form, inputs=gate_inputs(), draft=None, verdict=verdict), 44, 14)
    assert any(f"slippage {said} " in "".join(text for text, _ in row) for row in rows)
