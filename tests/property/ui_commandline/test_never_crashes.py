from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.ui.commandline.grammar import CommandError, OrderIntent, parse

WORDS = st.sampled_from(
    [
        *("buy", "sell", "0.5", "$10", "25%", "at", "64000", "bid", "market", "po", "ioc", "BTCUSDT"),
        *("cancel", "all", "x", "adopt", "cost", "history"),
    ]
)


@given(st.lists(WORDS, max_size=7).map(" ".join) | st.text(max_size=40))
def test_any_line_is_understood_or_refused_and_an_order_is_always_complete(line):
    with suppress(CommandError):
        intent = parse(line, frozenset({"BTCUSDT"}))
        if isinstance(intent, OrderIntent):
            assert intent.size.amount > 0
            assert (intent.price is None) == (intent.type.value == "MARKET")
