"""Getting out: cancel what works in a symbol, wait until the money is free, sell what is held, never more and once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.controls.case import counted, grouped, money
from mexc_tui.domain.facts import Level
from mexc_tui.domain.gate import check, mark_of
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.instrument import OF_RANGE, Instrument
from mexc_tui.domain.numbers import ONE, ZERO, ceil_to, divide, exact, floor_to
from mexc_tui.domain.orders import OrderState, OrderType, Side
from mexc_tui.domain.views import GateInputs
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.order_store import OrderStore, Track
from mexc_tui.kernel.orders import OrderManager
from mexc_tui.kernel.risk import Risk

_MS = 1_000_000
ASK_NS = 2_000 * _MS
"""After this long without the money being free the account is asked for."""
PATIENCE_NS = 10_000 * _MS
"""After this long what is free is sold, whatever else is still locked."""
GIVE_UP_NS = 30_000 * _MS
PAUSE_NS = 1_000 * _MS
LONGEST_PAUSE_NS = 15_000 * _MS
UNSENT_NS = 600_000 * _MS
"""For so long a sale that cannot leave is tried again; after that nobody expects it any more."""
MOST_SALES = 5
"""A sale that fills in part is followed by another for the rest, at the market of that moment."""


class Job(msgspec.Struct):
    """One symbol on its way out."""

    symbol: str
    command_id: str
    since_ns: int
    owner: str
    """Whose sales they are: of who asked first."""
    also: tuple[str, ...] = ()
    """Commands that asked for the same meanwhile: the end is theirs too."""
    sale: str = ""
    """Client order id of the sale that is under way."""
    sales: int = 0
    """Sales that reached the exchange, the one under way included."""
    unsent: int = 0
    """Sales in a row that did not: nothing left, or all requests were refused at that moment."""
    unsent_ns: int = 0
    """When the first of these was made out."""
    asked: bool = False
    refused: bool = False
    """The exchange has refused one sale; the market may have moved under it, so it is tried once more."""
    pause_ns: int = 0
    """Nothing is tried before this moment: the last sale could not leave."""
    lowest: Decimal = ZERO
    """Price floor of the first sale; later ones may not go below it, whatever the market does meanwhile."""


class Flattener:
    """Runs one job a symbol; a job ends with a fact, whether it is flat or not."""

    def __init__(
        self,
        facts: FactLog,
        store: OrderStore,
        orders: OrderManager,
        risk: Risk,
        ask: Callable[[set[str], Timestamp], list[Effect]],
    ) -> None:
        self._facts = facts
        self._store = store
        self._orders = orders
        self._risk = risk
        self._ask = ask
        self._jobs: dict[str, Job] = {}
        self._unread: set[str] = set()
        """Sales that were refused unread."""

    def active(self, symbol: str) -> bool:
        """Return whether a symbol is being flattened."""
        return symbol in self._jobs

    def symbols(self) -> set[str]:
        """Return the symbols that are being flattened."""
        return set(self._jobs)

    def start(self, symbols: set[str], command_id: str, owner: str, at: Timestamp) -> list[Effect]:
        """Begin; what works there is being cancelled. A symbol that is on its way out already has one end for both."""
        for symbol in symbols & self._jobs.keys():
            self._jobs[symbol].also += (command_id,)
        for symbol in sorted(symbols - self._jobs.keys()):
            self._jobs[symbol] = Job(symbol=symbol, command_id=command_id, since_ns=at.mono_ns, owner=owner)
        return self.advance(at)

    def refused_unread(self, client_order_id: str) -> None:
        """Note that all requests were refused when a sale was sent: that says nothing of the sale."""
        if any(job.sale == client_order_id for job in self._jobs.values()):
            self._unread.add(client_order_id)

    def hurry(self) -> None:
        """Note that requests go out again: what waits for that is tried now."""
        for job in self._jobs.values():
            if job.unsent:
                job.pause_ns = 0

    def advance(self, at: Timestamp) -> list[Effect]:
        """Take every job as far as what is known allows."""
        effects: list[Effect] = []
        for job in list(self._jobs.values()):
            effects += self._advance(job, at)
        return effects

    def _advance(self, job: Job, at: Timestamp) -> list[Effect]:
        waited = at.mono_ns - job.since_ns
        if job.sale:
            sale = self._store.get(job.sale)
            if sale is not None and sale.state.may_be_live:
                return []
            if sale is not None and (sale.state is OrderState.DENIED or job.sale in self._unread):
                return self._not_reached(job, sale.reason, at)
            again = sale is not None and sale.state is OrderState.REJECTED and not job.refused
            if sale is not None and sale.state is OrderState.REJECTED and not again:
                return self._end(job, at, Level.BAD, f"the exchange refused the sale: {sale.reason}")
            if sale is not None and sale.filled_qty == 0 and not again:
                text = f"nobody bought at {grouped(job.lowest)} or above"
                return self._end(job, at, Level.BAD, text)
            job.sale, job.since_ns, job.asked, job.unsent = "", at.mono_ns, False, 0
            job.refused = job.refused or again
            if again:
                job.pause_ns = at.mono_ns + PAUSE_NS
            waited = 0
        if at.mono_ns < job.pause_ns:
            return []
        if not self._free(job, at):
            if waited >= ASK_NS and not job.asked:
                job.asked = True
                return self._ask({job.symbol}, at)
            if waited < PATIENCE_NS:
                return []
        return self._sell(job, at, waited)

    def _not_reached(self, job: Job, reason: str, at: Timestamp) -> list[Effect]:
        """Try again, later and later: what never reached the exchange is no try, and its price no floor."""
        self._unread.discard(job.sale)
        job.sale, job.sales, job.since_ns, job.asked = "", job.sales - 1, at.mono_ns, False
        if not job.sales:
            job.lowest = ZERO
        job.unsent += 1
        job.pause_ns = at.mono_ns + min(LONGEST_PAUSE_NS, PAUSE_NS * 2 ** min(job.unsent - 1, 4))
        if job.unsent == 1:
            job.unsent_ns = at.mono_ns
            minutes = counted(UNSENT_NS // (60_000 * _MS), "minute")
            text = f"{job.symbol}: the sale does not reach the exchange. It is tried again for {minutes}: {reason}"
            return [self._facts.emit(at, "notice", Level.BAD, text, symbol=job.symbol, command_id=job.command_id)]
        if at.mono_ns - job.unsent_ns >= UNSENT_NS:
            return self._end(job, at, Level.BAD, f"no sale reaches the exchange: {reason}")
        return []

    def _free(self, job: Job, at: Timestamp) -> bool:
        return not self._store.live(job.symbol) and self._risk.settled(job.symbol, at)

    def _sell(self, job: Job, at: Timestamp, waited: int) -> list[Effect]:
        inputs = self._risk.inputs(job.symbol, at, flattening=True)
        pair, free = inputs.instrument, inputs.base_free
        price = None if pair is None else _floor_price(inputs, pair, job.lowest)
        if pair is None or free is None or (free > 0 and price is None):
            if waited < GIVE_UP_NS:
                return []
            lacking = "your holdings are not known" if free is None else "there is no price to sell at"
            return self._end(job, at, Level.BAD, lacking)
        with exact():
            qty = floor_to(free, pair.qty_decimals)
            if price is not None and pair.max_notional is not None and qty * price > pair.max_notional:
                qty = floor_to(divide(pair.max_notional, price), pair.qty_decimals)
        if qty == 0 and not job.sales and not free:
            return self._end(job, at, Level.INFO, "")
        if price is None or qty < pair.min_qty or qty == 0 or qty * price < pair.min_notional:
            return self._dust(job, pair, free, price, at)
        if job.sales >= MOST_SALES:
            return self._end(job, at, Level.BAD, f"{grouped(free)} {pair.base} is left after {job.sales} sales")
        return self._send(job, inputs, qty, price, at)

    def _dust(self, job: Job, pair: Instrument, free: Decimal, price: Decimal | None, at: Timestamp) -> list[Effect]:
        if free == 0:
            return self._end(job, at, Level.GOOD, "")
        worth = "" if price is None else f", worth about {money(free * price)} {pair.quote},"
        least = f"{grouped(max(pair.min_qty, pair.step))} {pair.base} and {money(pair.min_notional)} {pair.quote}"
        text = (
            f"{job.symbol}: {'sold but for' if job.sales else 'nothing was sold:'} {grouped(free)} {pair.base}{worth} "
            f"{'which ' if job.sales else ''}is too little to sell: the exchange takes at least {least}."
        )
        del self._jobs[job.symbol]
        kind, level = ("flattened", Level.GOOD) if job.sales else ("problem", Level.WARN)
        return self._tell(job, at, kind, level, text)

    def _send(self, job: Job, inputs: GateInputs, qty: Decimal, price: Decimal, at: Timestamp) -> list[Effect]:
        draft = Draft(symbol=job.symbol, side=Side.SELL, type=OrderType.IOC, qty=qty, price=price)
        verdict = check(draft, inputs)
        if not verdict.passes:
            return self._end(job, at, Level.BAD, " ".join(v.message for v in verdict.violations))
        track = Track(sent_ns=at.mono_ns, lock=qty)
        order, effects = self._orders.send(
            draft, job.command_id, at, track, reduce_only=True, owner=job.owner, durable=inputs.journal_ok
        )
        self._risk.sent(order, mark_of(draft), at)
        job.sale, job.sales, job.lowest = order.client_order_id, job.sales + 1, price
        return effects

    def _end(self, job: Job, at: Timestamp, level: Level, why: str) -> list[Effect]:
        del self._jobs[job.symbol]
        if not why:
            text = f"{job.symbol} is flat." if job.sales else f"{job.symbol}: nothing is held, nothing to sell."
        else:
            text = f"{job.symbol} could not be sold entirely: {why.rstrip('.')}. Press flatten again or sell by hand."
        kind = "flattened" if not why else "problem"
        return self._tell(job, at, kind, Level.GOOD if not why else level, text)

    def _tell(self, job: Job, at: Timestamp, kind: str, level: Level, text: str) -> list[Effect]:
        """Say how a job ended, to every command that asked for it."""
        return [
            self._facts.emit(at, kind, level, text, symbol=job.symbol, command_id=command_id)
            for command_id in (job.command_id, *job.also)
        ]


def _floor_price(inputs: GateInputs, pair: Instrument, lowest: Decimal) -> Decimal | None:
    """Return the lowest price a flattening sale may take, on the grid, inside the exchange's own range."""
    book = inputs.book
    with exact():
        if book is not None and book.bids:
            reference: Decimal | None = Decimal(book.bids[0][0]).scaleb(-book.price_decimals)
        else:
            reference = inputs.last
        if reference is None or reference <= 0:
            return None
        lowest = max(lowest, reference * (ONE - inputs.limits.flatten_collar))
        if pair.ask_multiplier_down is not None:
            centre = reference if inputs.last is None else inputs.last
            lowest = max(lowest, centre * (ONE - pair.ask_multiplier_down * OF_RANGE))
        return max(ceil_to(lowest, pair.price_decimals), pair.tick, ZERO)
