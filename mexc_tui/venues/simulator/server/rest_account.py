"""Signed REST endpoints about the account, its keys, coins and listen keys."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from mexc_tui.domain.instrument import InstrumentStatus
from mexc_tui.domain.numbers import plain
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.core.groups import TradeGroup, uid_of
from mexc_tui.venues.simulator.server.call import Call, Context, Endpoint
from mexc_tui.venues.simulator.server.keys import ApiKey, hex_id
from mexc_tui.wire.mexc import endpoints as wire

_NETWORK = "LOOPBACK"


class AccountApi:
    """Balances, fees, permissions and what surrounds them."""

    def __init__(self, context: Context) -> None:
        self._ctx = context
        self._core = context.core

    def endpoints(self) -> list[Endpoint]:
        """Return every account endpoint."""
        return [
            Endpoint(wire.ACCOUNT, self.account),
            Endpoint(wire.TRADE_FEE, self.trade_fee),
            Endpoint(wire.SELF_SYMBOLS, self.self_symbols),
            Endpoint(wire.MX_DEDUCT, self.mx_deduct),
            Endpoint(wire.MX_DEDUCT_SET, self.set_mx_deduct),
            Endpoint(wire.KYC, self.kyc),
            Endpoint(wire.UID, self.uid),
            Endpoint(wire.KEY_INFO, self.key_info),
            Endpoint(wire.KEY_CHANGE, self.set_key_info),
            Endpoint(wire.COINS, self.coins),
            Endpoint(wire.DEPOSITS, self.no_transfers),
            Endpoint(wire.WITHDRAWALS, self.no_transfers),
            Endpoint(wire.GROUP_CREATE, self.create_group),
            Endpoint(wire.GROUPS, self.groups),
            Endpoint(wire.GROUP_DELETE, self.delete_group),
            Endpoint(wire.GROUP_ADD, self.add_uids),
            Endpoint(wire.GROUP_REMOVE, self.remove_uids),
            Endpoint(wire.LISTEN_CREATE, self.create_listen_key),
            Endpoint(wire.LISTEN_LIST, self.listen_keys),
            Endpoint(wire.LISTEN_EXTEND, self.extend_listen_key),
            Endpoint(wire.LISTEN_CLOSE, self.delete_listen_key),
        ]

    def account(self, call: Call) -> object:
        held = self._core.accounts.balances(call.account)
        return {
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": True,
            "updateTime": None,
            "accountType": "SPOT",
            "balances": [{"asset": b.asset, "free": plain(b.free), "locked": plain(b.locked)} for b in held],
            "permissions": ["SPOT"],
        }

    def trade_fee(self, call: Call) -> object:
        maker, taker = self._core.fees.rates(call.account, self._core.symbols.instrument(call.need("symbol")))
        data = {
            "makerCommission": msgspec.Raw(plain(maker).encode()),
            "takerCommission": msgspec.Raw(plain(taker).encode()),
        }
        return {"data": data, "code": 0, "msg": "success", "timestamp": call.now_ms}

    def self_symbols(self, call: Call) -> object:
        allowed = call.key.symbols if call.key is not None else frozenset()
        names = [
            i.symbol for i in self._core.symbols.instruments() if i.api_trading and i.status is InstrumentStatus.ONLINE
        ]
        return {"code": 200, "data": [n for n in names if not allowed or n in allowed], "msg": None}

    def mx_deduct(self, call: Call) -> object:
        return _wrapped({"mxDeductEnable": self._core.fees.pays_in_mx(call.account)}, call, 0)

    def set_mx_deduct(self, call: Call) -> object:
        wanted = call.need("mxDeductEnable").lower()
        if wanted not in ("true", "false"):
            raise SimError(33333, "Parameter error: mxDeductEnable")
        self._core.fees.pay_in_mx(call.account, wanted == "true")
        return self.mx_deduct(call)

    def kyc(self, call: Call) -> object:
        return {"status": "1"}

    def uid(self, call: Call) -> object:
        return {"uid": uid_of(call.account)}

    def key_info(self, call: Call) -> object:
        key = self._own_key(call, call.need("accessKey"))
        created = datetime.fromtimestamp(key.created_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+00:00")
        age_days = max(0, call.now_ms - key.created_ms) // 86_400_000
        return {
            "note": key.note,
            "accessKey": key.access,
            "createTime": created,
            "permissions": ",".join(sorted(key.permissions)),
            "remainingValidity": -999 if key.ips else max(0, 90 - age_days),
            "ipWhiteList": ",".join(sorted(key.ips)),
            "status": "VALID",
        }

    def set_key_info(self, call: Call) -> object:
        key = self._own_key(call, call.need("apiKey"))
        ips = call.text("ipWhiteList")
        key.ips = frozenset(ip for ip in ips.split(",") if ip)
        key.note = call.text("note")
        return {"note": key.note, "apikey": key.access, "ipWhiteList": ips}

    def coins(self, call: Call) -> object:
        names: dict[str, str] = {}
        for instrument in self._core.symbols.instruments():
            names.setdefault(instrument.quote, instrument.quote)
            names[instrument.base] = instrument.full_name or instrument.base
        return [{"coin": coin, "name": name, "networkList": [_network(coin, name)]} for coin, name in names.items()]

    def no_transfers(self, call: Call) -> object:
        """Nothing comes or goes over a network here: both histories are empty."""
        return []

    def create_group(self, call: Call) -> object:
        group = self._core.groups.create(call.account, call.need("tradeGroupName"), call.now_ms)
        return _wrapped({**_named(group), **_times(group)}, call, 200)

    def groups(self, call: Call) -> object:
        wanted = call.text("tradeGroupName")
        found = [g for g in self._core.groups.of(call.account) if not wanted or g.name == wanted]
        rows = [{**_named(g), "tradeGroupId": str(g.ident), **_members(g), **_times(g)} for g in found]
        return _wrapped(rows, call, 200)

    def delete_group(self, call: Call) -> object:
        self._core.groups.delete(call.account, call.whole("tradeGroupId") or 0)
        return _wrapped(True, call, 200)

    def add_uids(self, call: Call) -> object:
        group = self._core.groups.add(call.account, call.whole("tradeGroupId") or 0, _uids(call), call.now_ms)
        return _wrapped({**_named(group), **_members(group), **_times(group)}, call, 200)

    def remove_uids(self, call: Call) -> object:
        self._core.groups.remove(call.account, call.whole("tradeGroupId") or 0, _uids(call), call.now_ms)
        return _wrapped(True, call, 200)

    def create_listen_key(self, call: Call) -> object:
        return {"listenKey": self._ctx.listen_keys.create(call.account, call.now_ms)}

    def listen_keys(self, call: Call) -> object:
        keys = self._ctx.listen_keys.of(call.account, call.now_ms)
        return {"listenKey": keys, "total": 60, "available": 60 - len(keys)}

    def extend_listen_key(self, call: Call) -> object:
        key = call.need("listenKey")
        self._ctx.listen_keys.extend(call.account, key, call.now_ms)
        return {"listenKey": key}

    def delete_listen_key(self, call: Call) -> object:
        key = call.need("listenKey")
        self._ctx.listen_keys.delete(call.account, key, call.now_ms)
        self._ctx.hub.end_listen_keys([key])
        return {"listenKey": key}

    def _own_key(self, call: Call, access: str) -> ApiKey:
        key = self._ctx.keys.get(access)
        if key is None or key.account_id != call.account:
            raise SimError(10072, "Api key info invalid")
        return key


def _wrapped(data: object, call: Call, code: int) -> dict[str, object]:
    return {"data": data, "code": code, "msg": "success", "timestamp": call.now_ms}


def _named(group: TradeGroup) -> dict[str, object]:
    return {"tradeGroupName": group.name, "tradeGroupId": group.ident}


def _members(group: TradeGroup) -> dict[str, object]:
    return {"tradeGroupUid": ",".join(group.uids)}


def _times(group: TradeGroup) -> dict[str, object]:
    return {"createTime": group.created_ms, "updateTime": group.updated_ms}


def _uids(call: Call) -> list[str]:
    return [uid for uid in call.need("uid").split(",") if uid]


def _network(coin: str, name: str) -> dict[str, object]:
    return {
        "coin": coin,
        "depositDesc": None,
        "depositEnable": True,
        "minConfirm": 0,
        "name": name,
        "network": _NETWORK,
        "withdrawEnable": False,
        "withdrawFee": "0.000000000000000000",
        "withdrawIntegerMultiple": None,
        "withdrawMax": "0.000000000000000000",
        "withdrawMin": "0.000000000000000000",
        "sameAddress": False,
        "contract": hex_id(coin),
        "withdrawTips": None,
        "depositTips": None,
        "netWork": _NETWORK,
    }
