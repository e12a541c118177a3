"""The fingerprint by which a desk and its clients tell builds apart."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import StrEnum

import msgspec
import pytest

from mexc_tui.desk.build import fingerprint
from mexc_tui.desk.protocol import BUILD


class Side(StrEnum):
    BUY = "buy"


class Part(msgspec.Struct):
    side: Side


class Message(msgspec.Struct, tag=True):
    n: int
    parts: tuple[Part, ...] = ()


class Other(msgspec.Struct, tag=True):
    n: int


def changed(monkeypatch: pytest.MonkeyPatch, name: str, kind: type) -> str:
    """Return the fingerprint of the messages as they would be with another ``kind`` in this module."""
    kind.__qualname__ = kind.__name__ = name
    monkeypatch.setitem(globals(), name, kind)
    return fingerprint(globals()["Message"] | Other)


def test_any_change_within_any_message_makes_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(Message | Other)
    assert fingerprint(Message | Other) == before

    class Wider(StrEnum):
        BUY = "buy"
        SELL = "sell"

    class Renamed(msgspec.Struct):
        way: Side

    class Retyped(msgspec.Struct, tag=True):
        n: str
        parts: tuple[Part, ...] = ()

    class Required(msgspec.Struct, tag=True):
        n: int
        parts: tuple[Part, ...]

    for name, kind in (("Side", Wider), ("Part", Renamed), ("Message", Retyped), ("Message", Required)):
        with monkeypatch.context() as only:
            assert changed(only, name, kind) != before, kind
    assert fingerprint(Message | Other) == before


def test_every_process_of_a_build_has_the_same_one() -> None:
    code = "from mexc_tui.desk.protocol import BUILD; print(BUILD)"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert said.stdout.strip() == BUILD
