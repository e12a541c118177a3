"""What a holding cost by own trades: proven whole, proven in part, or left unknown; never counted twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from mexc_tui.domain.commands import ReadCost, SetCost
from mexc_tui.domain.inputs import FillReported, InstrumentsLoaded, OwnTradesFailed, OwnTradesRead
from mexc_tui.domain.orders import Fill, Side
from mexc_tui.domain.views import TOPIC_POSITIONS
from mexc_tui.kernel.effects import FetchOwnTrades
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.holding_costs import MOST_FAILURES
from mexc_tui.kernel.records import CostRecord, StateRecord
from tests.unit.kernel_orders.conftest import PAIR, Bench

D = Decimal
ETHBTC = replace(PAIR, symbol="ETHBTC", base="ETH", quote="BTC")


def trade(
    name: str,
    side: Side,
    qty: str,
    price: str,
    time_ms: int,
    fee: str = "0",
    fee_asset: str = "USDT",
    symbol: str = "BTCUSDT",
) -> Fill:
    return Fill(
        trade_id=name,
        order_id=f"O{name}",
        client_order_id="",
        symbol=symbol,
        side=side,
        price=D(price),
        qty=D(qty),
        quote_qty=D(qty) * D(price),
        fee=D(fee),
        fee_asset=fee_asset,
        is_maker=False,
        time_ms=time_ms,
    )


class Reader:
    """Answers a desk's questions for own trades, one after the other."""

    def __init__(self, make, held: str, **how: Any) -> None:
        self.bench: Bench = make(**how)
        self.bench.do(InstrumentsLoaded((PAIR, ETHBTC)))
        self.bench.market([("59990.00", "100")], [("60000.00", "100")])
        self.held = held
        self.settle()
        self.day_ms = 86_400_000

    def ago(self, days: float) -> int:
        return self.bench.wall_ms - int(days * self.day_ms)

    def settle(self, seconds: int = 16) -> None:
        for _ in range(seconds):
            self.bench.tick(1)
        self.bench.account(btc=self.held)
        self.bench.tick(1)

    def ask(self, command_id: str = "h") -> list[FetchOwnTrades]:
        made = self.bench.do(ReadCost(command_id=command_id, asset="BTC"))
        return [effect for effect in made if isinstance(effect, FetchOwnTrades)]

    def answer(self, *fills: Fill) -> list[str]:
        """Give every page until nothing is asked any more; return the pairs that were asked for."""
        asked = [effect for effect in self.bench.effects if isinstance(effect, FetchOwnTrades)][-1:]
        symbols = []
        while asked:
            (question,) = asked
            symbols.append(question.symbol)
            page = tuple(fill for fill in fills if fill.symbol == question.symbol)
            made = self.bench.do(OwnTradesRead(question.symbol, page, question.turn))
            asked = [effect for effect in made if isinstance(effect, FetchOwnTrades)]
        self.settle()
        return symbols

    @property
    def told(self) -> str:
        return next(f.message for f in reversed(self.bench.facts) if f.command_id and f.kind in ("cost", "problem"))

    @property
    def said(self) -> list[CostRecord]:
        return [record for record in self.bench.records if isinstance(record, CostRecord)]

    @property
    def position(self) -> Any:
        (found,) = [row for row in self.bench.view(TOPIC_POSITIONS).positions if row.symbol == "BTCUSDT"]
        return found


@pytest.fixture
def reader(make):
    return Reader(make, "3")


def test_trades_that_account_for_the_whole_holding_are_its_cost_with_their_evidence(reader, make):
    first, second, third = (
        trade("7", Side.BUY, "2", "50000", reader.ago(9), "10"),
        trade("8", Side.SELL, "1", "55000", reader.ago(8)),
        trade("11", Side.BUY, "2.002", "60000", reader.ago(7), "0.002", "BTC"),
    )
    assert [question.symbol for question in reader.ask()] == ["BTCUSDT"], "one question at a time"
    assert reader.answer(third, first, second) == ["BTCUSDT", "ETHBTC"]
    # Half of the first buy with its fee, and the second, whose fee came out of what was bought.
    cost = D(100_010) / 2 + D("2.002") * 60_000
    assert (reader.position.known_qty, reader.position.qty) == (D(3), D(3))
    (record,) = reader.said
    assert (record.cost, record.qty, record.time_ms) == (cost, D(3), third.time_ms)
    (proof,) = record.trades
    assert (proof.symbol, proof.count, proof.first_id, proof.last_id) == ("BTCUSDT", 3, "7", "11")
    assert (proof.first_ms, proof.last_ms) == (first.time_ms, third.time_ms)
    average = reader.position.average
    fold = Fold("USDT")
    fold.add(reader.bench.records)
    for again in (Reader(make, "3", resumed=reader.bench.records), Reader(make, "3", snapshot=fold.snapshot())):
        assert (again.position.average, again.position.known_qty) == (average, D(3))


def test_where_trades_explain_a_part_only_that_part_is_taken_and_said(reader):
    reader.ask()
    reader.answer(trade("7", Side.BUY, "1", "50000", reader.ago(9)))
    assert (reader.position.known_qty, reader.position.average) == (D(1), D(50_000))
    assert "The cost of the other 2 BTC is not known" in reader.told


@pytest.mark.parametrize(
    ("fills", "words"),
    [
        ((), "lists no trade of BTC within the last month"),
        ((("7", Side.BUY, "4"),), "1 BTC more would be held than is"),
        ((("7", Side.BUY, "1"), ("8", Side.SELL, "1")), "the cost of none of the 3 BTC is known"),
    ],
)
def test_what_trades_do_not_prove_stays_unknown(reader, fills, words: str):
    reader.ask()
    days = iter((9, 8))
    reader.answer(*(trade(name, side, qty, "50000", reader.ago(next(days))) for name, side, qty in fills))
    assert reader.position.average is None
    assert reader.said == []
    assert words in reader.told


def test_a_trade_that_the_desk_has_booked_is_counted_once_and_with_what_its_fee_was_worth_then(reader):
    own = trade("9", Side.BUY, "1", "60000", reader.bench.wall_ms, "6")
    reader.bench.do(FillReported(own))
    reader.held = "4"
    reader.settle(40)
    assert reader.position.known_qty == D(1)
    reader.ask()
    reader.answer(trade("7", Side.BUY, "3", "50000", reader.ago(9)), own)
    assert (reader.position.known_qty, reader.position.qty) == (D(4), D(4))
    assert reader.position.average == (D(3) * 50_000 + 60_006) / 4


def test_a_trade_that_happens_while_they_are_read_is_part_of_them(reader):
    reader.ask()
    reader.bench.do(FillReported(trade("9", Side.BUY, "1", "60000", reader.bench.wall_ms)))
    reader.held = "4"
    reader.answer(trade("7", Side.BUY, "3", "50000", reader.ago(9)))
    reader.settle()
    assert (reader.position.known_qty, reader.position.average) == (D(4), D(52_500))


def test_what_is_sold_for_another_pair_leaves_the_holding(reader):
    reader.ask()
    reader.answer(
        trade("7", Side.BUY, "4", "50000", reader.ago(9)),
        trade("8", Side.BUY, "20", "0.05", reader.ago(8), symbol="ETHBTC"),
    )
    assert (reader.position.known_qty, reader.position.average) == (D(3), D(50_000))


def test_fees_of_unknown_value_are_named_and_never_taken_for_nothing(reader):
    reader.ask()
    reader.answer(trade("7", Side.BUY, "3", "50000", reader.ago(9), "5", "MX"))
    assert reader.position.unknown_fees == ("MX",)
    assert "but for those paid in MX" in reader.told


def test_a_part_does_not_take_the_place_of_what_somebody_said(reader):
    reader.bench.do(SetCost(command_id="s", asset="BTC", price=D(40_000)))
    reader.ask()
    reader.answer(trade("7", Side.BUY, "1", "50000", reader.ago(9)))
    assert (reader.position.known_qty, reader.position.average) == (D(3), D(40_000))
    assert "What you said of its cost stands" in reader.told


def test_the_whole_does_and_asking_twice_changes_nothing(reader):
    reader.bench.do(SetCost(command_id="s", asset="BTC", price=D(40_000)))
    for command_id in ("h1", "h2"):
        reader.ask(command_id)
        reader.answer(trade("7", Side.BUY, "3", "50000", reader.ago(9)))
        assert (reader.position.known_qty, reader.position.average) == (D(3), D(50_000))


def test_a_page_that_fails_is_asked_for_again_and_then_given_up_with_nothing_taken(reader):
    (question,) = reader.ask()
    delays = []
    for _ in range(MOST_FAILURES):
        made = reader.bench.do(OwnTradesFailed(question.symbol, "MEXC is away.", question.turn))
        delays += [effect.delay_ms for effect in made if isinstance(effect, FetchOwnTrades)]
    assert delays == sorted(set(delays))
    assert len(delays) == MOST_FAILURES - 1
    assert "MEXC is away. Nothing was taken" in reader.told
    assert reader.ask("again"), "another one can be asked for"


def test_a_reading_that_is_cancelled_takes_nothing_and_asks_nothing_more(reader):
    (question,) = reader.ask()
    assert "being read" in reader.bench.do(ReadCost(command_id="x", asset="BTC"))[-1].fact.message
    reader.bench.do(ReadCost(command_id="c", asset="BTC", cancel=True))
    page = (trade("7", Side.BUY, "3", "50000", reader.ago(9)),)
    assert reader.bench.do(OwnTradesRead(question.symbol, page, question.turn)) == []
    reader.settle()
    assert reader.said == []
    reader.bench.do(ReadCost(command_id="d", asset="BTC", cancel=True))
    assert "No trades are being read" in reader.told


def test_an_asset_that_never_rests_is_given_up(reader):
    reader.ask()
    reader.bench.do(OwnTradesRead("BTCUSDT", (), 1))
    reader.bench.do(OwnTradesRead("ETHBTC", (), 1))
    for number in range(25):
        reader.bench.do(FillReported(trade(f"9{number}", Side.BUY, "1", "60000", reader.bench.wall_ms)))
        reader.held = str(int(reader.held) + 1)
        reader.settle(4)
    assert "moved all the time" in reader.told
    assert reader.said == []


@pytest.mark.parametrize(("asset", "words"), [("USDT", "counted in"), ("ETH", "nothing of ETH is held")])
def test_what_has_no_cost_to_read_is_refused_before_anything_is_asked(reader, asset: str, words: str):
    made = reader.bench.do(ReadCost(command_id="h", asset=asset))
    assert words in made[-1].fact.message
    assert not any(isinstance(effect, FetchOwnTrades) for effect in made)


def test_a_holding_of_unknown_cost_is_asked_about_once_also_after_a_restart(reader, make):
    reader.settle()
    asked = [fact.message for fact in reader.bench.facts if fact.kind == "cost unknown"]
    assert len(asked) == 1
    assert "3 BTC" in asked[0]
    assert "`:cost BTC history`" in asked[0]
    reader.settle(200)
    assert len([fact for fact in reader.bench.facts if fact.kind == "cost unknown"]) == 1
    assert StateRecord in {type(record) for record in reader.bench.records}
    fold = Fold("USDT")
    fold.add(reader.bench.records)
    for how in ({"resumed": reader.bench.records}, {"snapshot": fold.snapshot()}):
        again = Reader(make, "3", **how)
        again.settle(30)
        assert not [fact for fact in again.bench.facts if fact.kind == "cost unknown"]
