"""What a signature covers: the parameters encoded again as MEXC encodes them, not the bytes on the line."""

from __future__ import annotations

from random import Random

import pytest

from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.server.keys import ApiKey, KeyRing
from mexc_tui.venues.simulator.server.signing import authenticate, sign

SECRET = "45d0b3c26f2644f19bfb98b07741b2f5"
NOW = 1_644_489_390_087
STAMP = f"&timestamp={NOW}"


def enter(sent: str, signed: str, body: str = "", signed_body: str = "") -> dict[str, str]:
    """Return the parameters of a request that was sent as one text and signed as another."""
    keys = KeyRing(Random(1))
    keys.add(ApiKey(access="mx0aBYs33eIilxBWC5", secret=SECRET, account_id="a"))
    proof = sign(SECRET, signed + STAMP + signed_body)
    query = f"{sent}{STAMP}&signature={proof}"
    return authenticate(keys, "mx0aBYs33eIilxBWC5", query, body, "127.0.0.1", "SPOT_DEAL_WRITE", NOW)[1]


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("name=a%20b", "name=a%20b"),
        ("name=a+b", "name=a%20b"),
        ("name=a%2cb", "name=a%2Cb"),
        ("name=%28x%29", "name=%28x%29"),
        ("name=(x)", "name=%28x%29"),
        ("name=a~b*c", "name=a~b*c"),
        ("name=a~b*c", "name=a~b%2Ac"),
        ("name=a~b*c", "name=a%7Eb*c"),
        ("name=", "name="),
        ("list=[{%22a%22:+1}]", "list=%5B%7B%22a%22%3A%201%7D%5D"),
        ("symbol=\u5e01USDT", "symbol=%E5%B8%81USDT"),
    ],
)
def test_the_encoded_parameters_are_signed_however_they_are_sent(sent: str, signed: str) -> None:
    assert enter(sent, signed)["timestamp"] == str(NOW)


@pytest.mark.parametrize("text", ["name=a+b", "name=a%2cb", "name=(x)", "list=[1]", "name=a,b", "symbol=\u5e01USDT"])
def test_another_encoding_than_mexcs_is_refused_even_where_it_was_signed_as_sent(text: str) -> None:
    with pytest.raises(SimError) as refusal:
        enter(text, text)
    assert refusal.value.code == 700002


def test_the_body_is_encoded_for_itself() -> None:
    params = enter("side=BUY", "side=BUY", body="name=a+b&price=1", signed_body="name=a%20b&price=1")
    assert (params["name"], params["price"]) == ("a b", "1")
