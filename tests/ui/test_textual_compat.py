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

from mexc_tui.ui.textual_compat import (
    AppTerminal,
    TerminalAnswered,
    guard_input,
    keep_crash_quiet,
    key_name,
    mark_escapes,
    set_bindings,
)


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
    guard_input()
    guard_input()
    parser = XTermParser()
    raw = "\x1b[200~b\r\x1b[31m\x1b[Bs\r\x1b\x1b[201\x1b[201~k"
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    seen = [event for piece in pieces for event in parser.feed(piece)]
    assert [event.key for event in seen if isinstance(event, Key)] == ["k"]
    (paste,) = [event for event in seen if isinstance(event, Paste)]
    assert paste.text == "b\r[31m[Bs\r[201"


ANSWERS = "\x1b[0n\x1b[12;40R\x1b[?62;22c\x1b[>0;276;0c\x1b[?997;1n\x1b[4;800;600t\x1b[99;5x"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1_000])
def test_answers_and_sequences_that_mean_nothing_never_become_keys(size: int) -> None:
    guard_input()
    parser = XTermParser()
    raw = f"a{ANSWERS}b\x1b[B{ANSWERS}c"
    seen = [event for at in range(0, len(raw), size) for event in parser.feed(raw[at : at + size])]
    assert [event.key for event in seen if isinstance(event, Key)] == ["a", "b", "down", "c"]
    assert [event.query for event in seen if isinstance(event, TerminalAnswered)] == ["\x1b[5n", "\x1b[6n"] * 2


def pressed(parser: XTermParser, *parts: str) -> list[str]:
    """Return the keys of what comes in parts, each so late that an escape byte before it was taken for Esc."""
    seen: list[Any] = []
    for part in parts:
        seen += parser.feed(part)
        if parser._timeout_time is not None:
            parser._timeout_time = 0.0
            seen += parser.tick()
    return [event.key for event in seen if isinstance(event, Key)]


@pytest.mark.parametrize("rest", ["[B", "OB", "[6~", "[1;5A", "[3;4~"])
def test_the_rest_of_a_key_that_comes_late_presses_no_key(rest: str) -> None:
    guard_input()
    mark_escapes()
    assert pressed(XTermParser(), "\x1b", rest, "j") == ["escape", "j"]
    assert pressed(XTermParser(), "\x1b", rest + "j") == ["escape", "j"]


def test_esc_and_a_key_pressed_after_it_are_two_keys() -> None:
    guard_input()
    mark_escapes()
    assert pressed(XTermParser(), "\x1b", "b", "\x1b", "[", "b") == [
        *("escape", "b", "escape", "left_square_bracket", "b")
    ]
    for answer in ("\x1b[0n", "\x1b[12;40R", "\x1b[?62;22c"):
        assert pressed(XTermParser(), f"\x1b{answer}", "j") == ["escape", "j"]
        parser = XTermParser()
        seen = [*parser.feed("\x1b"), *parser.feed(answer[:1])]
        assert [event.key for event in seen if isinstance(event, Key)] == ["escape"]
        assert pressed(parser, answer[1:], "j") == ["j"]
    assert pressed(XTermParser(), "\x1b\x1b[A\x1b[27u") == ["escape", "up", "escape"]


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
