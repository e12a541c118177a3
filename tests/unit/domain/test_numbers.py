from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.numbers import (
    BadNumberError,
    ceil_to,
    decimals_of,
    divide,
    floor_to,
    is_plain,
    parse_decimal,
    plain,
    scaled,
    unscaled,
)

UNITS = st.integers(min_value=-(10**30), max_value=10**30)
DECIMALS = st.integers(min_value=0, max_value=18)


@given(UNITS, DECIMALS)
def test_scaling_is_exact_both_ways(units, decimals):
    assert scaled(plain(unscaled(units, decimals)), decimals) == units


@given(UNITS, DECIMALS)
def test_plain_text_reads_back_as_the_same_value_without_an_exponent(units, decimals):
    value = unscaled(units, decimals)
    text = plain(value)
    assert "e" not in text.lower()
    assert parse_decimal(text) == value
    assert not (("." in text) and text.endswith("0"))


def test_padded_and_trimmed_texts_are_the_same_number():
    assert scaled("375.80", 2) == scaled("375.8", 2) == scaled("0375.8000", 2) == 37_580


def test_a_number_finer_than_the_scale_is_refused_not_rounded():
    with pytest.raises(BadNumberError):
        scaled("0.0000000123", 9)
    assert scaled("0.0000000123", 10) == 123


@pytest.mark.parametrize(
    "text", ["", ".", "1e5", "NaN", "Infinity", "1_000", " 1", "1 ", "١", "--1", "1.2.3", "9" * 61]
)
def test_what_is_not_a_plain_number_is_refused(text):
    with pytest.raises(BadNumberError):
        parse_decimal(text)


@given(UNITS, DECIMALS, DECIMALS)
def test_cutting_never_goes_away_from_zero_and_raising_never_towards_it(units, decimals, kept):
    value = unscaled(units, decimals)
    assert abs(floor_to(value, kept)) <= abs(value) <= abs(ceil_to(value, kept))
    assert decimals_of(floor_to(value, kept)) <= kept


def test_dividing_by_nothing_is_an_error_and_long_quotients_are_cut():
    with pytest.raises(ZeroDivisionError):
        divide(Decimal(1), Decimal(0))
    assert divide(Decimal(2), Decimal(3), 6) == Decimal("0.666666")


@given(st.decimals() | st.decimals(allow_nan=False, allow_infinity=False, places=20) | st.integers().map(Decimal))
def test_a_number_that_is_let_in_can_be_printed_and_read_again(value):
    if is_plain(value):
        assert parse_decimal(plain(value)) == value


@pytest.mark.parametrize("text", ["9" * 40, "0." + "0" * 39 + "1", "-" + "9" * 30 + ".5"])
def test_numbers_up_to_the_bounds_are_let_in(text):
    assert is_plain(Decimal(text))


@pytest.mark.parametrize("text", ["1E+40", "1E-41", "9" * 30 + "." + "9" * 30, "NaN", "-Infinity", "9E+999999"])
def test_numbers_beyond_the_bounds_are_not(text):
    assert not is_plain(Decimal(text))
