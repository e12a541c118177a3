"""What each control has left: told once when a limit comes near, with its last refusal; all as in docs/risk.md."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from mexc_tui.domain import gate
from mexc_tui.domain.controls.table import CONTROLS
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.views import TOPIC_RISK

D = Decimal
MANUAL = Path(__file__).parents[3] / "docs" / "risk.md"


def test_the_manual_and_the_screen_say_the_same_of_every_control():
    found = []
    for line in MANUAL.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        codes = re.findall("`([A-Z_]+)`", cells[1]) if line.startswith("| ") and len(cells) == 7 else []
        if codes and not cells[6].startswith("missing"):
            found.append((tuple(codes), cells[2], tuple(re.findall("`([a-z_]+)`", cells[4])), "‡" in cells[1]))
    assert found == [(*control, control.overridable) for control in CONTROLS], (
        "docs/risk.md and domain/controls/table.py differ"
    )
    settings = {name for control in CONTROLS for name in control.settings}
    assert settings == set(Limits.__struct_fields__)


def test_every_control_of_the_gate_is_explained():
    groups = [value for name, value in vars(gate).items() if name.isupper() and isinstance(value, tuple)]
    codes = {code for group in groups for code, _ in group}
    assert len(codes) > 30
    assert codes <= {code for control in CONTROLS for code in control.codes}


def near(bench) -> list[str]:
    return [fact.message for fact in bench.facts if fact.kind == "near"]


def test_a_limit_that_comes_near_is_told_once_for_each_time(make):
    bench = make(limits=Limits(max_position_value=D(100_000), max_gross_exposure=D(10**7), max_day_loss=D(0)))
    bench.market([("59990.00", "5")], [("60000.00", "5")])

    def hold(btc: str) -> None:
        bench.account(btc=btc)
        bench.tick(1)
        bench.tick(1)

    hold("1.3")
    assert near(bench) == []
    for btc in ("1.34", "1.2", "1.34"):
        hold(btc)
        assert len(near(bench)) == 1
    assert "Position BTC is near its limit: 80,3" in near(bench)[0] or "80,4" in near(bench)[0]
    hold("1.1")
    hold("1.4")
    assert len(near(bench)) == 2
    hold("0")
    hold("1.4")
    assert len(near(bench)) == 3


def test_the_loss_of_the_day_is_a_limit_like_others(make):
    bench = make(limits=Limits(max_day_loss=D(1_000), max_drawdown=D(0), max_position_value=D(10**6)))
    bench.market([("60000.00", "5")], [("60010.00", "5")])
    bench.account(btc="1")
    bench.tick(1)
    bench.level([("60000.00", "0"), ("59150.00", "5")], [])
    bench.tick(1)
    bench.tick(1)
    (row,) = [row for row in bench.view(TOPIC_RISK).headroom if row.code == "REDUCING"]
    assert (row.label, row.used, row.limit, row.unit) == ("loss of the day", D(850), D(1_000), "USDT")
    assert any("only what reduces is taken" in text for text in near(bench))


def test_the_last_refusal_of_each_control_is_kept(make):
    bench = make(limits=Limits(max_order_value=D(100)))
    bench.market([("59990.00", "1")], [("60000.00", "1")])
    bench.account()
    bench.place(qty="0.01")
    bench.later(5)
    bench.place(qty="0.02")
    (one,) = [one for one in bench.view(TOPIC_RISK).refusals if one.code == "MAX_ORDER_VALUE"]
    assert (one.count, one.symbol, one.wall_ms) == (2, "BTCUSDT", bench.wall_ms)
    assert "1,200" in one.message
