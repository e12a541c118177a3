"""What MEXC's error codes mean, in plain words, and what to do about each."""

from __future__ import annotations

import msgspec

from mexc_tui.domain.errors import ErrorKind
from mexc_tui.wire.mexc import codes

_K = ErrorKind


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


def meaning(code: int, message: str) -> Meaning | None:
    """Return what a code stands for; None for one that is not known."""
    said = message.lower()
    return next((meant for word, meant in _BY_WORDS.get(code, ()) if word in said), MEANINGS.get(code))
