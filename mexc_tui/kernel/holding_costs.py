"""What holdings cost that the desk did not see bought: asked about once, said by a person, or read from own trades.

The exchange tells the account's trades of about a month. They are read pair by pair, one question at a time, behind
everything else; nothing is taken from them that they do not prove.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.commands import ReadCost, SetCost
from mexc_tui.domain.facts import Level
from mexc_tui.domain.inputs import OwnTradesFailed, OwnTradesRead, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import ZERO, exact
from mexc_tui.domain.orders import Fill
from mexc_tui.domain.positions import fee_in_quote
from mexc_tui.kernel import messages
from mexc_tui.kernel.effects import Effect, FetchOwnTrades, Journal
from mexc_tui.kernel.exchange_clock import ExchangeClock
from mexc_tui.kernel.facts import FactLog
from mexc_tui.kernel.ledger import COST_ASKED, Ledger
from mexc_tui.kernel.portfolio import Portfolio
from mexc_tui.kernel.records import CostRecord, FillRecord, StateRecord
from mexc_tui.kernel.trade_walk import Walk

_MS = 1_000_000
HISTORY_MS = 30 * 86_400_000
"""How far back the exchange tells own trades."""
MOST_PAIRS = 100
"""Pairs of one asset that are read; one with more is quoted in by half the market."""
TRADES_A_TICK = 500
MOST_FAILURES = 4
RETRY_MS = 2_000
QUIET_MS = 10_000
"""How long no trade may have moved the asset before its balance is compared with its trades."""
QUIET_LIMIT_NS = 90_000 * _MS
"""How long after the last page the asset may go on moving before it is given up."""
LOOK_NS = 5_000 * _MS
"""How often holdings of unknown cost are looked for."""
ASK_WORTH = Decimal(1)
"""Holdings worth less in the account's currency are not asked about."""


class _Job(msgspec.Struct):
    """One asset whose trades are being read."""

    asset: str
    command_id: str
    turn: int
    since_ms: int
    left: list[str]
    """Pairs that have not been read, the one that is being read first."""
    fills: dict[tuple[str, str], Fill] = {}
    failures: int = 0
    read_ns: int = 0
    """When the last page came."""
    walk: Walk | None = None
    changes: int = 0
    """Records in the ledger when the walk began."""


class HoldingCosts:
    """Carries out what is said of costs; one asset's trades are read at a time."""

    def __init__(
        self,
        facts: FactLog,
        pairs: Callable[[], dict[str, Instrument]],
        portfolio: Portfolio,
        ledger: Ledger,
        clock: ExchangeClock,
        quiet: Callable[[str, Timestamp], bool],
        compare: Callable[[Timestamp], list[Effect]],
    ) -> None:
        """``quiet`` tells whether nothing of an asset is moving; ``compare`` has the account read soon."""
        self._facts = facts
        self._pairs = pairs
        self._portfolio = portfolio
        self._ledger = ledger
        self._costs = ledger.costs
        self._clock = clock
        self._quiet = quiet
        self._compare = compare
        self._job: _Job | None = None
        self._turn = 0
        self._looked_ns: int | None = None

    # --- said by a person

    def say(self, command: SetCost, at: Timestamp) -> list[Effect]:
        """Take what somebody says a holding cost."""
        record = self._portfolio.cost_of(command, self._clock.ms(at), at)
        if isinstance(record, str):
            return [self._facts.emit(at, "problem", Level.WARN, record, command_id=command.command_id)]
        self._costs.say(record)
        text = messages.cost_said(record)
        fact = self._facts.emit(at, "cost", Level.INFO, text, symbol=record.symbol, command_id=command.command_id)
        return [Journal((record,)), fact]

    # --- asked once

    def ask(self, at: Timestamp, cash: tuple[str, ...], *, ready: bool) -> list[Effect]:
        """Ask about holdings of unknown cost that nobody has been asked about, once they have been compared."""
        asked = self._ledger.cost_asked
        if self._looked_ns is not None and at.mono_ns - self._looked_ns < LOOK_NS:
            return []
        self._looked_ns = at.mono_ns
        if not ready or self._portfolio.unclear or not self._ledger.transfers.complete or not self._pairs():
            return []
        new: list[tuple[str, Decimal]] = []
        for asset, total in sorted(self._portfolio.held().items()):
            if asset in asked or asset in (self._portfolio.currency, *cash):
                continue
            with exact():
                unknown = total - self._costs.known(asset)
            worth = self._portfolio.worth(asset, unknown)
            if unknown > 0 and worth is not None and worth >= ASK_WORTH and self._quiet(asset, at):
                new.append((asset, unknown))
        if not new:
            return []
        asked.update(dict.fromkeys(asset for asset, _ in new))
        records = tuple(StateRecord(name=COST_ASKED, value=asset, wall_ms=at.wall_ms) for asset, _ in new)
        return [Journal(records), self._facts.emit(at, "cost unknown", Level.INFO, messages.cost_unknown(new))]

    # --- read from own trades

    def read(self, command: ReadCost, at: Timestamp) -> list[Effect]:
        """Begin to read what an asset's trades say, or stop."""
        job, asset = self._job, command.asset
        if command.cancel:
            if job is None or job.asset != asset:
                return [self._problem(f"No trades are being read for {asset}.", command.command_id, at)]
            text = f"The trades for {asset} are not read on; nothing was taken from them."
            return [self._end(text, at), self._fact("cost", text, command.command_id, at)]
        pairs = self._pairs()
        symbols = [symbol for symbol, pair in pairs.items() if asset in (pair.base, pair.quote)]
        if asset in self._costs.third_assets:
            symbols += [symbol for symbol in self._costs.symbols() if symbol in pairs]
        why = self._why_not(asset, symbols)
        if why:
            return [self._problem(f"No trades were read: {why}", command.command_id, at)]
        self._turn += 1
        left = sorted(set(symbols), key=lambda symbol: (pairs[symbol].base != asset, symbol))
        since_ms = self._clock.ms(at) - HISTORY_MS
        job = self._job = _Job(asset, command.command_id, self._turn, since_ms, left)
        text = messages.reading_trades(asset, len(left))
        return [self._fact("reading", text, command.command_id, at), self._fetch(job)]

    def _why_not(self, asset: str, symbols: list[str]) -> str:
        if self._job is not None:
            return f"those for {self._job.asset} are being read; `:cost {self._job.asset} cancel` stops that."
        if asset == self._portfolio.currency:
            return f"{asset} is what costs are counted in."
        if not self._pairs() or not self._portfolio.complete:
            return "the account and the list of pairs have not been read yet. Ask again in a moment."
        if not self._portfolio.total(asset):
            return f"nothing of {asset} is held."
        if not symbols:
            return f"no pair of {asset} is listed. Type what it cost: `:cost {asset} PRICE`."
        if len(set(symbols)) > MOST_PAIRS:
            return f"{asset} trades in {len(set(symbols))} pairs, too many. Type what it cost: `:cost {asset} PRICE`."
        return ""

    def _fetch(self, job: _Job, delay_ms: int = 0) -> Effect:
        return FetchOwnTrades(job.left[0], job.since_ms, job.turn, delay_ms)

    def page(self, item: OwnTradesRead, at: Timestamp) -> list[Effect]:
        """Take in the trades of one pair and ask for the next."""
        job = self._job
        if job is None or item.turn != job.turn or job.left[:1] != [item.symbol]:
            return []
        job.fills.update({fill.key: fill for fill in item.fills})
        job.failures = 0
        job.left.pop(0)
        if job.left:
            return [self._fetch(job)]
        job.read_ns = at.mono_ns
        return self._compare(at)

    def failed(self, item: OwnTradesFailed, at: Timestamp) -> list[Effect]:
        """Ask again, later and later, and give up after some times."""
        job = self._job
        if job is None or item.turn != job.turn:
            return []
        job.failures += 1
        if job.failures < MOST_FAILURES:
            return [self._fetch(job, RETRY_MS * 2 ** (job.failures - 1))]
        text = f"The trades in {item.symbol} could not be read: {item.reason}"
        return [self._end(f"{text} Nothing was taken from the others; ask again later.", at, Level.WARN)]

    def tick(self, at: Timestamp) -> list[Effect]:
        """Go on with what has been read, once nothing of the asset moves."""
        job = self._job
        if job is None or not job.read_ns:
            return []
        if not self._rests(job, at):
            job.walk = None
            if at.mono_ns - job.read_ns < QUIET_LIMIT_NS:
                return []
            text = f"{job.asset} moved all the time while its trades were read; nothing was taken from them."
            return [self._end(f"{text} Ask again when no order of it fills.", at, Level.WARN)]
        held = self._portfolio.total(job.asset)
        if job.walk is None or (job.walk.held, job.changes) != (held, self._costs.changes):
            job.walk = Walk(job.asset, self._portfolio.currency, held, self._trades(job))
            job.changes = self._costs.changes
        return self._result(job, job.walk, at) if job.walk.advance(TRADES_A_TICK) else []

    def _rests(self, job: _Job, at: Timestamp) -> bool:
        """Whether the balance can be compared with the trades: read after them, explained, and not moving."""
        if self._portfolio.reconciled_ns < job.read_ns or self._portfolio.unexplained(job.asset):
            return False
        newest_ms = max((fill.time_ms for fill in self._costs.fills() if job.asset in self._assets(fill)), default=0)
        return self._clock.ms(at) - newest_ms >= QUIET_MS and self._quiet(job.asset, at)

    def _assets(self, fill: Fill) -> tuple[str, ...]:
        return (*(self._costs.pair(fill.symbol) or ()), fill.fee_asset)

    def _trades(self, job: _Job) -> list[FillRecord]:
        """Return every trade once: as it was booked here, with what its fee was worth then, else as it was read."""
        booked, _, _ = self._costs.latest()
        pairs = self._pairs()
        known = {record.fill.key: record for record in booked if record.fill.time_ms >= job.since_ms}
        for key, fill in job.fills.items():
            pair = pairs.get(fill.symbol)
            if key not in known and pair is not None:
                fee = fee_in_quote(fill, pair.base, pair.quote, None)
                known[key] = FillRecord(
                    fill=fill, base=pair.base, quote=pair.quote, fee_quote=fee, wall_ms=fill.time_ms
                )
        return [record for record in known.values() if job.asset in (record.base, record.quote, record.fill.fee_asset)]

    def _result(self, job: _Job, walk: Walk, at: Timestamp) -> list[Effect]:
        """Take what the trades prove of the holding, in place of what was known; less than was known is not taken."""
        asset, held, parts = job.asset, walk.held, walk.parts()
        short = walk.short()
        with exact():
            proven = sum((part.qty for part in parts), ZERO)
        before = self._costs.known(asset)
        whole = proven >= held or self._portfolio.negligible(asset, held - proven)
        said = [record for record in self._costs.latest()[2] if record.base == asset and not record.trades]
        if short and not self._portfolio.negligible(asset, short):
            return [self._end(messages.trades_do_not_fit(asset, walk.count, short), at, Level.WARN)]
        if not parts or (not whole and (said or proven <= before)):
            text = messages.trades_prove_less(asset, walk.count, proven, before, held, said=bool(said))
            return [self._end(text, at, Level.WARN)]
        time_ms = max([walk.newest_ms, *(record.time_ms + 1 for record in self._said(asset))])
        records = tuple(
            CostRecord(
                symbol=part.symbol,
                base=asset,
                quote=part.quote,
                qty=part.qty,
                cost=part.cost,
                whole=place == 0,
                time_ms=time_ms,
                wall_ms=at.wall_ms,
                trades=walk.ranges(),
                unknown_fees=part.unknown_fees,
            )
            for place, part in enumerate(parts)
        )
        for record in records:
            self._costs.say(record)
        text = messages.cost_read(records, walk.count, self._costs.known(asset), held)
        return [Journal(records), self._end(text, at, kind="cost")]

    def _said(self, asset: str) -> list[CostRecord]:
        return [record for record in self._costs.latest()[2] if record.base == asset]

    def _end(self, text: str, at: Timestamp, level: Level = Level.INFO, kind: str = "problem") -> Effect:
        job, self._job = self._job, None
        return self._facts.emit(at, kind, level, text, command_id="" if job is None else job.command_id)

    def _fact(self, kind: str, text: str, command_id: str, at: Timestamp) -> Effect:
        return self._facts.emit(at, kind, Level.INFO, text, command_id=command_id)

    def _problem(self, text: str, command_id: str, at: Timestamp) -> Effect:
        return self._facts.emit(at, "problem", Level.WARN, text, command_id=command_id)
