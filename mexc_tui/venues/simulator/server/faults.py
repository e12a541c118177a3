"""Faults by name, on demand and by seed.

A fault strikes with probability ``p`` at each of its chances, at most ``count`` times (None: without end), on paths or
channels that contain ``match``. With the same seed and the same sequence of chances the same ones strike.

=================  ====================================================================================
latency            REST answers wait ``ms``
jitter             REST answers wait up to ``ms``, evenly drawn
drop               a public push is not sent
duplicate          a push is sent twice
reorder            a push is sent after the one that follows it on its stream
gap                a depth push is not sent, so that the version ranges no longer join
half_open          the stream falls silent for good without closing: nothing sent, nothing answered
garbage            a binary frame that is not protobuf is sent instead of a push
truncated          a push is cut in the middle
rate_limit_429     REST answers 429 with Retry-After ``ms`` / 1000 seconds
edge_403_html      REST answers 403 with an HTML page, as the firewall does
server_5xx         REST answers ``status`` (500, 502, 503) without having done anything
ack_lost           an order is accepted, then the connection is cut (``mode`` cut) or 504 is answered (``mode`` 504)
late_push          a private push comes ``ms`` late
missing_push       a private push does not come
listen_key_death   every listen key of an account dies when one of its pushes is due, and its streams close
clock_skew         the exchange's clock is ``ms`` ahead of yours (negative: behind)
maintenance        REST answers 503 and streams are refused
disconnect         a stream is cut when a push is due
=================  ====================================================================================
"""

from __future__ import annotations

from random import Random

import msgspec

DEFAULTS: dict[str, dict[str, object]] = {
    "latency": {"ms": 150},
    "jitter": {"ms": 250},
    "drop": {"p": 0.05},
    "duplicate": {"p": 0.05},
    "reorder": {"p": 0.05},
    "gap": {"p": 0.05, "match": "depth"},
    "half_open": {"p": 0.002},
    "garbage": {"p": 0.01},
    "truncated": {"p": 0.01},
    "rate_limit_429": {"p": 0.05, "ms": 1000},
    "edge_403_html": {"p": 0.02},
    "server_5xx": {"p": 0.05, "status": 503},
    "ack_lost": {"p": 0.2, "mode": "cut"},
    "late_push": {"p": 0.3, "ms": 800},
    "missing_push": {"p": 0.2},
    "listen_key_death": {"p": 0.02},
    "clock_skew": {"ms": 30_000},
    "maintenance": {},
    "disconnect": {"p": 0.002},
}

PROFILES: dict[str, str] = {
    "none": "",
    "slow": "latency:ms=300;jitter:ms=700",
    "flaky": "latency:ms=60;jitter:ms=200;drop:p=0.01;duplicate:p=0.01;disconnect:p=0.001;server_5xx:p=0.01",
    "lossy": "drop:p=0.03;gap:p=0.03;reorder:p=0.03;duplicate:p=0.03;missing_push:p=0.1",
    "edge": "rate_limit_429:p=0.1;edge_403_html:p=0.05;server_5xx:p=0.1",
    "lost-acks": "ack_lost:p=0.3;late_push:p=0.3;missing_push:p=0.1",
    "garbled": "garbage:p=0.02;truncated:p=0.02",
    "chaos": (
        "latency:ms=40;jitter:ms=300;drop:p=0.02;duplicate:p=0.02;reorder:p=0.02;gap:p=0.02;garbage:p=0.005;"
        "truncated:p=0.005;rate_limit_429:p=0.02;edge_403_html:p=0.005;server_5xx:p=0.02;ack_lost:p=0.1;"
        "late_push:p=0.2;missing_push:p=0.05;half_open:p=0.0005;disconnect:p=0.001;listen_key_death:p=0.002"
    ),
}

STREAM_FAULTS = frozenset(
    {
        "drop",
        "duplicate",
        "reorder",
        "gap",
        "half_open",
        "garbage",
        "truncated",
        "late_push",
        "missing_push",
        "listen_key_death",
        "disconnect",
    }
)


class FaultError(ValueError):
    """A fault or profile that does not exist, or a parameter out of range."""


class Fault(msgspec.Struct, kw_only=True):
    """One fault in force."""

    name: str
    p: float = 1.0
    ms: int = 0
    count: int | None = None
    match: str = ""
    status: int = 503
    mode: str = "cut"
    struck: int = 0


def make_fault(name: str, params: dict[str, object] | None = None) -> Fault:
    """Return a fault with its defaults and the given parameters.

    Raises:
        FaultError: unknown name or parameter, or a value out of range.
    """
    if name not in DEFAULTS:
        raise FaultError(f"there is no fault {name!r}; known: {', '.join(sorted(DEFAULTS))}")
    values = {"name": name, **DEFAULTS[name], **(params or {})}
    unknown = values.keys() - {"name", "p", "ms", "count", "match", "status", "mode"}
    if unknown:
        raise FaultError(f"fault {name} knows no {', '.join(sorted(unknown))}; use p, ms, count, match, status or mode")
    try:
        fault = msgspec.convert(values, Fault, strict=False)
    except msgspec.ValidationError as problem:
        raise FaultError(f"fault {name}: {problem}") from None
    if not 0 <= fault.p <= 1 or (fault.count is not None and fault.count < 1) or fault.mode not in ("cut", "504"):
        raise FaultError(f"fault {name}: p must be 0 to 1, count at least 1, mode cut or 504")
    if not 400 <= fault.status <= 599 or abs(fault.ms) > 86_400_000:
        raise FaultError(f"fault {name}: status must be 400 to 599 and ms within a day")
    return fault


def parse_profile(text: str) -> list[Fault]:
    """Return the faults of a profile name, or of a list such as ``drop:p=0.1;latency:ms=200``.

    Raises:
        FaultError: a name or parameter is unknown.
    """
    faults = []
    for part in PROFILES.get(text, text).split(";"):
        if not part.strip():
            continue
        name, _, rest = part.strip().partition(":")
        params: dict[str, object] = {}
        for pair in filter(None, rest.split(",")):
            key, sign, value = pair.partition("=")
            if not sign:
                raise FaultError(f"fault {name}: {pair!r} is not of the form key=value")
            params[key.strip()] = value.strip()
        if name not in DEFAULTS and len(PROFILES.get(text, text).split(";")) == 1:
            raise FaultError(
                f"there is no fault profile {text!r}; profiles: {', '.join(sorted(PROFILES))}; "
                f"single faults: {', '.join(sorted(DEFAULTS))}"
            )
        faults.append(make_fault(name, params))
    return faults


class FaultPlan:
    """The faults in force, and whether one strikes now."""

    def __init__(self, seed: int | str = 0) -> None:
        self._seed = seed
        self._faults: dict[str, Fault] = {}
        self._rngs: dict[str, Random] = {}
        self.streams = False
        """Whether any fault that touches pushes is in force."""

    def set(self, fault: Fault) -> None:
        """Put a fault in force, replacing the one of the same name."""
        self._faults[fault.name] = fault
        self._rngs[fault.name] = Random(f"{self._seed}:{fault.name}")
        self._recount()

    def clear(self, name: str | None = None) -> None:
        """Lift one fault, or all."""
        if name is None:
            self._faults.clear()
        else:
            self._faults.pop(name, None)
        self._recount()

    def active(self) -> list[Fault]:
        """Return the faults in force."""
        return list(self._faults.values())

    def strikes(self, name: str, subject: str) -> Fault | None:
        """Return the fault if it strikes this path or channel now."""
        fault = self._faults.get(name)
        if fault is None or fault.match not in subject:
            return None
        if fault.count is not None and fault.struck >= fault.count:
            return None
        if fault.p < 1 and self._rngs[name].random() >= fault.p:
            return None
        fault.struck += 1
        return fault

    def draw(self, name: str, ms: int) -> int:
        """Return an evenly drawn number of milliseconds up to ``ms``."""
        return self._rngs[name].randint(0, max(0, ms))

    def skew_ms(self) -> int:
        """Return how far the exchange's clock is ahead."""
        fault = self._faults.get("clock_skew")
        return fault.ms if fault is not None else 0

    def _recount(self) -> None:
        self.streams = any(name in STREAM_FAULTS for name in self._faults)
