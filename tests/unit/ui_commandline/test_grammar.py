from decimal import Decimal

import pytest

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.sizing import Size, SizeUnit
from mexc_tui.ui.commandline.grammar import (
    AdoptIntent,
    AmendIntent,
    CancelIntent,
    CommandError,
    CostIntent,
    FlattenIntent,
    GoIntent,
    LimitIntent,
    OrderIntent,
    PriceWord,
    ReadCostIntent,
    ReleaseIntent,
    SimpleIntent,
    parse,
)
from mexc_tui.ui.commandline.resolve import describe, order_meant

SYMBOLS = frozenset({"BTCUSDT", "ETHUSDT", "42USDT", "币安人生USDT"})


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (
            "buy 0.5 at 64000",
            OrderIntent(
                side=Side.BUY, size=Size(Decimal("0.5"), SizeUnit.BASE), type=OrderType.LIMIT, price=Decimal(64000)
            ),
        ),
        (
            "sell $100 ethusdt at ask po",
            OrderIntent(
                side=Side.SELL,
                size=Size(Decimal(100), SizeUnit.QUOTE),
                type=OrderType.POST_ONLY,
                symbol="ETHUSDT",
                price=PriceWord.ASK,
            ),
        ),
        (
            ":buy 25% market",
            OrderIntent(side=Side.BUY, size=Size(Decimal(25), SizeUnit.PERCENT), type=OrderType.MARKET),
        ),
        ("amend 0.5", AmendIntent(qty=Decimal("0.5"))),
        ("amend at 64000", AmendIntent(price=Decimal(64000))),
        ("amend 0.5 at 64000", AmendIntent(qty=Decimal("0.5"), price=Decimal(64000))),
        ("cost btc 61234.5", CostIntent(asset="BTC", price=Decimal("61234.5"))),
        ("cost BTC 1 whole", CostIntent(asset="BTC", price=Decimal(1), whole=True)),
        ("adopt", AdoptIntent()),
        ("adopt none", AdoptIntent(which="none")),
        ("adopt …C02__77", AdoptIntent(which="…C02__77")),
        ("cost btc history", ReadCostIntent(asset="BTC")),
        ("cost BTC cancel", ReadCostIntent(asset="BTC", cancel=True)),
        ("cancel", CancelIntent()),
        ("cancel all", CancelIntent(everything=True)),
        ("cancel sells", CancelIntent(side=Side.SELL)),
        ("cancel btcusdt", CancelIntent(symbol="BTCUSDT")),
        ("flatten all", FlattenIntent(everything=True)),
        ("symbol 币安人生usdt", GoIntent(symbol="币安人生USDT")),
        ("symbol 币安", GoIntent(symbol="币安人生USDT")),
        ("symbol eth", GoIntent(symbol="ETHUSDT")),
        ("interval 1h", GoIntent(interval=Interval.H1)),
        ("halt", SimpleIntent(name="halt")),
        ("limit max_order_value 500", LimitIntent(name="max_order_value", value=Decimal(500))),
        (
            "limit max_asset_value.BTC 9000 because of Q4",
            LimitIntent(name="max_asset_value.BTC", value=Decimal(9000), reason="of Q4"),
        ),
        ("limit max_order_value cancel", LimitIntent(name="max_order_value", value=None)),
        (
            "limit owner.script.max_order_value 100",
            LimitIntent(name="owner.script.max_order_value", value=Decimal(100)),
        ),
        (
            "buy 1 at 64000 override max_order_value because of Q4 yes",
            OrderIntent(
                side=Side.BUY,
                size=Size(Decimal(1), SizeUnit.BASE),
                type=OrderType.LIMIT,
                price=Decimal(64000),
                confirmed=True,
                override="MAX_ORDER_VALUE",
                because="of Q4",
            ),
        ),
        ("release script", ReleaseIntent(name="script")),
        ("release BTCUSDT", ReleaseIntent(name="BTCUSDT")),
    ],
)
def test_what_a_line_means(line, meaning):
    assert parse(line, SYMBOLS) == meaning


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("buy 100", "at which price"),
        ("buy 1 64000", "write “at 64000”"),
        ("buy", "needs a size"),
        ("buy -1 at 5", "above zero"),
        ("buy 1 at nan", "not a price"),
        ("buy 1 at 1e5", "not a price"),
        ("buy 101% at 5", "more than everything"),
        ("buy 1 at 5 market", "takes no price"),
        ("buy 1 at 5 uncapped", "only a market order"),
        ("buy 1 at 5 po ioc", "one of po"),
        ("buy 1 DOGEUSDT at 5", "not a pair"),
        ("sell 1 BTCUSDC at 5", "did you mean BTCUSDT"),
        ("cancle", "did you mean cancel"),
        ("halt now", "takes nothing"),
        ("limit max_order_value", "because REASON"),
        ("limit max_order_value 9000 because", "because REASON"),
        ("limit max_order_value 9000 more please", "because REASON"),
        ("limit max_order_value lots", "not a number"),
        ("release", "release script"),
        ("buy 1 at 64000 override MAX_ORDER_VALUE", "because REASON"),
        ("buy 1 at 64000 override MAX_ORDER_VALUE because", "because REASON"),
        ("buy 1 override MAX_ORDER_VALUE because of Q4", "at which price"),
        ("release script now", "release script"),
        ("", "type a command"),
    ],
)
def test_refuses_what_could_be_misread_and_says_how_to_say_it(line, words):
    with pytest.raises(CommandError) as problem:
        parse(line, SYMBOLS)
    assert words in str(problem.value)


def test_a_bare_number_is_never_a_market_order():
    for line in ("buy 100", "sell 100 BTCUSDT", "buy $100", "sell 50%"):
        with pytest.raises(CommandError):
            parse(line, SYMBOLS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sell 1 at 64000 po", "sell 1 BTCUSDT at 64000 post-only"),
        ("buy 1 at 64000 ioc", "buy 1 BTCUSDT at 64000 IOC"),
        ("buy 1 at 64000", "buy 1 BTCUSDT at 64000 limit"),
    ],
)
def test_the_preview_names_the_order_as_traders_do(line, said):
    intent = parse(line, SYMBOLS)
    assert isinstance(intent, OrderIntent)
    draft = Draft(symbol="BTCUSDT", side=intent.side, type=intent.type, qty=intent.size.amount, price=intent.price)
    assert describe(intent, draft, "BTCUSDT") == said


def test_the_order_to_amend_is_the_one_at_the_cursor_or_the_only_one():
    def order(price: int) -> Order:
        return Order(
            client_order_id=str(price),
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            state=OrderState.WORKING,
            created_ms=0,
            updated_ms=0,
            price=Decimal(price),
        )

    intent, first, second = AmendIntent(qty=Decimal(1)), order(100), order(200)
    assert order_meant(intent, [first], Decimal(7)) is first
    assert order_meant(intent, [first, second], Decimal(200)) is second
    for several in ([], [first, second]):
        with pytest.raises(CommandError):
            order_meant(intent, several, Decimal(7))


@pytest.mark.parametrize(
    "line",
    [
        "amend",
        "amend at",
        "amend 0",
        "amend at bid",
        "amend 1 at 2 3",
        "amend $5",
        "amend 1 2",
        "cost BTC",
        "cost BTC bid",
    ],
)
def test_an_amendment_or_a_cost_without_a_clear_number_is_refused(line):
    with pytest.raises(CommandError):
        parse(line, SYMBOLS)
