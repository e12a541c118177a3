"""The log: a small file in the state folder that never holds a secret."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from mexc_tui.config.paths import log_file

LARGEST_BYTES = 256 * 1024
KEPT = 3
HIDDEN = "[hidden]"


class Scrubber(logging.Formatter):
    """Formats a record and hides every secret that it was given, wherever it stands."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = tuple(secret for secret in secrets if len(secret) >= 4)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class PrivateLog(RotatingFileHandler):
    """A log that only its owner may read, also after it was moved on."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding)


def start_log(secrets: tuple[str, ...] = (), path: Path | None = None) -> None:
    """Send warnings and worse to the log; where its folder cannot be written there is none."""
    path = path or log_file()
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, RotatingFileHandler | _Unopened)]:
        root.removeHandler(old)
        old.close()
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = PrivateLog(path, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8")
        handler.setFormatter(Scrubber(secrets))
        root.addHandler(handler)
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
            if isinstance(handler, RotatingFileHandler):
                handler.handle(record)


def start_log_when_needed(secrets: tuple[str, ...] = ()) -> None:
    """Have the log begin with the first warning, so that commands that only look leave no file behind.

    Without it Python would print warnings to stderr, which is for remarks to the user.
    """
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _Unopened)]:
        root.removeHandler(old)
    if not any(isinstance(handler, RotatingFileHandler) for handler in root.handlers):
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
