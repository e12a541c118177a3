from decimal import Decimal

import pytest

from mexc_tui.domain.commands import Draft
from mexc_tui.domain.market import Interval
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.sizing import Size, SizeUnit
from mexc_tui.ui.commandline.grammar import (
    CancelIntent,
    CommandError,
    FlattenIntent,
    GoIntent,
    OrderIntent,
    PriceWord,
    SimpleIntent,
    parse,
)
from mexc_tui.ui.commandline.resolve import describe

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
        ("buy 1 at 5 po ioc", "one of po"),
        ("buy 1 DOGEUSDT at 5", "not a pair"),
        ("sell 1 BTCUSDC at 5", "did you mean BTCUSDT"),
        ("cancle", "did you mean cancel"),
        ("halt now", "takes nothing"),
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
