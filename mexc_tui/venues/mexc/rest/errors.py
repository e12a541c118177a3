"""MEXC's refusals in plain words: what kind, what it means, what to do; and what counts as an answer at all."""

from __future__ import annotations

from typing import Any

import msgspec

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.budget import UNSENT
from mexc_tui.venues.mexc.rest.fields import as_number, decode
from mexc_tui.venues.mexc.rest.lanes import Duty
from mexc_tui.wire.mexc import codes

_K = ErrorKind
_SUCCESS = (0, 200)
_LONGEST_QUOTE = 200


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What a code stands for."""

    kind: ErrorKind
    text: str
    remedy: str = ""


REMEDIES: dict[ErrorKind, str] = {
    _K.RATE_LIMIT: "Wait for the time shown; requests start again by themselves.",
    _K.EDGE_BLOCK: "Wait; MEXC's firewall lifts the block after a while. Slow down other programs on this address.",
    _K.AUTHENTICATION: "Check the API key and secret in MEXC's API management, then start again.",
    _K.PERMISSION: "Check in MEXC's API management what this key may do and which pairs it may trade.",
    _K.CLOCK: "The clock offset is being measured again; try once more. If it stays, set this machine's clock.",
    _K.TRADING_DISABLED: "Choose another pair, or wait until MEXC opens this one.",
    _K.BAD_PARAMETER: "Change the value and try again.",
    _K.INSUFFICIENT_BALANCE: "Use a smaller size, or cancel orders that hold the balance.",
    _K.ORDER_NOT_FOUND: "Refresh the open orders; it has probably been filled or cancelled already.",
    _K.LIMIT: "Cancel some open orders or reduce the holding first.",
    _K.MAINTENANCE: "Wait until MEXC has finished; see its announcements.",
    _K.SERVER: "Try again in a moment.",
    _K.NETWORK: "Check the connection; it is tried again by itself.",
    _K.OUTCOME_UNKNOWN: "Do not send it again; the order is looked up by its id.",
    _K.UNREADABLE: "Try again; if it stays, MEXC has changed its answers and the program needs an update.",
    _K.REFUSED_HERE: "Use the embedded exchange.",
    _K.OTHER: "See MEXC's message.",
}

_BOOK_MARKET = "Send a limit order priced through the book with immediate-or-cancel instead."
_WALLET = "Do this on MEXC's web site."

MEANINGS: dict[int, Meaning] = {
    codes.UNKNOWN_OPEN_ORDER: Meaning(_K.ORDER_NOT_FOUND, "it knows no such open order"),
    codes.UNKNOWN_ORDER: Meaning(_K.ORDER_NOT_FOUND, "it knows no such order"),
    codes.UNKNOWN_SYMBOL: Meaning(_K.BAD_PARAMETER, "it lists no such pair", "Check the spelling of the pair."),
    codes.SPAN_TOO_LONG: Meaning(_K.BAD_PARAMETER, "the time span asked for is too long", "Ask for an hour at most."),
    codes.BAD_COMBINATION: Meaning(_K.BAD_PARAMETER, "these parameters do not go together"),
    26: Meaning(_K.PERMISSION, "this operation is not allowed"),
    codes.BAD_REQUEST: Meaning(_K.BAD_PARAMETER, "a parameter is missing or is not as MEXC wants it"),
    401: Meaning(_K.AUTHENTICATION, "the key has no authority"),
    403: Meaning(_K.PERMISSION, "access is denied"),
    429: Meaning(_K.RATE_LIMIT, "too many requests"),
    500: Meaning(_K.SERVER, "it had an internal error"),
    503: Meaning(_K.SERVER, "it is unavailable at the moment"),
    504: Meaning(_K.SERVER, "it did not answer its own front in time"),
    codes.NO_SIGNATURE: Meaning(_K.AUTHENTICATION, "the signature does not fit"),
    codes.UNKNOWN_USER: Meaning(_K.AUTHENTICATION, "the user does not exist"),
    codes.SYMBOL_CLOSED_TO_API: Meaning(_K.TRADING_DISABLED, "this pair is not open to trading through the API"),
    10015: Meaning(_K.BAD_PARAMETER, "the user id is missing"),
    codes.BAD_KEY_INFO: Meaning(_K.AUTHENTICATION, "the API key is not valid"),
    codes.BAD_REQUEST_TIME: Meaning(_K.CLOCK, "the time of the request is not valid"),
    codes.NO_AMOUNT: Meaning(_K.BAD_PARAMETER, "the amount is missing"),
    codes.AMOUNT_SCALE: Meaning(_K.BAD_PARAMETER, "the amount has too many decimals", "Round it to the pair's step."),
    codes.BAD_AMOUNT: Meaning(_K.BAD_PARAMETER, "the amount is wrong"),
    10098: Meaning(_K.PERMISSION, "its risk control holds the account", "Ask MEXC's support."),
    10099: Meaning(_K.PERMISSION, "the sub-account is closed"),
    10100: Meaning(_K.OTHER, "this currency cannot be transferred", _WALLET),
    codes.INSUFFICIENT_BALANCE: Meaning(_K.INSUFFICIENT_BALANCE, "the free balance is too small"),
    codes.AMOUNT_NOT_POSITIVE: Meaning(_K.BAD_PARAMETER, "the amount must be above zero"),
    10103: Meaning(_K.OTHER, "this account cannot transfer", _WALLET),
    10200: Meaning(_K.OTHER, "a transfer is pending", _WALLET),
    10201: Meaning(_K.OTHER, "the transfer in failed", _WALLET),
    10202: Meaning(_K.OTHER, "the transfer out failed", _WALLET),
    10206: Meaning(_K.OTHER, "transfers are disabled", _WALLET),
    10211: Meaning(_K.OTHER, "this transfer is forbidden", _WALLET),
    10212: Meaning(_K.OTHER, "this withdrawal address is not allowed", _WALLET),
    10216: Meaning(_K.OTHER, "there is no such address", _WALLET),
    10219: Meaning(_K.OTHER, "the transfer could not be written", _WALLET),
    10222: Meaning(_K.BAD_PARAMETER, "the currency is missing"),
    10232: Meaning(_K.BAD_PARAMETER, "it knows no such currency"),
    10259: Meaning(_K.OTHER, "this transfer is not set up", _WALLET),
    10265: Meaning(_K.OTHER, "its risk control blocks the withdrawal", _WALLET),
    10268: Meaning(_K.OTHER, "the remark is too long", _WALLET),
    11444: Meaning(_K.MAINTENANCE, "this feature is unavailable for now"),
    20001: Meaning(_K.SERVER, "a part of the exchange does not support this"),
    20002: Meaning(_K.SERVER, "a part of the exchange had an internal error"),
    codes.NO_RECORD: Meaning(_K.ORDER_NOT_FOUND, "there is no such record"),
    codes.SUSPENDED: Meaning(_K.TRADING_DISABLED, "trading of this pair is suspended"),
    codes.SIDE_CLOSED: Meaning(_K.TRADING_DISABLED, "this side may not be traded now"),
    codes.BELOW_MINIMUM: Meaning(_K.BAD_PARAMETER, "the order is below the minimum amount", "Use a larger size."),
    codes.ABOVE_MAXIMUM: Meaning(_K.BAD_PARAMETER, "the order is above the maximum amount", "Use a smaller size."),
    codes.INSUFFICIENT_POSITION: Meaning(_K.INSUFFICIENT_BALANCE, "the free balance is too small"),
    codes.OVERSOLD: Meaning(_K.INSUFFICIENT_BALANCE, "more would be sold than is held"),
    codes.BAD_PRICE: Meaning(_K.BAD_PARAMETER, "the price is not valid", "Use a price on the pair's tick."),
    30014: Meaning(_K.BAD_PARAMETER, "it lists no such pair", "Check the spelling of the pair."),
    codes.TRADING_DISABLED: Meaning(_K.TRADING_DISABLED, "trading is disabled"),
    codes.MARKET_ORDERS_DISABLED: Meaning(
        _K.TRADING_DISABLED, "market orders are disabled, or the account may not trade", _BOOK_MARKET
    ),
    30019: Meaning(_K.TRADING_DISABLED, "market orders are disabled for the API", _BOOK_MARKET),
    30020: Meaning(_K.PERMISSION, "the key may not trade this pair, or the pair is closed to the API"),
    30021: Meaning(_K.BAD_PARAMETER, "it lists no such pair", "Check the spelling of the pair."),
    codes.NO_OPPONENT: Meaning(_K.BAD_PARAMETER, "nobody stands on the other side", "Use a limit order, or wait."),
    30026: Meaning(_K.ORDER_NOT_FOUND, "the order ids are not valid"),
    30027: Meaning(_K.TRADING_DISABLED, "buying is suspended by a limit of the platform"),
    30028: Meaning(_K.TRADING_DISABLED, "selling is suspended by a limit of the platform"),
    codes.TOO_MANY_ORDERS: Meaning(_K.LIMIT, "there are too many open orders"),
    30032: Meaning(_K.LIMIT, "the largest holding of this coin is reached"),
    30041: Meaning(_K.TRADING_DISABLED, "this order type is not allowed now", "Use another order type."),
    30051: Meaning(_K.TRADING_DISABLED, "market orders are disabled for the API", _BOOK_MARKET),
    codes.PRICE_OUT_OF_RANGE: Meaning(
        _K.BAD_PARAMETER, "the price is outside the allowed range", "Move the price nearer to the market."
    ),
    codes.BAD_PARAMETER: Meaning(_K.BAD_PARAMETER, "a parameter is wrong"),
    codes.MISSING_PARAMETER: Meaning(_K.BAD_PARAMETER, "a parameter is missing"),
    60005: Meaning(_K.PERMISSION, "the account is in an abnormal state", "Ask MEXC's support."),
    codes.PAIR_BARRED: Meaning(_K.PERMISSION, "this key is barred from the pair, or the pair is closed to the API"),
    88004: Meaning(_K.OTHER, "the margin loan limit is exceeded"),
    88009: Meaning(_K.OTHER, "there is no margin loan"),
    88013: Meaning(_K.OTHER, "the margin amount is below the minimum"),
    88015: Meaning(_K.INSUFFICIENT_BALANCE, "the margin balance is too small"),
    codes.BAD_KEY_FORMAT: Meaning(
        _K.AUTHENTICATION, "the API key has a wrong form or has expired", "Make a new key at MEXC."
    ),
    codes.BAD_SIGNATURE: Meaning(
        _K.AUTHENTICATION, "the signature is not valid", "Check that the API secret belongs to the key."
    ),
    codes.OUTSIDE_RECV_WINDOW: Meaning(_K.CLOCK, "the request came outside its time window"),
    codes.MANDATORY_PARAMETER: Meaning(
        _K.BAD_PARAMETER, "a parameter it cannot do without, such as the order id, is missing"
    ),
    codes.RECV_WINDOW_TOO_LONG: Meaning(
        _K.BAD_PARAMETER, "the time window is too long", "Set recv_window_ms to 60000 at most."
    ),
    codes.ADDRESS_NOT_ALLOWED: Meaning(
        _K.AUTHENTICATION, "this address is not on the key's list", "Add it in MEXC's API management."
    ),
    codes.NO_PERMISSION: Meaning(_K.PERMISSION, "the key has no permission for this"),
    codes.ILLEGAL_CHARACTERS: Meaning(_K.BAD_PARAMETER, "a parameter has characters that are not allowed"),
    codes.BAD_CONTENT_TYPE: Meaning(_K.BAD_PARAMETER, "the content type is wrong"),
    730000: Meaning(_K.SERVER, "the request failed there"),
    730001: Meaning(_K.OTHER, "the pair was not found, or the user's data are wrong"),
    codes.INVALID_PARAMETER: Meaning(_K.BAD_PARAMETER, "a parameter is not valid"),
    730003: Meaning(_K.BAD_PARAMETER, "this is not supported"),
    730100: Meaning(_K.PERMISSION, "the user's state does not allow this"),
    730101: Meaning(_K.PERMISSION, "the sub-account's name or state does not allow this"),
    140001: Meaning(_K.PERMISSION, "the sub-account does not exist"),
    140002: Meaning(_K.PERMISSION, "the sub-account is forbidden"),
    **{code: Meaning(_K.PERMISSION, "a sub-account setting does not allow this") for code in range(730600, 730603)},
    **{code: Meaning(_K.AUTHENTICATION, "a key or stream setting is not valid") for code in range(730700, 730709)},
}

_BY_WORDS: dict[int, tuple[tuple[str, Meaning], ...]] = {
    codes.BAD_REQUEST: (
        ("scale", Meaning(_K.BAD_PARAMETER, "the amount has too many decimals", "Round it to the pair's decimals.")),
        ("key", Meaning(_K.AUTHENTICATION, "the API key is missing")),
    ),
}
"""Codes that stand for different things, told apart by a word of the message."""

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
    known = next((meant for word, meant in _BY_WORDS.get(code, ()) if word in said.lower()), MEANINGS.get(code))
    unclear = status >= 500 or (known is None and status < 400) or (known is not None and known.kind is _K.SERVER)
    if call.changes and unclear:
        return outcome_unknown(call, f"MEXC answered with code {code}: {said}", status=status, code=code)
    kind = known.kind if known is not None else (_K.SERVER if status >= 500 else _K.OTHER)
    consequence = _AFTER_REFUSAL.get(call.duty, "")
    _, down, why = message.partition(codes.MIRROR_DOWN)
    if down:
        return VenueError(
            f"{codes.MIRROR_DOWN}: {printable(why).strip(' ()')}. {consequence}".rstrip(),
            kind=kind,
            code=code,
            http_status=status,
            remedy="Wait; it is tried again by itself, and open orders keep their places.",
            definite=not unclear,
            retry_after_s=retry_after_s,
        )
    meaning = known.text if known is not None else "the code is not a known one"
    return VenueError(
        f"MEXC refused {call.label}: {meaning} (code {code}: {said}). {consequence}".rstrip(),
        kind=kind,
        code=code,
        http_status=status,
        remedy=(known.remedy if known is not None else "") or REMEDIES[kind],
        definite=not unclear,
        retry_after_s=retry_after_s,
    )


def read_answer(call: Call, answer: Answer) -> Any:
    """Return the JSON of a success.

    Raises:
        VenueError: anything else: an error code whatever the HTTP status, an error status, HTML, nothing.
    """
    if answer.status in (418, 429):
        raise _over_limit(call, answer)
    try:
        data = decode(answer.body)
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
