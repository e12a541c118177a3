"""The log: a small file in the state folder that never holds a secret."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from pathlib import Path
from types import TracebackType

from mexc_tui.config.paths import log_file

LARGEST_BYTES = 256 * 1024
KEPT = 3
FILE = "mexc-tui"
"""The name of the handler that writes the file."""


def start_log(secrets: tuple[str, ...] = (), path: Path | None = None) -> None:
    """Send warnings and worse to the log; where its folder cannot be written there is none."""
    from mexc_tui.cli.io.logfile import PrivateLog, Scrubber

    path = path or log_file()
    root = logging.getLogger()
    old = [handler for handler in root.handlers if handler.name == FILE or isinstance(handler, _Unopened)]
    # A new list: a record may be on its way through the old one, to handlers of others too.
    root.handlers = [handler for handler in root.handlers if handler not in old]
    for handler in old:
        handler.close()
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = PrivateLog(path, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8")
        opened.set_name(FILE)
        opened.setFormatter(Scrubber(secrets))
        root.addHandler(opened)
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    logging.captureWarnings(True)


class _Unopened(logging.Handler):
    """Opens the log at the first thing worth writing into it."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__(logging.WARNING)
        self._secrets = secrets

    def emit(self, record: logging.LogRecord) -> None:
        start_log(self._secrets)
        for handler in logging.getLogger().handlers:
            if handler.name == FILE:
                handler.handle(record)


def start_log_when_needed(secrets: tuple[str, ...] = ()) -> None:
    """Have the log begin with the first warning, so that commands that only look leave no file behind.

    Without it Python would print warnings to stderr, which is for remarks to the user.
    """
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _Unopened)]:
        root.removeHandler(old)
    if not any(handler.name == FILE for handler in root.handlers):
        root.addHandler(_Unopened(secrets))


def start_last_resort() -> None:
    """Turn an unexpected error into one sentence on stderr; its traceback goes to the log, as do warnings."""
    start_log_when_needed()
    sys.excepthook = _unexpected
    threading.excepthook = lambda args: _log(args.exc_type, args.exc_value, args.exc_traceback)


def internal_error(name: str) -> str:
    """Return the sentence for an unexpected error."""
    return (
        f"mexc-tui stopped on an internal error ({name}). Orders that were working stay at the exchange. "
        f"Details: {log_file()}"
    )


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _log(kind, error, trace)
    print(internal_error(kind.__name__), file=sys.stderr)  # noqa: T201


def _log(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not logging.getLogger().handlers:
        start_log_when_needed()
    if error is not None:
        logging.getLogger("mexc_tui").error("unexpected", exc_info=(kind, error, trace))
