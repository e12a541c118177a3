"""The chain over a journal's rows: each row's link covers the row and every row before it.

Whoever changes, drops or adds a row in the middle breaks every link after it. What it cannot show is that rows at the
end are missing; for that the last link, the *head*, has to be noted elsewhere.
"""

from __future__ import annotations

from hashlib import blake2b

SIZE = 16


def genesis(journal_id: str) -> bytes:
    """Return what the link of a journal's first row stands on."""
    return blake2b(journal_id.encode(), digest_size=SIZE).digest()


def link(previous: bytes, seq: int, wall_ms: int, kind: str, body: str | bytes) -> bytes:
    """Return the link of a row; ``previous`` is that of the row before it."""
    text = body.encode() if isinstance(body, str) else body
    return blake2b(b"%b%d,%d,%b,%b" % (previous, seq, wall_ms, kind.encode(), text), digest_size=SIZE).digest()
