"""Orders that were placed elsewhere on the same account: asked about once, then adopted, or left as they are.

Until somebody adopts it such an order counts in every worst case, and nothing but what cancels on purpose touches it: a
cancel, a flatten, a halt. Nothing here sends anything to the exchange.
"""

from __future__ import annotations

import msgspec

from mexc_tui.domain.commands import AdoptOrders
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.orders import Order, Origin
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.order_store import OrderStore

_MS = 1_000_000
ASK_NS = 1_000 * _MS
"""An order that stands so long is asked about: one that fills at once leaves nothing to adopt."""
ASK_AGAIN_NS = 60_000 * _MS
"""Between two questions: where a bot trades on the account, its orders are asked about together."""


class Adoption:
    """Asks about orders placed elsewhere, and carries out the answer."""

    def __init__(self, facts: FactLog, store: OrderStore) -> None:
        self._facts = facts
        self._store = store
        self._asked_ns: int | None = None

    def tick(self, at: Timestamp) -> list[Effect]:
        """Ask about the orders that nobody has been asked about; the question is journalled with each of them."""
        if self._asked_ns is not None and at.mono_ns - self._asked_ns < ASK_AGAIN_NS:
            return []
        new = [order for order in self._store.live() if order.origin is Origin.ELSEWHERE and not order.cancel_requested]
        if not any(at.mono_ns - self._store.track(order.client_order_id).known_ns >= ASK_NS for order in new):
            return []
        self._asked_ns = at.mono_ns
        effects = [effect for order in new for effect in self._become(order, Origin.ASKED, at)]
        one = new[0] if len(new) == 1 else None
        symbol = "" if one is None else one.symbol
        text = messages.placed_elsewhere(new)
        return [*effects, self._facts.emit(at, "elsewhere", Level.WARN, text, symbol=symbol, order=one)]

    def answer(self, command: AdoptOrders, at: Timestamp) -> list[Effect]:
        """Adopt the named orders, or leave them; what is so already stays so."""
        wanted = Origin.LEFT if command.leave else Origin.ADOPTED
        effects: list[Effect] = []
        done: list[Order] = []
        not_done: list[str] = []
        for key in dict.fromkeys(command.client_order_ids):
            order = self._store.get(key)
            why = _why_not(order, wanted)
            if order is None or why:
                not_done.append(f"{messages.short_id(key if order is None else order.exchange_name)} {why}")
                continue
            effects += self._become(order, wanted, at)
            done.append(order)
        level = Level.WARN if not_done or not done else Level.GOOD
        text = messages.adopted(done, not_done, left=command.leave)
        kind = "problem" if not done else "left" if command.leave else "adopted"
        one = self._store.get(done[0].client_order_id) if len(done) == 1 else None
        return [*effects, self._facts.emit(at, kind, level, text, order=one, command_id=command.command_id)]

    def _become(self, order: Order, origin: Origin, at: Timestamp) -> list[Effect]:
        return self._store.become(msgspec.structs.replace(order, origin=origin), at)


def _why_not(order: Order | None, wanted: Origin) -> str:
    """Return why an order cannot be adopted, or left."""
    if order is None:
        return "is no order known here"
    if not order.elsewhere:
        return "was placed here"
    if order.state.final:
        return f"is over ({order.state.value})"
    if order.origin is Origin.ADOPTED:
        return "is adopted already" if wanted is Origin.ADOPTED else "is adopted already and stays so"
    return "is left already" if order.origin is wanted else ""
