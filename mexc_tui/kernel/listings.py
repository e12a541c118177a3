"""What changed in the exchange's list of pairs: listings, delistings, pauses, pairs closed to API trading."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from mexc_tui.domain.facts import Level
from mexc_tui.domain.instrument import Instrument, InstrumentStatus, TradeSides

NAMED = 8
"""Pairs that a summary names; the rest is counted."""
_GONE = "not listed"
_OPEN = "open"
_VIEW_ONLY = "view only"
_MEANS = {
    _GONE: "It cannot be traded here any more; see MEXC's announcements for what becomes of orders and holdings",
    InstrumentStatus.OFFLINE.value: "It cannot be traded; see MEXC's announcements for what becomes of holdings",
    InstrumentStatus.PAUSED.value: "New orders are refused until it opens again; look at orders that rest",
    InstrumentStatus.UNKNOWN.value: "Nothing is known of its state, so new orders are refused",
    _VIEW_ONLY: "This key may not place orders in it; prices go on and cancels work",
    TradeSides.CLOSED.value: "New orders are refused; cancels work",
    TradeSides.BUY_ONLY.value: "It cannot be sold at the moment",
    TradeSides.SELL_ONLY.value: "It cannot be bought at the moment",
    _OPEN: "It can be traded",
}


def changes(
    before: Mapping[str, Instrument], after: Mapping[str, Instrument], followed: Collection[str]
) -> Iterator[tuple[Level, str, str]]:
    """Give level, pair and message of what changed: one for each followed pair, one for all others together."""
    others: dict[str, list[str]] = {}
    for symbol in before.keys() | after.keys():
        was, now = _state(before.get(symbol)), _state(after.get(symbol))
        if was != now and symbol not in followed:
            others.setdefault(now if was != _GONE else f"new, {now}", []).append(symbol)
    for symbol in followed:
        was, now = _state(before.get(symbol)), _state(after.get(symbol))
        if was != now:
            message = f"{symbol} is {now} at the exchange now (it was {was}). {_MEANS[now]}."
            yield Level.GOOD if now == _OPEN else Level.WARN, symbol, message
        elif _flagged(after.get(symbol)) and not _flagged(before.get(symbol)):
            yield Level.WARN, symbol, f"{symbol} carries the exchange's risk flag now: it may be delisted. See why."
    if others:
        parts = [f"{state}: {_names(symbols)}" for state, symbols in sorted(others.items())]
        yield Level.INFO, "", f"The exchange's list of pairs has changed. {'; '.join(parts)}."


def _state(pair: Instrument | None) -> str:
    if pair is None:
        return _GONE
    if pair.status is not InstrumentStatus.ONLINE:
        return pair.status.value
    if not pair.api_trading:
        return _VIEW_ONLY
    return _OPEN if pair.sides is TradeSides.BOTH else pair.sides.value


def _flagged(pair: Instrument | None) -> bool:
    return pair is not None and pair.risk_flag


def _names(symbols: list[str]) -> str:
    named = ", ".join(sorted(symbols)[:NAMED])
    return named if len(symbols) <= NAMED else f"{named} and {len(symbols) - NAMED} more"
