"""Fees in MX and self-trade groups as a client meets them on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mexc_tui.wire.mexc.pb import push_pb2 as pb

D = Decimal


async def test_a_fee_in_mx_is_told_by_trades_deals_and_account_pushes(rig: Any) -> None:
    stream = await rig.private_stream()
    assert (await rig.done("POST", "mxDeduct/enable", "mxDeductEnable=true"))["data"] == {"mxDeductEnable": True}
    mx = rig.exchange.market.last_price("MXUSDT")
    await rig.done("POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01")
    await rig.step()
    (*_, trade) = await rig.done("GET", "myTrades", "symbol=BTCUSDT")
    paid = D(trade["quoteQty"]) * D("0.0005") * D("0.8") / mx
    assert trade["commissionAsset"] == "MX"
    assert 0 <= D(trade["commission"]) - paid < D("0.00000001")
    pushes = [pb.PushDataV3ApiWrapper.FromString(data) for data in await stream.waiting()]
    deals = [push.privateDeals for push in pushes if push.WhichOneof("body") == "privateDeals"]
    assert {deal.feeCurrency for deal in deals} == {"MX"}
    moved = [push.privateAccount for push in pushes if push.WhichOneof("body") == "privateAccount"]
    charged = [account for account in moved if account.type == "TRADE_FEE"]
    assert {account.vcoinName for account in charged} == {"MX"}
    total = sum(D(deal.feeAmount) for deal in deals)
    assert sum(D(account.balanceAmountChange) for account in charged) == -total
    held = {row["asset"]: row["free"] for row in (await rig.done("GET", "account"))["balances"]}
    assert D(held["MX"]) == D(charged[-1].balanceAmount) == 10_000 - total
    await rig.done("POST", "mxDeduct/enable", "mxDeductEnable=false")
    await rig.done("POST", "order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01")
    newest = (await rig.done("GET", "myTrades", "symbol=BTCUSDT"))[0]
    assert newest["commissionAsset"] == "BTC"


async def test_a_group_keeps_two_accounts_apart(rig: Any) -> None:
    rig.exchange.accounts.deposit("other", {"USDT": D(100_000)})
    other = rig.server.keys.create("other", created_ms=rig.clock[0])
    uids = [(await rig.done("GET", "uid", key=key))["uid"] for key in (rig.key, other)]
    made = (await rig.done("POST", "strategy/group", "tradeGroupName=desk"))["data"]["tradeGroupId"]
    await rig.done("POST", "strategy/group/uid", f"tradeGroupId={made}&uid={'%2C'.join(uids)}")
    (group,) = (await rig.done("GET", "strategy/group"))["data"]
    assert group["tradeGroupUid"] == ",".join(uids)
    stream = await rig.private_stream()
    bid, ask = rig.best("BTCUSDT")
    price = ask - D("0.01")
    assert price > bid
    mine = await rig.done("POST", "order", f"symbol=BTCUSDT&side=SELL&type=LIMIT&quantity=0.01&price={price}")
    text = f"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price={price}&stpMode=CANCEL_BOTH"
    theirs = await rig.done("POST", "order", text, key=other)
    for key, order in ((rig.key, mine), (other, theirs)):
        found = await rig.done("GET", "order", f"symbol=BTCUSDT&orderId={order['orderId']}", key=key)
        assert (found["status"], found["cancelReason"], found["executedQty"]) == ("CANCELED", "stp_cancel", "0")
        assert await rig.done("GET", "myTrades", "symbol=BTCUSDT", key=key) == []
    pushes = [pb.PushDataV3ApiWrapper.FromString(data) for data in await stream.waiting()]
    orders = [push.privateOrders for push in pushes if push.WhichOneof("body") == "privateOrders"]
    assert [order.status for order in orders] == [1, 4]
