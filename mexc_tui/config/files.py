"""Whole files: written so that a crash leaves the old one or the new one, read and unpacked up to a stated size."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

T = TypeVar("T")

MOST_SETTINGS_BYTES = 1 << 20
"""A file that a person writes or a program keeps few things in."""
MOST_RATIO = 200
"""How many times its packed size a file may unpack to; recorded markets reach about ten."""
_ALWAYS_FINE = 16 << 20
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_PIECE = 1 << 20


class TooLargeError(OSError):
    """A file holds more than it may."""

    def __init__(self, most: int) -> None:
        super().__init__(errno.EFBIG, f"it holds more than {most:,} bytes")


def read_whole(path: Path, most: int = MOST_SETTINGS_BYTES) -> bytes:
    """Return a file's content.

    Raises:
        TooLargeError: it holds more than ``most`` bytes.
        OSError: it cannot be read.
    """
    # Without waiting: a pipe that nobody writes to would otherwise hold up whoever opens it.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        content = file.read(most + 1)
    if content is None or len(content) > most:
        raise TooLargeError(most)
    return content


def read_json(path: Path, kind: type[T], most: int = MOST_SETTINGS_BYTES) -> T:
    """Return what a file of JSON holds.

    Raises:
        ValueError: it is not JSON of that kind.
        OSError: it cannot be read, or is too large.
    """
    return decode_json(read_whole(path, most), kind)


def decode_json(content: bytes, kind: type[T]) -> T:
    """Return what JSON holds.

    Raises:
        ValueError: it is not JSON of that kind.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def unpacked(file: BinaryIO, most: int) -> Iterator[bytes]:
    """Give what a file holds piece by piece, unpacked where it is gzip; what is missing at the end is left out.

    Raises:
        TooLargeError: it is more than ``most`` bytes, or absurdly much for what is packed.
        zlib.error: it is damaged.
        OSError: it cannot be read.
    """
    packed = file.read(_PIECE)
    plain = not packed.startswith(_GZIP)
    read, given, unpacker = len(packed), 0, zlib.decompressobj(_GZIP_WINDOW)
    while packed:
        piece = packed if plain else unpacker.decompress(packed, _PIECE)
        given += len(piece)
        bound = min(most, max(_ALWAYS_FINE, read * MOST_RATIO))
        if given > bound:
            raise TooLargeError(bound)
        yield piece
        packed = b"" if plain else unpacker.unconsumed_tail
        if unpacker.eof:
            packed, unpacker = unpacker.unused_data, zlib.decompressobj(_GZIP_WINDOW)
        if not packed:
            packed = file.read(_PIECE)
            read += len(packed)


def replace_whole(path: Path, content: bytes) -> None:
    """Put a file in place of another, on the disk when this returns.

    Raises:
        OSError: it could not be written; the old one stands.
    """
    draft = path.with_name(f"{path.name}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Bring a file's content to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk."""
    sync_file(path)
