"""Who is at the other end of a Unix socket, as the kernel of the system knows it."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Protocol

import msgspec

_LINUX = struct.Struct("3i")
"""``ucred``: pid, uid, gid."""
_BSD = struct.Struct("II")
"""The beginning of ``xucred``, on macOS and FreeBSD alike: version, uid."""
_BSD_SIZE = 76
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1
_TERMINAL = 4
"""Which word of Linux's ``/proc/PID/stat``, after the program's name, is the terminal; 0 is none."""


class Socket(Protocol):
    """As much of a socket as is needed here; asyncio hands out less than a whole one."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """Return an option of the socket."""


class Peer(msgspec.Struct, frozen=True):
    """The process at the other end."""

    uid: int
    pid: int | None = None
    """None where the system does not tell it."""


def at_terminal(peer: Peer) -> bool:
    """Return whether the process belongs to a terminal, where a person may sit; False where the system tells neither.

    A background job of a login shell does as well: this keeps timers and services apart, not one's own programs.
    """
    try:
        stat = Path(f"/proc/{peer.pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[_TERMINAL] != "0"
    except (OSError, IndexError):
        return False


def peer_of(sock: Socket) -> Peer:
    """Return who is at the other end.

    Raises:
        OSError: the system does not tell.
    """
    linux = getattr(socket, "SO_PEERCRED", None)
    if linux is not None:
        pid, uid, _ = _LINUX.unpack(sock.getsockopt(socket.SOL_SOCKET, linux, _LINUX.size))
        return Peer(uid, pid)
    told = sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _BSD_SIZE)
    if len(told) < _BSD.size:
        raise OSError("the system does not tell whose process is at the other end of a socket")
    return Peer(_BSD.unpack_from(told)[1])
