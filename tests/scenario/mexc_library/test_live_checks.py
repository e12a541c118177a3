"""``doctor --live``: what is assumed about the exchange, checked with the smallest orders."""

from __future__ import annotations

import contextlib
import io
import sys
from decimal import Decimal
from typing import Any

import pytest

from mexc_tui import MexcExchange
from mexc_tui.cli.doctor import live
from mexc_tui.desk.doctor.live import Occasion, Verdict, live_checks
from mexc_tui.domain.errors import VenueError
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.simulator.server import Server


@pytest.fixture
def settings(here: dict[str, Any]) -> MexcSettings:
    return MexcSettings(**here)


async def test_every_assumption_is_checked_and_only_its_own_orders_are_touched(
    local: Server, settings: MexcSettings, mexc: MexcExchange
) -> None:
    asked: list[Occasion] = []

    async def allow(occasion: Occasion) -> bool:
        asked.append(occasion)
        return True

    async with mexc.session(["BTCUSDT"], ungated=True) as session:
        mine = await session.place_limit_order("BTCUSDT", "BUY", "0.01", "20000")
        before = session.balance("USDT")
        found = {one.subject: one async for one in live_checks(settings, "BTCUSDT", allow)}
        open_now = [report.order_id for report in await session.rest.trading.open_orders(["BTCUSDT"])]
        after = next(one for one in await session.rest.account.balances() if one.asset == "USDT")
    assert open_now == [mine.order_id]
    assert len(asked) == 1
    assert before is not None
    assert before.total - after.total < asked[0].most_spent
    assert [one for one in found.values() if one.verdict is not Verdict.AS_ASSUMED] == []
    assert {"key scope", "order/test, FOK", "a client order id used twice", "pushes of a fill", "fee"} <= found.keys()


async def test_a_reader_that_goes_away_leaves_no_order(settings: MexcSettings, mexc: MexcExchange) -> None:
    async def allow(_: Occasion) -> bool:
        return True

    async with mexc.session(ungated=True) as session:
        async with contextlib.aclosing(live_checks(settings, "BTCUSDT", allow)) as findings:
            async for finding in findings:
                if finding.subject == "order push":
                    assert await session.rest.trading.open_orders(["BTCUSDT"])
                    break
        assert await session.rest.trading.open_orders(["BTCUSDT"]) == ()


async def test_nothing_is_placed_without_leave(settings: MexcSettings, mexc: MexcExchange) -> None:
    async def refuse(_: Occasion) -> bool:
        return False

    assert [one async for one in live_checks(settings, "BTCUSDT", refuse)] == []
    async with mexc.session(ungated=True) as session:
        assert await session.rest.trading.all_orders("BTCUSDT") == ()


async def test_a_pair_that_is_not_listed_is_refused_before_anything_is_asked(settings: MexcSettings) -> None:
    with pytest.raises(VenueError, match="NOSUCH"):
        _ = [one async for one in live_checks(settings, "NOSUCH", pytest.fail)]


@pytest.mark.parametrize(("typed", "leave"), [("7001\n", True), ("yes\n", False), ("", False)])
def test_only_the_number_of_the_account_is_leave(
    typed: str, leave: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    occasion = Occasion("7001", "MEXC", "BTCUSDT", Decimal("5.5"), "USDT")
    assert live._asked(occasion) is leave
    assert "never more than 5.5 USDT" in capsys.readouterr().err


def test_programs_cannot_ask_for_real_orders(here: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="real_orders"):
        MexcExchange(**here, real_orders=True)
