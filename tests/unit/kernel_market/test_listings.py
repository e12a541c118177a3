"""What is said when pairs come, go, pause or are closed to the key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from mexc_tui.domain.inputs import InstrumentsLoaded
from mexc_tui.domain.instrument import Instrument, InstrumentStatus, TradeSides
from mexc_tui.kernel.effects import EmitFact

PAIR = Instrument(symbol="ABCUSDT", base="ABC", quote="USDT", price_decimals=2, qty_decimals=2, min_notional=Decimal(1))
OTHER = replace(PAIR, symbol="XYZUSDT", base="XYZ")


def load(rig: Any, *pairs: Instrument, allowed: set[str] | None = None) -> list[tuple[str, str, str]]:
    effects = rig.do(InstrumentsLoaded(pairs, None if allowed is None else frozenset(allowed)))
    facts = [effect.fact for effect in effects if isinstance(effect, EmitFact) and effect.fact.kind == "listing"]
    return [(fact.level.value, fact.symbol, fact.message) for fact in facts]


def test_the_first_list_is_no_news(rig: Any) -> None:
    rig.focus()
    assert load(rig, PAIR, OTHER) == []
    assert load(rig, PAIR, OTHER) == []


def test_each_change_of_a_followed_pair_is_told_with_what_it_means(rig: Any) -> None:
    rig.focus()
    load(rig, PAIR, OTHER)
    ((level, symbol, text),) = load(rig, replace(PAIR, status=InstrumentStatus.PAUSED), OTHER)
    assert (level, symbol) == ("warn", "ABCUSDT")
    assert "is paused" in text
    assert "New orders are refused" in text
    assert "open" in load(rig, PAIR, OTHER)[0][2]
    assert "cannot be bought" in load(rig, replace(PAIR, sides=TradeSides.SELL_ONLY), OTHER)[0][2]
    assert "view only" in load(rig, PAIR, OTHER, allowed={"XYZUSDT"})[0][2]
    ((level, _, text),) = load(rig, OTHER)
    assert level == "warn"
    assert "not listed" in text
    assert load(rig, PAIR, OTHER, allowed={"ABCUSDT", "XYZUSDT"})[0][0] == "good"
    assert "risk flag" in load(rig, replace(PAIR, risk_flag=True), OTHER)[0][2]
    assert load(rig, replace(PAIR, risk_flag=True), OTHER) == []


def test_pairs_nobody_follows_are_summed_up_in_one_line(rig: Any) -> None:
    rig.focus()
    load(rig, PAIR, OTHER)
    new = [replace(PAIR, symbol=f"N{n:02d}USDT", base=f"N{n:02d}") for n in range(20)]
    ((level, symbol, text),) = load(rig, PAIR, *new)
    assert (level, symbol) == ("info", "")
    assert "new, open: N00USDT" in text
    assert "and 12 more" in text
    assert "not listed: XYZUSDT" in text


def test_pairs_with_orders_or_holdings_are_followed_too(rig: Any) -> None:
    rig.focus()
    rig.markets.require(["XYZUSDT"])
    load(rig, PAIR, OTHER)
    assert load(rig, PAIR)[0][:2] == ("warn", "XYZUSDT")


def test_a_list_of_open_pairs_that_could_not_be_read_opens_nothing(rig: Any) -> None:
    rig.focus()
    load(rig, PAIR, OTHER, allowed={"XYZUSDT"})
    assert load(rig, PAIR, OTHER) == []
    assert not rig.markets.instrument("ABCUSDT").tradable
