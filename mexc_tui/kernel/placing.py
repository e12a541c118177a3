"""An order on its way out: judged with what is known at this moment, then denied, or recorded and sent."""

from __future__ import annotations

from collections.abc import Callable

from mexc_tui.domain.capping import capped
from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.gate import Seen, check, mark_of
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.limits import Verdict, Violation
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Side
from mexc_tui.domain.views import GateInputs
from mexc_tui.kernel.arming import Arming
from mexc_tui.kernel.budget import Budget
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.order_store import Track
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.risk import Risk


class Placer:
    """Judges drafts and sends those that pass, each once."""

    def __init__(
        self,
        orders: OrderManager,
        risk: Risk,
        budget: Budget,
        arming: Arming,
        flattening: Callable[[str], bool],
        follow: Callable[[str, Timestamp], list[Effect]],
    ) -> None:
        """``flattening`` tells of a symbol whether it is; ``follow`` keeps its book once there are orders in it."""
        self._orders = orders
        self._risk = risk
        self._budget = budget
        self._arming = arming
        self._flattening = flattening
        self._follow = follow

    def place(self, command: PlaceOrder, owner: str, at: Timestamp, *, attended: bool) -> list[Effect]:
        """Send a draft if it passes the gate; keep and tell the refusal if it does not.

        ``attended``: a person sits at the client, who alone may override.
        """
        draft = command.draft
        inputs = self._risk.inputs(draft.symbol, at, owner)
        seen = Seen(
            version=command.seen_version,
            age_ms=command.seen_age_ms,
            bid=command.seen_bid,
            ask=command.seen_ask,
        )
        verdict = check(draft, inputs, seen, largest=False)
        violations = verdict.violations
        if draft.side is Side.BUY and self._flattening(draft.symbol):
            text = f"{draft.symbol} is being flattened; it takes no buys until that is done."
            violations = (*violations, Violation(code="SIDE_SANITY", message=text))
        if draft.override and not attended:
            text = "Only a person overrides a control: on a screen, or at a terminal. Nothing was sent."
            violations = (*violations, Violation(code="OVERRIDE", message=text))
        if violations or verdict.qty is None or verdict.notional is None or verdict.fee is None:
            caught = self._risk.owners.caught(violations, owner, draft.symbol, at)
            denied = self._orders.deny(draft, violations, _version(inputs), at, command.command_id, owner=owner)
            return caught + denied
        return self.submit(draft, inputs, verdict, command.command_id, at)

    def submit(
        self, draft: Draft, inputs: GateInputs, verdict: Verdict, command_id: str, at: Timestamp
    ) -> list[Effect]:
        """Send a draft that has passed."""
        with exact():
            bought = (verdict.notional or ZERO) + (verdict.fee or ZERO)
            lock = (verdict.qty or ZERO) if draft.side is Side.SELL else bought
        track = Track(sent_ns=at.mono_ns, lock=lock)
        final = capped(draft, inputs)
        value = None if verdict.reduces else verdict.value
        owner = inputs.owned.owner
        order, effects = self._orders.send(
            final,
            command_id,
            at,
            track,
            reduce_only=verdict.reduces,
            owner=owner,
            capped=final is not draft,
            book_version=_version(inputs),
            notes=verdict.notes,
            beside=self._budget.add(value, at, owner) if value else (),
        )
        self._arming.sent(draft.symbol)
        self._risk.sent(order, mark_of(draft), at, value=value)
        return effects + self._follow(draft.symbol, at)


def _version(inputs: GateInputs) -> int:
    """Return the version of the book that an order is judged by; zero without one."""
    return 0 if inputs.book is None else inputs.book.version
