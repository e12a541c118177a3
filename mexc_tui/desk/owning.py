"""Whose orders a client's are: what it calls itself, as far as the desk can believe that."""

from __future__ import annotations

from mexc_tui.desk.peer import Peer, at_terminal
from mexc_tui.desk.protocol import Hello, ProtocolError
from mexc_tui.desk.starting import is_screen
from mexc_tui.domain.owners import PERSON, SCRIPT, is_name


def owner_of(hello: Hello, peer: Peer) -> tuple[str, bool]:
    """Return the owner of a client's orders, and whether a person sits at it.

    Only a screen is a person; every client may call itself less. An algorithm is never attended.

    Raises:
        ProtocolError: it calls itself a person and is no screen, or something that is no name.
    """
    screen = is_screen(hello.name)
    owner = hello.owner or (PERSON if screen else SCRIPT)
    if owner == PERSON and not screen:
        raise ProtocolError("Only a screen acts as a person. Leave the owner out, or name the algorithm that acts.")
    if not is_name(owner):
        raise ProtocolError("An owner's name has at most 20 of a-z, 0-9, _ and -, and begins with a letter.")
    return owner, owner == PERSON or (owner == SCRIPT and (screen or at_terminal(peer)))
