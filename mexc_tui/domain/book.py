"""An exact order book: prices and quantities keyed by value, one rule for what may be applied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from itertools import islice

import msgspec

from mexc_tui.domain.inputs import BookDelta, BookSnapshot
from mexc_tui.domain.numbers import BadNumberError, decimals_of, parse_decimal, plain, units_of, unscaled
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import BookState, BookView

_NUMBER = r"[0-9]{1,20}+(?:\.[0-9]{1,20}+)?"
_ONE = re.compile(_NUMBER)
_MANY = re.compile(rf"{_NUMBER}(?: {_NUMBER})*+").fullmatch
"""Almost always every quantity of a push is a plain number already, and one match over all of them proves it."""
_MEMO = 4_096
"""Price texts remembered for a book; enough for the part of it that moves."""
_ROOM = 4_096
"""Smallest number of keys a side may hold before dead levels are swept out."""

_WALKED = 8
"""Levels read first when walking the book; each further reading goes so many times as deep."""

Levels = list[tuple[int, int]]
_Picture = tuple[tuple[int, int], ...]


class BookError(ValueError):
    """A snapshot or an increment holds something that is not a level; nothing of it was applied."""


class Applied(Enum):
    """What became of an increment."""

    SKIPPED = "already in the book"
    APPLIED = "applied"
    GAP = "versions are missing before it"


# Navigation a member up in its class is slow in Python 3.11, and this is done for every push.
_SKIPPED, _APPLIED, _GAP = Applied


class Walk(msgspec.Struct, frozen=True, gc=False):
    """What taking from the book would give: base filled, quote paid or received, and the last price touched."""

    filled: Decimal
    cost: Decimal
    worst: Decimal | None


class _Half:
    """One side. ``qty`` holds texts until they are read, then scaled ints; a zero stays until it is met or swept."""

    __slots__ = ("descending", "keys", "known", "qty", "room")

    def __init__(self, *, descending: bool) -> None:
        self.descending = descending
        self.qty: dict[int, str | int] = {}
        self.keys: list[int] = []
        """Every key of ``qty`` at the last reading, worst first."""
        self.known: int | None = None
        """Worst price down to which the side is complete; None if all of it is known."""
        self.room = _ROOM

    def catch_up(self) -> None:
        # Between readings keys are only ever added, and a dict keeps them in order of arrival.
        missing = len(self.qty) - len(self.keys)
        if missing:
            self.keys.extend(islice(reversed(self.qty), missing))
            self.keys.sort(reverse=not self.descending)

    def hidden(self, price: int) -> bool:
        if self.known is None:
            return False
        return price < self.known if self.descending else price > self.known

    def sweep(self) -> None:
        """Forget zeros and everything beyond the known depth, so that a book nobody reads stays bounded."""
        self.qty = {k: q for k, q in self.qty.items() if q and not self.hidden(k) and not _is_zero(q)}
        self.keys = sorted(self.qty, reverse=not self.descending)
        self.room = max(_ROOM, 2 * len(self.qty))

    def scale_prices(self, factor: int) -> None:
        self.qty = {k * factor: q for k, q in self.qty.items()}
        self.keys = [k * factor for k in self.keys]
        self.known = None if self.known is None else self.known * factor

    def scale_quantities(self, factor: int) -> None:
        for key, qty in self.qty.items():
            if isinstance(qty, int):
                self.qty[key] = qty * factor


class OrderBook:
    """A book that starts from a snapshot and follows increments exactly.

    Prices count units of ``10^-price_decimals`` and quantities of ``10^-qty_decimals``; a number with more decimals
    raises the scale, so nothing is ever rounded. Levels beyond the worst one of a full snapshot are not shown,
    since their neighbours are unknown.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_memo",
        "_pictures",
        "price_decimals",
        "qty_decimals",
        "recv_ns",
        "sent_ms",
        "symbol",
        "version",
    )

    def __init__(self, snapshot: BookSnapshot, *, price_decimals: int = 0, qty_decimals: int = 0) -> None:
        """Build from a snapshot; the decimals given are the least that are used.

        Raises:
            BookError: the snapshot holds a malformed, negative or zero price, or a malformed or negative quantity.
        """
        self.symbol = snapshot.symbol
        self.version = snapshot.version
        self.price_decimals = price_decimals
        self.qty_decimals = qty_decimals
        self.recv_ns = snapshot.recv_ns
        self.sent_ms = 0
        self._memo: dict[str, int] = {}
        self._pictures: dict[int, tuple[_Picture, _Picture]] | None = None
        self._bids = _Half(descending=True)
        self._asks = _Half(descending=False)
        if snapshot.version < 0:
            raise BookError(f"version {snapshot.version} of {snapshot.symbol} is negative")
        sides = ((self._bids, snapshot.bids), (self._asks, snapshot.asks))
        try:
            self._learn([price for _, levels in sides for price, _ in levels])
            for half, levels in sides:
                half.qty = {self._memo[price]: _plain(qty) for price, qty in levels}
                if half.qty and (snapshot.limit <= 0 or len(levels) >= snapshot.limit):
                    half.known = min(half.qty) if half.descending else max(half.qty)
                half.sweep()
        except BookError:
            raise
        except (TypeError, ValueError) as error:
            raise BookError(f"a snapshot of {self.symbol} is not made of levels: {error}") from error
        # Snapshots pad their numbers and increments do not: remember the prices as increments will write them.
        learned = list(self._memo.items())[:_MEMO]
        self._memo = {text.rstrip("0").rstrip(".") if "." in text else text: value for text, value in learned}

    def apply(self, delta: BookDelta) -> Applied:
        """Apply one increment if it continues the book: skip what is old, refuse what leaves a gap.

        Raises:
            BookError: a level is malformed; the book is as it was before.
        """
        version = self.version
        if delta.last <= version:
            return _SKIPPED
        if delta.first > version + 1:
            return _GAP
        # Written out and without helpers: this runs for every push of every symbol. Nothing is changed before
        # every price and quantity of both sides has been read.
        memo = self._memo
        quantities: list[str] = []
        bids: list[tuple[int, str]] = []
        asks: list[tuple[int, str]] = []
        try:
            for price, qty in delta.bids:
                quantities.append(qty)
                bids.append((memo[price], qty))
            for price, qty in delta.asks:
                quantities.append(qty)
                asks.append((memo[price], qty))
            joined = " ".join(quantities)
            plain_numbers = _MANY(joined) is not None and joined.count(" ") == len(quantities) - 1
        except (KeyError, TypeError, ValueError):
            plain_numbers = False
        if not plain_numbers:
            bids, asks = self._read_levels(delta)
        side = self._bids.qty
        for key, qty in bids:
            side[key] = qty
        side = self._asks.qty
        for key, qty in asks:
            side[key] = qty
        self.version = delta.last
        self.recv_ns = delta.recv_ns
        self.sent_ms = delta.sent_ms
        self._pictures = None
        return _APPLIED

    def top(self) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
        """Return best bid and best ask as (price, quantity), scaled; None for a side with nothing known."""
        bids, asks = self._picture(1)
        return (bids[0] if bids else None, asks[0] if asks else None)

    def crossed(self) -> bool:
        """Whether the best bid stands at or above the best ask, which no real book does."""
        bid, ask = self.top()
        return bid is not None and ask is not None and bid[0] >= ask[0]

    def levels(self, depth: int | None = None) -> tuple[Levels, Levels]:
        """Return bids and asks, best first, at most ``depth`` a side and only within the known depth."""
        while True:
            scale = self.qty_decimals
            bids = self._read(self._bids, depth)
            asks = self._read(self._asks, depth)
            if scale == self.qty_decimals:
                return bids, asks

    def _side(self, half: _Half, depth: int) -> Levels:
        while True:
            scale = self.qty_decimals
            found = self._read(half, depth)
            if scale == self.qty_decimals:
                return found

    def walk(self, side: Side, qty: Decimal) -> Walk:
        """Return what an immediate order of ``qty`` base would take from the known depth; less where that ends."""
        half = self._asks if side is Side.BUY else self._bids
        depth = _WALKED
        while True:
            # Reading comes first: it may raise the scale of quantities.
            levels = self._side(half, depth)
            extra = max(0, decimals_of(qty) - self.qty_decimals)
            wanted = units_of(qty, self.qty_decimals + extra)
            filled = cost = worst = 0
            for price, size in levels:
                if filled >= wanted:
                    break
                taken = min(size * 10**extra, wanted - filled)
                filled += taken
                cost += taken * price
                worst = price
            if filled >= wanted or len(levels) < depth:
                break
            depth *= _WALKED
        decimals = self.qty_decimals + extra
        return Walk(
            unscaled(filled, decimals),
            unscaled(cost, decimals + self.price_decimals),
            self.price(worst) if worst else None,
        )

    def price(self, value: int) -> Decimal:
        """Return the price that a scaled value stands for."""
        return unscaled(value, self.price_decimals)

    def quantity(self, value: int) -> Decimal:
        """Return the quantity that a scaled value stands for."""
        return unscaled(value, self.qty_decimals)

    def view(self, depth: int, state: BookState = BookState.LIVE, reason: str = "") -> BookView:
        """Return a picture of the best ``depth`` levels a side; the level tuples are shared until the book changes."""
        bids, asks = self._picture(depth)
        return BookView(
            symbol=self.symbol,
            state=state,
            version=self.version,
            price_decimals=self.price_decimals,
            qty_decimals=self.qty_decimals,
            bids=bids,
            asks=asks,
            known_low=self._bids.known,
            known_high=self._asks.known,
            as_of_ns=self.recv_ns,
            sent_ms=self.sent_ms,
            reason=reason,
        )

    def _picture(self, depth: int) -> tuple[_Picture, _Picture]:
        picture = None if self._pictures is None else self._pictures.get(depth)
        if picture is None:
            found_bids, found_asks = self.levels(depth)
            picture = (tuple(found_bids), tuple(found_asks))
            self._pictures = {**(self._pictures or {}), depth: picture}
        return picture

    def thin(self, least: int) -> bool:
        """Whether a side that was cut off by the snapshot has fewer than ``least`` known levels left."""
        if self._bids.known is None and self._asks.known is None:
            return False
        bids, asks = self.levels(least)
        return (self._bids.known is not None and len(bids) < least) or (
            self._asks.known is not None and len(asks) < least
        )

    def _read(self, half: _Half, depth: int | None) -> Levels:
        half.catch_up()
        keys, qty = half.keys, half.qty
        wanted = len(keys) if depth is None else depth
        near = keys[: -wanted - 1 : -1]
        if near and not half.hidden(near[-1]):
            # Nearly always all of them are known and none is gone: then they are taken in one go.
            for key in [key for key in near if isinstance(qty[key], str)]:
                qty[key] = self._quantity(str(qty[key]))
            sizes = [size for key in near if isinstance(size := qty[key], int)]
            if 0 not in sizes:
                return list(zip(near, sizes, strict=True))
        found: Levels = []
        dead: list[int] = []
        at = len(keys)
        while at and len(found) < wanted:
            key = keys[at - 1]
            size = qty[key]
            if isinstance(size, str):
                size = qty[key] = self._quantity(size)
            if half.hidden(key):
                break
            at -= 1
            if size:
                found.append((key, size))
            else:
                dead.append(key)
        if dead:
            for key in dead:
                del qty[key]
            keys[at:] = [key for key, _ in reversed(found)]
        return found

    def _quantity(self, text: str) -> int:
        value = _scaled(text, self.qty_decimals)
        if value is None:
            factor = 10 ** (_decimals(text) - self.qty_decimals)
            self.qty_decimals = _decimals(text)
            self._bids.scale_quantities(factor)
            self._asks.scale_quantities(factor)
            self._pictures = None
            value = _scaled(text, self.qty_decimals)
            assert value is not None
        return value

    def _read_levels(self, delta: BookDelta) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        """Read an increment level by level: it has prices not seen lately, or numbers in an unusual form.

        A side can only grow by prices that are learned here, so this is the place to keep both bounded.
        """
        for half in (self._bids, self._asks):
            if len(half.qty) > half.room:
                half.sweep()
        try:
            self._learn([price for price, _ in delta.bids] + [price for price, _ in delta.asks])
            bids = [(self._memo[price], _plain(qty)) for price, qty in delta.bids]
            return bids, [(self._memo[price], _plain(qty)) for price, qty in delta.asks]
        except BookError:
            raise
        except (TypeError, ValueError) as error:
            raise BookError(f"an increment of {self.symbol} is not made of levels: {error}") from error

    def _learn(self, texts: Sequence[str]) -> None:
        if len(self._memo) > _MEMO:
            self._memo = {}
        memo = self._memo
        for text in texts:
            if text in memo:
                continue
            plain_text = _plain(text)
            value = _scaled(plain_text, self.price_decimals)
            if value is None:
                self._scale_prices(_decimals(plain_text))
                memo = self._memo
                value = _scaled(plain_text, self.price_decimals)
            if not value:
                raise BookError(f"a level of {self.symbol} is priced at zero")
            memo[text] = value

    def _scale_prices(self, decimals: int) -> None:
        factor = 10 ** (decimals - self.price_decimals)
        self.price_decimals = decimals
        self._bids.scale_prices(factor)
        self._asks.scale_prices(factor)
        self._memo = {text: value * factor for text, value in self._memo.items()}
        self._pictures = None


def _plain(text: str) -> str:
    if isinstance(text, str) and _ONE.fullmatch(text):
        return text
    try:
        value = parse_decimal(text)
    except BadNumberError as error:
        raise BookError(str(error)) from error
    if value < 0:
        raise BookError(f"a level holds a negative number: {text}")
    return plain(value)


def _scaled(text: str, decimals: int) -> int | None:
    """Return a plain number as a count of ``10^-decimals``; None where it needs more decimals."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > decimals:
        fraction = fraction.rstrip("0")
        if len(fraction) > decimals:
            return None
    return int(whole + fraction.ljust(decimals, "0"))


def _decimals(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))


def _is_zero(qty: str | int) -> bool:
    return not qty.strip("0.") if isinstance(qty, str) else not qty
