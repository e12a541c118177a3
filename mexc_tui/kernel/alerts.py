"""Alerts: kept in the journal, watched with or without a screen, told as facts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from mexc_tui.domain.alerts import ACCOUNT_WIDE, Alert, AlertKind, unfit, window_words
from mexc_tui.domain.commands import Command, RemoveAlert, SetAlert
from mexc_tui.domain.controls.case import counted
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Input, Timestamp, TradesSeen
from mexc_tui.domain.numbers import divide, plain
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import AlertsView
from mexc_tui.kernel.effects import Effect, EmitFact
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.kept import KeptState
from mexc_tui.kernel.markets import Markets

ALERT = "alert "
"""Name of the record of an alert, followed by its number; an empty value removes it."""
MOST = 100
QUIET_NS = 30_000_000_000
"""One that stays rings again only when it was not so for at least a moment, and not sooner than this."""
FRESH_MS = 150_000
"""Prices older than this ring nothing."""
_LOOK_NS = 250_000_000
_PARTS = 120
"""A window of a move is kept in so many parts."""
_HEARD = {"filled": AlertKind.FILLS, "link": AlertKind.LINK, "near": AlertKind.LIMITS}
"""Facts by which the alerts on the whole account ring."""
_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Alert)


class _Extremes:
    """Lowest and highest last price of a window that moves on in parts."""

    def __init__(self, window_s: int) -> None:
        self._part_ns = max(1, window_s // _PARTS) * 1_000_000_000
        self._parts: deque[tuple[int, Decimal, Decimal]] = deque(maxlen=-(-window_s * 1_000_000_000 // self._part_ns))

    def put(self, price: Decimal, at: Timestamp) -> tuple[Decimal, Decimal]:
        """Take the price of this moment; return lowest and highest of the window."""
        part = at.mono_ns // self._part_ns
        while self._parts and self._parts[0][0] <= part - (self._parts.maxlen or 1):
            self._parts.popleft()
        if self._parts and self._parts[-1][0] == part:
            _, low, high = self._parts[-1]
            self._parts[-1] = (part, min(low, price), max(high, price))
        else:
            self._parts.append((part, price, price))
        return min(low for _, low, _ in self._parts), max(high for _, _, high in self._parts)


class Alerts:
    """Keeps the alerts of an account and notices when one is to ring."""

    def __init__(self, markets: Markets, facts: FactLog, kept: KeptState) -> None:
        self._markets = markets
        self._facts = facts
        self._kept = kept
        self._alerts: dict[int, Alert] = {}
        self._quiet: dict[int, int] = {}
        """Alerts that have rung and stay, and when; here until what they watch is over."""
        self._windows: dict[int, _Extremes] = {}
        self._wide: frozenset[AlertKind] = frozenset()
        """Kinds that concern the whole account and are wanted."""
        self._looked_ns = 0
        self._next = 1

    def resume(self, recorded: Mapping[str, str]) -> None:
        """Take up what is recorded; what cannot be read is left out."""
        for text in recorded.values():
            try:
                alert = _decoder.decode(text)
            except msgspec.MsgspecError:
                continue
            self._next = max(self._next, alert.number + 1)
            self._keep(alert)

    def view(self) -> AlertsView:
        """Return all that stand."""
        return AlertsView(alerts=tuple(self._alerts.values()))

    def symbols(self) -> tuple[str, ...]:
        """Return the pairs that are watched."""
        return tuple(dict.fromkeys(alert.symbol for alert in self._alerts.values() if alert.symbol))

    # --- commands

    def set(self, command: SetAlert, at: Timestamp) -> list[Effect]:
        """Take an alert, or say why not."""
        alert = msgspec.structs.replace(command.alert, number=self._next)
        refusal = self._refusal(alert, at)
        if refusal:
            text = f"{refusal[:1].upper()}{refusal[1:]}. No alert was set."
            return [self._facts.emit(at, "problem", Level.WARN, text, command_id=command.command_id)]
        self._next += 1
        self._keep(alert)
        text = f"Alert {alert.number} is set: {alert}."
        fact = self._facts.emit(at, "alerts", Level.GOOD, text, symbol=alert.symbol, command_id=command.command_id)
        return [self._record(alert.number, _encoder.encode(alert).decode(), at), fact]

    def remove(self, command: RemoveAlert, at: Timestamp) -> list[Effect]:
        """Remove one alert or all."""
        numbers = list(self._alerts) if command.number is None else [command.number]
        if command.number is not None and command.number not in self._alerts:
            text = f"There is no alert {command.number}; `:alerts` and `mexc-tui alert list` show those that stand."
            return [self._facts.emit(at, "problem", Level.WARN, text, command_id=command.command_id)]
        effects = [self._drop(number, at) for number in numbers]
        text = f"{counted(len(numbers), 'alert')} removed." if numbers else "There was no alert."
        return [*effects, self._facts.emit(at, "alerts", Level.GOOD, text, command_id=command.command_id)]

    def _refusal(self, alert: Alert, at: Timestamp) -> str:
        if why := unfit(alert):
            return why
        if len(self._alerts) >= MOST:
            return f"there are {MOST} alerts, which is the most; remove one first"
        if any(msgspec.structs.replace(one, number=alert.number) == alert for one in self._alerts.values()):
            return f"that alert stands already: {alert}"
        if not alert.symbol:
            return ""
        if self._markets.instruments and self._markets.instrument(alert.symbol) is None:
            return f"{alert.symbol} is not a pair on this exchange"
        last = self._last(alert.symbol, at)
        if alert.kind in (AlertKind.ABOVE, AlertKind.BELOW) and last is not None and _reached(alert, last):
            return f"{alert.symbol} is {alert.kind.value} {_said(alert.value)} already, at {_said(last)}"
        return ""

    # --- what happens

    def handle(self, item: Input | Command, at: Timestamp) -> list[Effect]:
        """Look at trades as they come: between two looks a price may have been there and gone."""
        if type(item) is not TradesSeen or item.history or not item.trades or not self._alerts:
            return []
        effects: list[Effect] = []
        for alert in [one for one in self._alerts.values() if one.symbol == item.symbol]:
            if alert.kind in (AlertKind.ABOVE, AlertKind.BELOW):
                prices = [trade.price for trade in item.trades]
                price = max(prices) if alert.kind is AlertKind.ABOVE else min(prices)
                effects += self._judge(alert, _reached(alert, price), f"traded at {_said(price)}", at)
            elif alert.kind is AlertKind.TRADE:
                largest = max(item.trades, key=lambda trade: trade.price * trade.qty)
                worth = largest.price * largest.qty
                side = "bought" if largest.taker is Side.BUY else "sold"
                text = f"{_said(largest.qty)} {side} in one trade at {_said(largest.price)}"
                effects += self._judge(alert, worth >= alert.value, text, at)
        return effects

    def tick(self, at: Timestamp) -> list[Effect]:
        """Look at prices and spreads."""
        if not self._alerts or at.mono_ns - self._looked_ns < _LOOK_NS:
            return []
        self._looked_ns = at.mono_ns
        return [effect for alert in list(self._alerts.values()) for effect in self._look(alert, at)]

    def heard(self, effects: Iterable[Effect], at: Timestamp) -> list[Effect]:
        """Ring for facts that concern the whole account."""
        if not self._wide:
            return []
        facts = [effect.fact for effect in effects if isinstance(effect, EmitFact)]
        return [self._ring(fact.message, at, fact.symbol) for fact in facts if _HEARD.get(fact.kind) in self._wide]

    def _look(self, alert: Alert, at: Timestamp) -> list[Effect]:
        last = self._last(alert.symbol, at) if alert.symbol else None
        if last is None:
            return []
        if alert.kind in (AlertKind.ABOVE, AlertKind.BELOW):
            return self._judge(alert, _reached(alert, last), f"is at {_said(last)}", at)
        if alert.kind is AlertKind.MOVE:
            window = self._windows.setdefault(alert.number, _Extremes(alert.window_s))
            low, high = window.put(last, at)
            up, down = divide(last - low, low), divide(high - last, high)
            share, way = (up, "up") if up >= down else (down, "down")
            text = f"went {way} {share * 100:.2f}% within {window_words(alert.window_s)}, to {_said(last)}"
            return self._judge(alert, share >= alert.value, text, at)
        if alert.kind is AlertKind.SPREAD:
            bid, ask = self._markets.touch(alert.symbol)
            if bid is None or ask is None:
                return []
            share = divide((ask - bid) * 2, bid + ask)
            return self._judge(alert, share >= alert.value, f"has a spread of {share * 100:.3f}%", at)
        return []

    def _last(self, symbol: str, at: Timestamp) -> Decimal | None:
        """Return the last price, where it is known to be one of now."""
        age_ms = self._markets.price_age_ms(symbol, at)
        return None if age_ms is None or age_ms > FRESH_MS else self._markets.last_price(symbol)

    def _judge(self, alert: Alert, reached: bool, text: str, at: Timestamp) -> list[Effect]:
        since_ns = self._quiet.get(alert.number)
        if not reached:
            if since_ns is not None and at.mono_ns - since_ns >= QUIET_NS:
                del self._quiet[alert.number]
            return []
        if since_ns is not None:
            if alert.kind is not AlertKind.TRADE or at.mono_ns - since_ns < QUIET_NS:
                return []
        elif not alert.every:
            return [self._drop(alert.number, at), self._ring(f"{alert.symbol} {text}", at, alert.symbol)]
        self._quiet[alert.number] = at.mono_ns
        return [self._ring(f"{alert.symbol} {text}", at, alert.symbol)]

    def _ring(self, text: str, at: Timestamp, symbol: str) -> Effect:
        return self._facts.emit(at, "alert", Level.WARN, f"Alert: {text.rstrip('.')}.", symbol=symbol)

    def _keep(self, alert: Alert) -> None:
        self._alerts[alert.number] = alert
        self._wide = frozenset(one.kind for one in self._alerts.values()) & ACCOUNT_WIDE

    def _drop(self, number: int, at: Timestamp) -> Effect:
        del self._alerts[number]
        self._wide = frozenset(one.kind for one in self._alerts.values()) & ACCOUNT_WIDE
        self._quiet.pop(number, None)
        self._windows.pop(number, None)
        return self._record(number, "", at)

    def _record(self, number: int, text: str, at: Timestamp) -> Effect:
        return self._kept.write(f"{ALERT}{number}", text, at)


def _said(value: Decimal) -> str:
    return f"{Decimal(plain(value)):,f}"


def _reached(alert: Alert, price: Decimal) -> bool:
    return price >= alert.value if alert.kind is AlertKind.ABOVE else price <= alert.value
