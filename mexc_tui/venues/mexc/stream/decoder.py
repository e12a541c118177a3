"""Decoding of a live stream: counting, samples of what was not understood, and never an exception."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec
from google.protobuf.unknown_fields import UnknownFieldSet

from mexc_tui.domain.inputs import Input, LinkChanged, LinkState
from mexc_tui.venues.mexc.rest.answers import printable
from mexc_tui.venues.mexc.stream.codec import CodecError, UnknownBodyError, convert, decode, parse, readable_tickers

LOOK_EVERY: Final = 16
"""One frame of so many, and the first of every kind, is searched for fields that the schema lacks."""
_SAMPLE_BYTES: Final = 512
_SAMPLES: Final = 32
_LABELS: Final = 256
_NAMED: Final = 3
_LOGGED: Final = 20
"""Samples that go to the log; a stream of garbage must not fill the disk."""
_PRIVATE: Final = b"spot@private."
_HEAD: Final = 64
"""Bytes within which a frame names its channel."""
_log = logging.getLogger(__name__)


class Sample(msgspec.Struct, frozen=True):
    """A frame that was not understood: why, and its first bytes in hex."""

    reason: str
    hex: str


class FrameDecoder:
    """Decodes a live stream: counts what it meets and turns what it cannot read into a loss of continuity."""

    def __init__(self) -> None:
        self.frames = 0
        self.malformed = 0
        self.unknown_bodies = 0
        self.unknown_fields: Counter[str] = Counter()
        """Fields the schema lacks, by ``message.number``, as often as they were met in the frames looked at."""
        self.samples: deque[Sample] = deque(maxlen=_SAMPLES)
        self.last_sent_ms = 0
        """Send time of the newest frame looked at more closely; zero if it carries none."""
        self._kinds: set[type] = set()
        self._logged = 0

    @property
    def not_understood(self) -> int:
        """How many frames were malformed or of a kind not known here."""
        return self.malformed + self.unknown_bodies

    @property
    def drift(self) -> str:
        """What the exchange sends that is not known here, in a few words; empty while everything is."""
        found = []
        if self.unknown_fields:
            named = sorted(self.unknown_fields)
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            found.append(f"fields {', '.join(named[:_NAMED])}{more}")
        if self.unknown_bodies:
            found.append("messages of a new kind")
        return " and ".join(found)

    def decode(self, frame: bytes, recv_ns: int) -> tuple[Input, ...]:
        """Return the inputs of a frame; of an unreadable one, that its symbol (or the account) lost continuity."""
        self.frames = number = self.frames + 1
        try:
            if number % LOOK_EVERY == 1:
                wrapper = parse(frame)
                inputs = convert(wrapper, recv_ns)
                self._look(wrapper, frame)
                return inputs
            inputs = decode(frame, recv_ns)
        except CodecError as error:
            return self._lost(error, frame, recv_ns)
        if inputs and type(inputs[0]) not in self._kinds:
            self._look(parse(frame), frame)
            self._kinds.add(type(inputs[0]))
        return inputs

    def _lost(self, error: CodecError, frame: bytes, recv_ns: int) -> tuple[Input, ...]:
        if isinstance(error, UnknownBodyError):
            self.unknown_bodies += 1
        else:
            self.malformed += 1
        self._keep(str(error), frame)
        if "miniTickers" in error.channel:
            with suppress(CodecError):
                return readable_tickers(frame, recv_ns)
        reason = f"a frame could not be read: {error}"
        if error.private:
            return (
                LinkChanged(True, LinkState.RECONNECTING, reason),
                LinkChanged(True, LinkState.CONNECTED),
            )
        if error.symbol and error.book:
            return (LinkChanged(False, LinkState.CONNECTED, reason, frozenset({error.symbol})),)
        return ()

    def _look(self, wrapper: Any, frame: bytes) -> None:
        self.last_sent_ms = wrapper.sendTime
        kind = wrapper.WhichOneof("body")
        body = getattr(wrapper, kind)
        messages = [("wrapper", wrapper), (kind, body)]
        for name in ("deals", "items", "bids", "asks"):
            items = getattr(body, name, None)
            if items:
                messages.append((f"{kind}.{name}", items[0]))
        for name, message in messages:
            for field in _fields(message):
                label = f"{name}.{field.field_number}"
                if label not in self.unknown_fields:
                    if len(self.unknown_fields) >= _LABELS:
                        return
                    self._keep(f"unknown field {label}", frame)
                self.unknown_fields[label] += 1

    def _keep(self, reason: str, frame: bytes) -> None:
        sample = Sample(reason, frame[:_SAMPLE_BYTES].hex())
        self.samples.append(sample)
        if self._logged < _LOGGED:
            self._logged += 1
            shown = "not shown, it is the account's" if _PRIVATE in frame[:_HEAD] else f"beginning {sample.hex}"
            _log.warning("a frame was not understood: %s; %s", printable(reason), shown)


def _fields(message: Any) -> Iterable[Any]:
    unknown: Any = UnknownFieldSet(message)
    return (unknown[index] for index in range(len(unknown)))
