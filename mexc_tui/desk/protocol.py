"""What a desk and its clients say to each other on the socket: tagged messages in length-prefixed msgpack.

A frame is four bytes of length, big-endian, and one message. The client speaks first (``Hello``); the desk answers
``Welcome`` or ``Refused``. ``Hello``, ``Welcome`` and ``Refused`` are read by every version of either side, so what
stands in them keeps its name and meaning; everything else is only exchanged by two sides of one version and build. Both
compare: a desk of an earlier build may know nothing of builds.
"""

from __future__ import annotations

import struct
from enum import StrEnum

import msgspec

from mexc_tui.desk.build import fingerprint
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Command
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.views import CandlesView, EquityView, TapeView, VenueKind, View

PROTOCOL: int = 1
TO_DESK_LIMIT = 1 << 20
"""Longest message a client may send, bytes."""
TO_CLIENT_LIMIT = 64 << 20
"""Longest message a desk may send, bytes."""
LENGTH = struct.Struct(">I")
FROM_NOW = -1
"""``Hello.after`` of a client that wants only the facts that are yet to come."""

STATUS = "status"

LONG_FIELDS: dict[type, str] = {CandlesView: "candles", TapeView: "trades", EquityView: "points"}
"""Views with a long tuple of which only the end changes, and the name of that field."""


class ProtocolError(ValueError):
    """The other side sent something that is not a message of this protocol; the sentence says what."""


class Outcome(StrEnum):
    """What became of a command on its way to the desk; what the desk did about it is reported by facts."""

    TAKEN = "taken"
    REPEATED = "repeated"
    """Its id had been taken before: it was not executed again."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """Sent, and the connection broke before the answer. Never sent by a desk; ``SocketClient`` says it."""


class DeskInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Which desk this is; it does not change while the desk lives."""

    desk_id: str
    """Different for every start of a desk: facts are numbered per ``desk_id``."""
    name: str
    kind: VenueKind
    venue: str
    account: str
    pid: int
    started_ms: int
    program: str


class ClientInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One attached client."""

    name: str
    role: Role
    attached_ms: int
    pid: int | None = None
    """None where the system does not tell it."""


class DeskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a desk is doing. None means that the desk could not tell."""

    info: DeskInfo
    clients: tuple[ClientInfo, ...]
    """Including the one that asks."""
    uptime_s: float
    rss_bytes: int | None
    """Resident memory of the desk process."""
    state: TradingState | None = None
    reason: str = ""
    """Why it is halted or reducing."""
    armed: bool | None = None
    ready: bool | None = None
    ready_reason: str = ""
    open_orders: int | None = None
    """Orders that may be live, whatever their outcome."""
    unknown: int | None = None
    """Orders whose outcome is unknown."""
    in_flight: int | None = None
    link: str = ""
    """State of the market link."""
    last_fact: int = 0
    guard: str = ""
    """What its guard is there for, or that it is missing; empty where none was agreed."""
    stays: bool = True
    """Whether it outlives its clients; one of a demo, or for one command, ends after the last of them."""


# Client to desk.


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first message of a client."""

    protocol: int
    program: str
    name: str
    role: Role = Role.VIEW
    after: int = 0
    """Facts above this number are wanted; ``FROM_NOW`` for none that has happened yet."""
    build: str = ""
    """``BUILD`` of the client; empty from one that knows of none."""
    desk: str = ""
    """The desk whose facts ``after`` counts; another desk sends its facts from the beginning. Empty: any."""
    owner: str = ""
    """What its orders are to count as: ``script``, or the name of an algorithm. Empty: as the desk sees it."""


class Submit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    command: Command
    given: Timestamp | None = None
    """When the client was given it; both sides read the same clocks. None: as it arrives."""


class Look(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Everything the client looks at from now on."""

    interest: Interest


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The client has taken in the batch of this number; only then does it get another one."""

    n: int


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    request_id: int
    what: str
    """``status``."""


class Bye(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The client leaves; with ``stop``, the desk is to end as well."""

    stop: bool = False


# Desk to client.


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    protocol: int
    program: str
    desk: DeskInfo
    role: Role
    seen: int
    """Number of the latest fact as the client was attached: what is not above it had happened before."""
    after: int
    """The facts above this number follow."""
    build: str = ""
    """``BUILD`` of the desk; empty from one that knows of none."""
    unseen_after: int | None = None
    """Number of the latest fact that a screen had taken in when the last one left; None if one is attached."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The client is not let in, or not any longer; a sentence that says why and what to do."""

    reason: str


class ViewUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A newer view of a topic.

    With ``kept``, the long tuple of the view (``LONG_FIELDS``) holds only what is new: it goes after the elements
    ``kept[0]`` to ``kept[1]`` (exclusive) of the tuple that the client has.
    """

    topic: str
    view: View | bytes
    """As JSON bytes where a number in it is too large for msgpack."""
    kept: tuple[int, int] | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What changed since the batch before it; the next one comes after the ``Ack`` of this one."""

    n: int
    views: tuple[ViewUpdate, ...] = ()
    dropped: tuple[str, ...] = ()
    """Topics the client does not look at any more: their views are to be forgotten."""
    facts: tuple[Fact, ...] = ()
    lost_facts: int = 0
    """How many facts before these are not kept any more and will never be sent."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What became of a submitted command."""

    command_id: str
    outcome: Outcome
    reason: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to ``Ask``; either a body or the reason why there is none (``stop`` has neither when it is done)."""

    request_id: int
    body: DeskStatus | None = None
    reason: str = ""


class Ending(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The desk ends; the connection is closed after this."""

    reason: str


ToDesk = Hello | Submit | Look | Ack | Ask | Bye
ToClient = Welcome | Refused | Batch | Answer | Reply | Ending

BUILD: str = fingerprint(ToDesk, ToClient)
"""Equal for two sides that write the same messages; a version number does not tell that while a version is made."""

_encoder = msgspec.msgpack.Encoder()
encode = _encoder.encode
"""Message (or view) to msgpack; OverflowError for an integer beyond 64 bits, ValueError for text that is not UTF-8."""
_to_desk: msgspec.msgpack.Decoder[ToDesk] = msgspec.msgpack.Decoder(ToDesk)
_to_client: msgspec.msgpack.Decoder[ToClient] = msgspec.msgpack.Decoder(ToClient)
_wide_view: msgspec.json.Decoder[View] = msgspec.json.Decoder(View)


def mismatch(hello: Hello, desk: DeskInfo, protocol: int, build: str) -> str:
    """Return why a client and a desk of this protocol and build cannot work together; empty if they can.

    The sentence says what that means and what to do.
    """
    if (hello.protocol, hello.program, hello.build) == (protocol, desk.program, build):
        return ""
    if (hello.protocol, hello.program) == (protocol, desk.program):
        what = f"another build of mexc-tui {desk.program} than this program"
    else:
        what = f"mexc-tui {desk.program} (protocol {protocol}), this is {hello.program} (protocol {hello.protocol})"
    return (
        f"The desk runs {what}. It was left alone: its orders go on. Use the program that it was"
        f" started with, or stop the desk (`mexc-tui desk stop {desk.name}`) and start it with this one, which"
        " finds its orders again."
    )


def framed(body: bytes) -> bytes:
    """Return a message with its length before it."""
    return LENGTH.pack(len(body)) + body


def decode_to_desk(body: bytes | memoryview) -> ToDesk:
    """Return a message of a client.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return _to_desk.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"What was sent is not a message between mexc-tui and its desk ({error}).") from None


def decode_to_client(body: bytes | memoryview) -> ToClient:
    """Return a message of a desk.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return _to_client.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"What was sent is not a message between mexc-tui and its desk ({error}).") from None


def encode_view(view: View) -> bytes:
    """Return a view as the msgpack value that stands in a ``ViewUpdate``."""
    try:
        return encode(view)
    except OverflowError:
        return encode(msgspec.json.encode(view))


def view_of(update: ViewUpdate) -> View:
    """Return the view of an update, its long tuple as it was sent.

    Raises:
        ProtocolError: it is none.
    """
    if not isinstance(update.view, bytes):
        return update.view
    try:
        return _wide_view.decode(update.view)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProtocolError(f"What was sent is not a view ({error}).") from None
