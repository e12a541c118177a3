"""Signed REST endpoints: orders, account, keys."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.numbers import plain
from mexc_tui.domain.orders import Side
from mexc_tui.venues.simulator.core.events import OwnTrade, SimError, SimOrder
from mexc_tui.venues.simulator.server.call import Call, Context, Endpoint
from mexc_tui.wire.mexc import endpoints as wire
from mexc_tui.wire.mexc.enums import ORDER_TYPE_NUMBERS

MAX_BATCH = 20
MAX_SYMBOLS = 5
WEEK_MS = 7 * 86_400_000
_STP = ("", "CANCEL_TAKER", "CANCEL_MAKER", "CANCEL_BOTH")


class OrderApi:
    """Placing, cancelling and looking up orders."""

    def __init__(self, context: Context) -> None:
        self._ctx = context
        self._core = context.core

    def endpoints(self) -> list[Endpoint]:
        """Return every order endpoint."""
        return [
            Endpoint(wire.ORDER_TEST, self.test),
            Endpoint(wire.ORDER_PLACE, self.place),
            Endpoint(wire.ORDER_CANCEL, self.cancel),
            Endpoint(wire.ORDER_BATCH, self.batch),
            Endpoint(wire.OPEN_CANCEL, self.cancel_open),
            Endpoint(wire.ALL_CANCEL, self.cancel_everything),
            Endpoint(wire.ORDER, self.query),
            Endpoint(wire.OPEN_ORDERS, self.open_orders),
            Endpoint(wire.ALL_ORDERS, self.all_orders),
            Endpoint(wire.MY_TRADES, self.my_trades),
        ]

    def test(self, call: Call) -> object:
        self._place(call, test=True)
        return {}

    def place(self, call: Call) -> object:
        order = self._place(call)
        return {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "price": plain(order.price),
            "origQty": plain(order.qty),
            "type": order.type,
            "side": order.side.value,
            "stpMode": order.stp_mode,
            "transactTime": order.created_ms,
        }

    def batch(self, call: Call) -> object:
        try:
            entries = msgspec.json.decode(call.params.get("batchOrders", ""), type=list[dict[str, str | int | float]])
        except msgspec.DecodeError:
            raise SimError(730002, "Parameter error: batchOrders") from None
        if not 1 <= len(entries) <= MAX_BATCH or len({e.get("symbol") for e in entries}) != 1:
            raise SimError(730002, "Parameter error: batchOrders")
        return [self._batch_entry(call, entry) for entry in entries]

    def cancel(self, call: Call) -> object:
        symbol = self._symbol(call)
        order_id, client_id = _which(call)
        order = self._core.orders.cancel(call.account, symbol, order_id=order_id, client_order_id=client_id)
        return _cancelled(order, call.text("newClientOrderId"))

    def cancel_open(self, call: Call) -> object:
        symbols = self._symbols(call)
        if not symbols:
            raise SimError(700004, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        gone = [order for symbol in symbols for order in self._core.orders.cancel_all(call.account, symbol)]
        return [_cancelled(order, "") for order in gone]

    def cancel_everything(self, call: Call) -> object:
        self._core.orders.cancel_all(call.account)
        return {"code": 200, "msg": "success", "timestamp": call.now_ms}

    def query(self, call: Call) -> object:
        symbol = self._symbol(call)
        order_id, client_id = _which(call)
        return order_row(
            self._core.orders.find_order(call.account, symbol, order_id=order_id, client_order_id=client_id)
        )

    def open_orders(self, call: Call) -> object:
        symbols = self._symbols(call)
        if not symbols:
            return [order_row(o) for o in self._core.orders.open_orders(call.account)][:1000]
        found = [o for symbol in symbols for o in self._core.orders.open_orders(call.account, symbol)]
        return [order_row(o) for o in found][:1000]

    def all_orders(self, call: Call) -> object:
        symbol = self._symbol(call)
        start, end = call.whole("startTime"), call.whole("endTime")
        if start is None:
            start = (end if end is not None else call.now_ms) - 86_400_000
        start = max(start, call.now_ms - WEEK_MS)
        found = self._core.orders.all_orders(call.account, symbol, start, end, call.limit(500, 1000))
        return [order_row(o) for o in found]

    def my_trades(self, call: Call) -> object:
        symbol = self._symbol(call)
        found = self._core.orders.own_trades(
            call.account,
            symbol,
            order_id=call.text("orderId") or None,
            start_ms=call.whole("startTime"),
            end_ms=call.whole("endTime"),
            limit=call.limit(100, 100),
        )
        return [_own_trade_row(t) for t in found]

    def _place(self, call: Call, *, test: bool = False) -> SimOrder:
        symbol = self._symbol(call)
        if call.key is not None and call.key.symbols and symbol not in call.key.symbols:
            raise SimError(70011, "Pair user ban trade apikey.")
        side, kind = call.need("side"), call.need("type")
        if side not in ("BUY", "SELL"):
            raise SimError(730002, f"Parameter error: side {side}")
        if kind not in ORDER_TYPE_NUMBERS:
            raise SimError(730002, f"Parameter error: type {kind}")
        stp = call.text("stpMode")
        if stp.upper() not in _STP:
            raise SimError(730002, f"Parameter error: stpMode {stp}")
        qty, quote_qty, price = call.number("quantity"), call.number("quoteOrderQty"), call.number("price")
        _check_sizes(kind, qty, quote_qty, price)
        if kind == "MARKET" and quote_qty is not None:
            _check_scale(quote_qty, self._core.symbols.instrument(symbol).price_decimals)
        return self._core.orders.place(
            call.account,
            symbol=symbol,
            side=Side(side),
            type=kind,
            qty=qty,
            quote_qty=quote_qty if kind == "MARKET" else None,
            price=None if kind == "MARKET" else price,
            client_order_id=call.text("newClientOrderId") or None,
            stp_mode=stp,
            test=test,
        )

    def _batch_entry(self, call: Call, entry: dict[str, str | int | float]) -> dict[str, object]:
        params = {name: value if isinstance(value, str) else _number_text(value) for name, value in entry.items()}
        if params.get("type") == "LIMIT_ORDER":
            params["type"] = "LIMIT"
        client_id = params.get("newClientOrderId", "")
        try:
            order = self._place(Call(params, call.now_ms, call.key))
        except SimError as refusal:
            return {"newClientOrderId": client_id, "msg": refusal.message, "code": refusal.code}
        placed: dict[str, object] = {"symbol": order.symbol, "orderId": order.order_id, "orderListId": -1}
        if client_id:
            placed["newClientOrderId"] = client_id
        return placed

    def _symbol(self, call: Call) -> str:
        return self._core.symbols.instrument(call.need("symbol")).symbol

    def _symbols(self, call: Call) -> list[str]:
        names = [name for name in call.text("symbol").split(",") if name]
        if len(names) > MAX_SYMBOLS:
            raise SimError(730002, "Parameter error: at most 5 symbols")
        return [self._core.symbols.instrument(name).symbol for name in names]


def order_row(order: SimOrder) -> dict[str, object]:
    """Return an order as queries print it (cummulativeQuoteQty is spelled so)."""
    row: dict[str, object] = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": plain(order.price),
        "origQty": plain(order.qty),
        "executedQty": plain(order.filled_qty),
        "cummulativeQuoteQty": plain(order.filled_quote),
        "status": order.status,
        "timeInForce": None,
        "type": order.type,
        "side": order.side.value,
        "stopPrice": None,
        "icebergQty": None,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "stpMode": order.stp_mode,
        "cancelReason": order.cancel_reason,
        "origQuoteOrderQty": plain(order.quote_qty),
    }
    return row


def _cancelled(order: SimOrder, new_client_id: str) -> dict[str, object]:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": new_client_id or order.client_order_id,
        "price": plain(order.price),
        "origQty": plain(order.qty),
        "executedQty": plain(order.filled_qty),
        "cummulativeQuoteQty": plain(order.filled_quote),
        "status": order.status,
        "timeInForce": "GTC",
        "type": order.type,
        "side": order.side.value,
    }


def _own_trade_row(t: OwnTrade) -> dict[str, object]:
    return {
        "symbol": t.symbol,
        "id": t.trade_id,
        "orderId": t.order_id,
        "orderListId": -1,
        "price": plain(t.price),
        "qty": plain(t.qty),
        "quoteQty": plain(t.quote_qty),
        "commission": plain(t.fee),
        "commissionAsset": t.fee_asset,
        "time": t.time_ms,
        "isBuyer": t.side is Side.BUY,
        "isMaker": t.is_maker,
        "isBestMatch": True,
        "isSelfTrade": t.is_self_trade,
        "clientOrderId": t.client_order_id,
    }


def _which(call: Call) -> tuple[str | None, str | None]:
    order_id, client_id = call.text("orderId"), call.text("origClientOrderId")
    if not order_id and not client_id:
        raise SimError(700004, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return (order_id, None) if order_id else (None, client_id)


def _check_sizes(kind: str, qty: Decimal | None, quote_qty: Decimal | None, price: Decimal | None) -> None:
    if kind == "MARKET":
        if qty is None and quote_qty is None:
            raise SimError(700004, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.")
        return
    for name, value in (("quantity", qty), ("price", price)):
        if value is None:
            raise SimError(700004, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _check_scale(amount: Decimal, places: int) -> None:
    """Refuse an amount written with more decimals than the quote has, zeros too (so answered by MEXC in 2025)."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        raise SimError(400, " amount scale is invalid")


def _number_text(value: int | float) -> str:
    return plain(Decimal(str(value)))
