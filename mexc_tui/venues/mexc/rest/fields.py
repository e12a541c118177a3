"""Tolerant reading of MEXC's JSON: fields missing, null or added, numbers as text or number; never through float."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from typing import Any

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.numbers import MAX_DIGITS, is_plain

_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
STEP_BYTES = 64 * 1024
"""How much of a large answer is parsed at once."""
MOST_PARTS = 1_000_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_MOST_WHOLE = 2**63 - 1
"""Largest whole number that journal and socket can carry."""


def decode(body: bytes | memoryview) -> Any:
    """Return JSON with every fraction as an exact Decimal.

    Raises:
        ValueError: the body is not JSON.
    """
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, ArithmeticError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


async def decode_in_steps(body: bytes | memoryview, depth: int = 2) -> Any:
    """Return the same as ``decode``, letting others run every few milliseconds.

    Raises:
        ValueError: the body is not JSON, or has absurdly many parts.
    """
    first = bytes(body[:1])
    if len(body) <= STEP_BYTES or depth == 0 or first not in (b"{", b"["):
        await asyncio.sleep(0)
        return decode(body)
    if isinstance(body, bytes) and body.count(b",") > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS:,} parts")
    try:
        if first == b"{":
            parts = _PARTS.decode(body)
            return {name: await decode_in_steps(memoryview(part), depth - 1) for name, part in parts.items()}
        items = [memoryview(item) for item in _ITEMS.decode(body)]
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    found, taken = [], 0
    for part in items:
        found.append(decode(part) if len(part) <= STEP_BYTES else await decode_in_steps(part, depth - 1))
        taken += len(part)
        if taken > STEP_BYTES:
            taken = 0
            await asyncio.sleep(0)
    return found


def unreadable(where: str, why: str) -> VenueError:
    """Return the error for an answer that is not what the endpoint gives."""
    return VenueError(
        f"MEXC's answer to {where} could not be read: {why}. Nothing was taken from it.",
        kind=ErrorKind.UNREADABLE,
        remedy="Try again; if it stays, MEXC has changed its answers and the program needs an update.",
    )


def as_number(value: object) -> Decimal | None:
    """Return the exact number that ``value`` is or spells; None where it is none or absurdly long."""
    if isinstance(value, str):
        if len(value) > MAX_DIGITS or _NUMBER.fullmatch(value) is None:
            return None
        value = Decimal(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    return value if isinstance(value, Decimal) and is_plain(value) else None


class Row:
    """One JSON object of an answer. Readers take alternative names, first present wins; null counts as absent."""

    __slots__ = ("_data", "_where")

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise unreadable(where, f"an object was expected and {_kind(data)} came")
        self._data = data
        self._where = where

    def has(self, name: str) -> bool:
        """Whether a field is there and not null."""
        return self._data.get(name) is not None

    def raw(self, *names: str) -> Any:
        """Return the first present field as it came; None if there is none."""
        for name in names:
            value = self._data.get(name)
            if value is not None:
                return value
        return None

    def text(self, *names: str, default: str | None = None) -> str:
        """Return a text; whole numbers are spelled out."""
        value = self.raw(*names)
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None and default is not None:
            return default
        raise self._wrong(names, "a text", value)

    def number(self, *names: str, default: Decimal | None = None) -> Decimal:
        """Return an exact number; an absent or blank one is ``default`` where that is given."""
        found = self.maybe_number(*names)
        if found is not None:
            return found
        if default is not None:
            return default
        raise self._wrong(names, "a number", self.raw(*names))

    def maybe_number(self, *names: str) -> Decimal | None:
        """Return an exact number, or None where it is absent, null or blank."""
        value = self.raw(*names)
        if value is None or value == "":
            return None
        found = as_number(value)
        if found is None:
            raise self._wrong(names, "a number", value)
        return found

    def integer(self, *names: str, default: int | None = None) -> int:
        """Return a whole number, given as such or as text."""
        value = self.raw(*names)
        found = as_number(value)
        if found is not None and found == found.to_integral_value() and abs(found) <= _MOST_WHOLE:
            return int(found)
        if value in (None, "") and default is not None:
            return default
        raise self._wrong(names, "a whole number", value)

    def maybe_integer(self, *names: str) -> int | None:
        """Return a whole number, or None where it is absent, null or blank."""
        return None if self.raw(*names) in (None, "") else self.integer(*names)

    def flag(self, *names: str, default: bool | None = None) -> bool:
        """Return true or false, given as such or as text."""
        value = self.raw(*names)
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is None and default is not None:
            return default
        raise self._wrong(names, "true or false", value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; absent is empty."""
        items = list_of(self.raw(name) or [], f"{self._where} ({name})")
        return tuple(str(item) for item in items if item is not None)

    def rows(self, *names: str) -> list[Row]:
        """Return a list of objects; absent is empty."""
        return rows_of(self.raw(*names) or [], f"{self._where} ({names[0]})")

    def _wrong(self, names: tuple[str, ...], wanted: str, value: object) -> VenueError:
        return unreadable(self._where, f"field {names[0]} should be {wanted} and is {_kind(value)}")


def rows_of(data: object, where: str) -> list[Row]:
    """Return the objects of a JSON list."""
    return [Row(item, where) for item in list_of(data, where)]


def list_of(data: object, where: str) -> list[Any]:
    """Return a JSON list."""
    if not isinstance(data, list):
        raise unreadable(where, f"a list was expected and {_kind(data)} came")
    return data


def _kind(value: object) -> str:
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a text", bool: "true/false", int: "a number"}
    return "nothing" if value is None else names.get(type(value), "a number")
