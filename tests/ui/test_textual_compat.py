"""Each private use of Textual, so that a new version cannot change it unseen."""

from __future__ import annotations

import io
from importlib import reload
from typing import Any

import pytest
from textual import constants
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.binding import Binding
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key, Paste

from mexc_tui.ui.textual_compat import AppTerminal, guard_pastes, keep_crash_quiet, key_name, set_bindings


def test_the_backlog_is_that_of_the_writer_thread_and_bytes_are_counted() -> None:
    app: App[None] = App()
    terminal = AppTerminal(app)
    assert (terminal.backlog(), terminal.written()) == (0, 0)
    driver: Any = LinuxDriver.__new__(LinuxDriver)
    driver._writer_thread = WriterThread(io.StringIO())
    app._driver = driver
    assert terminal.written() == 0
    driver.write("one")
    driver.write("│")
    assert terminal.backlog() == 2
    assert terminal.written() == 6


def test_the_window_is_named_and_gets_its_old_name_back() -> None:
    app: App[None] = App()
    terminal = AppTerminal(app)
    terminal.title("nowhere")
    written: list[str] = []
    driver: Any = LinuxDriver.__new__(LinuxDriver)
    driver.write = written.append
    app._driver = driver
    terminal.title("")
    for text in ("DEMO", "LIVE main", ""):
        terminal.title(text)
    assert written == ["\x1b[22;2t\x1b]2;DEMO\x07", "\x1b]2;LIVE main\x07", "\x1b[23;2t"]


def test_an_answer_to_a_key_is_painted_within_milliseconds_after_a_frame() -> None:
    assert reload(constants).MAX_FPS == 240


def test_key_names() -> None:
    assert [key_name(k) for k in ("!", "?", ":", "j", "J", "f5")] == [
        *("exclamation_mark", "question_mark", "colon", "j", "J", "f5")
    ]


async def test_own_bindings_come_before_those_of_the_class() -> None:
    done: list[str] = []

    class Two(App[None]):
        BINDINGS = [Binding("a", "first"), Binding("b", "first")]  # noqa: RUF012

        def action_first(self) -> None:
            done.append("first")

        def action_second(self) -> None:
            done.append("second")

    app = Two()
    set_bindings(app, [Binding("a", "second")])
    async with app.run_test() as pilot:
        await pilot.press("a", "b")
    assert done == ["second", "first"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_pasted_escape_bytes_never_become_keys(size: int) -> None:
    guard_pastes()
    guard_pastes()
    parser = XTermParser()
    raw = "\x1b[200~b\r\x1b[31m\x1b[Bs\r\x1b\x1b[201\x1b[201~k"
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    seen = [event for piece in pieces for event in parser.feed(piece)]
    assert [event.key for event in seen if isinstance(event, Key)] == ["k"]
    (paste,) = [event for event in seen if isinstance(event, Paste)]
    assert paste.text == "b\r[31m[Bs\r[201"


def test_a_crash_prints_nothing_and_is_told_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    class Breaks(App[None]):
        def on_mount(self) -> None:
            secret = "hush"
            raise RuntimeError(f"broken after {len(secret)}")

    app = Breaks()
    crash = keep_crash_quiet(app)
    app.run(headless=True)
    assert str(crash()) == "broken after 4"
    assert "hush" not in "".join(capsys.readouterr())
