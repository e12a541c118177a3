"""Text from outside and numbers on the screen."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mexc_tui.ui.primitives.text import (
    age,
    bar,
    clean,
    compact,
    crop,
    exact,
    fit,
    fit_right,
    fixed,
    money,
    number,
    percent,
    row_width,
    short,
    signed,
    spread,
    units,
    wrap,
)

D = Decimal


@given(st.text(max_size=60))
def test_cleaned_text_is_printable_one_line_and_left_to_right(text: str) -> None:
    shown = clean(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)
    assert not any(char in shown for char in "\u202e\u2066\u200b\ufeff")
    assert clean(shown) == shown


def test_escape_bytes_and_markup_are_harmless() -> None:
    assert clean("\x1b[31mred\x1b[0m") == "\ufffd[31mred\ufffd[0m"
    assert clean("[bold]BTC[/]") == "[bold]BTC[/]"
    assert clean("A\u202eUSDT\nB") == "AUSDT B"


@given(st.text(max_size=30).map(clean), st.integers(0, 40))
def test_fitted_text_takes_exactly_its_cells(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) == width
    assert cell_len(fit_right(text, width)) == width
    assert all(cell_len(line) <= width for line in wrap(text, width)) or width < 2


def test_a_number_that_does_not_fit_is_not_shown_as_another() -> None:
    assert number("12,345", 4) == "####"
    assert number("123", 5) == "  123"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (D("0.0000000123"), "0.0000000123"),
        (D("123456789012345678"), "123,456,789,012,345,678"),
        (D("1E-8"), "0.00000001"),
        (D("-0.0"), "0"),
        (D("100"), "100"),
        (None, "—"),
    ],
)
def test_exact(value: Decimal | None, shown: str) -> None:
    assert exact(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (D(0), "0"),
        (D("999.9"), "999.9"),
        (D(1234), "1.23K"),
        (D(999_999), "999K"),
        (D(45_600_000), "45.6M"),
        (D("123456789012345678"), "123Q"),
        (D("1e21"), "1.00e21"),
        (D("-2500"), "-2.5K"),
        (D("0.00001234"), "0.0000123"),
        (None, "—"),
    ],
)
def test_compact_cuts_and_never_rounds_up(value: Decimal | None, shown: str) -> None:
    assert compact(value) == shown


def test_scaled_integers_and_fixed_decimals() -> None:
    assert units(6_412_055, 2) == "64,120.55"
    assert units(12, 12) == "0.000000000012"
    assert units(-5, 1) == "-0.5"
    assert units(7, 0) == "7"
    assert units(None, 2) == "—"
    assert fixed(D("1234.5"), 2) == "1,234.50"
    assert money(D("0.0000123")) == "0.000012"


def test_gains_and_losses_always_have_a_sign_unless_they_are_nothing() -> None:
    assert [signed(D(v)) for v in ("1.5", "-1.5", "0", "-0.001")] == ["+1.50", "-1.50", "0.00", "0.00"]
    assert percent(D("-0.0397")) == "-3.97%"
    assert signed(None) == percent(None) == "—"


@given(st.decimals(min_value=0, max_value=D("1e17"), places=9), st.integers(5, 14))
def test_short_quantities_fit_and_never_hide_something(value: Decimal, width: int) -> None:
    shown = short(value, width)
    assert len(shown) <= width
    assert (value == 0) == (shown in ("0", "0E-9"))


def test_ages() -> None:
    assert [age(ms) for ms in (None, 0, 999, 1_000, 59_949, 65_000, 3_723_000, 900_000_000)] == [
        "—",
        "0ms",
        "999ms",
        "1.0s",
        "59.9s",
        "1m05",
        "1h02",
        "10d",
    ]


def test_bars_and_rows_keep_their_width() -> None:
    assert bar(0.5, 4) == "██  "
    assert bar(9, 3) == "███"
    assert bar(0.5, 4, ascii_only=True) == "==  "
    row = spread((("left part", ""),), (("right", ""),), 12)
    assert row_width(row) == 12
    assert row[-1][0] == "right"
    assert row_width(crop((("龙龙龙", ""), ("x", "")), 5)) == 5
