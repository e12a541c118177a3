"""An exchange for paper orders on a mirrored market: real accounts and rules, somebody else's book."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.paper.delay import DelayLine
from mexc_tui.venues.simulator.paper.execution import PaperExecution
from mexc_tui.venues.simulator.paper.market import MirrorMarket
from mexc_tui.venues.simulator.paper.market_data import MirroredMarketData
from mexc_tui.venues.simulator.state import dump, restore


class PaperExchange:
    """A local exchange, ``core``, whose markets are those of another exchange, fed from outside.

    An order is checked and its money frozen at once; it meets the book ``delay_ms`` later. The trade id of each fill
    ends in ``C`` where the mirrored data prove it and in ``A`` where it is assumed. A ``KeptState``.
    """

    def __init__(
        self,
        *,
        start_ms: int,
        seed: int = 1,
        delay_ms: Callable[[], int] = lambda: 0,
        maker_fee: Decimal | None = None,
        taker_fee: Decimal | None = None,
    ) -> None:
        self.core = Exchange(start_ms=start_ms, seed=seed)
        timeline, orders = self.core.timeline, self.core.orders
        self.mirror = MirrorMarket(timeline.emit, timeline.clock)
        self.delay = DelayLine(timeline.clock, delay_ms)
        timeline.add(self.delay)
        timeline.add(self.mirror)
        self.core.market = MirroredMarketData(self.core.market, self.core.symbols, self.mirror)
        self._execution = PaperExecution(orders.execution, self.core.settlement, self.mirror, self.delay)
        orders.execution = self._execution
        self._maker_fee = maker_fee
        self._taker_fee = taker_fee

    # The mirrored side.

    def mirror_pairs(self, instruments: Iterable[Instrument]) -> None:
        """List what the mirrored exchange lists; pairs that it lists no more go offline."""
        symbols = self.core.symbols
        listed: set[str] = set()
        for instrument in instruments:
            instrument = self._with_own_fees(instrument)
            symbol = instrument.symbol
            listed.add(symbol)
            pair = symbols.pairs.get(symbol)
            if symbol not in self.mirror.pairs:
                self.mirror.add(symbols.add_pair(instrument) if pair is None else pair)
                symbols.change(symbol, instrument)
            elif pair is not None and pair.instrument != instrument:
                symbols.change(symbol, instrument)
        for symbol in [name for name in symbols.pairs if name not in listed]:
            self._take_offline(symbol)

    def feed_book(
        self, symbol: str, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]], time_ms: int
    ) -> None:
        """Take a pair's whole book, in ticks and steps; its matching goes on from there."""
        self.mirror.feed_book(symbol, bids, asks, time_ms)
        mirrored = self.mirror.pairs[symbol]
        mirrored.forget_finished()
        self._execution.resume(mirrored.pair)

    def feed_levels(self, symbol: str, changes: Iterable[tuple[Side, int, int]], time_ms: int) -> None:
        """Take changed levels of a live pair."""
        mirrored = self.mirror.pairs[symbol]
        mirrored.change_levels(changes, time_ms)
        mirrored.forget_finished()

    def feed_trade(self, symbol: str, taker: Side, price: int, qty: int, time_ms: int) -> None:
        """Take a public trade; it fills own orders that it reaches while the pair is live."""
        self.mirror.pairs[symbol].trade(taker, price, qty, time_ms)

    def check_live(self, symbol: str) -> None:
        """Raise SimError(30000) while the mirrored data of a pair is not current."""
        self._execution.check(self.core.symbols.pair(symbol))

    # What is kept across a restart.

    def dump(self) -> dict[str, Any]:
        """Return what must survive; of the pairs only those in which something was done."""
        used = {order.symbol for order in self.core.ledger.all_orders()}
        used.update(trade.symbol for trade in self.core.ledger.all_trades())
        return dump(self.core, [pair for name, pair in self.core.symbols.pairs.items() if name in used])

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over what ``dump`` gave. Open orders stand again, behind all that stands at their price then.

        Orders that do not rest and were still on their way are cancelled; trades of the meantime fill nothing.
        """
        pairs = self.core.symbols.pairs
        listed = {symbol: pair.instrument for symbol, pair in pairs.items()}
        restore(self.core, saved)
        for symbol, instrument in listed.items():
            pairs[symbol].instrument = instrument
        for symbol in [name for name in pairs if name not in listed]:
            self.mirror.add(pairs[symbol])
            self._take_offline(symbol)
        for order in self.core.ledger.all_orders():
            if order.open:
                self.mirror.pairs[order.symbol].placed(order)

    def _take_offline(self, symbol: str) -> None:
        instrument = self.core.symbols.pairs[symbol].instrument
        if instrument.status is not InstrumentStatus.OFFLINE:
            self.core.symbols.change(symbol, replace(instrument, status=InstrumentStatus.OFFLINE))

    def _with_own_fees(self, instrument: Instrument) -> Instrument:
        if self._maker_fee is None and self._taker_fee is None:
            return instrument
        return replace(
            instrument,
            maker_fee=instrument.maker_fee if self._maker_fee is None else self._maker_fee,
            taker_fee=instrument.taker_fee if self._taker_fee is None else self._taker_fee,
        )
