"""Warnings of a command without a screen: in the log, which they begin, and not among what people read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from mexc_tui.cli.io.logs import start_last_resort, start_log_when_needed
from mexc_tui.config.paths import log_file


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[logging.Logger]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for hook in ("sys.excepthook", "threading.excepthook"):
        monkeypatch.setattr(hook, lambda *args: None)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    yield root
    for handler in root.handlers:
        handler.close()
    logging.captureWarnings(False)


def test_a_warning_begins_the_log_and_is_in_it_once(root, capfd):
    start_last_resort()
    start_log_when_needed(("s3cret-key",))
    logging.getLogger("mexc_tui.venues").info("nothing worth a file")
    assert not log_file().exists()
    logging.getLogger("mexc_tui.venues").warning("odd frame %s", "s3cret-key")
    logging.getLogger("mexc_tui.venues").warning("another")
    text = log_file().read_text()
    assert text.count("odd frame [hidden]") == 1
    assert text.count("another") == 1
    assert capfd.readouterr() == ("", "")


def test_where_no_log_can_be_written_warnings_go_nowhere(root, capfd, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    start_last_resort()
    logging.getLogger("mexc_tui.venues").warning("odd")
    logging.getLogger("mexc_tui.venues").warning("odd")
    assert capfd.readouterr() == ("", "")
