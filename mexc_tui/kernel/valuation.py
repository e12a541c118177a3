"""What things are worth: prices from the markets, the result of the day and the equity curve."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Protocol

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import divide, exact, parse_decimal
from mexc_tui.domain.orders import Side
from mexc_tui.kernel.effects import StateRecord

USDT = "USDT"
CURVE_POINTS = 3_600
_SECOND_MS = 1_000
_DAY_MS = 86_400_000
_FOREIGN_MOVES = ("DEPOSIT", "WITHDRAW", "TRANSFER", "SUGAR")
"""Kinds of balance changes that bring or take money without trading."""

DAY_START = "day_start"


class PriceSource(Protocol):
    """What the markets must tell about prices."""

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the pair's rules."""

    def sell_mark(self, symbol: str, qty: Decimal) -> Decimal | None:
        """Return the average price at which ``qty`` could be sold now."""

    def usdt_price(self, asset: str, side: Side) -> Decimal | None:
        """Return the price of one unit in USDT when selling or buying it."""


class Prices:
    """Prices for valuing holdings, with a memory for assets whose market is silent for a moment."""

    def __init__(self, source: PriceSource) -> None:
        self._source = source
        self._remembered: dict[str, Decimal] = {}

    def usdt(self, asset: str) -> Decimal | None:
        """Return what one unit could be sold for in USDT now."""
        if asset == USDT:
            return Decimal(1)
        return self._source.usdt_price(asset, Side.SELL)

    def of(self, asset: str, quote: str) -> Decimal | None:
        """Return what one unit is worth in a quote asset now, over USDT; None where either price is not known."""
        price, per_quote = self.usdt(asset), self.usdt(quote)
        if price is None or per_quote is None or per_quote <= 0:
            return None
        return divide(price, per_quote)

    def measured(self, asset: str) -> Decimal | None:
        """Return the price now, else the one of the last measurement that had one."""
        price = self.usdt(asset)
        if price is None:
            return self._remembered.get(asset)
        self._remembered[asset] = price
        return price

    def sell_mark(self, symbol: str, qty: Decimal) -> Decimal | None:
        """Return the average price at which ``qty`` could be sold now."""
        return self._source.sell_mark(symbol, qty)

    def base_of(self, symbol: str) -> str:
        """Return the base asset of a symbol; for a pair that is not listed, what its name tells."""
        pair = self._source.instrument(symbol)
        if pair is not None:
            return pair.base
        return symbol.removesuffix(USDT) if symbol.endswith(USDT) and symbol != USDT else ""


class DayResult:
    """Equity since the start of the UTC day (or of the session), free of deposits and withdrawals."""

    def __init__(self) -> None:
        self._day = -1
        self._start: Decimal | None = None
        self._counted: frozenset[str] = frozenset()
        """Assets whose value is part of the start."""
        self._missing: frozenset[str] = frozenset()
        """Assets held at the start without a price; they join it when they get one."""
        self._pnl: Decimal | None = None
        self._points: deque[tuple[int, Decimal]] = deque(maxlen=CURVE_POINTS)
        self._curve: tuple[tuple[int, Decimal], ...] | None = ()
        self._dirty = False

    @property
    def pnl(self) -> Decimal | None:
        """Equity now less equity at the start; None while either is not known whole."""
        return self._pnl

    def measured(self, at: Timestamp, equity: Decimal, worth: dict[str, Decimal], unpriced: tuple[str, ...]) -> None:
        """Take in the equity now, what each asset is worth, and the assets held that have no price."""
        day = at.wall_ms // _DAY_MS
        if day != self._day or self._start is None:
            self._day, self._start = day, equity
            self._counted, self._missing = frozenset(worth), frozenset(unpriced)
            self._dirty = True
        with exact():
            for asset in sorted(self._missing & worth.keys()):
                self._start += worth[asset]
                self._missing, self._counted = self._missing - {asset}, self._counted | {asset}
                self._dirty = True
            self._pnl = None if self._counted & set(unpriced) else equity - self._start
        if not self._points or at.wall_ms - self._points[-1][0] >= _SECOND_MS:
            self._points.append((at.wall_ms, equity))
            self._curve = None

    def moved(self, change: str, asset: str, by: Decimal, price: Decimal | None) -> None:
        """Take money that was brought in or taken out of the day's result."""
        foreign = any(kind in change.upper() for kind in _FOREIGN_MOVES)
        if self._start is None or not foreign or asset in self._missing:
            return
        if price is not None:
            with exact():
                self._start += by * price
            self._counted |= {asset}
        elif asset not in self._counted:
            self._missing |= {asset}
        else:
            return
        self._dirty = True

    def curve(self) -> tuple[tuple[int, Decimal], ...]:
        """Return the points so far, oldest first; the same object until there is a new one."""
        if self._curve is None:
            self._curve = tuple(self._points)
        return self._curve

    def record(self, at: Timestamp) -> StateRecord | None:
        """Return the start of the day if it changed since it was last recorded."""
        if not self._dirty or self._start is None:
            return None
        self._dirty = False
        lists = (",".join(sorted(self._counted)), ",".join(sorted(self._missing)))
        value = " ".join((str(self._day), format(self._start, "f"), *lists))
        return StateRecord(name=DAY_START, value=value, wall_ms=at.wall_ms)

    def replay(self, record: StateRecord) -> None:
        """Take up the start of a day that an earlier run recorded; an unreadable one is as good as none."""
        parts = record.value.split(" ")
        if len(parts) != 4:
            return
        try:
            day, start = int(parts[0]), parse_decimal(parts[1])
        except ValueError:
            return
        self._day, self._start = day, start
        self._counted = frozenset(filter(None, parts[2].split(",")))
        self._missing = frozenset(filter(None, parts[3].split(",")))
