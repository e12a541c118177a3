from __future__ import annotations

import base64
import errno
import json
import os
import threading
import zlib
from pathlib import Path

import pytest

from mexc_tui.store.tape import TapeFileError, TapeWriter
from tests.patience import LIMIT_S


def begin(path: Path, **options) -> TapeWriter:
    tape = TapeWriter(path, **options)
    tape.header(program="test", rest="http://x", ws="ws://x", symbols=("BTCUSDT",), wall_ms=5, mono_ns=7)
    return tape


def test_frames_are_kept_byte_for_byte(tmp_path):
    tape = begin(tmp_path / "a.tape")
    tape.frame(8, 6, b"\x00\xff{")
    tape.frame(9, 6, '{"msg":"PONG"}')
    tape.close()
    head, frame, text = [json.loads(line) for line in (tmp_path / "a.tape").read_text().splitlines()]
    assert (head["tape"], head["t"], head["n"]) == (1, 5, 7)
    assert (frame["k"], base64.b64decode(frame["b"]), frame["t"], frame["n"]) == ("frame", b"\x00\xff{", 6, 8)
    assert (text["k"], text["s"]) == ("text", '{"msg":"PONG"}')
    assert tape.lines == 3
    assert tape.size == (tmp_path / "a.tape").stat().st_size


@pytest.mark.parametrize("name", ["a.tape", "a.tape.gz"])
def test_whatever_happens_next_what_was_written_can_be_read(tmp_path, name):
    """Nothing closes the tape here, as when the recorder is killed."""
    path = tmp_path / name
    tape = begin(path)
    for number in range(50):
        tape.frame(number, number, b"frame")
    done = threading.Event()
    while tape.lines < 51 and not done.wait(0.005):
        pass
    raw = path.read_bytes()
    text = zlib.decompressobj(31).decompress(raw) if name.endswith(".gz") else raw
    assert len(text.splitlines()) == 51
    tape.close()


def test_an_existing_file_is_not_touched(tmp_path):
    path = tmp_path / "a.tape"
    path.write_text("mine")
    with pytest.raises(TapeFileError, match="exists already"):
        TapeWriter(path)
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(TapeFileError, match="cannot be made: No such file"):
        TapeWriter(tmp_path / "nowhere" / "a.tape")


def test_a_full_disk_stops_the_recording_with_a_sentence(tmp_path, monkeypatch):
    real, left = os.write, [120]

    def write(descriptor: int, data: bytes) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        sent = real(descriptor, data[: left[0]])
        left[0] -= sent
        return sent

    monkeypatch.setattr("mexc_tui.store.tape.os.write", write)
    tape = begin(tmp_path / "a.tape")
    for number in range(20):
        tape.frame(number, number, b"frame")
    tape.close()
    assert "no room left" in tape.problem
    tape.frame(1, 1, b"more")
    assert (tmp_path / "a.tape").stat().st_size == 120


def test_a_disk_that_is_too_slow_is_said(tmp_path, monkeypatch):
    go_on = threading.Event()
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        go_on.wait(LIMIT_S)
        return real(descriptor, data)

    monkeypatch.setattr("mexc_tui.store.tape.os.write", write)
    tape = begin(tmp_path / "a.tape", waiting=5)
    for number in range(3_000):
        tape.frame(number, number, b"frame")
    assert "too slow" in tape.problem
    go_on.set()
    tape.close()
