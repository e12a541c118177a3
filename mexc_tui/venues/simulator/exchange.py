"""The local exchange: one set of parts that trade together, without a wire. Synchronous and deterministic."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.venues.simulator.core.accounts import Accounts
from mexc_tui.venues.simulator.core.events import Listener
from mexc_tui.venues.simulator.core.execution import ImmediateExecution
from mexc_tui.venues.simulator.core.fees import Fees
from mexc_tui.venues.simulator.core.groups import TradeGroups
from mexc_tui.venues.simulator.core.ledger import Ledger
from mexc_tui.venues.simulator.core.market_data import LocalMarketData, MarketData
from mexc_tui.venues.simulator.core.matching import Pair
from mexc_tui.venues.simulator.core.orders import Orders
from mexc_tui.venues.simulator.core.settlement import Settlement
from mexc_tui.venues.simulator.core.symbols import SymbolRegistry
from mexc_tui.venues.simulator.core.timeline import Timeline
from mexc_tui.venues.simulator.markets.catalogue import default_markets
from mexc_tui.venues.simulator.markets.model import MarketSpec, ModelMarket, plain_spec
from mexc_tui.venues.simulator.markets.tape import TapeMarket

WARM_UP_MS = 20 * 60_000
WARM_UP_EVENTS = 400
"""A market trades this many events (at most the time above) before anybody looks, so that no book is fresh."""


class Exchange:
    """A spot exchange; its parts are its interface. Calls that trade raise ``SimError`` with MEXC's code.

    The same seed and the same calls give the same events. Time comes from ``advance`` only. Orders are matched by
    ``orders.execution`` and shown by ``market``: an exchange over somebody else's market exchanges these two.
    """

    def __init__(self, *, start_ms: int, seed: int = 1) -> None:
        self.timeline = Timeline(start_ms)
        self.accounts = Accounts(self.timeline.emit, self.timeline.clock)
        self.groups = TradeGroups()
        """Accounts that do not trade with each other."""
        self.ledger = Ledger()
        self.fees = Fees(self.accounts, self._last_price)
        self.settlement = Settlement(self.timeline, self.accounts, self.ledger, self.fees, self.groups)
        self.symbols = SymbolRegistry(self.timeline, self.settlement, self._new_market, seed=seed)
        self.market: MarketData = LocalMarketData(self.symbols, self.timeline)
        execution = ImmediateExecution(self.settlement)
        self.orders = Orders(
            self.timeline, self.symbols, self.accounts, self.ledger, self.settlement, execution, seed=seed
        )
        self._seed = seed

    @property
    def now_ms(self) -> int:
        """Exchange time."""
        return self.timeline.now_ms

    def advance(self, now_ms: int) -> None:
        """Move time forward; markets move with it."""
        self.timeline.advance(now_ms)

    def listen(self, listener: Listener) -> None:
        """Announce every event to ``listener``, at once and in order."""
        self.timeline.listen(listener)

    def _last_price(self, symbol: str) -> Decimal | None:
        return self.market.last_price(symbol)

    def _new_market(self, pair: Pair, price: Decimal) -> ModelMarket:
        spec = plain_spec(pair.instrument, price)
        return ModelMarket(pair, spec, seed=self._seed, now_ms=self.now_ms, history=False)


def demo_exchange(*, start_ms: int, seed: int = 1, markets: tuple[MarketSpec, ...] | None = None) -> Exchange:
    """Return an exchange with modelled markets, some minutes into their day, and no accounts."""
    exchange = Exchange(start_ms=start_ms - WARM_UP_MS, seed=seed)
    for spec in default_markets() if markets is None else markets:
        warm_ms = min(WARM_UP_MS, round(WARM_UP_EVENTS / spec.rate * 1000))
        pair = exchange.symbols.add_pair(spec.instrument)
        exchange.symbols.add_market(pair.symbol, ModelMarket(pair, spec, seed=seed, now_ms=start_ms - warm_ms))
    exchange.advance(start_ms)
    return exchange


def tape_exchange(tape: TapeMarket, *, start_ms: int, seed: int = 1) -> Exchange:
    """Return an exchange on which exactly the tape's symbols trade, and no accounts."""
    exchange = Exchange(start_ms=start_ms, seed=seed)
    tape.attach(exchange.symbols, exchange.timeline)
    return exchange
