"""Who calls: key, time window, signature, address and permission, checked as MEXC does."""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.server.keys import ApiKey, KeyRing
from mexc_tui.wire.mexc.endpoints import MAX_RECV_WINDOW_MS

DEFAULT_RECV_WINDOW = 5_000
MAX_AHEAD_MS = 1_000

_SIGNATURE = re.compile(r"(?:^|&)signature=([^&]*)")
_HEX = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z0-9\-._=&]*")
_TILDES = ("~", "%7E")
_STARS = ("*", "%2A")
"""Clients encode these two or not; which MEXC expects is not known, so either passes."""


def split_signature(raw: str) -> tuple[str, str | None]:
    """Return the text without its ``signature`` pair, and the signature (None where there is none)."""
    found = _SIGNATURE.search(raw)
    if found is None:
        return raw, None
    rest = raw[: found.start()] + raw[found.end() :]
    return rest.removeprefix("&"), found.group(1)


def parameters(query: str, body: str) -> dict[str, str]:
    """Return the parameters of query string and body; where both name one, the query wins.

    ``symbols`` may be repeated instead of holding a list with commas.
    """
    asked = parse_qsl(query, keep_blank_values=True)
    found = dict(parse_qsl(body, keep_blank_values=True))
    found.update(asked)
    if "symbols" in found:
        found["symbols"] = ",".join(value for name, value in asked if name == "symbols") or found["symbols"]
    return found


def sign(secret: str, text: str) -> str:
    """Return the HMAC-SHA256 of the text in lower-case hexadecimal digits."""
    return hmac.new(secret.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def signed_texts(raw: str) -> tuple[str, ...]:
    """Return what a signature of a query or body may cover.

    MEXC signs the decoded parameters encoded again, in the order sent, with upper-case digits, ``%20`` for a space
    and parentheses encoded; how they were encoded on the line does not count.
    """
    if _PLAIN.fullmatch(raw):
        return (raw,)
    data = raw.encode("utf-8", "surrogateescape").replace(b"+", b" ")
    pairs = [[unquote_to_bytes(part) for part in pair.split(b"=", 1)] for pair in data.split(b"&")]
    text = "&".join("=".join(quote_from_bytes(part, "*") for part in pair) for pair in pairs)
    return tuple({text.replace("~", tilde).replace("*", star) for tilde in _TILDES for star in _STARS})


def check_window(params: dict[str, str], now_ms: int) -> None:
    """Refuse a request outside its time window (700003, 700005, 10073)."""
    window_text = params.get("recvWindow", "")
    if window_text and not window_text.isascii():
        raise SimError(700008, "Illegal characters found in parameter 'recvWindow'")
    if window_text and not window_text.isdigit():
        raise SimError(700008, "Illegal characters found in parameter 'recvWindow'")
    window = int(window_text) if window_text else DEFAULT_RECV_WINDOW
    if window > MAX_RECV_WINDOW_MS:
        raise SimError(700005, "recvWindow must be less than 60000")
    stamp = params.get("timestamp", "")
    if not stamp:
        raise SimError(700004, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 18):
        raise SimError(10073, "Invalid Request-Time")
    ahead = int(stamp) - now_ms
    if ahead >= MAX_AHEAD_MS or -ahead > window:
        raise SimError(700003, "Timestamp for this request is outside of the recvWindow.")


def authenticate(
    keys: KeyRing, access: str, query: str, body: str, remote: str, permission: str, now_ms: int
) -> tuple[ApiKey, dict[str, str]]:
    """Return the caller's key and parameters, or raise MEXC's refusal.

    The signature covers the encoded query parameters followed directly by the encoded body parameters.
    """
    if not access:
        raise SimError(400, "api key required", 400)
    if not access.startswith("mx0"):
        raise SimError(700001, "API-key format invalid.")
    key = keys.get(access)
    if key is None:
        raise SimError(10072, "Api key info invalid")
    bare_query, signature = split_signature(query)
    bare_body, body_signature = split_signature(body)
    signature = signature if signature is not None else body_signature
    if not signature:
        raise SimError(602, "Signature verification failed: no signature")
    params = parameters(bare_query, bare_body)
    check_window(params, now_ms)
    texts = (query + body for query in signed_texts(bare_query) for body in signed_texts(bare_body))
    if _HEX.fullmatch(signature) is None or not any(
        hmac.compare_digest(sign(key.secret, text), signature) for text in texts
    ):
        raise SimError(700002, "Signature for this request is not valid.")
    if key.ips and remote not in key.ips:
        raise SimError(700006, f"IP [{remote}] not in the ip white list")
    if permission and permission not in key.permissions:
        raise SimError(700007, "No permission to access the endpoint.")
    return key, params
