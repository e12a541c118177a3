"""The embedded exchange in a process of its own, which ends with the one that started it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mexc_tui.config.environment import KEY_VARIABLE, SECRET_VARIABLE
from mexc_tui.domain.errors import ExchangeFailedError

READY_LIMIT_S = 20.0
END_LIMIT_S = 2.0
LOST = "Its paper orders and balances are gone with it. Start the demo again."

_log = logging.getLogger(__name__)
_BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from mexc_tui.__main__ import main; sys.exit(main())"
"""Run this very package, whatever lies in the working directory."""


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange reports when it is ready."""

    rest: str
    ws: str
    api_key: str
    api_secret: str
    notices: tuple[str, ...] = ()
    """What a user should know who comes back to this exchange; whole sentences."""

    def __repr__(self) -> str:
        return f"Addresses({self.rest}, {self.ws})"


class Notice(msgspec.Struct, frozen=True):
    """What the exchange says later: a whole sentence for the user."""

    notice: str


def package_command() -> list[str]:
    """Return the command that runs this very package."""
    return [sys.executable, "-P", "-c", _BOOT, str(Path(__file__).parents[2])]


def child_environment() -> dict[str, str]:
    """Return this process's environment without the account's keys, which a child is given by pipe if at all."""
    return {name: value for name, value in os.environ.items() if name not in (KEY_VARIABLE, SECRET_VARIABLE)}


class StillStartingError(ExchangeFailedError):
    """It has not spoken yet; it may be waited for again."""


class ChildExchange:
    """Started by the constructor, which returns at once; ``ready`` waits for its addresses."""

    def __init__(self, arguments: Sequence[str] = (), *, lost: str = LOST) -> None:
        """Start the process; the arguments go to ``mexc-tui exchange``. ``lost`` is what its sudden end means."""
        self._lost = lost
        own = ("exchange", "--port", "0", "--json", "--until-stdin-closes")
        self._process = subprocess.Popen(
            [*package_command(), *own, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,
        )
        self._first_line = b""
        self._closing = False
        self._on_notice: Callable[[str], None] | None = None
        self._spoken = threading.Event()
        self._complaints: deque[str] = deque(maxlen=20)
        self._readers = (
            threading.Thread(target=self._read_answers, name="exchange-out", daemon=True),
            threading.Thread(target=self._read_complaints, name="exchange-err", daemon=True),
        )
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ready(self, limit_s: float = READY_LIMIT_S) -> Addresses:
        """Wait for the exchange to listen.

        Raises:
            StillStartingError: it has reported nothing yet; it goes on starting until ``close``.
            ExchangeFailedError: it ended or reported something else; with its own message.
        """
        if not self._spoken.wait(limit_s):
            raise StillStartingError(f"The embedded exchange did not start within {limit_s:.0f} s.")
        try:
            return msgspec.json.decode(self._first_line, type=Addresses)
        except msgspec.MsgspecError:
            code = self._wait_end()
            for reader in self._readers:
                reader.join(END_LIMIT_S)
            message = self._complaints[-1] if self._complaints else f"it ended with code {code}"
            self.close()
            raise ExchangeFailedError(message, code if code > 0 else 1) from None

    def watch(
        self, on_end: Callable[[ExchangeFailedError], None], on_notice: Callable[[str], None] | None = None
    ) -> None:
        """Tell when the process ends although nobody closed it, and what it reports; from threads of their own."""
        self._on_notice = on_notice

        def wait() -> None:
            code = self._process.wait()
            if not self._closing:
                self._readers[1].join(END_LIMIT_S)
                for complaint in self._complaints:
                    _log.error("the embedded exchange reported: %s", complaint)
                on_end(ExchangeFailedError(f"The embedded exchange has ended ({_why(code)}). {self._lost}"))

        threading.Thread(target=wait, name="exchange-end", daemon=True).start()

    def close(self) -> None:
        """End the process; idempotent."""
        self._closing = True
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._wait_end()

    def _wait_end(self) -> int:
        for push in (None, signal.SIGTERM, signal.SIGKILL):
            if push is not None:
                self._process.send_signal(push)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(END_LIMIT_S)
        return -1

    def _read_answers(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        self._first_line = stream.readline()
        self._spoken.set()
        for line in stream:
            with contextlib.suppress(msgspec.MsgspecError):
                later = msgspec.json.decode(line, type=Notice)
                if self._on_notice is not None:
                    self._on_notice(later.notice)

    def _read_complaints(self) -> None:
        for line in self._process.stderr or ():
            text = line.decode("utf-8", "replace").strip()
            if text:
                self._complaints.append("".join(sign for sign in text if sign.isprintable())[:400])


def _why(code: int) -> str:
    """Return how a process ended, in words; what it printed is for the log, not for the user."""
    if code >= 0:
        return f"with code {code}; the log has its last output"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
