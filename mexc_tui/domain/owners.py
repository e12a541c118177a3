"""Whose an order is: a person's, a script's, or an algorithm's, which has a name of its own."""

from __future__ import annotations

import re

PERSON = "person"
"""Somebody at a screen."""
SCRIPT = "script"
"""Every other client that does not name itself: the command line, a program at the socket."""
_NAME = re.compile("[a-z][a-z0-9_-]{0,19}")


def automated(owner: str) -> bool:
    """Return whether no person gives each of this owner's commands."""
    return owner != PERSON


def is_name(owner: str) -> bool:
    """Return whether an owner can be called so."""
    return _NAME.fullmatch(owner) is not None


def told(owner: str) -> str:
    """Return an owner as it stands in a sentence; nothing where it is not known."""
    return {"": "", PERSON: "a person", SCRIPT: "a script"}.get(owner, f"the algorithm {owner}")
