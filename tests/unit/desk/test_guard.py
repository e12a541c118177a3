"""The guard's judgement of heartbeats, and what its plan does to an account."""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mexc_tui.config.settings import GuardSettings
from mexc_tui.desk.guard.brief import FAREWELL, Brief, GuardReport, guarded_before, keep
from mexc_tui.desk.guard.process import Guard
from mexc_tui.desk.guard.watch import Watch
from mexc_tui.desk.guard.work import Work, carry_out
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.inputs import BookSnapshot
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Balance, OrderReport, OrderRequest, OrderState, OrderType, Side

BTC = Instrument(symbol="BTCUSDT", base="BTC", quote="USDT", price_decimals=2, qty_decimals=6, min_notional=Decimal(1))


def test_a_desk_is_gone_after_so_many_silent_looks_and_back_with_a_heartbeat() -> None:
    watch = Watch(5)
    for _ in range(5):
        assert not watch.gone
        watch.look()
    assert watch.gone
    watch.heard(b"\n", FAREWELL)
    watch.look()
    assert watch.alive
    assert not watch.gone


def test_a_desk_that_takes_leave_is_not_gone() -> None:
    watch = Watch(5)
    watch.heard(b"\n\n" + FAREWELL, FAREWELL)
    watch.heard(b"", FAREWELL)
    for _ in range(99):
        watch.look()
    assert not watch.gone


@given(st.lists(st.integers(0, 6), max_size=40))
def test_only_an_unbroken_silence_counts(silences: list[int]) -> None:
    watch = Watch(7)
    for silent in silences:
        for _ in range(silent):
            watch.look()
            assert not watch.gone
        watch.heard(b"\n", FAREWELL)
        watch.look()


@pytest.mark.parametrize("another", [False, True])
def test_a_frozen_desk_that_is_killed_is_left_to_the_one_that_takes_its_place(
    monkeypatch: pytest.MonkeyPatch, another: bool
) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    texts = dict.fromkeys(("desk_id", "desk_name", "base_url", "ws_url", "api_key", "api_secret", "folder"), "")
    settings = GuardSettings(plan="flatten", after_s=5)
    guard = Guard(Brief(**texts, real_orders=False, currency="USDT", settings=settings), heartbeats=reading)
    for _ in range(5):
        guard._look()
    assert guard._still_wanted()
    os.close(writing)
    monkeypatch.setattr("mexc_tui.desk.guard.process.runs", lambda desk_id: another)
    assert guard._still_wanted() is not another
    os.close(reading)


class Account:
    """An exchange in memory. ``fails`` names calls that fail, in turn: True as if nothing was sent."""

    def __init__(self, orders: Sequence[OrderReport], btc: str, fails: Sequence[bool | None] = ()) -> None:
        self.orders = {order.order_id: order for order in orders}
        self.btc = Decimal(btc)
        self.fails = list(fails)
        self.closed = ""
        """The pair of which everything is refused, as a key that is not permitted there meets it."""
        self.placed: list[OrderRequest] = []
        self.fill_share = Decimal(1)

    def _may_fail(self, *, after: bool) -> None:
        failing = self.fails[0] if self.fails else None
        if failing is None:
            if after and self.fails:
                self.fails.pop(0)
            return
        if after != failing:
            self.fails.pop(0)
            raise VenueError("no answer", kind=ErrorKind.NETWORK, sent=after)

    def _open(self, symbol: str) -> None:
        if symbol == self.closed:
            raise VenueError("symbol not support api", kind=ErrorKind.TRADING_DISABLED, code=10007, definite=True)

    async def instruments(self) -> tuple[Instrument, ...]:
        return (replace(BTC, symbol="ODDUSDT", base="ODD"), BTC) if self.closed else (BTC,)

    async def snapshot(self, symbol: str, limit: int) -> BookSnapshot:
        self._open(symbol)
        return BookSnapshot(symbol, 1, [("60000.00", "1")], [("60001.00", "1")], 0)

    async def open_orders(self, symbols: Sequence[str], *, urgent: bool = False) -> tuple[OrderReport, ...]:
        self._may_fail(after=False)
        return tuple(self.orders.values())

    async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        self._may_fail(after=False)
        self._open(symbol)
        if self.orders.pop(order_id, None) is None:
            raise VenueError("unknown order", kind=ErrorKind.ORDER_NOT_FOUND, definite=True)
        self._may_fail(after=True)

    async def balances(self) -> tuple[Balance, ...]:
        locked = sum((o.qty or Decimal(0) for o in self.orders.values() if o.side is Side.SELL), Decimal(0))
        return (
            Balance(asset="ODD", free=Decimal(3), locked=Decimal(0)),
            Balance(asset="BTC", free=self.btc - locked, locked=locked),
            Balance(asset="USDT", free=Decimal(100), locked=Decimal(0)),
        )

    async def place(self, request: OrderRequest) -> str:
        self._may_fail(after=False)
        assert request.side is Side.SELL
        assert request.qty is not None
        assert request.qty <= self.btc
        self.placed.append(request)
        self.btc -= (request.qty * self.fill_share).quantize(Decimal("0.000001"))
        self._may_fail(after=True)
        return "s"

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        request = next((one for one in self.placed if one.client_order_id == client_order_id), None)
        return None if request is None else _order("s", client_order_id, Side.SELL, str(request.qty), filled=True)


def _order(order_id: str, name: str, side: Side, qty: str, *, filled: bool = False) -> OrderReport:
    return OrderReport(
        symbol="BTCUSDT",
        order_id=order_id,
        client_order_id=name,
        side=side,
        type=OrderType.LIMIT,
        state=OrderState.FILLED if filled else OrderState.WORKING,
        price=Decimal(60000),
        qty=Decimal(qty),
        quote_qty=None,
        filled_qty=Decimal(qty) if filled else Decimal(0),
        filled_quote=Decimal(qty) * 60000 if filled else Decimal(0),
        created_ms=1,
        updated_ms=1,
    )


def _orders() -> list[OrderReport]:
    return [
        _order("1", "mtui-a-1", Side.BUY, "0.01"),
        _order("2", "mtui-a-2", Side.SELL, "0.02"),
        _order("3", "other", Side.BUY, "0.03"),
    ]


async def _no_pause(seconds: float) -> None:
    return None


async def _run(account: Account, settings: GuardSettings, steps: int = 200) -> tuple[Work, bool]:
    work = Work(account, settings, "USDT", "grd1")
    left = steps

    async def pause(seconds: float) -> None:
        nonlocal left
        left -= 1

    done = await carry_out(work, wanted=lambda: left > 0, on_progress=lambda: None, pause=pause)
    return work, done


async def test_cancelling_entries_keeps_exits_and_what_others_made() -> None:
    account = Account(_orders(), "0.5")
    work, done = await _run(account, GuardSettings(plan="cancel entries"))
    assert done
    assert set(account.orders) == {"2", "3"}
    assert work.cancelled == ["buy 0.01 BTCUSDT at 60000"]
    assert account.placed == []


@pytest.mark.parametrize("calls", range(7))
async def test_a_desk_that_comes_back_during_a_step_meets_no_cancel_and_no_sale_after_that(calls: int) -> None:
    account = Account(_orders(), "0.5")
    back: list[str] = []
    """What was cancelled and sold once the desk was back."""

    class Door(Account):
        async def open_orders(self, symbols: Sequence[str], *, urgent: bool = False) -> tuple[OrderReport, ...]:
            count()
            return await account.open_orders(symbols)

        async def cancel(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
            if seen >= calls:
                back.append(order_id)
            count()
            await account.cancel(symbol, order_id=order_id)

        async def balances(self) -> tuple[Balance, ...]:
            count()
            return await account.balances()

        async def place(self, request: OrderRequest) -> str:
            if seen >= calls:
                back.append(request.client_order_id)
            count()
            return await account.place(request)

    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1

    work = Work(Door([], "0"), GuardSettings(plan="flatten"), "USDT", "grd1")
    done = await carry_out(work, wanted=lambda: seen < calls, on_progress=lambda: None, pause=_no_pause)
    assert not done
    assert not back


async def test_flattening_sells_within_the_collar_and_names_what_it_cannot_sell() -> None:
    account = Account(_orders(), "0.5")
    account.fill_share = Decimal("0.5")
    work, done = await _run(account, GuardSettings(plan="flatten", collar=Decimal("0.02")))
    assert done
    assert set(account.orders) == {"3"}
    assert [request.price for request in account.placed] == [Decimal("58800.00")] * 5
    assert account.btc == Decimal("0.015625")
    assert work.left == ["3 ODD, which has no pair in USDT", "0.015625 BTC: 5 sales did not sell it"]


@given(st.lists(st.sampled_from([None, True, False]), max_size=30), st.sampled_from(["cancel entries", "flatten"]))
async def test_whatever_fails_the_plan_ends_and_never_sells_more_than_is_held(
    fails: list[bool | None], plan: Literal["cancel entries", "flatten"]
) -> None:
    account = Account(_orders(), "0.5", fails)
    _, done = await _run(account, GuardSettings(plan=plan))
    assert done
    assert "3" in account.orders
    assert account.btc == (Decimal("0.5") if plan == "cancel entries" else 0)


@pytest.mark.parametrize("plan", ["cancel entries", "flatten"])
async def test_a_pair_that_refuses_everything_holds_up_no_other(plan: Literal["cancel entries", "flatten"]) -> None:
    stuck = replace(_order("0", "mtui-a-0", Side.BUY, "1"), symbol="ODDUSDT")
    account = Account([stuck, *_orders()], "0.5")
    account.closed = "ODDUSDT"
    work, done = await _run(account, GuardSettings(plan=plan))
    assert not done
    assert set(account.orders) == ({"0", "3"} if plan == "flatten" else {"0", "2", "3"})
    assert account.btc == (0 if plan == "flatten" else Decimal("0.5"))
    assert work.left[0] == "buy 1 ODDUSDT at 60000: symbol not support api"
    assert work.left[1:] == (["3 ODD: symbol not support api"] if plan == "flatten" else [])


async def test_a_desk_that_is_back_stops_the_plan() -> None:
    account = Account(_orders(), "0.5")
    _, done = await _run(account, GuardSettings(plan="flatten"), steps=0)
    assert not done
    assert len(account.orders) == 3


def test_what_a_guard_did_is_told_once(tmp_path: Path) -> None:
    report = GuardReport(began_ms=0, why="the desk had ended", plan="cancel entries", cancelled=["buy 1 X at 2"])
    keep(tmp_path, report)
    (told,) = guarded_before(tmp_path)
    assert "the desk had ended; the guard (cancel entries) cancelled buy 1 X at 2." in told
    assert guarded_before(tmp_path) == ()


@pytest.mark.parametrize("content", [b"", b"{", b'{"began_ms":1e30,"why":"","plan":""}', b"\xff"])
def test_a_report_that_cannot_be_read_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "guard.json").write_bytes(content)
    assert "guard.log" in guarded_before(tmp_path)[0]
