"""The one place that touches what Textual does not promise; each use has a test that fails when Textual changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.driver import Driver
from textual.keys import _character_to_key


class AppTerminal:
    """The way from an app to its terminal: how many writes wait, and how many bytes have been handed over."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._counted: object | None = None
        self._bytes = 0

    def backlog(self) -> int:
        """Return how many writes wait; zero where the driver does not queue (in tests, on Windows)."""
        thread = getattr(self._app._driver, "_writer_thread", None)
        queue = getattr(thread, "_queue", None)
        return int(queue.qsize()) if queue is not None else 0

    def written(self) -> int:
        """Return how many bytes were handed to the terminal since this was first asked."""
        driver = self._app._driver
        if driver is not None and driver is not self._counted:
            self._counted = driver
            self._count(driver)
        return self._bytes

    def _count(self, driver: Driver) -> None:
        write = driver.write

        def counting(data: str) -> None:
            self._bytes += len(data.encode("utf-8", "replace"))
            write(data)

        driver.write = counting  # type: ignore[method-assign]


def key_name(key: str) -> str:
    """Return Textual's name of a key: ``exclamation_mark`` for ``!``."""
    return _character_to_key(key) if len(key) == 1 else key


def set_bindings(node: DOMNode, bindings: Iterable[Binding]) -> None:
    """Give one node bindings of its own that come before those of its class for the same keys."""
    own = BindingsMap(bindings)
    merged = {**node._bindings.key_to_bindings, **own.key_to_bindings}
    node._bindings = BindingsMap.from_keys(merged)
