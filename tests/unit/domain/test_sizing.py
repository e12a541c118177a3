from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.sizing import Size, SizeError, SizeUnit, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0.5", Size(Decimal("0.5"), SizeUnit.BASE)),
        ("$100", Size(Decimal(100), SizeUnit.QUOTE)),
        ("100$", Size(Decimal(100), SizeUnit.QUOTE)),
        (" 25% ", Size(Decimal(25), SizeUnit.PERCENT)),
        ("100%", Size(Decimal(100), SizeUnit.PERCENT)),
    ],
)
def test_what_a_size_means(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1e9", "nan", "inf", "1,5", "100.1%", "$", "%", "１００", "0x10", "1_000"]
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(SizeError):
        parse_size(text)


@given(st.text(max_size=12))
def test_nothing_typed_is_read_as_less_than_zero_or_more_than_everything(text):
    try:
        size = parse_size(text)
    except SizeError:
        return
    assert size.amount > 0
    assert size.unit is not SizeUnit.PERCENT or size.amount <= 100
