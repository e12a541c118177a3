"""Which orders placed elsewhere somebody means."""

from __future__ import annotations

from collections.abc import Sequence

from mexc_tui.domain.orders import Order, Origin


class AdoptError(ValueError):
    """No order is meant, or it is not clear which; the message says so."""


def orders_to_adopt(which: str, open_orders: Sequence[Order]) -> tuple[Order, ...]:
    """Return the open orders that a word names.

    ``all`` names every one that was placed elsewhere and is not adopted; ``none`` and nothing at all those that nobody
    has answered for yet; any other word the one whose id, the exchange's or its client's, ends so.

    Raises:
        AdoptError: there is none, or more than one that an id could name.
    """
    word = which.lower().lstrip("….")
    theirs = [order for order in open_orders if not order.managed]
    if word in ("", "none", "all"):
        found = theirs if word == "all" else [order for order in theirs if order.origin is not Origin.LEFT]
        if found:
            return tuple(found)
        left = "; `adopt all` takes those that were left" if theirs else ""
        raise AdoptError(f"no open order placed elsewhere waits for an answer{left}")
    named = [
        order
        for order in theirs
        if order.order_id.lower().endswith(word) or order.client_order_id.lower().endswith(word)
    ]
    whole = [order for order in named if word in (order.order_id.lower(), order.client_order_id.lower())]
    named = whole or named
    if not named:
        raise AdoptError(f"no open order placed elsewhere has an id that ends in {word[:20]}")
    if len(named) > 1:
        raise AdoptError(f"{len(named)} orders placed elsewhere have an id that ends so; give more of it")
    return (named[0],)
