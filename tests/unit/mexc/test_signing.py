"""MEXC's published and recomputed signature vectors."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from mexc_tui.venues.mexc.rest import signing

SECRET = "45d0b3c26f2644f19bfb98b07741b2f5"
ORDER = [("symbol", "BTCUSDT"), ("side", "BUY"), ("type", "LIMIT"), ("quantity", "1"), ("price", "11")]
BATCH = json.dumps(
    [
        {
            "type": "LIMIT",
            "price": "40000",
            "quantity": "0.0002",
            "symbol": "BTCUSDT",
            "side": "BUY",
            "newClientOrderId": "a1",
        }
    ],
    separators=(",", ":"),
)
TIME = ("timestamp", "1644489390087")
WINDOW = ("recvWindow", "5000")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ([*ORDER, WINDOW, TIME], "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"),
        ([TIME], "09b4b5a40aeec864d2caa60f2e6a740b61dc423d76c5615c00fd72681f52a094"),
        ([("symbol", "BTCUSDT,MXUSDT"), TIME], "777a515516f93951fb689cfd0fa7629cb458fa7dc617170f88255b3a90ce6080"),
        ([("symbol", "币安人生USDT"), TIME], "d88991a856b25bb14e5cd6ab9af7c827f7d2982fc7af8d8904f7f9738194be64"),
        ([("batchOrders", BATCH), WINDOW, TIME], "c2e8a3db77de720b1713b0d80634e20d50835147654fe634dd0e79321dda293c"),
    ],
)
def test_vectors(params: list[tuple[str, str]], expected: str) -> None:
    assert signing.signature(SECRET, signing.encode(params)) == expected


def test_query_and_body_are_joined_with_nothing_between() -> None:
    query = signing.encode(ORDER[:3])
    body = signing.encode([*ORDER[3:], WINDOW, TIME])
    expected = "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592"
    assert signing.signature(SECRET, query + body) == expected


def test_signature_of_the_faulty_published_example_is_not_ours() -> None:
    text = signing.encode([*ORDER, WINDOW, TIME])
    assert signing.signature(SECRET, text) != "323c96ab85a745712e95e63cad28903dd8292e4a905e99c4ee3932023843a117"


def test_signed_query_ends_with_the_signature_of_all_that_precedes() -> None:
    query = signing.signed_query(ORDER, secret=SECRET, recv_window_ms=5000, timestamp_ms=1644489390087)
    text, _, signature = query.rpartition("&signature=")
    assert dict(parse_qsl(text))["timestamp"] == "1644489390087"
    assert signature == signing.signature(SECRET, text)


def test_escapes_are_upper_case_and_a_space_is_percent_20() -> None:
    assert signing.encode([("a", "x, y/(é)")]) == "a=x%2C%20y%2F%28%C3%A9%29"


def test_self_test_passes_here() -> None:
    signing.self_test()


def test_self_test_notices_a_wrong_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "signature", lambda _secret, _text: "0" * 64)
    with pytest.raises(signing.SigningError, match="self-test"):
        signing.self_test()
