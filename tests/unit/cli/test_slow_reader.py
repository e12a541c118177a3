"""Whoever reads too slowly gets the newest state, not the past as if it were now."""

from __future__ import annotations

import fcntl
import os
import sys
import threading

import pytest

from mexc_tui.cli.io.output import LineWriter

PAGE = 4_096


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    for descriptor in (read, write):
        os.close(descriptor)


def stuffed(pipe: tuple[int, int]) -> LineWriter:
    """Return a writer that stands still because its pipe is full."""
    os.set_blocking(pipe[1], False)
    try:
        while True:
            os.write(pipe[1], b"." * (PAGE - 1) + b"\n")
    except BlockingIOError:
        os.set_blocking(pipe[1], True)
    writer = LineWriter(pipe[1])
    assert writer.write("first")
    return writer


def read_all(pipe: tuple[int, int], writer: LineWriter) -> list[str]:
    data = b""
    closing = threading.Thread(target=lambda: (writer.close(), os.write(pipe[1], b"end")))
    closing.start()
    while not data.endswith(b"end"):
        data += os.read(pipe[0], 1 << 16)
    closing.join()
    return [line for line in data.decode().splitlines() if not line.startswith(".")]


def test_of_a_topic_only_the_newest_line_waits_and_all_others_stay(pipe):
    writer = stuffed(pipe)
    for number in range(1_000):
        assert writer.write(f"book {number}", topic="book BTCUSDT")
        if number % 400 == 0:
            assert writer.write(f"trade {number}")
        assert writer.write(f"eth {number}", topic="book ETHUSDT")
    assert writer.lost == 0
    waiting = [line for line in read_all(pipe, writer) if line not in ("first", "end")]
    # The writer may have had a line in its hand when the pipe filled up; nothing else of the past is left.
    assert waiting[-5:] == ["book 999", "trade 0", "eth 999", "trade 400", "trade 800"]
    assert len(waiting) <= 6


def test_a_topic_needs_no_room_that_others_have_taken(pipe):
    writer = stuffed(pipe)
    writer._room = 3
    assert writer.write("state 1", topic="a")
    while writer.write("trade"):
        pass
    assert writer.lost == 1
    assert writer.write("state 2", topic="a")
    assert "state 2" in read_all(pipe, writer)


def test_an_output_that_does_not_block_is_full_and_not_gone(pipe):
    os.set_blocking(pipe[1], False)
    writer = LineWriter(pipe[1])
    lines = [f"{number} " + "x" * 2_000 for number in range(50)]
    for line in lines:
        assert writer.write(line)
    os.set_blocking(pipe[0], True)
    data = b""
    while data.count(b"\n") < len(lines):
        data += os.read(pipe[0], 1 << 16)
    writer.close()
    assert data.decode().splitlines() == lines
    assert not writer.gone.is_set()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a pipe be made smaller")
def test_little_of_the_past_waits_in_the_pipe_itself(pipe):
    LineWriter(pipe[1]).close()
    assert fcntl.fcntl(pipe[1], fcntl.F_GETPIPE_SZ) == os.sysconf("SC_PAGESIZE")
