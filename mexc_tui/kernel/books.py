"""The books that are followed, and how current each of them is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mexc_tui.domain.book import OrderBook
from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    ChannelRefused,
    LinkChanged,
    LinkState,
    SnapshotFailed,
    Timestamp,
    TopOfBook,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.views import BookState, BookView
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.sync import BookSync

MOST_LEVELS = 2_000
"""The exchange cuts a snapshot off here whatever is asked for, so a larger wish would make it look complete."""
CROSSED = "its best bid stands at or above its best ask"


class Books:
    """One synchronised book a symbol, and the life of the link that keeps them current."""

    def __init__(self, facts: FactLog, instrument: Callable[[str], Instrument | None], depth: int, least: int) -> None:
        """``depth``: levels a side asked for; ``least``: known at any time, where the exchange has so many."""
        self._facts = facts
        self._instrument = instrument
        self._depth = min(depth, MOST_LEVELS)
        self._least = least
        self._syncs: dict[str, BookSync] = {}
        self._views: dict[tuple[str, int], tuple[int, BookView]] = {}
        self._unanswered: set[str] = set()
        """Symbols that were let go while a snapshot was on its way."""
        self._cut = True
        """Whether the market stream is down, or has not been up yet: a book that nothing follows is not live."""
        self._link_ns = 0
        self._told_apart = False
        """Whether the venue says itself when its quietest connection last showed life."""
        self._frames = -1

    # --- what is followed

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols whose books are followed, in the order asked for."""
        return tuple(self._syncs)

    def follow(self, symbols: Sequence[str], at: Timestamp) -> list[str]:
        """Follow exactly these; returns the symbols that were let go."""
        gone = [symbol for symbol in self._syncs if symbol not in symbols]
        for symbol in gone:
            if self._syncs.pop(symbol).asking:
                self._unanswered.add(symbol)
        self._views = {key: view for key, view in self._views.items() if key[0] not in gone}
        self._syncs = {symbol: self._syncs.get(symbol) or self._begin(symbol, at) for symbol in symbols}
        return gone

    def _begin(self, symbol: str, at: Timestamp) -> BookSync:
        asking = symbol in self._unanswered
        self._unanswered.discard(symbol)
        sync = BookSync(symbol, self._facts, limit=self._depth, at=at, cut=self._cut, asking=asking, least=self._least)
        self._give_decimals(sync)
        return sync

    def instruments_changed(self) -> None:
        """Take up the decimals of pairs that were loaded anew."""
        for sync in self._syncs.values():
            self._give_decimals(sync)

    def _give_decimals(self, sync: BookSync) -> None:
        pair = self._instrument(sync.symbol)
        if pair is not None and (sync.price_decimals, sync.qty_decimals) != (pair.price_decimals, pair.qty_decimals):
            sync.price_decimals, sync.qty_decimals = pair.price_decimals, pair.qty_decimals
            sync.revision += 1

    # --- inputs

    def on_delta(self, delta: BookDelta, at: Timestamp) -> list[Effect]:
        """Apply a push."""
        sync = self._syncs.get(delta.symbol)
        return [] if sync is None else sync.on_delta(delta, at)

    def on_snapshot(self, snapshot: BookSnapshot, at: Timestamp) -> list[Effect]:
        """Take a snapshot that was asked for."""
        self._unanswered.discard(snapshot.symbol)
        sync = self._syncs.get(snapshot.symbol)
        return [] if sync is None else sync.on_snapshot(snapshot, at)

    def on_snapshot_failed(self, failed: SnapshotFailed, at: Timestamp) -> list[Effect]:
        """Take note that a snapshot will not come."""
        self._unanswered.discard(failed.symbol)
        sync = self._syncs.get(failed.symbol)
        return [] if sync is None else sync.on_failure(failed.reason, at)

    def on_top(self, top: TopOfBook, at: Timestamp) -> list[Effect]:
        """Hold a book against the exchange's own best prices."""
        sync = self._syncs.get(top.symbol)
        return [] if sync is None else sync.on_top(top, at)

    def on_link(self, changed: LinkChanged, at: Timestamp) -> list[Effect]:
        """Distrust the books whose stream was interrupted; let the others go on."""
        up = changed.state is LinkState.CONNECTED
        self._cut = not up
        if up:
            self._link_ns = at.mono_ns
        effects: list[Effect] = []
        reason = changed.reason or f"the market stream is {changed.state.value}"
        for symbol, sync in self._syncs.items():
            if lost(changed, symbol):
                effects += sync.lose_link(reason, at, cut=not up)
            elif up and not changed.symbols:
                effects += sync.link_back(at)
        return effects

    def on_refused(self, refused: ChannelRefused, at: Timestamp) -> list[Effect]:
        """Take note that a book's updates are not sent."""
        sync = self._syncs.get(refused.symbol)
        return sync.refuse(refused.reason, at) if sync is not None and "depth" in refused.channel else []

    def on_health(self, health: VenueHealth, at: Timestamp) -> None:
        """Take note of the life of the link."""
        if health.alive_ns:
            # One connection can fall silent while others, the account's among them, go on talking.
            self._told_apart = True
            self._link_ns = min(health.alive_ns, at.mono_ns)
        elif health.frames > self._frames >= 0:
            self.alive(at)
        self._frames = health.frames

    def on_tick(self, at: Timestamp) -> list[Effect]:
        """Do what is due by now."""
        effects: list[Effect] = []
        for sync in self._syncs.values():
            effects += sync.on_tick(at, self._link_ns)
        return effects

    def alive(self, at: Timestamp) -> None:
        """Take something that came as life of the whole link, unless the venue tells its connections apart."""
        if not self._told_apart:
            self._link_ns = at.mono_ns

    # --- reading

    def get(self, symbol: str) -> OrderBook | None:
        """Return the book if it is live: exact and not crossed."""
        sync = self._syncs.get(symbol)
        if sync is None or not sync.live or sync.book is None or sync.book.crossed():
            return None
        return sync.book

    def mark(self, symbol: str) -> tuple[BookSync | None, int]:
        """Return what is equal as long as the book has not changed."""
        sync = self._syncs.get(symbol)
        return (None, 0) if sync is None else (sync, sync.revision)

    def view(self, symbol: str, depth: int) -> BookView | None:
        """Return a picture of a followed book in whatever state; the same object until something changes."""
        sync = self._syncs.get(symbol)
        if sync is None:
            return None
        cached = self._views.get((symbol, depth))
        if cached is None or cached[0] != sync.revision:
            cached = self._views[symbol, depth] = (sync.revision, _picture(sync, depth))
        return cached[1]

    def age_ms(self, symbol: str, at: Timestamp) -> int | None:
        """Return how long ago the book was last proven current; None before the first time.

        A push for the symbol proves it, and so does any life of the link while the book is live, since a push that
        was lost would show as a gap.
        """
        sync = self._syncs.get(symbol)
        if sync is None or not sync.proof_ns:
            return None
        proof = max(sync.proof_ns, self._link_ns) if sync.live and not sync.cut else sync.proof_ns
        return max(0, (at.mono_ns - proof) // 1_000_000)


def lost(changed: LinkChanged, symbol: str) -> bool:
    """Return whether updates of a symbol may have been missed."""
    if changed.symbols:
        return symbol in changed.symbols
    return changed.state in (LinkState.RECONNECTING, LinkState.CLOSED)


def _picture(sync: BookSync, depth: int) -> BookView:
    if sync.book is None:
        return BookView(
            symbol=sync.symbol,
            state=sync.state,
            version=0,
            price_decimals=sync.price_decimals,
            qty_decimals=sync.qty_decimals,
            bids=(),
            asks=(),
            reason=sync.reason,
        )
    if sync.live and sync.book.crossed():
        return sync.book.view(depth, BookState.STALE, CROSSED)
    return sync.book.view(depth, sync.state, sync.reason)
