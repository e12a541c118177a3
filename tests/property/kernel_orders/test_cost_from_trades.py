"""What own trades say of a holding's cost, against a model that sees everything, transfers and what was before."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec
from hypothesis import event, given
from hypothesis import strategies as st

from mexc_tui.domain.orders import Fill, Side
from mexc_tui.domain.positions import fee_in_quote
from mexc_tui.kernel.records import FillRecord
from mexc_tui.kernel.trade_walk import Walk

D = Decimal
PAIRS = {"BTCUSDT": ("BTC", "USDT"), "BTCUSDC": ("BTC", "USDC"), "ETHBTC": ("ETH", "BTC")}
HOMES = ("BTCUSDT", "BTCUSDC")
"""Where bitcoin has a cost, the pair with the account's currency first."""


class Trade(msgspec.Struct, frozen=True):
    symbol: str
    side: Side
    qty: int
    price: int
    fee: int
    fee_asset: str


class Transfer(msgspec.Struct, frozen=True):
    qty: int


trades = st.builds(
    Trade,
    symbol=st.sampled_from(tuple(PAIRS)),
    side=st.sampled_from(Side),
    qty=st.integers(2, 30),
    price=st.integers(1, 50),
    fee=st.integers(0, 1),
    fee_asset=st.sampled_from(("base", "quote", "MX")),
)


class Account:
    """Bitcoin with a known cost by pair, and with none: sales take what is known first, withdrawals what is not."""

    def __init__(self, unknown: int) -> None:
        self.unknown = Fraction(unknown)
        self.known = {symbol: [Fraction(0), Fraction(0)] for symbol in HOMES}

    @property
    def held(self) -> Fraction:
        return self.unknown + sum(qty for qty, _ in self.known.values())

    def move(self, trade: Trade) -> tuple[int, int]:
        """Return bitcoin that comes and goes."""
        base, quote = PAIRS[trade.symbol]
        asset = {"base": base, "quote": quote}.get(trade.fee_asset, "MX")
        fee = trade.fee if asset == "BTC" else 0
        amount = trade.qty if base == "BTC" else trade.qty * trade.price
        comes = (trade.side is Side.BUY) == (base == "BTC")
        return (amount - fee, 0) if comes else (0, amount + fee)

    def can(self, trade: Trade) -> bool:
        return self.held >= self.move(trade)[1]

    def trade(self, trade: Trade) -> None:
        comes, goes = self.move(trade)
        if comes and trade.symbol in HOMES:
            part = self.known[trade.symbol]
            part[0] += comes
            part[1] += trade.qty * trade.price + (trade.fee if trade.fee_asset == "quote" else 0)
        else:
            self.unknown += comes
        self.take(goes, sorted(HOMES, key=lambda symbol: symbol != trade.symbol))

    def take(self, qty: Fraction | int, order: list[str]) -> None:
        for symbol in order:
            part = self.known[symbol]
            took = min(Fraction(qty), part[0])
            if took:
                part[1] -= part[1] * took / part[0]
                part[0] -= took
                qty -= took
        self.unknown -= qty

    def transfer(self, qty: int) -> None:
        """What is brought has no known cost; what leaves takes such first."""
        gone = min(self.unknown, -qty) if qty < 0 else -qty
        self.unknown -= gone
        if qty < 0:
            self.take(-qty - gone, list(HOMES))


def record(trade: Trade, number: int) -> FillRecord:
    base, quote = PAIRS[trade.symbol]
    fill = Fill(
        trade_id=str(number),
        order_id=f"O{number}",
        client_order_id="",
        symbol=trade.symbol,
        side=trade.side,
        price=D(trade.price),
        qty=D(trade.qty),
        quote_qty=D(trade.qty * trade.price),
        fee=D(trade.fee),
        fee_asset={"base": base, "quote": quote}.get(trade.fee_asset, "MX"),
        is_maker=False,
        time_ms=number // 2,
    )
    return FillRecord(fill=fill, base=base, quote=quote, fee_quote=fee_in_quote(fill, base, quote, None), wall_ms=0)


@given(
    before=st.integers(0, 40),
    events=st.lists(trades | st.builds(Transfer, qty=st.integers(1, 20)), min_size=1, max_size=25),
    transfers=st.sampled_from((-1, 0, 1)),
    chunk=st.integers(1, 7),
)
def test_trades_prove_what_an_account_that_saw_everything_knows_or_do_not_fit(before, events, transfers, chunk):
    account, records, unknown_fees = Account(before), [], False
    for number, one in enumerate(events):
        if isinstance(one, Transfer):
            if transfers and account.held + one.qty * transfers >= 0:
                account.transfer(one.qty * transfers)
        elif account.can(one):
            account.trade(one)
            records.append(record(one, number))
            unknown_fees = unknown_fees or (one.fee_asset == "MX" and one.fee > 0)
    held = D(int(account.held))
    walk = Walk("BTC", "USDT", held, reversed(records))
    while not walk.advance(chunk):
        pass
    if walk.short():
        event("something left")
        assert transfers < 0
        return
    parts = {part.symbol: (Fraction(part.qty), Fraction(part.cost)) for part in walk.parts()}
    expected = {symbol: tuple(part) for symbol, part in account.known.items() if part[0]}
    assert parts.keys() == expected.keys()
    for symbol, (qty, cost) in expected.items():
        assert parts[symbol][0] == qty
        assert abs(parts[symbol][1] - cost) < Fraction(1, 10**12)
    assert sum((qty for qty, _ in parts.values()), Fraction(0)) == account.held - account.unknown
    assert unknown_fees or not any(part.unknown_fees for part in walk.parts())
    event("all known" if parts and not account.unknown else "part known" if parts else "nothing known")
