"""Who is let in: MEXC's published signatures, its time window, and its refusals."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.server.keys import ApiKey, KeyRing
from mexc_tui.venues.simulator.server.signing import authenticate, parameters, sign, split_signature

SECRET = "45d0b3c26f2644f19bfb98b07741b2f5"
NOW = 1_644_489_390_087
ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
BATCH = (
    "batchOrders=%5B%7B%22type%22%3A%22LIMIT%22%2C%22price%22%3A%2240000%22%2C%22quantity%22%3A%220.0002%22%2C"
    "%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%2C%22newClientOrderId%22%3A%22a1%22%7D%5D"
    "&recvWindow=5000&timestamp=1644489390087"
)
VECTORS = [
    (ORDER, "", "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"),
    (
        "symbol=BTCUSDT&side=BUY&type=LIMIT",
        "quantity=1&price=11&recvWindow=5000&timestamp=1644489390087",
        "d1a676610ceb39174c8039b3f548357994b2a34139a8addd33baadba65684592",
    ),
    ("timestamp=1644489390087", "", "09b4b5a40aeec864d2caa60f2e6a740b61dc423d76c5615c00fd72681f52a094"),
    (
        "symbol=BTCUSDT%2CMXUSDT&timestamp=1644489390087",
        "",
        "777a515516f93951fb689cfd0fa7629cb458fa7dc617170f88255b3a90ce6080",
    ),
    (
        "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&timestamp=1644489390087",
        "",
        "d88991a856b25bb14e5cd6ab9af7c827f7d2982fc7af8d8904f7f9738194be64",
    ),
    (BATCH, "", "c2e8a3db77de720b1713b0d80634e20d50835147654fe634dd0e79321dda293c"),
]


@pytest.fixture
def ring() -> KeyRing:
    keys = KeyRing(Random(1))
    keys.add(ApiKey(access="mx0aBYs33eIilxBWC5", secret=SECRET, account_id="a"))
    return keys


def enter(ring: KeyRing, query: str, body: str = "", **changed: Any) -> dict[str, str]:
    given = {"access": "mx0aBYs33eIilxBWC5", "remote": "127.0.0.1", "permission": "SPOT_DEAL_WRITE", "now_ms": NOW}
    given.update(changed)
    return authenticate(ring, query=query, body=body, **given)[1]


@pytest.mark.parametrize(("query", "body", "signature"), VECTORS)
def test_published_signatures_are_accepted(ring: KeyRing, query: str, body: str, signature: str) -> None:
    assert sign(SECRET, query + body) == signature
    params = enter(ring, f"{query}&signature={signature}", body)
    assert params["timestamp"] == str(NOW)
    assert "signature" not in params
    if body:
        assert enter(ring, query, f"{body}&signature={signature}")["quantity"] == "1"


@pytest.mark.parametrize("where", ["first", "middle"])
def test_the_signature_may_stand_anywhere(ring: KeyRing, where: str) -> None:
    signature = VECTORS[0][2]
    head, _, tail = ORDER.partition("&")
    query = f"signature={signature}&{ORDER}" if where == "first" else f"{head}&signature={signature}&{tail}"
    assert enter(ring, query)["symbol"] == "BTCUSDT"
    assert split_signature(query) == (ORDER, signature)


def refused(ring: KeyRing, query: str, **changed: Any) -> int:
    with pytest.raises(SimError) as refusal:
        enter(ring, query, **changed)
    assert refusal.value.http_status == 400
    return refusal.value.code


def signed(text: str) -> str:
    return f"{text}&signature={sign(SECRET, text)}"


def test_refusals_carry_mexcs_codes(ring: KeyRing) -> None:
    good = signed(ORDER)
    assert refused(ring, good, access="") == 400
    assert refused(ring, good, access="abc") == 700001
    assert refused(ring, good, access="mx0unknown") == 10072
    assert refused(ring, ORDER) == 602
    assert refused(ring, good[:-64] + good[-64:].upper()) == 700002
    assert refused(ring, good.replace("quantity=1", "quantity=2")) == 700002
    assert refused(ring, signed("symbol=BTCUSDT")) == 700004
    assert refused(ring, signed("timestamp=soon")) == 10073
    assert refused(ring, signed(f"recvWindow=60001&timestamp={NOW}")) == 700005


@pytest.mark.parametrize(
    ("at", "window", "fits"),
    [
        (NOW - 5000, "", True),
        (NOW - 5001, "", False),
        (NOW - 60_000, "60000", True),
        (NOW - 60_001, "60000", False),
        (NOW + 999, "", True),
        (NOW + 1000, "", False),
        (NOW - 101, "100", False),
    ],
)
def test_the_time_window(ring: KeyRing, at: int, window: str, fits: bool) -> None:
    text = f"recvWindow={window}&timestamp={at}" if window else f"timestamp={at}"
    if fits:
        enter(ring, signed(text))
    else:
        assert refused(ring, signed(text)) == 700003


def test_address_list_and_permissions_of_a_key(ring: KeyRing) -> None:
    key = ring.create("b", permissions=frozenset({"SPOT_ACCOUNT_READ"}), ips=frozenset({"10.0.0.1"}))
    query = f"timestamp={NOW}"
    query += f"&signature={sign(key.secret, query)}"
    assert refused(ring, query, access=key.access, permission="SPOT_ACCOUNT_READ") == 700006
    assert refused(ring, query, access=key.access, remote="10.0.0.1") == 700007
    enter(ring, query, access=key.access, remote="10.0.0.1", permission="SPOT_ACCOUNT_READ")
    assert key.secret not in repr(key)


def test_where_query_and_body_name_the_same_the_query_wins() -> None:
    assert parameters("price=1&a=%2C", "price=2&b=3") == {"price": "1", "a": ",", "b": "3"}


async def test_over_the_wire(rig: Any) -> None:
    status, body = await rig.send("POST", f"/api/v3/order?{rig.signed()}", headers={"Content-Type": "text/plain"})
    assert (status, body["code"]) == (400, 700013)
    status, body = await rig.send("GET", "/api/v3/account?timestamp=1", headers={"X-MEXC-APIKEY": ""})
    assert (status, body["code"]) == (400, 400)
    low = rig.best("币安人生USDT")[0]
    text = f"side=BUY&type=LIMIT&quantity=100&price={low}&symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"
    body = await rig.done("POST", "order/test", text)
    assert body == {}
    query, _, tail = rig.signed(text).partition("&type")
    status, body = await rig.send("POST", f"/api/v3/order?{query}", data=None)
    assert body["code"] == 602
    signature = sign(rig.key.secret, query + "type" + tail.rpartition("&signature=")[0])
    whole = "type" + tail.rpartition("&signature=")[0] + f"&signature={signature}"
    status, body = await rig.send("POST", f"/api/v3/order?{query}", data=whole.encode())
    assert (status, body.get("symbol")) == (200, "币安人生USDT"), body
