"""What the status bar says of the link when something is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.views import LinkView, VenueKind
from mexc_tui.ui.panes.status.presenter import StatusInput, news_rows, status_row
from mexc_tui.ui.primitives.text import row_width


def row(width: int = 200, *, link_age_ms: int | None = 0, **link: Any) -> str:
    view = LinkView(
        venue="MEXC",
        kind=VenueKind.PAPER,
        private_state=LinkState.CONNECTED,
        can_trade=True,
        **{"state": LinkState.CONNECTED, "reason": "", **link},
    )
    data = StatusInput(link=view, risk=None, book=None, book_age_ms=None, link_age_ms=link_age_ms)
    spans = status_row(data, width)
    assert row_width(spans) == width
    return "".join(text for text, _ in spans)


def test_why_no_request_goes_out_and_until_when() -> None:
    why = "api.mexc.com has failed 6 times in a row"
    assert f"no requests: {why}, again in 12.0s" in row(held=why, held_s=12.0, breaker="open")
    assert f"no requests: {why}, trying again" in row(held=why, held_s=0.0, breaker="half open")
    assert "no requests" not in row()


@pytest.mark.parametrize(
    ("width", "text"), [(90, "no requests, again in 1m30"), (60, "no requests"), (45, " ✖ "), (30, "")]
)
def test_it_is_said_as_long_as_there_is_room(width: int, text: str) -> None:
    assert text in row(width, held="MEXC has banned this address", held_s=90.0)


def test_a_narrow_bar_leaves_reasons_out_and_not_the_link() -> None:
    lost = {"state": LinkState.RECONNECTING, "reason": "127.0.0.1 cannot be reached", "held": "it has failed 5 times"}
    assert "✖ reconnecting   ✖ no requests" in row(60, **lost)
    assert "reconnecting: 127.0.0.1 cannot be reached" in row(**lost)


def test_a_desk_that_is_frozen_is_not_shown_as_connected() -> None:
    for usual in (None, 0, 1_900):
        assert "● link" in row(link_age_ms=usual)
    for width in (200, 60):
        frozen = row(width, link_age_ms=16_000)
        assert "desk silent for 16.0s" in frozen
        assert "● link" not in frozen


def test_of_a_refusal_the_reason_is_seen_and_once() -> None:
    why = "The ticket is locked; arm it to send orders."
    told = f"The limit buy of 0.000768 BTCUSDT at 65,068.5 was refused here. {why} Nothing was sent."
    assert news(told, [why], 80)[0].startswith(f" 07:35:57 Not sent: {why}")
    assert news(told, [why], 160) == [f" 07:35:57 {told}"]
    assert news("Refused.", [why], 160) == [f" 07:35:57 Refused. {why}"]


def test_what_has_no_room_takes_more_rows_and_then_says_where_all_of_it_is() -> None:
    text = " ".join(f"word{number}" for number in range(40))
    rows = news(text, [], 80, 5)
    assert len(rows) == 4
    assert " ".join(rows).split() == ["07:35:57", *text.split()]
    rows = news(text, [], 80, 2)
    assert len(rows) == 2
    assert rows[1].endswith("… F8: all")
    reason = "The order needs 130,000 USDT."
    assert news(text, [reason], 80, 3) == [f" 07:35:57 Not sent: {reason}"]


def news(text: str, reasons: list[str], width: int, most: int = 1) -> list[str]:
    rows = news_rows("07:35:57", text, reasons, width, most, "F8: all")
    assert {len(row) for row in rows} == {width}
    return [row.rstrip() for row in rows]


def test_words_from_outside_are_harmless() -> None:
    assert "\x1b" not in row(held="\x1b[31mevil\x07", held_s=5.0)


def test_a_clock_that_is_off_and_frames_that_were_not_read() -> None:
    assert "clock off 10.0s" in row(clock_offset_ms=-10_000.0)
    assert "clock off" not in row(clock_offset_ms=900.0)
    assert "7 unread" in row(unknown_frames=7)
    assert "unread" not in row()
