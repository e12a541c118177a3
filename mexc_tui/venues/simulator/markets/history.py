"""A plausible past for a modelled market: candles of every interval that agree with each other."""

from __future__ import annotations

from math import exp, log, sqrt
from random import Random

from mexc_tui.domain.candles import longest_ms, window_start
from mexc_tui.domain.market import Interval
from mexc_tui.venues.simulator.core.candles import MINUTE, Block

_STAGES: tuple[tuple[Interval, int, float], ...] = (
    (Interval.M1, 1_500, 1.0),
    (Interval.M5, 520, 1.15),
    (Interval.M15, 520, 1.3),
    (Interval.M30, 520, 1.45),
    (Interval.H1, 520, 1.6),
    (Interval.H4, 520, 1.9),
    (Interval.H8, 520, 2.0),
    (Interval.D1, 3_660, 2.2),
)
"""Interval, how many of its windows are covered at least, and how much wilder than the last minutes it was."""


class History:
    """The past of one market, drawn backwards from its price; fine near the end and coarser before.

    Every interval is made by joining the same blocks, so that a day is exactly the sum of its hours. Weeks and
    months reach back about ten years.
    """

    def __init__(
        self, seed: str, price: int, until_ms: int, *, sigma: float, minute_volume: float, activity: float
    ) -> None:
        """``sigma`` is the volatility of one second, ``minute_volume`` in steps, ``activity`` the trades a minute."""
        self._rng = Random(seed)
        self._close = float(price)
        self._sigma = sigma
        self._volume = minute_volume
        self._quiet = exp(-activity)
        self._mood = 0.0
        self._until_ms = until_ms
        self._chain: list[Block] = []
        """Newest first."""
        self._reach: dict[Interval, int] = {}

    def past(self, interval: Interval) -> list[Block]:
        """Return an interval's past, oldest first; the last window is cut off at the present.

        It is drawn as far as is asked for: an exchange that starts should not wait for what nobody may look at.
        """
        for place, (name, count, wild) in enumerate(_STAGES):
            if name not in self._reach:
                self._draw(name, count, wild, _STAGES[place + 1][0] if place + 1 < len(_STAGES) else Interval.MO1)
            if name is interval is Interval.M1:
                break
        reach = self._reach[interval if interval in self._reach else Interval.D1]
        joined: list[Block] = []
        for block in reversed(self._chain):
            if block.open_ms < reach:
                continue
            start = window_start(interval, block.open_ms)
            if joined and joined[-1].open_ms == start:
                joined[-1].absorb(block)
            else:
                made = _copied(block)
                made.open_ms = start
                joined.append(made)
        return joined

    def _draw(self, interval: Interval, count: int, wild: float, coarser: Interval) -> None:
        """Extend the past by blocks of an interval, until ``count`` windows are covered and the next fits on."""
        length = longest_ms(interval)
        oldest = self._until_ms - count * length
        at = self._chain[-1].open_ms if self._chain else self._until_ms
        start = window_start(interval, at - 1)
        while True:
            self._chain.append(self._block(start, at - start, wild))
            if start <= oldest and window_start(coarser, start) == start:
                break
            at, start = start, start - length
        self._reach[interval] = self._chain[-1].open_ms

    def _block(self, start: int, span_ms: int, wild: float) -> Block:
        rng = self._rng
        minutes = span_ms / MINUTE
        close = max(1, round(self._close))
        self._mood = 0.97 * self._mood + 0.12 * rng.gauss(0, 1)
        if rng.random() < self._quiet**minutes:
            return Block(start, close, close, close, close, 0, 0)
        width = self._sigma * wild * sqrt(span_ms / 1000) * exp(self._mood)
        move = rng.gauss(0, width)
        before = max(1.0, exp(log(self._close) - max(-1.0, min(1.0, move))))
        self._close = before
        open_ = max(1, round(before))
        wick = abs(open_ - close) * 0.1 + close * width * 0.35
        high = max(open_, close) + round(wick * abs(rng.gauss(0, 1)))
        low = max(1, min(open_, close) - round(wick * abs(rng.gauss(0, 1))))
        activity = exp(rng.gauss(0, 0.5) + 0.8 * self._mood) * (0.6 + 0.5 * min(4.0, abs(move) / width))
        volume = max(1, round(self._volume * minutes * activity))
        return Block(start, open_, high, low, close, volume, volume * ((open_ + close + high + low) // 4 or 1))


def _copied(block: Block) -> Block:
    return Block(block.open_ms, block.open, block.high, block.low, block.close, block.volume, block.quote)
