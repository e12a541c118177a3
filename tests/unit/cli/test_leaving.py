"""What leaving a screen does to its desk, by what the desk says of itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest

from mexc_tui.cli import cockpit
from mexc_tui.cli.cockpit import on_quit
from mexc_tui.config.loading import SettingsFile
from mexc_tui.config.settings import Settings
from mexc_tui.desk.client import DeskAbsentError
from mexc_tui.domain.client import Role
from mexc_tui.domain.views import VenueKind
from mexc_tui.ui.leaving import Leave

ONE, TWO = ("screen pts/1", "status"), ("screen pts/1", "screen pts/2")


def desk(kind: VenueKind, clients: tuple[str, ...], stays: bool) -> SimpleNamespace:
    named = [SimpleNamespace(name=name) for name in clients]
    found = SimpleNamespace(info=SimpleNamespace(kind=kind), clients=named, stays=stays)
    return SimpleNamespace(status=lambda limit_s: found)


def frozen(limit_s: float) -> None:
    raise DeskAbsentError("It does not answer.")


@pytest.mark.parametrize("wanted", ["ask", "keep", "stop"])
def test_what_becomes_of_the_desk(wanted):
    """The setting holds for a desk with its last screen; a demo that was not started to stay ends with that."""
    assert on_quit(desk(VenueKind.LOCAL, ONE, True), wanted) == wanted
    assert on_quit(desk(VenueKind.PAPER, TWO, True), wanted) == "keep"
    assert on_quit(desk(VenueKind.DEMO, ONE, True), wanted) == wanted
    assert on_quit(desk(VenueKind.DEMO, ONE, False), wanted) == "stop"
    assert on_quit(desk(VenueKind.REPLAY, TWO, False), wanted) == "keep"
    unanswered = on_quit(SimpleNamespace(status=frozen), wanted)
    assert unanswered == ("keep" if wanted == "keep" else "ask"), (
        "others may look at a desk that is not stopped unasked"
    )


@pytest.mark.parametrize("role", list(Role))
def test_who_leaves_a_desk_is_told_that_it_goes_on(monkeypatch, capsys, role):
    monkeypatch.setattr(cockpit, "_show", lambda *_: (Leave.KEEP, 0))
    monkeypatch.setattr(cockpit, "opening", lambda *_: ("BTCUSDT", ()))
    monkeypatch.setattr(cockpit, "options_of", lambda *_: None)
    monkeypatch.setattr(cockpit, "start_log", lambda: None)
    client = SimpleNamespace(
        info=SimpleNamespace(kind=VenueKind.LOCAL, name="local-1"),
        role=role,
        seen=0,
        wait=lambda *_: True,
        died=str,
        view=lambda topic: None,
        close=lambda: None,
    )
    arguments = argparse.Namespace(symbol=None, frames=None)
    file = SettingsFile(Path("config.toml"), Settings())
    assert cockpit.open_screen(client, "desk", file, arguments, cockpit.Refusals()) == 0
    assert "the desk local-1 goes on; `mexc-tui attach`" in capsys.readouterr().err
