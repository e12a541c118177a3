"""Each private use of Textual, so that a new version cannot change it unseen."""

from __future__ import annotations

import io
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

from mexc_tui.ui.textual_compat import AppTerminal, key_name, set_bindings


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
