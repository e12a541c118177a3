"""A market that looks like one: self-exciting order flow around a price that trends and bursts."""

from __future__ import annotations

from decimal import Decimal
from math import ceil, exp, sqrt
from random import Random

import msgspec

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.book import OrderBookSide
from mexc_tui.venues.simulator.core.exact import to_units
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.markets.history import History

MAX_EVENTS = 4_000
"""Most events of one market in one step of time; for what lies before them the market stood still."""

_BUY, _SELL = Side.BUY, Side.SELL


class MarketSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a modelled market behaves. Floats: nothing here is anybody's money."""

    instrument: Instrument
    price: Decimal
    rate: float
    """Events a second on average: new orders, cancels and takers."""
    levels: int = 200
    """Levels a side that the book tends to."""
    gap: float = 2.0
    """Typical ticks between neighbouring levels."""
    spread: int = 2
    """Ticks that market makers are content with."""
    sigma: float = 2e-5
    """Volatility of the price in one second, as a fraction."""
    size: float = 1_000.0
    """Typical size of an order in steps."""
    takers: float = 0.12
    """Part of the events that are market orders."""
    branching: float = 0.6
    """How many further events one event brings about; below one."""
    memory_s: float = 0.6
    """How long an event excites others."""


def plain_spec(instrument: Instrument, price: Decimal) -> MarketSpec:
    """Return the behaviour of a freshly listed small coin."""
    ticks = to_units(price, instrument.price_decimals)
    size = max(1.0, float(50 / price) * 10.0**instrument.qty_decimals)
    return MarketSpec(
        instrument=instrument, price=price, rate=6.0, levels=120, gap=max(1.0, ticks * 1e-4), sigma=2e-4, size=size
    )


class ModelMarket:
    """Drives the foreign side of one pair.

    Arrivals are a Hawkes process with an exponential kernel; a hidden fair price walks with clustered volatility,
    trends and jumps; makers quote around it, takers push towards it, the rest is noise.
    """

    def __init__(self, pair: Pair, spec: MarketSpec, *, seed: int, now_ms: int, history: bool = True) -> None:
        self._pair = pair
        self._spec = spec
        self._rng = Random(f"{seed}/{spec.instrument.symbol}/flow")
        self._at_ms = float(now_ms)
        self._fair = float(to_units(spec.price, pair.price_decimals))
        self._heat = 0.0
        self._mood = 0.0
        self._trend = 0.0
        self._depth_scale = spec.gap * spec.levels
        self._has_past = history
        self._write_past()
        self._quote()
        self._draw_next()

    @property
    def price(self) -> int:
        """The fair price in ticks."""
        return round(self._fair)

    # Time.

    def prepare(self, now_ms: int) -> None:
        """Skip what would be too much to simulate before ``now_ms``: the market stood still until then."""
        longest = MAX_EVENTS / self._spec.rate * 1000
        if now_ms - self._at_ms > longest:
            self._at_ms = now_ms - longest
            self._heat = 0.0
            self._draw_next()

    def next_ms(self) -> int:
        """Return the time of the next event."""
        return ceil(self._next_ms)

    def advance(self, now_ms: int) -> None:
        """Let everything happen that happens up to ``now_ms``."""
        while self._next_ms <= now_ms:
            self._drift((self._next_ms - self._at_ms) / 1000)
            self._at_ms = self._next_ms
            self._heat += self._spec.branching / self._spec.memory_s
            if self._pair.moving:
                self._act()
            self._draw_next()

    def _draw_next(self) -> None:
        """Draw the time of the next event by thinning."""
        base = self._spec.rate * (1 - self._spec.branching) * exp(0.5 * self._mood)
        at = 0.0
        while True:
            bound = base + self._heat
            wait = self._rng.expovariate(bound)
            at += wait
            self._heat *= exp(-wait / self._spec.memory_s)
            if self._rng.random() * bound <= base + self._heat:
                break
        self._next_ms = self._at_ms + at * 1000

    def _drift(self, seconds: float) -> None:
        """Move the fair price, its trend and the mood (log volatility)."""
        rng, step = self._rng, sqrt(seconds)
        self._mood += -self._mood * min(1.0, seconds / 90) + 0.09 * step * rng.gauss(0, 1)
        self._mood = max(-1.5, min(1.8, self._mood))
        width = self._fair * self._spec.sigma * exp(self._mood)
        self._trend += -self._trend * min(1.0, seconds / 240) + 0.012 * step * rng.gauss(0, 1)
        self._fair += width * (step * rng.gauss(0, 1) + self._trend * seconds)
        if rng.random() < seconds / 400:
            self._fair += width * rng.choice((-1, 1)) * rng.uniform(4, 14)
            self._heat += 25 * self._spec.branching / self._spec.memory_s * min(1.0, self._spec.rate / 10)
            self._mood = min(1.8, self._mood + 0.5)
        self._fair = max(20.0, self._fair)

    # By hand.

    def nudge(self, fraction: Decimal) -> None:
        """Move the price by a fraction of itself: a taker sweeps the book to there, once the pair is open."""
        self._fair = max(20.0, self._fair * (1 + float(fraction)))
        if not self._pair.moving:
            return
        target = self.price
        side = _BUY if fraction > 0 else _SELL
        self._pair.foreign_take(side, target, 10**40)
        self._heat += 20 * self._spec.branching / self._spec.memory_s
        self._fill_side(side, target)
        self._fill_side(side.opposite, target)

    def clear(self) -> None:
        """Withdraw every foreign order."""
        for side in (_BUY, _SELL):
            for price in list(self._pair.book.side(side).levels):
                self._pair.set_foreign(side, price, 0)

    def resume(self, price: int) -> None:
        """Go on from a price in ticks: quote around it and own orders; the past, if there is one, leads to it."""
        self._fair = max(20.0, float(price))
        self._pair.trades.clear()
        self._write_past()
        self._quote()

    def _write_past(self) -> None:
        if not self._has_past:
            return
        spec = self._spec
        past = History(
            f"{spec.instrument.symbol}/{self._rng.random()}/past",
            self.price,
            int(self._at_ms),
            sigma=1.4 * spec.sigma,
            minute_volume=spec.rate * spec.takers * spec.size * 60 * 2.5,
            activity=spec.rate * spec.takers * 60,
        )
        self._pair.candles.prefill(past.past)
        self._pair.last = self.price

    def _quote(self) -> None:
        for side in (_BUY, _SELL):
            self._fill_side(side, self.price)

    def _fill_side(self, side: Side, price: int) -> None:
        """Rest fresh orders from ``price`` outwards, never across the book."""
        rng, sign = self._rng, -1 if side is _BUY else 1
        other = self._pair.book.side(side.opposite).best
        at = price + sign * max(1, self._spec.spread // 2)
        if other is not None and (at - other) * sign < 1:
            at = other + sign
        book_side = self._pair.book.side(side)
        for _ in range(max(0, self._spec.levels - len(book_side.keys))):
            if at < 1:
                return
            for _ in range(rng.choice((1, 1, 2, 3))):
                self._pair.add(side, at, self._size(at, abs(at - price)))
            at += sign * max(1, round(rng.expovariate(1 / self._spec.gap)))

    def _deepen(self, book_side: OrderBookSide) -> None:
        """Extend a thin side outwards: the deep book was always there, only nobody had looked so far."""
        sign = -book_side.sign
        price = book_side.keys[0] * book_side.sign
        best = book_side.nth(0)
        for _ in range(4):
            price += sign * max(1, round(self._rng.expovariate(1 / self._spec.gap)))
            if price >= 1:
                self._pair.add(book_side.side, price, self._size(price, abs(price - best)))

    # One event.

    def _act(self) -> None:
        book, rng = self._pair.book, self._rng
        bid, ask = book.bids.best, book.asks.best
        if bid is None or ask is None:
            side = _BUY if bid is None else _SELL
            self._fill_side(side, self.price)
            return
        for book_side in (book.bids, book.asks):
            if len(book_side.keys) < 0.6 * self._spec.levels:
                self._deepen(book_side)
        spread = ask - bid
        pull = (self._fair - (bid + ask) / 2) / (spread + 2 * self._spec.gap)
        buy = rng.random() < 1 / (1 + exp(-max(-8.0, min(8.0, 2.2 * pull))))
        side = _BUY if buy else _SELL
        bids, asks = len(book.bids.keys), len(book.asks.keys)
        crowd = (bids + asks) / (2 * self._spec.levels)
        crowded = _BUY if rng.random() * (bids + asks) < bids else _SELL
        dice = rng.random()
        takers = self._spec.takers * min(2.0, 0.7 + 0.5 * abs(pull))
        if spread > 3 * self._spec.spread:
            takers *= 0.4
        if dice < takers:
            self._taker(side, pull)
        elif dice < takers + 0.36 * min(2.2, crowd**3):
            self._cancel(side.opposite if abs(pull) > 0.6 else crowded, pull)
        else:
            self._maker(side if spread > self._spec.spread else crowded.opposite, bid, ask)

    def _taker(self, side: Side, pull: float) -> None:
        rng = self._rng
        book_side = self._pair.book.side(side.opposite)
        size = max(1, round(self._spec.size * rng.paretovariate(1.6) * 0.4))
        limit = book_side.nth(min(len(book_side.keys) - 1, 4))
        if abs(pull) > 1 and (pull > 0) == (side is _BUY):
            limit = round(self._fair)
            size = max(
                size, sum(book_side.levels[price].total for price in book_side.prices(min(20, 1 + int(abs(pull)))))
            )
        self._pair.foreign_take(side, limit, size)

    def _maker(self, side: Side, bid: int, ask: int) -> None:
        rng, spec = self._rng, self._spec
        sign = -1 if side is _BUY else 1
        best, spread = (bid, ask - bid) if side is _BUY else (ask, ask - bid)
        book_side = self._pair.book.side(side)
        room = spread - 1
        if room >= 1 and rng.random() < (0.85 if spread > spec.spread else 0.06):
            inside = 1 + int(rng.random() ** 0.5 * max(0, room - spec.spread // 2))
            price = best - sign * min(room, inside)
            if (price - self._fair) * sign < -spec.spread:
                price = best
        elif rng.random() < 0.55:
            price = book_side.nth(min(len(book_side.keys) - 1, int(rng.expovariate(0.12))))
        else:
            away = spec.gap * (rng.random() ** -0.7 - 1) * 4
            price = best + sign * round(min(self._depth_scale, away))
            price = self._rounded(price) if rng.random() < 0.2 else price
            if (price - best) * sign < 0:
                price = best
        if price >= 1:
            self._pair.add(side, price, self._size(price, abs(price - best)))

    def _cancel(self, side: Side, pull: float) -> None:
        rng = self._rng
        book_side = self._pair.book.side(side)
        count = len(book_side.keys)
        if count < 3:
            return
        if count > 1.3 * self._spec.levels:
            self._pair.set_foreign(side, book_side.nth(count - 1), 0)
            return
        against = (pull > 0.6) == (side is _SELL) and abs(pull) > 0.6
        if against and rng.random() < 0.5:
            self._pair.set_foreign(side, book_side.nth(0), 0)
            return
        place = int(rng.expovariate(0.15)) if rng.random() < 0.5 else rng.randrange(count)
        self._pair.withdraw(side, _at(book_side, place), rng.randrange(8))

    def _size(self, price: int, distance: int) -> int:
        """Draw an order's size: heavier away from the touch, much heavier at round prices."""
        shape = 0.5 + 1.5 * min(1.0, distance / (0.25 * self._depth_scale + 1))
        wall = 1.0
        unit = _unit(self._spec.gap)
        for factor in (4.0, 3.0, 2.0):
            unit *= 10
            if price % unit:
                break
            wall *= factor
        return max(1, round(self._spec.size * shape * wall * exp(self._rng.gauss(-0.4, 0.9))))

    def _rounded(self, price: int) -> int:
        unit = _unit(self._spec.gap) * 10
        return max(1, round(price / unit) * unit)


def _unit(gap: float) -> int:
    """Return the power of ten that is about one gap: prices ten times as round attract size."""
    unit = 1
    while unit * 10 <= gap:
        unit *= 10
    return unit


def _at(book_side: OrderBookSide, place: int) -> int:
    return book_side.nth(min(place, len(book_side.keys) - 1))
