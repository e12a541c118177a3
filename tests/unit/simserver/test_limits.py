"""Request budgets: what is refused, for how long, and what comes of not listening."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from mexc_tui.venues.simulator.server import GENEROUS, STRICT
from mexc_tui.venues.simulator.server.limits import Limiter, TooManyRequestsError


def spend(limiter: Limiter, times: int, weight: int, at: int) -> None:
    for _ in range(times):
        limiter.check_address("1.2.3.4", weight, at)


def test_weight_comes_back_after_ten_seconds() -> None:
    limiter = Limiter(STRICT)
    spend(limiter, 12, 25, 0)
    with pytest.raises(TooManyRequestsError) as refused:
        limiter.check_address("1.2.3.4", 1, 4_000)
    assert (refused.value.status, refused.value.retry_after_s) == (429, 6)
    limiter.check_address("5.6.7.8", 1, 4_000)
    limiter.check_address("1.2.3.4", 1, 10_000)


def test_an_address_that_does_not_listen_is_banned_longer_each_time() -> None:
    limiter = Limiter(replace(STRICT, strikes=3))
    now = 0
    for expected in (120, 240):
        spend(limiter, 12, 25, now)
        statuses = []
        for _ in range(3):
            with pytest.raises(TooManyRequestsError) as refused:
                limiter.check_address("1.2.3.4", 1, now)
            statuses.append(refused.value.status)
        assert statuses == [429, 429, 418]
        assert refused.value.retry_after_s == expected
        with pytest.raises(TooManyRequestsError) as refused:
            limiter.check_address("1.2.3.4", 1, now + 60_000)
        assert refused.value.status == 418
        now += expected * 1000


async def test_twelve_order_actions_a_second(start: Any) -> None:
    rig = await start(limits=STRICT)
    bid = rig.best("MXUSDT")[0]
    text = f"symbol=MXUSDT&side=BUY&type=LIMIT&quantity=1&price={bid}"
    statuses = [(await rig.call("POST", "order", text))[0] for _ in range(13)]
    assert statuses == [200] * 12 + [429]
    headers = {"X-MEXC-APIKEY": rig.key.access, "Content-Type": "application/json"}
    async with rig.session.delete(
        f"{rig.server.rest_url}/api/v3/openOrders?{rig.signed('symbol=MXUSDT')}", headers=headers
    ) as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "1"
        assert await answer.json() == {"code": 429, "msg": "Too Many Requests"}
    await rig.step(1_000)
    assert (await rig.call("DELETE", "openOrders", "symbol=MXUSDT"))[0] == 200


async def test_the_cockpits_start_fits_the_strict_budget(start: Any) -> None:
    """Instruments, tickers, one book, candles, account, orders and fills within ten seconds."""
    rig = await start(limits=STRICT)
    for path in ("time", "exchangeInfo", "defaultSymbols", "ticker/24hr", "ticker/bookTicker"):
        await rig.ok(f"/api/v3/{path}")
    for _ in range(10):
        await rig.ok("/api/v3/depth?symbol=BTCUSDT&limit=1000")
    await rig.ok("/api/v3/klines?symbol=BTCUSDT&interval=1m")
    for method, path in (("GET", "account"), ("GET", "openOrders"), ("POST", "userDataStream")):
        await rig.done(method, path)
    for symbol in ("BTCUSDT", "MXUSDT"):
        await rig.done("GET", "myTrades", f"symbol={symbol}")


async def test_rules_can_be_changed_while_it_runs(start: Any) -> None:
    rig = await start(limits=replace(GENEROUS, ip_weight_10s=3))
    assert [(await rig.get("/api/v3/ping"))[0] for _ in range(4)] == [200, 200, 200, 429]
    await rig.admin("limits", rules="generous")
    assert (await rig.get("/api/v3/ping"))[0] == 200
