"""What was traded and held adds up to the same in whatever order a desk hears of it, over restarts too."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.domain.inputs import BalanceReported, FillReported, Input, InstrumentsLoaded, Reconciled, Tick, Timestamp
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.numbers import exact
from mexc_tui.domain.orders import Balance, Fill, Side
from mexc_tui.domain.views import TOPIC_FILLS, TOPIC_POSITIONS, VenueKind
from mexc_tui.kernel import costs
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.effects import Journal
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import FillRecord, Record, Resumed
from mexc_tui.store import schema

D = Decimal
PAIRS = {"BTCUSDT": ("BTC", "USDT"), "MXUSDT": ("MX", "USDT"), "BTCUSDC": ("BTC", "USDC"), "MXBTC": ("MX", "BTC")}
LISTED = InstrumentsLoaded(
    tuple(
        Instrument(symbol=symbol, base=base, quote=quote, price_decimals=4, qty_decimals=4)
        for symbol, (base, quote) in PAIRS.items()
    )
)
START_MS = 1_790_000_000_000
GAP_S = 15
"""Between two things that happen: longer than fills of a moment ago keep a balance from being compared."""


def down(amount: Decimal) -> Decimal:
    return amount.quantize(D("0.0001"), ROUND_DOWN)


class Account:
    """What happens at the exchange, and when; each moment's balances."""

    def __init__(self) -> None:
        self.held: dict[str, Decimal] = defaultdict(lambda: D(1_000), BTC=D(2), MX=D(5))
        self.fills: list[tuple[int, Fill]] = []
        self.balances: list[dict[str, Decimal]] = []

    def trade(self, symbol: str, side: Side, qty: int, price: int, fee: int, fee_asset: str) -> None:
        base, quote = PAIRS[symbol]
        amount = down(min(D(qty), self.held[base] if side is Side.SELL else self.held[quote] / price))
        sign = 1 if side is Side.BUY else -1
        fill = Fill(
            trade_id=str(len(self.fills) + 98),
            order_id=f"E{len(self.fills) // 2}",
            client_order_id="",
            symbol=symbol,
            side=side,
            price=D(price),
            qty=amount,
            quote_qty=amount * price,
            fee=down(min(D(fee) / 100, self.held[fee_asset] / 9)),
            fee_asset=fee_asset,
            is_maker=False,
            time_ms=START_MS + 1_000 * GAP_S * len(self.balances),
        )
        self.fills.append((len(self.balances), fill))
        for asset, by in ((base, sign * fill.qty), (quote, -sign * fill.quote_qty), (fill.fee_asset, -fill.fee)):
            self.held[asset] = max(D(0), self.held[asset] + by)
        self.balances.append(dict(self.held))

    def withdraw(self, asset: str) -> None:
        # Never just what a trade moved: a total that is as before says nothing.
        self.held[asset] = max(D(0), down(self.held[asset] / 2) - D(len(self.balances) + 1).scaleb(-9))
        self.balances.append(dict(self.held))


class Listener:
    """A desk that hears of it, restarts included; prices stand still."""

    def __init__(self) -> None:
        self.written: list[Record] = []
        self.records = 0
        self.now_s = 0
        self.begin(None)

    def begin(self, snapshot: Any) -> None:
        resumed = Resumed(snapshot=snapshot, records=() if snapshot else tuple(self.written))
        venue = VenueInfo(name="x", kind=VenueKind.LOCAL, can_trade=True)
        self.desk = Desk("r", Limits(), venue, currency="USDT", resumed=resumed)
        self.desk.start(self.at())
        self.hear(LISTED)

    def restart(self, *, folded: bool) -> None:
        """Go on from what the journal's rows say, read one by one or added up beforehand."""
        self.written = [schema.decode(schema.encode(record)[1]) for record in self.written]
        fold = Fold("USDT")
        fold.add(self.written)
        saved = msgspec.json.decode(msgspec.json.encode(fold.snapshot()), type=costs.DeskSnapshot)
        self.begin(saved if folded else None)

    def at(self) -> Timestamp:
        return Timestamp(START_MS + 1_000 * self.now_s, 10**12 + self.now_s * 10**9)

    def hear(self, item: Input) -> None:
        for effect in self.desk.handle(item, self.at()):
            if isinstance(effect, Journal):
                self.written += effect.records

    def look(self, held: dict[str, Decimal]) -> None:
        balances = tuple(Balance(asset=asset, free=total, locked=D(0)) for asset, total in held.items())
        self.hear(Reconciled((), balances, (), self.at().mono_ns, frozenset(PAIRS), frozenset(PAIRS)))

    def push(self, asset: str, total: Decimal) -> None:
        self.hear(BalanceReported(Balance(asset=asset, free=total, locked=D(0)), "ENTRUST", self.at().wall_ms))

    def known(self) -> tuple[Any, ...]:
        self.now_s += 60
        self.hear(Tick())
        views = self.desk.views(self.at(), frozenset({TOPIC_POSITIONS, TOPIC_FILLS}))
        return views[TOPIC_POSITIONS], views[TOPIC_FILLS]


_TRADES = st.tuples(
    st.sampled_from(sorted(PAIRS)),
    st.sampled_from([Side.BUY, Side.BUY, Side.SELL]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 9),
    st.sampled_from(["USDT", "MX", "BTC"]),
)
_EVENTS = st.lists(st.one_of(_TRADES, _TRADES, _TRADES, st.sampled_from(["BTC", "MX"])), min_size=2, max_size=14)


@given(_EVENTS, st.data())
def test_any_order_of_arrival_ends_at_the_same_cost_result_and_fees(events, data):
    """A balance is read at any time, before or after the fills in it are heard of; a desk may be started again."""
    account = Account()
    ordered, other = Listener(), Listener()
    late: list[Fill] = []
    with exact():
        for index, event in enumerate(events):
            if isinstance(event, str):
                account.withdraw(event)
            else:
                account.trade(*event)
                late.append(account.fills[-1][1])
                ordered.hear(FillReported(late[-1]))
            held = account.balances[-1]
            for one in (ordered, other):
                one.now_s = GAP_S * index + GAP_S - 2
            ordered.look(held)
            for _ in range(data.draw(st.integers(0, len(late)), label="heard")):
                other.hear(FillReported(late.pop(data.draw(st.integers(0, len(late) - 1)))))
            told = data.draw(st.sampled_from(["look", "push", "both", "nothing"]))
            if isinstance(event, str) or told in ("look", "both"):
                other.look(held)
            if told in ("push", "both"):
                other.push("BTC", held["BTC"])
            restart = data.draw(st.sampled_from(["no", "no", "no", "from rows", "from a snapshot"]))
            if restart != "no":
                other.restart(folded=restart == "from a snapshot")
        for fill in data.draw(st.permutations(late)):
            other.hear(FillReported(fill))
        for one in (ordered, other):
            one.now_s = GAP_S * len(events) + 60
            one.look(account.balances[-1])
    assert other.known() == ordered.known()
    fills = [record for record in other.written if isinstance(record, FillRecord)]
    assert len(fills) == len(account.fills), "one record a fill, in whatever order they come"
    other.restart(folded=False)
    other.look(account.balances[-1])
    assert other.known() == ordered.known()
