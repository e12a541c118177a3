"""What a child exchange says and how its end is told."""

from __future__ import annotations

import threading

import pytest

from mexc_tui.desk import child as child_module
from mexc_tui.desk.child import ChildExchange, ExchangeFailedError
from tests.patience import LIMIT_S

READY = '{"rest":"r","ws":"w","api_key":"k","api_secret":"s"}'


def test_later_notices_arrive_and_dying_words_stay_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script = (
        f"import sys; print('''{READY}''', flush=True); print('not json', flush=True); sys.stdin.readline();"
        ' print(\'{"notice":"It is over."}\', flush=True);'
        " sys.stderr.write('GET /ws: ClientConnectionResetError()\\n'); sys.exit(4)"
    )
    monkeypatch.setattr(child_module, "_BOOT", script)
    started = ChildExchange()
    started.ready()
    ended, noticed = threading.Event(), threading.Event()
    ends: list[ExchangeFailedError] = []
    notices: list[str] = []
    started.watch(lambda error: (ends.append(error), ended.set()), lambda text: (notices.append(text), noticed.set()))
    assert started._process.stdin is not None
    started._process.stdin.write(b"go\n")
    started._process.stdin.flush()
    assert ended.wait(LIMIT_S)
    assert noticed.wait(LIMIT_S)
    assert notices == ["It is over."]
    assert "code 4" in str(ends[0])
    assert "ClientConnection" not in str(ends[0])
    assert "ClientConnectionResetError" in caplog.text
    started.close()
