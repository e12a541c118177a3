"""Finding the pair that a user means by a few letters."""

from __future__ import annotations

import difflib


class MeaningError(ValueError):
    """The letters stand for no pair, or for several; the message says which."""


def pair_named(word: str, symbols: frozenset[str]) -> str:
    """Return the pair of exactly this name, in whatever case; without a list every name is one.

    Raises:
        MeaningError: it is not in the list.
    """
    upper = word.upper()
    if upper in symbols or not symbols:
        return upper
    near = difflib.get_close_matches(upper, symbols, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise MeaningError(f"{upper[:20]} is not a pair on this exchange{hint}")


def pair_meant(word: str, symbols: frozenset[str]) -> str:
    """Return the pair that a few of its letters stand for: its beginning, or its base. Never for an order.

    Raises:
        MeaningError: they stand for none, or for several.
    """
    upper = word.upper()
    found = sorted(name for name in symbols if name.startswith(upper))
    if upper in symbols or not found:
        return pair_named(word, symbols)
    if f"{upper}USDT" in found:
        return f"{upper}USDT"
    if len(found) > 1:
        raise MeaningError(f"{upper[:20]} could be {', '.join(found[:4])}{' …' if len(found) > 4 else ''}")
    return found[0]
