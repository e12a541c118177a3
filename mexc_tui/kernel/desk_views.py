"""Views of the desk: orders, account, risk and link; the markets' own come from the publisher."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mexc_tui.domain.inputs import (
    BookDelta,
    BookSnapshot,
    CandleHistory,
    CandleSeen,
    CandlesFailed,
    LinkChanged,
    LinkState,
    SnapshotFailed,
    Tick,
    TickersSeen,
    Timestamp,
    TopOfBook,
    TradesSeen,
    VenueHealth,
)
from mexc_tui.domain.limits import Headroom, Refusal
from mexc_tui.domain.orders import OrderState
from mexc_tui.domain.views import (
    TOPIC_ALERTS,
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
from mexc_tui.kernel.alerts import Alerts
from mexc_tui.kernel.emergency import Emergency
from mexc_tui.kernel.headroom import Headrooms
from mexc_tui.kernel.ledger import Ledger
from mexc_tui.kernel.limit_changes import LimitChanges
from mexc_tui.kernel.markets import Markets
from mexc_tui.kernel.order_store import OrderStore
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.publisher import Publisher
from mexc_tui.kernel.recovery import Recovery
from mexc_tui.kernel.risk import Risk

_GATE = gate_topic("")
_OWN = (
    TOPIC_ORDERS,
    TOPIC_POSITIONS,
    TOPIC_BALANCES,
    TOPIC_FILLS,
    TOPIC_EQUITY,
    TOPIC_RISK,
    TOPIC_LINK,
    TOPIC_ALERTS,
)
_SECOND_NS = 1_000_000_000


_MARKET_ONLY = frozenset(
    {
        BookDelta,
        BookSnapshot,
        SnapshotFailed,
        TradesSeen,
        CandleSeen,
        CandleHistory,
        CandlesFailed,
        TopOfBook,
        TickersSeen,
        VenueHealth,
    }
)
"""Inputs that change prices at most."""


class _Valued(msgspec.Struct, gc=False):
    """A view of what is held, and what it was worked out from."""

    account: int
    symbols: frozenset[str]
    """Whose prices it was worked out with."""
    marks: list[object]
    view: View


class DeskViews:
    """Builds views on demand; one that equals the last is given as the same object."""

    def __init__(
        self,
        venue: VenueInfo,
        markets: Markets,
        alerts: Alerts,
        orders: OrderStore,
        ledger: Ledger,
        portfolio: Portfolio,
        risk: Risk,
        recovery: Recovery,
        emergency: Emergency,
        limits: LimitChanges,
        headrooms: Headrooms,
        refusals: Callable[[], tuple[Refusal, ...]],
    ) -> None:
        self._markets = markets
        self._publisher = Publisher(markets)
        self._alerts = alerts
        self._orders = orders
        self._ledger = ledger
        self._portfolio = portfolio
        self._risk = risk
        self._recovery = recovery
        self._emergency = emergency
        self._limits = limits
        self._headrooms = headrooms
        self._refusals = refusals
        self._last: dict[str, View] = {}
        self._own = 0
        """Rises with every input that may change orders, account or state."""
        self._account = 0
        """Rises with every input that may change what is held or was traded."""
        self._valued: dict[str, _Valued] = {}
        self._rows: tuple[int, tuple[Headroom, ...]] | None = None
        """What is left of each limit, and the count of ``_own`` that it was worked out at."""
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
            drift=item.drift,
            as_of_ns=at.mono_ns,
        )
        return before

    def taken(self, kind: type) -> None:
        """Note what an input of this kind may have changed; it has been carried out when views are asked for."""
        if kind in _MARKET_ONLY:
            return
        self._own += 1
        if kind is not Tick:
            self._account += 1

    def views(self, at: Timestamp, topics: frozenset[str]) -> dict[str, View]:
        """Return the views of these topics; one that is not known is left out."""
        found = self._publisher.views(topic for topic in topics if topic not in _OWN)
        for topic in topics:
            if topic in _OWN or topic.startswith(_GATE):
                found[topic] = self._same(topic, self._build(topic, at))
        for topic in self._last.keys() - topics:
            del self._last[topic]
            self._valued.pop(topic, None)
        return found

    def _same(self, topic: str, view: View) -> View:
        """Return the object given before if it equals the new one."""
        last = self._last.get(topic)
        if last is not None and (last is view or last == view):
            return last
        self._last[topic] = view
        return view

    def _build(self, topic: str, at: Timestamp) -> View:
        if topic == TOPIC_ORDERS:
            return self._orders.view()
        if topic == TOPIC_POSITIONS:
            return self._at_prices(topic, self._portfolio.positions_view)
        if topic == TOPIC_BALANCES:
            return self._at_prices(topic, self._portfolio.balances_view)
        if topic == TOPIC_FILLS:
            return self._ledger.fills()
        if topic == TOPIC_EQUITY:
            return self._portfolio.equity_view()
        if topic == TOPIC_RISK:
            return self._risk_view(at)
        if topic == TOPIC_LINK:
            return self._link
        if topic == TOPIC_ALERTS:
            return self._alerts.view()
        return self._risk.inputs(topic.removeprefix(_GATE), at)

    def _at_prices(self, topic: str, build: Callable[[], View]) -> View:
        """Build a view of what is held only if the account or a price it is valued at may have changed."""
        kept = self._valued.get(topic)
        if kept is None or kept.account != self._account or kept.marks != self._marks(kept.symbols):
            view, symbols = self._markets.noting(build)
            kept = self._valued[topic] = _Valued(self._account, symbols, self._marks(symbols), view)
        return kept.view

    def _marks(self, symbols: frozenset[str]) -> list[object]:
        return [self._markets.price_mark(symbol) for symbol in symbols]

    def _headroom(self, at: Timestamp) -> tuple[Headroom, ...]:
        """Work out what is left of each limit after every tick and change of the account; prices alone can wait."""
        if self._rows is None or self._rows[0] != self._own:
            self._rows = (self._own, self._headrooms.rows(at))
        return self._rows[1]

    def _risk_view(self, at: Timestamp) -> RiskView:
        risk, live = self._risk, self._orders.live()
        return RiskView(
            state=risk.state,
            reason=risk.reason,
            armed=risk.armed,
            arm_name=risk.arm_name,
            ready=risk.ready,
            ready_reason=risk.ready_reason,
            limits=risk.limits,
            headroom=self._headroom(at),
            equity=self._portfolio.equity,
            day_pnl=self._portfolio.day.pnl,
            exposure=self._portfolio.exposure,
            in_flight=sum(1 for order in live if order.state is OrderState.PENDING),
            unknown=sum(1 for order in live if order.state is OrderState.UNKNOWN),
            currency=self._portfolio.currency,
            sweep=self._emergency.view(),
            waiting=self._limits.waiting,
            compared_ns=self._recovery.compared_ns,
            refusals=self._refusals(),
            halts=risk.owners.halts,
        )
