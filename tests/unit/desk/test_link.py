from __future__ import annotations

import os
import socket
import struct
import threading

import pytest

from mexc_tui.desk import peer
from mexc_tui.desk.link import WAITING_LIMIT, Link
from mexc_tui.desk.protocol import LENGTH, TO_CLIENT_LIMIT, ProtocolError, framed
from tests.patience import LIMIT_S


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    link = Link(ours)
    theirs.settimeout(LIMIT_S)
    yield link, theirs
    link.close()
    theirs.close()


def test_messages_come_whole_however_they_were_cut(ends):
    link, desk = ends
    stream = framed(b"one") + framed(b"") + framed(b"x" * 70_000)
    sender = threading.Thread(target=lambda: [desk.sendall(stream[at : at + 7_001]) for at in range(0, 80_000, 7_001)])
    sender.start()
    assert [link.read(5) for _ in range(3)] == [b"one", b"", b"x" * 70_000]
    sender.join()


def test_sending_never_waits_and_what_did_not_go_out_goes_while_reading(ends):
    link, desk = ends
    body = b"x" * 100_000
    sent = 0
    while link.send(body, f"c{sent}"):
        sent += 1
    assert sent * len(body) > WAITING_LIMIT
    unsent = link.unsent()
    assert f"c{sent - 1}" in unsent
    assert "c0" not in unsent

    def desk_reads() -> None:
        with desk.makefile("rb") as stream:
            assert all(stream.read(LENGTH.size + len(body)) == framed(body) for _ in range(sent))
        desk.sendall(framed(b"done"))

    reader = threading.Thread(target=desk_reads)
    reader.start()
    assert link.read(5) == b"done"
    reader.join()
    assert link.unsent() == frozenset()
    assert link.send(b"more")


def test_what_had_arrived_before_the_break_is_read_first(ends):
    link, desk = ends
    desk.sendall(framed(b"answer"))
    desk.close()
    assert link.send(b"late", "late")
    assert link.read(5) == b"answer"
    with pytest.raises(ConnectionError):
        link.read(5)
    assert link.unsent() == {"late"}


def test_hanging_up_ends_a_read_that_waits(ends):
    link, _ = ends
    threading.Timer(0.01, link.hang_up).start()
    with pytest.raises(ConnectionError):
        link.read(5)


def test_limits(ends):
    link, desk = ends
    with pytest.raises(TimeoutError):
        link.read(0)
    desk.sendall(LENGTH.pack(TO_CLIENT_LIMIT + 1))
    with pytest.raises(ProtocolError):
        link.read(5)
    link.close()
    assert not link.send(b"closed")


def test_the_system_tells_who_is_at_the_other_end(ends):
    _, desk = ends
    found = peer.peer_of(desk)
    assert found.uid == os.getuid()
    assert found.pid in (None, os.getpid())


class Told:
    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def getsockopt(self, level, option, size):
        assert (level, option) == (0, 1)
        return self.answer


def test_where_the_system_tells_it_in_the_manner_of_bsd(monkeypatch):
    monkeypatch.delattr(socket, "SO_PEERCRED", raising=False)
    assert peer.peer_of(Told(struct.pack("IIh16I", 0, 501, 1, *[20] * 16))).uid == 501
    with pytest.raises(OSError, match="does not tell"):
        peer.peer_of(Told(b""))
