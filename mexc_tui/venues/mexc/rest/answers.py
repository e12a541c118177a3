"""What counts as an answer, and the error for everything else: what happened, what it means, what to do."""

from __future__ import annotations

from typing import Any

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.budget import UNSENT
from mexc_tui.venues.mexc.rest.fields import STEP_BYTES, as_number, decode, decode_in_steps
from mexc_tui.venues.mexc.rest.meanings import REMEDIES, meaning
from mexc_tui.venues.mexc.rest.queue import Duty
from mexc_tui.wire.mexc.codes import MIRROR_DOWN

_K = ErrorKind
_SUCCESS = (0, 200)
_LONGEST_QUOTE = 200

_AFTER_REFUSAL = {
    Duty.PLACE: "No order was placed.",
    Duty.CANCEL: "This request cancelled nothing.",
}
_AFTER_UNKNOWN = {
    Duty.PLACE: "The order may be live.",
    Duty.CANCEL: "The order may still be open.",
}


class Call(msgspec.Struct, frozen=True, gc=False):
    """What an error needs to know of the request."""

    label: str
    duty: Duty
    changes: bool
    """Whether it asks MEXC to change something, so that a lost answer leaves an unknown outcome."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer, read in full."""

    status: int
    content_type: str
    retry_after_s: float | None
    body: bytes


def printable(text: str) -> str:
    """Return somebody else's text without control characters, cut to a sentence or two."""
    clean = "".join(char if char.isprintable() else " " for char in text[: _LONGEST_QUOTE * 2])
    clean = " ".join(clean.split())
    return clean if len(clean) <= _LONGEST_QUOTE else clean[: _LONGEST_QUOTE - 1] + "…"


def outcome_unknown(call: Call, what: str, *, status: int | None = None, code: int | None = None) -> VenueError:
    """Return the error for a changing request that left and did not come back with a clear answer."""
    return VenueError(
        f"The outcome of {call.label} is unknown: {what}. {_AFTER_UNKNOWN.get(call.duty, 'It may have been done.')}",
        kind=_K.OUTCOME_UNKNOWN,
        code=code,
        http_status=status,
        remedy=REMEDIES[_K.OUTCOME_UNKNOWN] if call.duty is Duty.PLACE else "Look what is there before repeating it.",
    )


def lost(call: Call, what: str, *, sent: bool) -> VenueError:
    """Return the error for a request that got no answer."""
    if sent and call.changes:
        return outcome_unknown(call, what)
    return VenueError(
        f"MEXC could not be reached for {call.label}: {what}." + (" Nothing was sent." if call.changes else ""),
        kind=_K.NETWORK,
        remedy=REMEDIES[_K.NETWORK],
        sent=sent,
    )


def shut() -> VenueError:
    """Return the error for a request that met a closed connection."""
    return VenueError(
        "The connection to MEXC is closed; nothing was sent.",
        kind=_K.NETWORK,
        remedy="Open it again.",
        sent=False,
        retry_after_s=0.0,
    )


def held_back(call: Call, first: VenueError) -> VenueError:
    """Return the error for a request that never left because what had to come before it failed."""
    return VenueError(
        f"{first.message} {UNSENT.get(call.duty, f'Because of that the request for {call.label} was not sent.')}",
        kind=first.kind,
        code=first.code,
        http_status=first.http_status,
        remedy=first.remedy,
        sent=False,
        retry_after_s=first.retry_after_s,
    )


def refusal(call: Call, code: int, message: str, *, status: int, retry_after_s: float | None = None) -> VenueError:
    """Return the error for a JSON answer that carries an error code."""
    said = printable(message)
    known = meaning(code, said)
    unclear = status >= 500 or (known is None and status < 400) or (known is not None and known.kind is _K.SERVER)
    if call.changes and unclear:
        return outcome_unknown(call, f"MEXC answered with code {code}: {said}", status=status, code=code)
    kind = known.kind if known is not None else (_K.SERVER if status >= 500 else _K.OTHER)
    consequence = _AFTER_REFUSAL.get(call.duty, "")
    _, down, why = message.partition(MIRROR_DOWN)
    if down:
        return VenueError(
            f"{MIRROR_DOWN}: {printable(why).strip(' ()')}. {consequence}".rstrip(),
            kind=kind,
            code=code,
            http_status=status,
            remedy="Wait; it is tried again by itself, and open orders keep their places.",
            definite=not unclear,
            retry_after_s=retry_after_s,
        )
    text = known.text if known is not None else "the code is not a known one"
    return VenueError(
        f"MEXC refused {call.label}: {text} (code {code}: {said}). {consequence}".rstrip(),
        kind=kind,
        code=code,
        http_status=status,
        remedy=(known.remedy if known is not None else "") or REMEDIES[kind],
        definite=not unclear,
        retry_after_s=retry_after_s,
    )


async def read_answer(call: Call, answer: Answer) -> Any:
    """Return the JSON of a success.

    Raises:
        VenueError: anything else: an error code whatever the HTTP status, an error status, HTML, nothing.
    """
    if answer.status in (418, 429):
        raise _over_limit(call, answer)
    try:
        data = decode(answer.body) if len(answer.body) <= STEP_BYTES else await decode_in_steps(answer.body)
    except ValueError:
        raise _not_json(call, answer) from None
    code, message = _code_of(data)
    if code is not None and code not in _SUCCESS:
        raise refusal(call, code, message, status=answer.status, retry_after_s=answer.retry_after_s)
    if 200 <= answer.status < 300:
        return data
    raise _bare_status(call, answer, "without an error code")


def _code_of(data: object) -> tuple[int | None, str]:
    if not isinstance(data, dict) or data.get("code") is None:
        return None, ""
    number = as_number(data["code"])
    message = data.get("msg") or data.get("message") or ""
    if number is None or number != number.to_integral_value():
        return -1, f"unreadable code; {message}"
    return int(number), str(message)


def _over_limit(call: Call, answer: Answer) -> VenueError:
    banned = answer.status == 418
    told = f" for {answer.retry_after_s:.0f} s" if answer.retry_after_s is not None else ""
    what = f"has banned this address{told}" if banned else f"says there were too many requests{told}"
    return VenueError(
        f"MEXC {what}; {call.label} was refused. {_AFTER_REFUSAL.get(call.duty, '')}".rstrip(),
        kind=_K.RATE_LIMIT,
        code=answer.status,
        http_status=answer.status,
        remedy=REMEDIES[_K.RATE_LIMIT],
        definite=True,
        retry_after_s=answer.retry_after_s,
    )


def _not_json(call: Call, answer: Answer) -> VenueError:
    text = answer.body.lstrip()[:1]
    html = text == b"<" or "html" in answer.content_type
    if answer.status == 403:
        form = "an HTML page" if html else "no explanation"
        return VenueError(
            f"The firewall in front of MEXC blocked {call.label} (HTTP 403 with {form}); all requests from this "
            f"address pause. {_AFTER_REFUSAL.get(call.duty, '')}".rstrip(),
            kind=_K.EDGE_BLOCK,
            http_status=403,
            remedy=REMEDIES[_K.EDGE_BLOCK],
            definite=True,
            retry_after_s=answer.retry_after_s,
        )
    return _bare_status(call, answer, "with an HTML page" if html else "with nothing" if not text else "not in JSON")


def _bare_status(call: Call, answer: Answer, how: str) -> VenueError:
    what = f"MEXC answered HTTP {answer.status} {how}"
    refused = 400 <= answer.status < 500 and answer.status != 408 and how == "without an error code"
    if call.changes and not refused:
        return outcome_unknown(call, what, status=answer.status)
    kind = _K.SERVER if answer.status >= 500 else _K.OTHER if refused else _K.UNREADABLE
    return VenueError(
        f"No answer to {call.label}: {what}. {_AFTER_REFUSAL.get(call.duty, '')}".rstrip(),
        kind=kind,
        http_status=answer.status,
        remedy=REMEDIES[kind],
        definite=refused,
        retry_after_s=answer.retry_after_s,
    )
