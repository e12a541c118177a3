"""Numbers that do not fit are shown shortened and look it; a cut number would be another number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mexc_tui.domain.orders import Fill, Side
from mexc_tui.kernel.messages import filled
from mexc_tui.ui.panes.ladder.presenter import _tagged
from mexc_tui.ui.primitives.text import money, price_in, short, width_of

D = Decimal


@pytest.mark.parametrize(
    ("value", "decimals", "shown", "plain"),
    [
        ("64120.55", 2, "64,120.55", "64,120.55"),
        ("0.000000012258", 12, "0.0₇12258", "1.2258e-8"),
        ("0.000000012", 12, "0.0₇12000", "1.2000e-8"),
        ("0.03147", 5, "0.03147", "0.03147"),
        ("1234567.891234", 6, "1,234,567.…", "1,234,567.…"),
    ],
)
def test_a_price_keeps_the_digits_that_tell_it_from_its_neighbours(
    value: str, decimals: int, shown: str, plain: str
) -> None:
    assert price_in(D(value), decimals, 11) == shown
    assert price_in(D(value), decimals, 11, ascii_only=True) == plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("4078968836.67", "4.07B"),
        ("4078968836", "4078968836"),
        ("40789688367", "40.7B"),
        ("12345.678912", "12,345.67…"),
        ("1234567.8912", "1234567.8…"),
        ("0.123456789123", "0.1234567…"),
        ("0.00000000000012", "<0.0000001"),
        ("0.000769", "0.000769"),
    ],
)
def test_a_quantity_that_is_shortened_says_so(value: str, shown: str) -> None:
    assert short(D(value), 10) == shown


@pytest.mark.parametrize(("room", "shown"), [(16, "◌4.07B"), (18, "◌4,078,968,836.67"), (5, "◌"), (1, "◌"), (0, "")])
def test_an_own_order_shows_a_true_size_or_only_its_mark(room: int, shown: str) -> None:
    assert _tagged("◌", D("4078968836.67"), "", room) == shown
    assert width_of(shown) <= room


@pytest.mark.parametrize(
    ("worth", "shown"), [("12.349", "12.35"), ("0.999", "1.00"), ("1234.5", "1,234.50"), ("0.001278", "0.0013")]
)
def test_the_sentence_and_the_table_give_a_fill_the_same_worth(worth: str, shown: str) -> None:
    ids = {"trade_id": "1", "order_id": "1", "client_order_id": "1", "symbol": "MXUSDT", "fee_asset": "MX"}
    fill = Fill(**ids, side=Side.BUY, price=D(1), qty=D(1), quote_qty=D(worth), fee=D(0), is_maker=False, time_ms=1)
    assert money(fill.quote_qty) == shown
    assert f" for {shown} (" in filled(fill, None)
