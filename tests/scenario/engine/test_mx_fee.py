"""A fee that the exchange takes in MX, as a whole desk accounts for it."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal

import pytest

from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.numbers import unscaled
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.views import TOPIC_BALANCES, TOPIC_FILLS, TOPIC_POSITIONS, BookState, book_topic
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.patience import until

OTHER = "ETHUSDT"


@pytest.fixture
def switch(market):
    """Let the account pay in MX, or no longer."""

    def turn(wanted):
        async def ask():
            at = market.at
            settings = MexcSettings(base_url=at.rest, ws_url=at.ws, api_key=at.api_key, api_secret=at.api_secret)
            async with MexcRest(settings) as rest:
                assert await rest.account.set_mx_deduct(wanted) is wanted

        asyncio.run(ask())

    yield turn
    turn(False)


def test_a_fee_in_mx_is_a_cost_of_the_pair_and_leaves_the_mx_balance(terminal, market, switch):
    (account,) = market.ask("/admin/accounts")
    market.admin("POST", "/admin/fund", {"account": account["account"], "funds": {"MX": "5"}})
    switch(True)
    view = terminal.client.view
    terminal.look_at(OTHER)
    until(lambda: (book := view(book_topic(OTHER))) and book.state is BookState.LIVE, what="a live book")
    book = view(book_topic(OTHER))
    ask, bid = (unscaled(side[0][0], book.price_decimals) for side in (book.asks, book.bids))
    terminal.submit(
        PlaceOrder(
            command_id=uuid.uuid4().hex,
            draft=Draft(symbol=OTHER, side=Side.BUY, type=OrderType.IOC, qty=Decimal("0.02"), price=ask + 1),
            seen_version=book.version,
            seen_bid=bid,
            seen_ask=ask,
        )
    )
    until(lambda: any(fill.symbol == OTHER for fill in view(TOPIC_FILLS).fills), what="a fill")
    until(lambda: sum(f.qty for f in view(TOPIC_FILLS).fills if f.symbol == OTHER) == Decimal("0.02"), what="all of it")
    fills = [fill for fill in view(TOPIC_FILLS).fills if fill.symbol == OTHER]
    assert {fill.fee_asset for fill in fills} == {"MX"}
    paid = sum(fill.fee for fill in fills)
    worth = sum(fill.quote_qty for fill in fills) * Decimal("0.0005") * Decimal("0.8")

    def position():
        return next((row for row in view(TOPIC_POSITIONS).positions if row.symbol == OTHER), None)

    until(lambda: position() is not None and position().qty == Decimal("0.02"), what="the position")
    assert position().unknown_fees == ()
    assert abs(position().fees / worth - 1) < Decimal("0.05"), "its value, at what MX sells for"
    assert position().known_qty == Decimal("0.02"), "nothing of what was bought went for the fee"

    def held():
        return next(row.balance.total for row in view(TOPIC_BALANCES).rows if row.balance.asset == "MX")

    until(lambda: held() == 5 - paid, what="the balance of MX")
