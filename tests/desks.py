"""Desks that tests start: where their sockets go, and their end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from mexc_tui.cli.main import main
from tests.patience import until


@contextlib.contextmanager
def runtime_folder() -> Iterator[str]:
    """A folder for sockets; those of pytest have paths that are too long for one."""
    folder = tempfile.mkdtemp(prefix="mx-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def program(environment: Mapping[str, str], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with an environment and outputs of its own but without a process of its own."""
    with (
        mock.patch.dict(os.environ, {**environment, **more}, clear=True),
        mock.patch.object(sys, "excepthook"),
        mock.patch.object(threading, "excepthook"),
        outputs() as said,
    ):
        code = main(arguments)
    out, err = said()
    return subprocess.CompletedProcess(arguments, code, out, err)


@contextlib.contextmanager
def outputs() -> Iterator[Callable[[], list[str]]]:
    """Send what is printed to files, and return it afterwards; nothing can be read meanwhile."""
    with contextlib.ExitStack() as undo:
        files = [undo.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        for number, (name, file) in enumerate(zip(("stdin", "stdout", "stderr"), files, strict=True)):
            kept = os.dup(number)
            undo.callback(os.close, kept)
            undo.callback(os.dup2, kept, number)
            os.dup2(file.fileno(), number)
            stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
            undo.enter_context(stream)
            undo.enter_context(mock.patch.object(sys, name, stream))
        said: list[str] = []
        yield lambda: said
        for file, stream in zip(files[1:], (sys.stdout, sys.stderr), strict=True):
            stream.flush()
            file.seek(0)
            said.append(file.read().decode())


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def desks(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """What runs, by the program's own account."""
    done = program(environment, "desk", "status", "--json")
    assert done.returncode == 0, done.stderr
    return rows(done)


def only_desk(environment: Mapping[str, str]) -> dict[str, Any]:
    found = desks(environment)
    assert len(found) == 1, found
    return found[0]


def desk_pids(state: str | Path) -> list[int]:
    found = []
    for path in (Path(state) / "mexc-tui" / "desks").glob("*.json"):
        with contextlib.suppress(OSError, ValueError):
            found.append(json.loads(path.read_text())["pid"])
    return found


def alive(pid: int) -> bool:
    return _state(Path(f"/proc/{pid}")) not in ("", "Z")


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Keep a process standing still; within, none of its threads runs any more."""
    os.kill(pid, signal.SIGSTOP)
    try:
        # The signal takes hold when the thread that takes it gets its turn; until then the others go on.
        until(lambda: all(state == "T" for state in _thread_states(pid)), f"process {pid} does not stand still")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _thread_states(pid: int) -> list[str]:
    return [_state(path) for path in Path(f"/proc/{pid}/task").iterdir()]


def _state(process: Path) -> str:
    """The letter of the state that the kernel tells; empty where there is no such process or thread."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def gone(pid: int) -> None:
    until(lambda: not alive(pid), f"process {pid} lives on")


def book_is_shown(text: str) -> bool:
    return "LADDER BTCUSDT" in text and "exact" in text and len(re.findall(r"\d\d,\d{3}\.\d\d ", text)) > 10


def end_desks(state: str | Path) -> None:
    """End every desk that was left, in order if it can be."""
    for pid in desk_pids(state):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            try:
                gone(pid)
            except AssertionError:
                os.kill(pid, signal.SIGKILL)
