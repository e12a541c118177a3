"""Resuming from a snapshot and the records after it is resuming from every record, also when much is forgotten."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.orders import Fill, Order, OrderState, OrderType, Side
from mexc_tui.kernel import booked, costs, history, order_store
from mexc_tui.kernel.history import MARGIN_MS, Fold
from mexc_tui.kernel.records import (
    CostRecord,
    DenialRecord,
    DeskSnapshot,
    FillRecord,
    HoldingRecord,
    IntentRecord,
    OrderRecord,
    Record,
    StateRecord,
)

D = Decimal
PAIRS = {"BTCUSDT": ("BTC", "USDT"), "BTCUSDE": ("BTC", "USDE"), "MXUSDT": ("MX", "USDT"), "GONE": ("", "")}
STATES = [OrderState.WORKING, OrderState.PARTIAL, OrderState.FILLED, OrderState.CANCELLED, OrderState.UNKNOWN]
WINDOW = 4
"""Orders that records may speak of at a time."""


@pytest.fixture(autouse=True)
def short_memory(monkeypatch):
    """Let a few dozen records reach every bound."""
    monkeypatch.setattr(order_store, "RECENT", WINDOW)
    monkeypatch.setattr(order_store, "ENDED_KEPT", 3)
    monkeypatch.setattr(order_store, "UNMATCHED_KEPT", WINDOW)
    monkeypatch.setattr(booked, "SWEEP_FROM", 4)
    monkeypatch.setattr(history, "COMMANDS_KEPT", 3)
    monkeypatch.setattr(costs, "KEPT", 4)


def order(number: int, symbol: str, state: OrderState, filled: int, at: int) -> Order:
    return Order(
        client_order_id=f"mtui-r{number % 3}-{number}",
        symbol=symbol,
        side=Side.BUY if number % 2 else Side.SELL,
        type=OrderType.LIMIT,
        state=state,
        created_ms=at,
        updated_ms=at,
        order_id="" if state in (OrderState.PENDING, OrderState.DENIED) else f"E{number}",
        price=D(10),
        qty=D(4),
        filled_qty=D(filled),
        filled_quote=D(filled * 10),
    )


@st.composite
def journals(draw: st.DrawFn) -> list[Record]:
    """Draw records as a desk writes them: an order that was forgotten is not spoken of again."""
    at, trades, newest, made = 1_760_000_000_000, 0, WINDOW, []
    for _ in range(draw(st.integers(0, 40))):
        at += draw(st.sampled_from([1, 1_000, 600_000, 5_000_000]))
        newest += draw(st.integers(0, 1))
        number, symbol = newest - draw(st.integers(0, WINDOW - 1)), draw(st.sampled_from(sorted(PAIRS)))
        kind = draw(
            st.sampled_from(["intent", "order", "order", "denial", "fill", "fill", "fill", "holding", "cost", "state"])
        )
        if kind == "intent":
            pending = order(number, symbol, OrderState.PENDING, 0, at)
            made.append(IntentRecord(order=pending, command_id=f"c{number}", wall_ms=at))
        elif kind == "order":
            changed = order(number, symbol, draw(st.sampled_from(STATES)), draw(st.integers(0, 4)), at)
            made.append(OrderRecord(order=changed, wall_ms=at))
        elif kind == "denial":
            denied = order(10_000 + len(made), symbol, OrderState.DENIED, 0, at)
            made.append(DenialRecord(order=denied, codes=("X",), messages=("No.",), book_version=1, wall_ms=at))
        elif kind == "fill":
            trades += 1
            base, quote = PAIRS[symbol]
            fill = Fill(
                trade_id=f"T{trades}",
                order_id=f"E{number}",
                client_order_id=draw(st.sampled_from(["", f"mtui-r{number % 3}-{number}"])),
                symbol=symbol,
                side=draw(st.sampled_from(Side)),
                price=D(10),
                qty=D(1),
                quote_qty=D(10),
                fee=D("0.1"),
                fee_asset=draw(st.sampled_from(["USDT", "MX", "BTC"])),
                is_maker=False,
                time_ms=at - draw(st.sampled_from([0, 1_000, 10_000_000])),
            )
            fee = draw(st.sampled_from([D("0.1"), None]))
            made.append(FillRecord(fill=fill, base=base, quote=quote, fee_quote=fee, wall_ms=at))
        elif kind == "holding":
            asset = draw(st.sampled_from(["BTC", "MX", "USDT"]))
            since, until = draw(st.sampled_from([(0, 0), (at - 600_000, at + 1_000), (at - 10**7, at - 2_000)]))
            total = D(draw(st.integers(0, 9)))
            made.append(HoldingRecord(asset=asset, total=total, wall_ms=at, since_ms=since, time_ms=until))
        elif kind == "cost":
            base, quote = PAIRS[symbol]
            made.append(
                CostRecord(
                    symbol=symbol,
                    base=base,
                    quote=quote,
                    qty=D(draw(st.integers(1, 9))),
                    cost=D(draw(st.integers(1, 9))),
                    whole=draw(st.booleans()),
                    time_ms=at,
                    wall_ms=at,
                )
            )
        else:
            values = {
                "trading_state": ["active", "halted: why: not", "nonsense"],
                "day_start": ["20370 100.5 USDT BTC MX", "20371 7 USDT  ", "20371 7 EUR  ", "nonsense"],
                "compared": [str(at - MARGIN_MS), "nonsense"],
                "armed": ["yes"],
            }
            name = draw(st.sampled_from(sorted(values)))
            made.append(StateRecord(name=name, value=draw(st.sampled_from(values[name])), wall_ms=at))
    return made


def added_up(records: list[Record], saved: DeskSnapshot | None = None) -> DeskSnapshot:
    fold = Fold("USDT", saved)
    fold.add(records)
    return fold.snapshot()


@given(journals(), st.lists(st.integers(0, 40), max_size=3))
def test_a_snapshot_and_the_rest_are_as_good_as_everything(records, cuts):
    saved, begun = None, 0
    for cut in sorted(cuts):
        saved = added_up(records[begun:cut], saved)
        # What is restored has been through a file.
        saved = msgspec.json.decode(msgspec.json.encode(saved), type=DeskSnapshot)
        begun = max(begun, min(cut, len(records)))
    assert added_up(records[begun:], saved) == added_up(records)


@given(journals())
def test_what_is_remembered_of_finished_orders_is_bounded(records):
    saved = added_up(records)
    unfinished = [one for one in saved.orders if not one.order.state.final]
    assert len(saved.orders) <= 2 * order_store.RECENT + len(unfinished)
    assert (len(saved.ended), len(saved.unmatched)) <= (order_store.ENDED_KEPT, order_store.UNMATCHED_KEPT)
    kept = {one.order.order_id for one in saved.orders} | {order_id for order_id, _, _ in saved.unmatched}
    for one in saved.booked:
        assert one.order_id in kept or one.newest_ms >= saved.booked_floor_ms
