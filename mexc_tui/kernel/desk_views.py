"""Views of the desk: orders, account, risk and link; the markets' own come from the publisher."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.inputs import LinkChanged, LinkState, Timestamp, VenueHealth
from mexc_tui.domain.orders import OrderState
from mexc_tui.domain.views import (
    TOPIC_BALANCES,
    TOPIC_EQUITY,
    TOPIC_FILLS,
    TOPIC_LINK,
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_RISK,
    LinkView,
    RiskView,
    View,
    gate_topic,
)
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.orders import Orders
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.publisher import Publisher
from mexc_tui.kernel.recovery import Recovery
from mexc_tui.kernel.risk import Risk

_GATE = gate_topic("")
_OWN = (TOPIC_ORDERS, TOPIC_POSITIONS, TOPIC_BALANCES, TOPIC_FILLS, TOPIC_EQUITY, TOPIC_RISK, TOPIC_LINK)
_SECOND_NS = 1_000_000_000


class DeskViews:
    """Builds views on demand; one that equals the last is given as the same object."""

    def __init__(
        self,
        venue: VenueInfo,
        markets: Markets,
        orders: Orders,
        portfolio: Portfolio,
        risk: Risk,
        recovery: Recovery,
    ) -> None:
        self._markets = markets
        self._publisher = Publisher(markets)
        self._orders = orders
        self._portfolio = portfolio
        self._risk = risk
        self._recovery = recovery
        self._last: dict[str, View] = {}
        self._counted: tuple[int, int] | None = None
        self._link = LinkView(
            venue=venue.name,
            kind=venue.kind,
            state=LinkState.CONNECTING,
            reason=venue.why_not,
            can_trade=venue.can_trade,
        )

    def link(self, item: LinkChanged) -> bool:
        """Take in a change of one of the streams and tell whether its state is a new one."""
        before = self._link
        if item.private:
            self._link = msgspec.structs.replace(self._link, private_state=item.state)
        else:
            self._link = msgspec.structs.replace(self._link, state=item.state, reason=item.reason)
        return (before.state, before.private_state) != (self._link.state, self._link.private_state)

    def health(self, item: VenueHealth, at: Timestamp) -> LinkView:
        """Take in the figures of the link and return what was known before."""
        before = self._link
        rate = self._link.frames_per_s
        if self._counted is not None and at.mono_ns > self._counted[0]:
            rate = (item.frames - self._counted[1]) * _SECOND_NS / (at.mono_ns - self._counted[0])
        self._counted = (at.mono_ns, item.frames)
        self._link = msgspec.structs.replace(
            self._link,
            rest_ms=item.rest_ms,
            stream_ms=item.stream_ms,
            clock_offset_ms=item.clock_offset_ms,
            frames=item.frames,
            frames_per_s=max(0.0, rate),
            unknown_frames=item.unknown_frames,
            weight_used=item.weight_used,
            weight_limit=item.weight_limit,
            order_tokens=item.order_tokens,
            order_limit=item.order_limit,
            breaker=item.breaker,
            held=item.held,
            held_s=item.held_s,
            cancels_held=item.cancels_held,
            drift=item.drift,
            as_of_ns=at.mono_ns,
        )
        return before

    def views(self, at: Timestamp, topics: frozenset[str] | None) -> dict[str, View]:
        """Return the views of the topics asked for; None asks for all, with the gate of the symbol in focus."""
        found = self._publisher.views(at, topics)
        if topics is None:
            focus = self._markets.focus
            wanted = {*_OWN, *([] if focus is None else [gate_topic(focus.symbol)])}
        else:
            wanted = {topic for topic in topics if topic in _OWN or topic.startswith(_GATE)}
        for topic in sorted(wanted):
            found[topic] = self._settled(topic, self._build(topic, at))
        for topic in self._last.keys() - wanted:
            if topic.startswith(_GATE):
                del self._last[topic]
        return found

    def _settled(self, topic: str, view: View) -> View:
        last = self._last.get(topic)
        if last is not None and last == view:
            return last
        self._last[topic] = view
        return view

    def _build(self, topic: str, at: Timestamp) -> View:
        if topic == TOPIC_ORDERS:
            return self._orders.view()
        if topic == TOPIC_POSITIONS:
            return self._portfolio.positions_view()
        if topic == TOPIC_BALANCES:
            return self._portfolio.balances_view()
        if topic == TOPIC_FILLS:
            return self._portfolio.fills_view()
        if topic == TOPIC_EQUITY:
            return self._portfolio.equity_view()
        if topic == TOPIC_RISK:
            return self._risk_view(at)
        if topic == TOPIC_LINK:
            return self._link
        return self._risk.inputs(topic.removeprefix(_GATE), at)

    def _risk_view(self, at: Timestamp) -> RiskView:
        risk, live = self._risk, self._orders.live()
        focus = self._markets.focus
        symbols = sorted({*self._portfolio.symbols(), *([] if focus is None else [focus.symbol])})
        equity: Decimal | None = self._portfolio.equity
        return RiskView(
            state=risk.state,
            reason=risk.reason,
            armed=risk.armed,
            ready=risk.ready,
            ready_reason=risk.ready_reason,
            limits=risk.limits,
            headroom=risk.headroom(symbols, at),
            equity=equity,
            day_pnl=self._portfolio.day.pnl,
            exposure=self._portfolio.exposure,
            in_flight=sum(1 for order in live if order.state is OrderState.PENDING),
            unknown=sum(1 for order in live if order.state is OrderState.UNKNOWN),
        )
