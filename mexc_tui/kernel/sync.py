"""Keeping one book exact: buffer, snapshot, replay, and start over at the first doubt."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from mexc_tui.domain.book import Applied, BookError, OrderBook
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import BookDelta, BookSnapshot, Timestamp, TopOfBook
from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.views import BookState
from mexc_tui.kernel.effects import Effect, FetchSnapshot
from mexc_tui.kernel.facts import FactLog

SECOND = 1_000_000_000
BUFFER = 500
"""Pushes kept while a snapshot is on its way."""
FIRST_DATA_NS = 1_500_000_000
"""A market without a push for this long after subscribing is read anyway, so that a quiet book is shown."""
ANSWER_NS = 30 * SECOND
"""A snapshot that has not come by then is asked for again."""
DEAD_NS = 30 * SECOND
"""Without a push and without any sign of life of the link for this long the book is not current."""
VERIFY_NS = 60 * SECOND
"""A live book that got no push for this long is compared with a new snapshot."""
REFRESH_NS = 20 * SECOND
"""Least time between two snapshots that only renew a live book."""
DISAGREE_NS = 5 * SECOND
"""A touch that differs from the exchange's own best prices for this long means that the book is wrong."""
DISAGREE_PAUSE_NS = 30 * SECOND
TOLERANCE = Decimal("0.0005")
LEAST_LEVELS = 100
"""A cut-off side with fewer known levels than this (or a quarter of what was asked) is renewed."""
_PAUSES_MS = (0, 250, 500, 1_000, 2_000, 5_000, 10_000)


# Navigation a member up in its class is slow in Python 3.11, and these are needed for every push.
_LIVE = BookState.LIVE
_GAP = Applied.GAP
_SKIPPED = Applied.SKIPPED


class BookSync:
    """The book of one symbol and how far it can be trusted.

    Only one snapshot is asked for at a time. An answer to a question from before a disconnect is dropped, since
    nothing connects it with the pushes that follow.
    """

    __slots__ = (
        "_asked_ns",
        "_attempts",
        "_buffer",
        "_checked_ns",
        "_dead",
        "_disagree_ns",
        "_disagreements",
        "_facts",
        "_least",
        "_limit",
        "_needs_push",
        "_outdated",
        "_push_ns",
        "_refreshed_ns",
        "_retry_ns",
        "_seen",
        "_silent_ns",
        "_since_ns",
        "_skip_ns",
        "_told",
        "book",
        "cut",
        "price_decimals",
        "proof_ns",
        "qty_decimals",
        "reason",
        "revision",
        "state",
        "symbol",
        "top",
    )

    def __init__(
        self, symbol: str, facts: FactLog, *, limit: int, at: Timestamp, cut: bool, asking: bool, least: int = 0
    ) -> None:
        """Start without a book. ``asking``: an answer to an earlier question may still come, and is not for us.

        ``least``: levels a side that shall always be known, where the exchange has so many.
        """
        self.symbol = symbol
        self.book: OrderBook | None = None
        self.state = BookState.SYNCING
        self.reason = "waiting for the first prices"
        self.price_decimals = 0
        self.qty_decimals = 0
        self.cut = cut
        """The stream is known to be down: a snapshot would be out of date at once."""
        self.proof_ns = 0
        """When the book was last known to be current by its own data; zero before the first time."""
        self.revision = 0
        """Rises whenever state, reason or content changes."""
        self.top: TopOfBook | None = None
        self._facts = facts
        self._limit = limit
        self._least = max(least, min(LEAST_LEVELS, limit // 4))
        self._buffer: deque[BookDelta] = deque(maxlen=BUFFER)
        self._asked_ns: int | None = at.mono_ns if asking else None
        self._outdated = asking
        self._attempts = 0
        self._seen = 0
        """Newest version that a push has spoken of: an older snapshot cannot be current."""
        self._retry_ns = at.mono_ns
        self._since_ns = at.mono_ns
        self._push_ns = at.mono_ns
        self._refreshed_ns = at.mono_ns
        self._checked_ns = at.mono_ns - DISAGREE_PAUSE_NS
        self._disagree_ns: int | None = None
        self._disagreements = 0
        self._told = False
        self._dead = False
        self._skip_ns: int | None = None
        self._silent_ns: int | None = None
        self._needs_push = False

    @property
    def asking(self) -> bool:
        """Whether the answer to a snapshot request is still to come."""
        return self._asked_ns is not None

    @property
    def live(self) -> bool:
        """Whether the book is promised to be exact."""
        return self.state is _LIVE

    def on_delta(self, delta: BookDelta, at: Timestamp) -> list[Effect]:
        """Apply a push to a live book, or keep it for the snapshot that is coming."""
        self.cut = self._dead = self._needs_push = False
        self._push_ns = at.mono_ns
        self._silent_ns = None
        book = self.book
        if self.state is not _LIVE or book is None:
            self._buffer.append(delta)
            self._seen = max(self._seen, delta.last)
            return self._ask_if_due(at)
        if self._asked_ns is not None:
            self._buffer.append(delta)
        try:
            applied = book.apply(delta)
        except BookError as error:
            return self._lose(at, f"an update could not be read ({error})", seen=delta.last)
        if applied is _GAP:
            first, last = book.version + 1, delta.first - 1
            missing = f"version {first} is missing" if first == last else f"versions {first} to {last} are missing"
            return self._lose(at, missing, keep=delta)
        if applied is _SKIPPED:
            return self._skipped(delta, at)
        self._skip_ns = None
        self.proof_ns = at.mono_ns
        self.revision += 1
        return []

    def on_snapshot(self, snapshot: BookSnapshot, at: Timestamp) -> list[Effect]:
        """Build the book from a snapshot that was asked for and run the kept pushes through it."""
        if self._asked_ns is None:
            return []
        self._asked_ns = None
        if self._outdated:
            self._outdated = False
            return self._ask_if_due(at)
        try:
            book = OrderBook(snapshot, price_decimals=self.price_decimals, qty_decimals=self.qty_decimals)
            whole = self._replay(book)
        except BookError as error:
            self._buffer.clear()
            return self._failed(at, f"the snapshot or an update after it could not be read ({error})")
        if not whole:
            return self._failed(at, "the snapshot does not connect with the updates that were kept")
        if not self.live and book.version < self._seen:
            return self._failed(at, "the snapshot is older than updates that have come already")
        if book.crossed():
            return self._failed(at, "the snapshot was crossed: its best bid stood at or above its best ask")
        if self.live:
            return self._renew(book, at)
        return self._go_live(book, at)

    def on_failure(self, reason: str, at: Timestamp) -> list[Effect]:
        """Try again later: the snapshot that was asked for will not come."""
        if self._asked_ns is None:
            return []
        self._asked_ns = None
        self._outdated = False
        return self._failed(at, f"the snapshot did not come ({reason.rstrip('.')})")

    def on_top(self, top: TopOfBook, at: Timestamp) -> list[Effect]:
        """Remember the exchange's own best prices and hold the book against them."""
        self.top = top
        if not self.live or not self._disagrees():
            self._disagree_ns = None
            self._disagreements = 0
        else:
            self._disagreements += 1
            if self._disagree_ns is None:
                self._disagree_ns = at.mono_ns
        return []

    def refuse(self, reason: str, at: Timestamp) -> list[Effect]:
        """Take note that the exchange does not send this market's updates: nothing is live until one comes."""
        self._needs_push = True
        message = f"the exchange refuses its updates ({reason or 'no reason given'})"
        if self.live:
            return self._lose(at, message)
        self._say(self.state, message)
        return []

    def lose_link(self, reason: str, at: Timestamp, *, cut: bool) -> list[Effect]:
        """Distrust everything: pushes were missed or may have been."""
        self.cut = cut
        self._buffer.clear()
        self._outdated = self._asked_ns is not None
        self._retry_ns = self._since_ns = at.mono_ns
        self.top = None
        effects: list[Effect] = []
        if self.live:
            effects = self._lose(at, reason, quiet=True)
        else:
            self._say(self.state, reason)
        # Maintenance may have started the exchange's counter anew.
        self._seen = 0
        return effects

    def link_back(self, at: Timestamp) -> list[Effect]:
        """Take note that the stream runs again; pushes, or their absence for a while, start the resync.

        A channel that was refused, or brought nothing while the market moved, has still to prove itself with a push.
        """
        if self.cut:
            self.cut = False
            self._retry_ns = self._since_ns = at.mono_ns
        return []

    def on_tick(self, at: Timestamp, link_ns: int) -> list[Effect]:
        """Do what is due by now; ``link_ns`` is when the link last showed life."""
        if self._asked_ns is not None and at.mono_ns - self._asked_ns > ANSWER_NS:
            self._asked_ns = None
            self._outdated = False
            return self._failed(at, "the snapshot that was asked for never came")
        if not self.live or self.book is None:
            if self._dead and link_ns > self._since_ns:
                self._dead = False
                self.link_back(at)
            return self._ask_if_due(at)
        if self.book.crossed():
            return self._lose(at, "its best bid stood at or above its best ask")
        if at.mono_ns - max(self._push_ns, self.proof_ns, link_ns) > DEAD_NS:
            self._dead = True
            return self.lose_link(f"nothing has come from the exchange for {DEAD_NS // SECOND} s", at, cut=True)
        if self._silent_ns is not None and at.mono_ns - self._silent_ns > DISAGREE_NS:
            self._needs_push = True
            return self._lose(at, "the market moves but its updates do not arrive")
        if self._persistently_wrong(at, link_ns):
            self._checked_ns = at.mono_ns
            return self._lose(at, "its best prices differed from the exchange's own for several seconds")
        return self._renew_if_due(at)

    def _ask_if_due(self, at: Timestamp) -> list[Effect]:
        if self._asked_ns is not None or self.cut or at.mono_ns < self._retry_ns:
            return []
        if not self._buffer and not self._attempts and at.mono_ns - self._since_ns < FIRST_DATA_NS:
            return []
        return self._ask(at)

    def _ask(self, at: Timestamp) -> list[Effect]:
        self._asked_ns = at.mono_ns
        return [FetchSnapshot(self.symbol, self._limit)]

    def _replay(self, book: OrderBook) -> bool:
        """Run the kept pushes through a new book; False if one does not connect, which then starts the buffer."""
        while self._buffer:
            if book.apply(self._buffer[0]) is Applied.GAP:
                return False
            self._buffer.popleft()
        return True

    def _go_live(self, book: OrderBook, at: Timestamp) -> list[Effect]:
        self.book = book
        self._refreshed_ns = at.mono_ns
        if self._needs_push:
            self._retry_ns = at.mono_ns + _PAUSES_MS[-1] * 1_000_000
            self._say(BookState.STALE, "no updates arrive; read again every 10 s")
            return []
        self.proof_ns = at.mono_ns
        self._attempts = 0
        self._forget_doubts()
        self._say(BookState.LIVE, "")
        if not self._told:
            return []
        self._told = False
        message = f"{self.symbol}: the order book is exact again; orders on it are possible."
        return [self._facts.emit(at, "resynced", Level.GOOD, message, symbol=self.symbol)]

    def _renew(self, book: OrderBook, at: Timestamp) -> list[Effect]:
        old = self.book
        if old is None or book.version < old.version:
            return []
        if book.version > old.version and self._push_ns < self._refreshed_ns:
            self._silent_ns = at.mono_ns
        differs = book.version == old.version and _touch_levels(book) != _touch_levels(old)
        self.book = book
        self.proof_ns = at.mono_ns
        self.revision += 1
        if not differs:
            return []
        message = (
            f"{self.symbol}: the order book differed from a fresh reading of the same version and was replaced. "
            "What was shown just before may have been wrong; check orders placed on it."
        )
        return [self._facts.emit(at, "gap", Level.WARN, message, symbol=self.symbol)]

    def _renew_if_due(self, at: Timestamp) -> list[Effect]:
        if self._asked_ns is not None or self.book is None or at.mono_ns - self._refreshed_ns < REFRESH_NS:
            return []
        quiet = at.mono_ns - max(self._push_ns, self._refreshed_ns) > VERIFY_NS
        if not quiet and not self.book.thin(self._least):
            return []
        self._refreshed_ns = at.mono_ns
        self._buffer.clear()
        return self._ask(at)

    def _failed(self, at: Timestamp, reason: str) -> list[Effect]:
        if self.live:
            # Only a renewal failed; the book itself still follows every push.
            self._buffer.clear()
            return []
        self._attempts += 1
        pause_ms = _PAUSES_MS[min(self._attempts, len(_PAUSES_MS) - 1)]
        self._retry_ns = at.mono_ns + pause_ms * 1_000_000
        self._say(self.state, reason)
        if self._attempts != 3:
            return []
        self._told = True
        message = (
            f"{self.symbol}: the order book cannot be read, {reason}. Orders on it are refused meanwhile; "
            "it is tried again without end."
        )
        return [self._facts.emit(at, "gap", Level.WARN, message, symbol=self.symbol)]

    def _lose(
        self, at: Timestamp, reason: str, *, keep: BookDelta | None = None, quiet: bool = False, seen: int = 0
    ) -> list[Effect]:
        self._buffer.clear()
        if keep is not None:
            self._buffer.append(keep)
        self._retry_ns = self._since_ns = at.mono_ns
        self._seen = keep.last if keep is not None else max(seen, self.book.version if self.book is not None else 0)
        self._forget_doubts()
        self._say(BookState.STALE, reason)
        effects: list[Effect] = []
        if not quiet:
            message = (
                f"{self.symbol}: the order book lost track, {reason}. It is shown as stale and orders on it are "
                "refused until it has been read again, which has begun."
            )
            effects.append(self._facts.emit(at, "gap", Level.WARN, message, symbol=self.symbol))
            self._told = True
        return effects + self._ask_if_due(at)

    def _skipped(self, delta: BookDelta, at: Timestamp) -> list[Effect]:
        """Old pushes are normal after a snapshot; nothing but old ones means the exchange's counter went back."""
        if self._skip_ns is None:
            self._skip_ns = at.mono_ns
        elif at.mono_ns - self._skip_ns > DISAGREE_NS:
            return self._lose(at, f"the exchange's version fell back to {delta.last}", keep=delta)
        return []

    def _forget_doubts(self) -> None:
        self._disagree_ns = self._skip_ns = self._silent_ns = None
        self._disagreements = 0

    def _say(self, state: BookState, reason: str) -> None:
        self.state = state
        self.reason = reason
        self.revision += 1

    def _disagrees(self, tolerance: Decimal = ZERO) -> bool:
        if self.book is None or self.top is None:
            return False
        bid, ask = self.book.top()
        for mine, theirs in ((bid, self.top.bid), (ask, self.top.ask)):
            if theirs <= 0:
                continue
            if mine is None:
                return True
            price = self.book.price(mine[0])
            if abs(price - theirs) > theirs * tolerance:
                return True
        return False

    def _persistently_wrong(self, at: Timestamp, link_ns: int) -> bool:
        if self._disagree_ns is None or self.top is None or self.book is None:
            return False
        if not self._disagrees():
            self._disagree_ns = None
            self._disagreements = 0
            return False
        if at.mono_ns - self._checked_ns < DISAGREE_PAUSE_NS or link_ns - self._disagree_ns < DISAGREE_NS:
            # Time counts only while the link lives: a stream that stopped says nothing about who is right.
            return False
        if self.top.recv_ns > self.book.recv_ns and link_ns - self.book.recv_ns > DISAGREE_NS:
            return True
        # Two streams that run side by side differ for moments, but not by much and not for seconds.
        return self._disagreements >= 3 and self._disagrees(TOLERANCE)


def _touch_levels(book: OrderBook) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
    bids, asks = book.levels(20)
    return (
        [(book.price(p), book.quantity(q)) for p, q in bids],
        [(book.price(p), book.quantity(q)) for p, q in asks],
    )
