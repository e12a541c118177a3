"""What things are worth: prices from the markets, the result of the day and the equity curve."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from decimal import Decimal
from typing import Protocol

from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ONE, divide, divide_up, exact, parse_decimal
from mexc_tui.domain.orders import Side
from mexc_tui.kernel.records import DayStart, StateRecord

CURVE_POINTS = 3_600
_SECOND_MS = 1_000
_DAY_MS = 86_400_000
DAY_START = "day_start"


class PriceSource(Protocol):
    """What the markets must tell about prices."""

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the pair's rules."""

    def sell_mark(self, symbol: str, qty: Decimal) -> Decimal | None:
        """Return the average price at which ``qty`` could be sold now."""

    def price_in(self, asset: str, quote: str, side: Side) -> Decimal | None:
        """Return the price of one unit by the pair of the two when selling or buying it; None without such a pair."""

    def symbol_of(self, base: str, quote: str) -> str:
        """Return the symbol of a pair; empty where it is not listed."""

    def price_age_ms(self, symbol: str, at: Timestamp) -> int | None:
        """Return how old the prices of a symbol are; None where it has none."""

    def markets_of(self, asset: str) -> Collection[str]:
        """Return the assets that share a pair with an asset."""


class Prices:
    """Values assets in the account's currency, with a memory for those whose market is silent for a moment.

    An asset is priced by its own pair with the currency, in either direction, else over one asset between the two.
    What has no such path is unknown.
    """

    def __init__(self, source: PriceSource, currency: str) -> None:
        self._source = source
        self.currency = currency
        self._remembered: dict[str, Decimal] = {}

    def worth(self, asset: str) -> Decimal | None:
        """Return what one unit could be sold for in the account's currency now."""
        return self._path(asset, Side.SELL)[0]

    def cost(self, asset: str) -> Decimal | None:
        """Return what one unit would cost in the account's currency now: what limits are counted in."""
        return self._path(asset, Side.BUY)[0]

    def age_ms(self, asset: str, at: Timestamp) -> int | None:
        """Return the age of the oldest price that the asset is priced by; None where there is none."""
        price, path = self._path(asset, Side.BUY)
        ages = [self._source.price_age_ms(symbol, at) for symbol in path]
        return None if price is None or None in ages else max((age for age in ages if age is not None), default=0)

    def pairs(self, asset: str) -> tuple[str, ...]:
        """Return the symbols that an asset is priced by now."""
        return self._path(asset, Side.BUY)[1]

    def reachable(self, asset: str) -> bool:
        """Return whether any pair of the asset is listed, so that it may get a price."""
        return asset == self.currency or bool(self._source.markets_of(asset))

    def _path(self, asset: str, side: Side) -> tuple[Decimal | None, tuple[str, ...]]:
        """Return the price of one unit when selling or buying it, and the symbols that it was worked out from."""
        if asset == self.currency:
            return ONE, ()
        price, symbol = self._leg(asset, self.currency, side)
        if price is not None:
            return price, (symbol,)
        for between in sorted(self._source.markets_of(asset)):
            second, last = self._leg(between, self.currency, side)
            if second is None:
                continue
            first, symbol = self._leg(asset, between, side)
            if first is not None:
                with exact():
                    return first * second, (symbol, last)
        return None, ()

    def _leg(self, asset: str, into: str, side: Side) -> tuple[Decimal | None, str]:
        """Return what one unit sells or costs in another asset by a pair of the two, and that pair."""
        price = self._source.price_in(asset, into, side)
        if price is not None:
            return price, self._source.symbol_of(asset, into)
        inverse = self._source.price_in(into, asset, side.opposite)
        if inverse is None or inverse <= 0:
            return None, ""
        return (divide if side is Side.SELL else divide_up)(ONE, inverse), self._source.symbol_of(into, asset)

    def of(self, asset: str, quote: str) -> Decimal | None:
        """Return what one unit is worth in a quote asset now; None where either has no price."""
        price, per_quote = self.worth(asset), self.worth(quote)
        if price is None or per_quote is None or per_quote <= 0:
            return None
        return divide(price, per_quote)

    def measured(self, asset: str) -> Decimal | None:
        """Return the price now, else the one of the last measurement that had one."""
        price = self.worth(asset)
        if price is None:
            return self._remembered.get(asset)
        self._remembered[asset] = price
        return price

    def sell_mark(self, symbol: str, qty: Decimal) -> Decimal | None:
        """Return the average price at which ``qty`` could be sold now, in quote."""
        return self._source.sell_mark(symbol, qty)

    def base_of(self, symbol: str) -> str:
        """Return the base asset of a listed symbol; empty for any other."""
        pair = self._source.instrument(symbol)
        return "" if pair is None else pair.base

    def symbol_of(self, base: str, quote: str) -> str:
        """Return the symbol of a pair; empty where it is not listed."""
        return self._source.symbol_of(base, quote)

    def selling_pairs(self, asset: str) -> tuple[str, ...]:
        """Return the symbols of which an asset is the base."""
        found = (self._source.symbol_of(asset, other) for other in sorted(self._source.markets_of(asset)))
        return tuple(symbol for symbol in found if symbol)

    def home_pair(self, asset: str) -> str:
        """Return the symbol in which an asset trades against the account's currency; empty where there is none."""
        return self._source.symbol_of(asset, self.currency)


class DayResult:
    """Equity since the start of the UTC day (or of the session), free of deposits and withdrawals."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
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

    def measured(
        self, at: Timestamp, equity: Decimal, worth: dict[str, Decimal], unpriced: tuple[str, ...], *, unclear: bool
    ) -> None:
        """Take in the equity now, what each asset is worth, and the assets held that have no price.

        ``unclear``: it is not known of all of it whether it came by trading.
        """
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
            self._pnl = None if unclear or self._counted & set(unpriced) else equity - self._start
        if not self._points or at.wall_ms - self._points[-1][0] >= _SECOND_MS:
            self._points.append((at.wall_ms, equity))
            self._curve = None

    def counts(self, asset: str) -> bool:
        """Whether the value of an asset is part of the day's result."""
        return asset in self._counted

    def transferred(self, asset: str, by: Decimal, price: Decimal | None) -> None:
        """Take money that was brought in or taken out of the day's result; without a price, where it counts, not."""
        if self._start is None or asset in self._missing:
            return
        if price is not None:
            with exact():
                self._start += by * price
            self._counted |= {asset}
        elif asset not in self._counted:
            self._missing |= {asset}
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
        value = " ".join((str(self._day), format(self._start, "f"), self._currency, *lists))
        return StateRecord(name=DAY_START, value=value, wall_ms=at.wall_ms)

    def saved(self) -> DayStart | None:
        """Return the start of the day; None while it is not known."""
        if self._start is None:
            return None
        return DayStart(
            day=self._day,
            start=self._start,
            currency=self._currency,
            counted=tuple(sorted(self._counted)),
            missing=tuple(sorted(self._missing)),
        )

    def restore(self, saved: DayStart | None) -> None:
        """Take up the start of a day; one in another currency is as good as none."""
        if saved is None or saved.currency != self._currency:
            return
        self._day, self._start = saved.day, saved.start
        self._counted, self._missing = frozenset(saved.counted), frozenset(saved.missing)

    def replay(self, record: StateRecord) -> None:
        """Take up the start of a day that an earlier run recorded; an unreadable one is as good as none."""
        parts = record.value.split(" ")
        if len(parts) != 5:
            return
        try:
            day, start = int(parts[0]), parse_decimal(parts[1])
        except ValueError:
            return
        counted, missing = (tuple(filter(None, part.split(","))) for part in parts[3:])
        self.restore(DayStart(day=day, start=start, currency=parts[2], counted=counted, missing=missing))
