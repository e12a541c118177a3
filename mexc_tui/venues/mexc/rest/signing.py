"""Signing of requests: HMAC-SHA256 over exactly the text that is sent, in lower-case hex."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote

Params = Sequence[tuple[str, str]]

_VECTOR_SECRET = "45d0b3c26f2644f19bfb98b07741b2f5"
_VECTOR_TEXT = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=11&recvWindow=5000&timestamp=1644489390087"
_VECTOR_SIGNATURE = "fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a"


_plain = re.compile(r"[A-Za-z0-9_.~=&-]*").fullmatch


class SigningError(RuntimeError):
    """Signatures computed on this machine would be refused by MEXC."""


def encode(params: Params) -> str:
    """Return ``a=b&c=d``, percent-encoded once as UTF-8 with upper-case digits and ``%20`` for a space."""
    pairs = [f"{name}={value}" for name, value in params]
    text = "&".join(pairs)
    if _plain(text) and text.count("=") == len(pairs) and text.count("&") == max(0, len(pairs) - 1):
        return text  # nothing in it needs encoding
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params)


def signature(secret: str, text: str) -> str:
    """Return the signature of an encoded text; query and body are joined with nothing between."""
    signing = _keyed(secret).copy()
    signing.update(text.encode())
    return signing.hexdigest()


@lru_cache(maxsize=4)
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod=hashlib.sha256)


def signed_query(params: Params, *, secret: str, recv_window_ms: int, timestamp_ms: int) -> str:
    """Return the whole query of a signed request: parameters, window, time and, last, the signature."""
    text = f"recvWindow={recv_window_ms}&timestamp={timestamp_ms}"
    if first := encode(params):
        text = f"{first}&{text}"
    return f"{text}&signature={signature(secret, text)}"


def self_test() -> None:
    """Recompute MEXC's published example.

    Raises:
        SigningError: the result differs, so no signed request would be accepted.
    """
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in _VECTOR_TEXT.split("&"))]
    text = encode(pairs)
    if text != _VECTOR_TEXT or signature(_VECTOR_SECRET, text) != _VECTOR_SIGNATURE:
        raise SigningError("the signature self-test failed: MEXC's published example gives another signature here")
