"""Orders and own trades by REST. An order is sent once, whatever happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from cachetools import LRUCache

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.orders import Fill, OrderReport, OrderRequest
from mexc_tui.venues.mexc.rest import endpoints as ep
from mexc_tui.venues.mexc.rest import mapping
from mexc_tui.venues.mexc.rest.answers import outcome_unknown, refusal
from mexc_tui.venues.mexc.rest.cache import HitRate
from mexc_tui.venues.mexc.rest.fields import Row, rows_of, unreadable
from mexc_tui.venues.mexc.rest.models import BatchResult, SelfTrade
from mexc_tui.venues.mexc.rest.outgoing import check_order, check_span, check_symbol, refused
from mexc_tui.venues.mexc.rest.transport import Params, Transport
from mexc_tui.wire.mexc import codes
from mexc_tui.wire.mexc.endpoints import MAX_ROWS

_NO_SUCH_ORDER = (codes.UNKNOWN_OPEN_ORDER, codes.UNKNOWN_ORDER)
_BATCH_MAX = 20
_SYMBOLS_A_CALL = 5
_DAY_MS = 86_400_000
_HISTORY_MS = 30 * _DAY_MS
_PAGES_MAX = 500


class TradingCalls:
    """Calls that need a key with the right to trade. Each raises ``VenueError``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._completed: LRUCache[tuple[str, str], OrderReport] = LRUCache(transport.settings.completed_orders)
        self.before_orders: Callable[[Sequence[OrderRequest]], Awaitable[None]] | None = None
        """Stands below every way to place an order, and raises ``VenueError`` for those that may not go out."""
        self.completed_rate = HitRate()
        """How often a completed order that was asked for was known."""

    async def place_order(self, request: OrderRequest, *, self_trade: SelfTrade = SelfTrade.ALLOW) -> str:
        """Place an order, once, and return its id. Nothing is known of fills then.

        ``self_trade`` says what MEXC does where the order would meet another one of the same account.

        Raises:
            VenueError: ``definite``: refused; otherwise with ``sent`` the outcome is unknown.
        """
        check_order(request)
        if self.before_orders is not None:
            await self.before_orders((request,))
        data = await self._transport.call(ep.ORDER_PLACE, _fields(request, self_trade))
        return self._order_id(data, ep.ORDER_PLACE)

    async def test_order(self, request: OrderRequest, *, self_trade: SelfTrade = SelfTrade.ALLOW) -> None:
        """Have an order checked by the exchange without placing it."""
        check_order(request)
        data = await self._transport.call(ep.ORDER_TEST, _fields(request, self_trade))
        if not isinstance(data, dict):
            raise unreadable(ep.ORDER_TEST.label, "no acknowledgement came")

    async def batch_orders(self, requests: Sequence[OrderRequest]) -> tuple[BatchResult, ...]:
        """Place up to 20 orders of one pair, once; returns each order's outcome in the order given."""
        if not 0 < len(requests) <= _BATCH_MAX or len({request.symbol for request in requests}) != 1:
            raise refused(f"a batch holds 1 to {_BATCH_MAX} orders of one pair")
        for request in requests:
            check_order(request)
        names = [request.client_order_id for request in requests if request.client_order_id]
        if len(set(names)) != len(names):
            raise refused("two orders of the batch have the same client order id")
        if self.before_orders is not None:
            await self.before_orders(requests)
        entries = [dict(mapping.order_fields(request)) for request in requests]
        text = msgspec.json.encode(entries).decode()
        data = await self._transport.call(ep.ORDER_BATCH, [("batchOrders", text)])
        if not isinstance(data, list) or len(data) != len(requests):
            raise outcome_unknown(ep.ORDER_BATCH.call, "the answer does not cover every order")
        return tuple(_batch_result(item, request) for item, request in zip(data, requests, strict=True))

    async def cancel_order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> None:
        """Cancel one order; ORDER_NOT_FOUND when it is not open (any more)."""
        check_symbol(symbol)
        params = [("symbol", symbol), _which(order_id, client_order_id)]
        row = Row(await self._transport.call(ep.ORDER_CANCEL, params), ep.ORDER_CANCEL.label)
        if not any(row.has(name) for name in ("orderId", "origClientOrderId", "clientOrderId")):
            raise outcome_unknown(ep.ORDER_CANCEL.call, "the answer names no order")

    async def cancel_open_orders(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Cancel every open order of the pairs and return the ids of those that were cancelled.

        Every pair is tried; then the first failure is raised, with a note of all pairs concerned.
        """
        ids: list[str] = []
        failure: VenueError | None = None
        missed: list[str] = []
        for group in _groups(symbols):
            try:
                ids += _cancelled(await self._transport.call(ep.OPEN_CANCEL, [("symbol", ",".join(group))]))
            except VenueError as error:
                failure = failure or error
                missed += group
        if failure is not None:
            failure.add_note(f"orders may still be open in {', '.join(missed)}")
            raise failure
        return tuple(ids)

    async def cancel_all(self) -> None:
        """Cancel every open order of the account."""
        data = await self._transport.call(ep.ALL_CANCEL)
        if not isinstance(data, dict) or data.get("code") is None:
            raise outcome_unknown(ep.ALL_CANCEL.call, "no acknowledgement came")

    async def order(self, symbol: str, *, order_id: str = "", client_order_id: str = "") -> OrderReport | None:
        """Return an order, or None if MEXC says there is none; it knows about seven days back."""
        kept = self._completed.get((symbol, order_id)) if order_id else None
        self.completed_rate.count(hit=kept is not None)
        if kept is not None:
            return kept
        try:
            data = await self._transport.call(ep.ORDER, [("symbol", symbol), _which(order_id, client_order_id)])
        except VenueError as error:
            if error.definite and error.code in _NO_SUCH_ORDER:
                return None
            raise
        return self._remember(mapping.order_report(Row(data, ep.ORDER.label)))

    async def open_orders(self, symbols: Sequence[str] = (), *, urgent: bool = False) -> tuple[OrderReport, ...]:
        """Return the open orders of the pairs; of the whole account where none is named, or where that is cheaper.

        ``urgent`` asks with the rights of a cancel: ahead of everything else, and through every pause.
        """
        endpoint = ep.OPEN_ORDERS_NOW if urgent else ep.OPEN_ORDERS
        groups = _groups(symbols)
        if len(groups) == 1:
            return await self._open_orders(endpoint, groups[0])
        try:
            return await self._open_orders(endpoint, ())
        except VenueError as error:
            # MEXC's documentation wants the pairs named; its clients have always got them all without.
            if not groups or error.kind is not ErrorKind.BAD_PARAMETER:
                raise
        return tuple([report for group in groups for report in await self._open_orders(endpoint, group)])

    async def _open_orders(self, endpoint: ep.Endpoint, symbols: Sequence[str]) -> tuple[OrderReport, ...]:
        data = await self._transport.call(endpoint, [("symbol", ",".join(symbols))] if symbols else [])
        return tuple(mapping.order_report(row) for row in rows_of(data, ep.OPEN_ORDERS.label))

    async def all_orders(
        self, symbol: str, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = 1_000
    ) -> tuple[OrderReport, ...]:
        """Return orders in whatever state, oldest first; the last day by default, seven days back at most.

        MEXC gives up to 1,000 and says nothing of more: where that many come, ask again for a part of the time.
        """
        end = end_ms if end_ms is not None else self._transport.time.now_ms()
        start = start_ms if start_ms is not None else end - _DAY_MS
        check_span(start, end, 7 * _DAY_MS)
        params = [
            ("symbol", symbol),
            ("startTime", str(start)),
            ("endTime", str(end)),
            ("limit", str(max(1, min(limit, MAX_ROWS)))),
        ]
        data = await self._transport.call(ep.ALL_ORDERS, params)
        found = [self._remember(mapping.order_report(row)) for row in rows_of(data, ep.ALL_ORDERS.label)]
        return tuple(sorted(found, key=lambda report: report.created_ms))

    async def my_trades(
        self, symbol: str, *, since_ms: int | None = None, until_ms: int | None = None, order_id: str = ""
    ) -> tuple[Fill, ...]:
        """Return every own trade since a time, oldest first, page by page; MEXC keeps about a month.

        Raises:
            VenueError: UNREADABLE where more trades share one millisecond than MEXC gives at a time.
        """
        check_span(since_ms, until_ms)
        earliest = self._transport.time.now_ms() - _HISTORY_MS
        start = None if since_ms is None else max(since_ms, earliest)
        end = until_ms
        found: dict[tuple[str, str, bool], Fill] = {}
        size = usual = self._transport.settings.trades_page
        for _ in range(_PAGES_MAX):
            page = await self._trades_page(symbol, order_id, start, end, size)
            fresh = [fill for fill in page if (*fill.key, fill.is_maker) not in found]
            found.update({(*fill.key, fill.is_maker): fill for fill in page})
            if len(page) < usual or usual < len(page) < size:  # exactly the usual number may be all that it ever gives
                return tuple(sorted(found.values(), key=lambda fill: fill.time_ms))
            if fresh and page[0].time_ms < page[-1].time_ms:
                start = page[-1].time_ms
            elif fresh and page[0].time_ms > page[-1].time_ms:
                end = page[-1].time_ms
            elif size < MAX_ROWS:
                size = MAX_ROWS
            else:
                break
        raise unreadable(ep.MY_TRADES.label, "there are more own trades at one time than it gives in one answer")

    async def _trades_page(
        self, symbol: str, order_id: str, start: int | None, end: int | None, size: int
    ) -> list[Fill]:
        params: Params = [("symbol", symbol)]
        for name, value in (("orderId", order_id), ("startTime", start), ("endTime", end)):
            if value not in ("", None):
                params.append((name, str(value)))
        data = await self._transport.call(ep.MY_TRADES, [*params, ("limit", str(size))])
        return [mapping.fill(row) for row in rows_of(data, ep.MY_TRADES.label)]

    def _remember(self, report: OrderReport) -> OrderReport:
        if report.state.final:
            self._completed[report.symbol, report.order_id] = report
        return report

    def _order_id(self, data: object, endpoint: ep.Endpoint) -> str:
        """Return the id in an answer; an order is accepted when the answer names it, and only then."""
        found = data.get("orderId") if isinstance(data, dict) else None
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if not isinstance(found, str) or not found:
            raise outcome_unknown(endpoint.call, "MEXC's answer names no order")
        return found


def _fields(request: OrderRequest, self_trade: SelfTrade) -> Params:
    """Return the parameters of an order; the mode only where one is wanted, so that none is sent by default."""
    return mapping.order_fields(request) + (
        [("stpMode", self_trade.value)] if self_trade is not SelfTrade.ALLOW else []
    )


def _cancelled(data: object) -> list[str]:
    """Return the ids of the orders that an answer names as cancelled; nothing else is an acknowledgement."""
    rows = data if isinstance(data, list) else [None]
    ids = [str(row.get("orderId") or "") if isinstance(row, dict) else "" for row in rows]
    if not all(ids):
        raise outcome_unknown(ep.OPEN_CANCEL.call, "the answer is not a list of cancelled orders")
    return ids


def _which(order_id: str, client_order_id: str) -> tuple[str, str]:
    if bool(order_id) == bool(client_order_id):
        raise refused("an order is named either by its id or by its client order id")
    return ("orderId", order_id) if order_id else ("origClientOrderId", client_order_id)


def _groups(symbols: Sequence[str]) -> list[tuple[str, ...]]:
    unique = tuple(dict.fromkeys(symbols))
    return [unique[at : at + _SYMBOLS_A_CALL] for at in range(0, len(unique), _SYMBOLS_A_CALL)]


def _batch_result(item: object, request: OrderRequest) -> BatchResult:
    """Read one entry; an echoed id of another order means that the answers are not in the order asked."""
    name = request.client_order_id
    row = item if isinstance(item, dict) else {}
    echoed = row.get("newClientOrderId")
    order_id = row.get("orderId")
    if order_id and echoed in (None, "", name):
        return BatchResult(client_order_id=name, order_id=str(order_id))
    code = row.get("code")
    if isinstance(code, int) and code not in (0, 200) and not order_id and echoed in (None, "", name):
        error = refusal(ep.ORDER_PLACE.call, code, str(row.get("msg") or ""), status=200)
        return BatchResult(client_order_id=name, error=error)
    return BatchResult(client_order_id=name, error=outcome_unknown(ep.ORDER_PLACE.call, "its answer is not readable"))
