"""A client's end of a desk's socket: whole messages in and out, never waiting to send."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections import deque
from pathlib import Path

from mexc_tui.desk.peer import peer_of
from mexc_tui.desk.protocol import LENGTH, TO_CLIENT_LIMIT, ProtocolError, framed

WAITING_LIMIT = 1 << 20
"""Bytes that may wait for a desk that does not read."""
_CHUNK = 1 << 18


class _Outgoing:
    __slots__ = ("command_id", "data", "sent")

    def __init__(self, data: bytes, command_id: str) -> None:
        self.data = data
        self.command_id = command_id
        self.sent = 0


class Link:
    """One connection. Any thread may send; one thread reads, and sends what did not go out at once."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._lock = threading.Lock()
        self._out: deque[_Outgoing] = deque()
        self._waiting = 0
        self._broken = False
        self._buffer = bytearray()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._closed = False

    @classmethod
    def dial(cls, path: Path, limit_s: float) -> Link:
        """Connect.

        Raises:
            OSError: nobody listens there, or the socket is another user's.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(limit_s)
            sock.connect(str(path))
            if peer_of(sock).uid != os.getuid():
                raise PermissionError(f"the socket {path} belongs to another user")
            return cls(sock)
        except OSError:
            sock.close()
            raise

    def send(self, body: bytes, command_id: str = "") -> bool:
        """Send a message, or let it wait for the reader; False if too much waits already and nothing was done.

        A connection that turns out to be broken is noticed by the reader.
        """
        with self._lock:
            if self._closed or self._waiting > WAITING_LIMIT:
                return False
            self._out.append(_Outgoing(framed(body), command_id))
            self._waiting += len(body) + LENGTH.size
            self._write()
            if self._out:
                self._wake()
        return True

    def unsent(self) -> frozenset[str]:
        """Return the ids of commands of which not a byte has left."""
        with self._lock:
            return frozenset(one.command_id for one in self._out if not one.sent)

    def read(self, limit_s: float | None = None) -> bytes:
        """Return the next message.

        Raises:
            ConnectionError: the connection has ended.
            TimeoutError: nothing came within the limit.
            ProtocolError: what came is longer than any message.
        """
        until = None if limit_s is None else time.monotonic() + limit_s
        while True:
            body = self._message()
            if body is not None:
                return body
            self._await(until)
            with contextlib.suppress(BlockingIOError):
                data = self._sock.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("the connection was closed")
                self._buffer += data

    def hang_up(self) -> None:
        """End the connection; the reader gets ConnectionError. From any thread, idempotent."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Release everything; by the reader, when it reads no more."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._sock.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _wake(self) -> None:
        """Let the reader look again at what waits to be sent; the lock is held."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"\0")

    def _message(self) -> bytes | None:
        """Take the first whole message out of what has been received."""
        if len(self._buffer) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._buffer)
        if length > TO_CLIENT_LIMIT:
            raise ProtocolError(f"A message of {length} bytes is longer than {TO_CLIENT_LIMIT}.")
        end = LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(memoryview(self._buffer)[LENGTH.size : end])
        del self._buffer[:end]
        return body

    def _await(self, until: float | None) -> None:
        """Wait for something to read, sending meanwhile what waits.

        Raises:
            TimeoutError: the time is up.
        """
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        while True:
            with self._lock:
                wanted = select.POLLIN | (select.POLLOUT if self._out and not self._broken else 0)
            poll.register(self._sock, wanted)
            left = None if until is None else max(0.0, until - time.monotonic())
            ready = dict(poll.poll(None if left is None else left * 1_000))
            if not ready and left is not None:
                raise TimeoutError("nothing came in time")
            if self._wake_read in ready:
                os.read(self._wake_read, _CHUNK)
            state = ready.get(self._sock.fileno(), 0)
            if state & select.POLLOUT:
                with self._lock:
                    self._write()
            if state & ~select.POLLOUT:
                return

    def _write(self) -> None:
        """Send what waits, as far as the socket takes it; the lock is held.

        What a broken connection did not take stays, so that ``unsent`` is right; the reader first gets all that had
        arrived before, which may hold answers.
        """
        while self._out and not self._broken:
            first = self._out[0]
            try:
                first.sent += self._sock.send(first.data[first.sent :])
            except BlockingIOError:
                return
            except OSError:
                self._broken = True
                return
            if first.sent == len(first.data):
                self._out.popleft()
                self._waiting -= len(first.data)
