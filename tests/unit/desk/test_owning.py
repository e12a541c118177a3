"""Whose a client's orders are: a screen's a person's, every other one less, and never more than that."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from mexc_tui.desk.owning import owner_of
from mexc_tui.desk.peer import Peer, at_terminal
from mexc_tui.desk.protocol import Hello, ProtocolError
from mexc_tui.domain.client import Role

NOBODY = Peer(os.getuid(), None)


def hello(name: str, owner: str = "") -> Hello:
    return Hello(protocol=1, program="", name=name, role=Role.TRADE, owner=owner)


@pytest.mark.parametrize(
    ("name", "says", "owner", "attended"),
    [
        ("screen", "", "person", True),
        ("screen pts/7", "", "person", True),
        ("screen pts/7", "script", "script", True),
        ("screen pts/7", "grid-1", "grid-1", False),
        ("screener", "", "script", False),
        ("buy BTCUSDT", "", "script", False),
        ("start", "", "script", False),
        ("bot", "grid_2", "grid_2", False),
    ],
)
def test_a_client_is_what_it_shows_or_calls_itself_less(name, says, owner, attended):
    assert owner_of(hello(name, says), NOBODY) == (owner, attended)


@pytest.mark.parametrize(
    ("name", "says"),
    [("screener", "person"), ("buy", "person"), ("bot", "Grid"), ("bot", "a" * 21), ("bot", "\x1b[2J")],
)
def test_nobody_makes_itself_a_person_or_takes_a_name_that_is_none(name, says):
    with pytest.raises(ProtocolError):
        owner_of(hello(name, says), NOBODY)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not tell it")
def test_a_process_at_a_terminal_is_told_from_one_without():
    script = "import os, sys; print('up', flush=True); sys.stdin.read()"
    alone = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert alone.stdout is not None
        alone.stdout.readline()
        assert not at_terminal(Peer(os.getuid(), alone.pid))
    finally:
        alone.communicate(timeout=30)
    pid, master = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", script])
    try:
        assert os.read(master, 2) == b"up"
        assert at_terminal(Peer(os.getuid(), pid))
        assert owner_of(hello("buy BTCUSDT"), Peer(os.getuid(), pid)) == ("script", True)
        assert owner_of(hello("bot", "grid"), Peer(os.getuid(), pid)) == ("grid", False)
    finally:
        os.close(master)
        os.waitpid(pid, 0)
    assert not at_terminal(NOBODY)
