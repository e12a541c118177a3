"""MEXC for other programs: exact books, market data, orders and the account, without any screen.

    from mexc_tui import MexcExchange

    async with MexcExchange(key, secret, base_url=..., ws_url=...).session(["BTCUSDT"], ungated=True) as mexc:
        book = mexc.order_book("BTCUSDT")
        if book.live:
            placed = await mexc.place_limit_order("BTCUSDT", "BUY", "0.001", book.bids[0].price)
            await mexc.cancel_order("BTCUSDT", order_id=placed.order_id)
        print(mexc.metrics())

Without keys there is market data only. Orders that are to pass a risk gate go through a desk: see ``through_desk``.
A session has no gate and no journal, so it places orders only where ``ungated=True`` says that this is meant: an order
then goes out as it is given, once, and only to an exchange on this machine. While a desk of this machine has halted the
account, none does. Every call may raise ``mexc_tui.VenueError``: its ``definite`` tells a refusal, and ``sent`` without
``definite`` an unknown outcome, which ``look_up`` clears.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from mexc_tui.domain.errors import VenueError
from mexc_tui.domain.ids import base36
from mexc_tui.domain.ids import client_order_id as make_client_order_id
from mexc_tui.domain.inputs import LinkState
from mexc_tui.domain.numbers import ZERO
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest, OrderType, Side
from mexc_tui.library.arguments import exact_amount, must_fit, side_of
from mexc_tui.library.desk_meant import configured, running
from mexc_tui.library.desk_session import DeskSession
from mexc_tui.library.feed import Feed
from mexc_tui.library.market_session import DEFAULT_DEPTH, MarketSession
from mexc_tui.library.order_door import OrderDoor
from mexc_tui.library.types import Amount, Placed, SessionMetrics
from mexc_tui.venues.mexc.clock import Clock, SystemClock
from mexc_tui.venues.mexc.settings import MexcSettings


class MexcExchange:
    """An exchange to open sessions on. Settings are those of ``MexcSettings`` by name.

    Raises:
        ValueError: a setting makes no sense.
        TypeError: there is no such setting.
    """

    def __init__(self, api_key: str = "", api_secret: str = "", *, clock: Clock | None = None, **settings: Any) -> None:
        if settings.get("real_orders"):
            raise ValueError("real_orders is not for programs: their orders go only to an exchange on this machine")
        self.settings = MexcSettings(api_key=api_key, api_secret=api_secret, **settings)
        self._clock = clock

    def session(
        self, symbols: Sequence[str] = (), *, live_within_s: float = 10.0, ungated: bool = False
    ) -> MexcSession:
        """Return a session that follows these pairs, to be used with ``async with``.

        Entering waits up to ``live_within_s`` for every book to be live; a book that is not by then says so.
        ``ungated`` lets it place orders, which no risk gate looks at.
        """
        if isinstance(symbols, str):
            raise TypeError("symbols is a list of pairs, not one text")
        return MexcSession(self.settings, tuple(symbols), self._clock or SystemClock(), live_within_s, ungated=ungated)

    @staticmethod
    def through_desk(
        desk: str = "",
        *,
        symbols: Sequence[str] = (),
        name: str = "",
        start: bool = False,
        ready_within_s: float = 15.0,
        outcome_within_s: float = 20.0,
    ) -> DeskSession:
        """Return a session whose orders go through a desk that runs, to be used with ``async with``.

        Its gate, limits, journal and halt are the desk's own, and so is the key. ``desk`` is its name as
        ``mexc-tui desk status`` shows it; empty for the only one that runs. ``symbols``: pairs whose books are wanted.
        ``name`` is what the desk and its journal call this program. With ``start`` and no ``desk`` it is the one that
        environment and config file mean, as for ``mexc-tui buy``; where none runs it is started, armed, with the limits
        of the config file, and ends soon after its last client has left.

        Entering waits up to ``ready_within_s`` for the account to be compared and the books to be live; what is not by
        then is refused by the gate, with that reason. A call that has no outcome after ``outcome_within_s`` says so.
        """
        attach = configured if start and not desk else partial(running, desk)
        return DeskSession(attach, symbols, name, ready_within_s, outcome_within_s)

    def __repr__(self) -> str:
        return f"MexcExchange({self.settings!r})"


class MexcSession(MarketSession):
    """A connection with streams. Opened and closed by ``async with``; closes cleanly after a failed start too."""

    def __init__(
        self, settings: MexcSettings, symbols: tuple[str, ...], clock: Clock, live_within_s: float, *, ungated: bool
    ) -> None:
        self._symbols = symbols
        self._live_within_s = live_within_s
        super().__init__(Feed(settings, symbols, clock, DEFAULT_DEPTH))
        rest = self._feed.venue.rest
        rest.trading.before_orders = OrderDoor(settings, rest.account.uid, ungated=ungated)
        self._unknown: dict[str, str] = {}
        self._run = base36(clock.wall_ms()) + base36(random.randrange(36**3))
        self._orders_made = 0

    async def __aenter__(self) -> MexcSession:
        try:
            await self._feed.open()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._live_within_s):
                    await self._feed.live(self._symbols)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop streams and calls; idempotent. Open orders stay open."""
        await self._feed.close()

    def new_client_order_id(self) -> str:
        """Return an id that no other order has."""
        self._orders_made += 1
        return make_client_order_id(self._run, self._orders_made)

    async def place_limit_order(
        self,
        symbol: str,
        side: Side | str,
        qty: Amount,
        price: Amount,
        *,
        type: OrderType = OrderType.LIMIT,  # noqa: A002
        client_order_id: str = "",
    ) -> Placed:
        """Place a limit, post-only, immediate-or-cancel or fill-or-kill order, once.

        Raises:
            VenueError: ``definite``: it is not live; otherwise it may be, see ``unknown_orders``.
        """
        size, limit = exact_amount(qty, "quantity"), exact_amount(price, "price")
        pair = self._feed.markets.instrument(symbol)
        if pair is not None:
            must_fit(limit, pair.price_decimals, "price", "tick")
            must_fit(size, pair.qty_decimals, "quantity", "step")
        return await self._place(symbol, side, type, client_order_id, qty=size, price=limit)

    async def place_market_order(
        self,
        symbol: str,
        side: Side | str,
        *,
        qty: Amount | None = None,
        quote_qty: Amount | None = None,
        client_order_id: str = "",
    ) -> Placed:
        """Place a market order sized in base or, for a buy, in quote; MEXC protects its price by about 5 %.

        Raises:
            VenueError: ``definite``: it is not live; otherwise it may be, see ``unknown_orders``.
        """
        size = None if qty is None else exact_amount(qty, "quantity")
        amount = None if quote_qty is None else exact_amount(quote_qty, "amount")
        pair = self._feed.markets.instrument(symbol)
        if pair is not None:
            must_fit(size or ZERO, pair.qty_decimals, "quantity", "step")
            must_fit(amount or ZERO, pair.price_decimals, "amount", "tick")
        return await self._place(symbol, side, OrderType.MARKET, client_order_id, qty=size, quote_qty=amount)

    async def cancel_order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        """Cancel one order; ORDER_NOT_FOUND when it is not open (any more)."""
        await self._feed.venue.rest.trading.cancel_order(symbol, order_id=order_id, client_order_id=client_order_id)

    async def cancel_all(self, symbols: Sequence[str] = ()) -> None:
        """Cancel every open order of the pairs; of the whole account where none is named."""
        if symbols:
            await self._feed.venue.rest.trading.cancel_open_orders(symbols)
        else:
            await self._feed.venue.rest.trading.cancel_all()

    async def look_up(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Ask what became of an order; None is the exchange's word that there is no such order."""
        report = await self._feed.venue.rest.trading.order(symbol, client_order_id=client_order_id)
        self._unknown.pop(client_order_id, None)
        if report is not None:
            self._feed.account.report(report)
        return report

    async def wait_finished(self, order_id: str, timeout_s: float = 30.0) -> OrderReport:
        """Return an order's last report once it is filled or cancelled.

        Raises:
            TimeoutError: it was still open then.
        """
        async with asyncio.timeout(timeout_s):
            return await self._feed.account.finished(order_id)

    @property
    def unknown_orders(self) -> dict[str, str]:
        """Orders of unknown outcome: client order id to pair. They may be live; look them up, do not send again."""
        return dict(self._unknown)

    @property
    def open_orders(self) -> tuple[OrderReport, ...]:
        """Orders that may be live, by the account stream."""
        return self._feed.account.orders

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Own trades of this session, oldest first."""
        return self._feed.account.fills

    @property
    def balances(self) -> tuple[Balance, ...]:
        """Every asset of which something is held, by the account stream."""
        return self._feed.account.balances

    def balance(self, asset: str) -> Balance | None:
        """Return what is held of an asset; None where the exchange reported nothing."""
        return self._feed.account.balance(asset)

    def order(self, order_id: str) -> OrderReport | None:
        """Return what was last reported of an order."""
        return self._feed.account.order(order_id)

    def metrics(self) -> SessionMetrics:
        """Return the current figures."""
        health, streams = self._feed.venue.health(), self._feed.venue.streams
        views = {symbol: self._feed.markets.book_view(symbol) for symbol in self._symbols}
        return SessionMetrics(
            rest=self._feed.venue.rest.metrics(),
            frames=health.frames,
            unknown_frames=health.unknown_frames,
            stream_ms=health.stream_ms,
            market_link=(streams.state if streams is not None else LinkState.CLOSED).value,
            account_link=self._feed.account_link.value,
            books={symbol: view.state.value for symbol, view in views.items() if view is not None},
            unknown_orders=len(self._unknown),
        )

    async def _place(
        self, symbol: str, side: Side | str, kind: OrderType, client_order_id: str, **sizes: Decimal | None
    ) -> Placed:
        name = client_order_id or self.new_client_order_id()
        request = OrderRequest(client_order_id=name, symbol=symbol, side=side_of(side), type=kind, **sizes)
        self._unknown[name] = symbol
        try:
            order_id = await self._feed.venue.place(request)
        except VenueError as error:
            if error.definite or not error.sent:
                del self._unknown[name]
            error.add_note(f"client order id {name}")
            raise
        del self._unknown[name]
        return Placed(order_id=order_id, client_order_id=name)
