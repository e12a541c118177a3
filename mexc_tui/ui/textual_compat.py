"""The one place that touches what Textual does not promise; each use has a test that fails when Textual changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from textual.app import App
from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode
from textual.keys import _character_to_key


def write_backlog(app: App[Any]) -> int:
    """How many writes wait for the terminal; zero where the driver does not queue (in tests, on Windows)."""
    thread = getattr(app._driver, "_writer_thread", None)
    queue = getattr(thread, "_queue", None)
    return int(queue.qsize()) if queue is not None else 0


def backlog_of(app: App[Any]) -> Callable[[], int]:
    """Return a function that tells how many writes wait for the terminal."""
    return lambda: write_backlog(app)


def key_name(key: str) -> str:
    """Return Textual's name of a key: ``exclamation_mark`` for ``!``."""
    return _character_to_key(key) if len(key) == 1 else key


def set_bindings(node: DOMNode, bindings: Iterable[Binding]) -> None:
    """Give one node bindings of its own that come before those of its class for the same keys."""
    own = BindingsMap(bindings)
    merged = {**node._bindings.key_to_bindings, **own.key_to_bindings}
    node._bindings = BindingsMap.from_keys(merged)
