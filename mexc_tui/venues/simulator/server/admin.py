"""The admin door under ``/admin/``: for tests, demos and drills; loopback only, JSON in and out, no keys needed.

GET    /admin/                    this list
GET    /admin/status              time, streams, channels, weights, faults
GET    /admin/accounts            accounts with their balances and access keys
POST   /admin/fund                {"account", "funds": {"USDT": "1000"}}: create an account or add money
POST   /admin/keys                {"account", "permissions"?, "ips"?, "symbols"?, "note"?}: make a key pair
POST   /admin/list                {"symbol", "base", "quote", "price"?, "price_decimals"?, "qty_decimals"?,
                                   "min_notional"?, "name"?, "opens_ms"? or "opens_in_ms"?}: list or announce a coin
POST   /admin/pause               {"symbol", "paused"?: true}: pause or reopen a pair
POST   /admin/nudge               {"symbol", "fraction": "0.05"}: move a market
POST   /admin/maintenance         {"on": true}: refuse everything with 503
GET    /admin/faults              faults in force, all names with their defaults, profiles
POST   /admin/faults              {"name", "p"?, "ms"?, "count"?, "match"?, "status"?, "mode"?} or {"profile"}
DELETE /admin/faults?name=        lift one fault, or all
POST   /admin/drop                {"account"?}: cut streams without a close frame
POST   /admin/kill-listen-keys    {"account"?}: end listen keys and their streams
POST   /admin/limits              {"rules": "strict" | "generous"}: request budgets; forgives bans
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TypeVar

import msgspec
from aiohttp import web

from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.numbers import BadNumberError, parse_decimal, plain
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.server.call import Context
from mexc_tui.venues.simulator.server.faults import DEFAULTS, PROFILES, FaultPlan, make_fault, parse_profile
from mexc_tui.venues.simulator.server.limits import GENEROUS, STRICT, Limiter
from mexc_tui.wire.mexc.endpoints import PERMISSIONS

T = TypeVar("T")


class _Fund(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    funds: dict[str, str]


class _Keys(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    permissions: tuple[str, ...] = PERMISSIONS
    ips: list[str] = []
    symbols: list[str] = []
    note: str = ""


class _List(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    base: str
    quote: str
    price: str = ""
    price_decimals: int = 6
    qty_decimals: int = 2
    min_notional: str = "1"
    name: str = ""
    opens_ms: int | None = None
    opens_in_ms: int | None = None


class _Pause(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    paused: bool = True


class _Nudge(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    fraction: str


class _Maintenance(msgspec.Struct, forbid_unknown_fields=True):
    on: bool


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    account: str | None = None


class _Limits(msgspec.Struct, forbid_unknown_fields=True):
    rules: str


class Admin:
    """Answers the admin requests."""

    def __init__(self, context: Context, plan: FaultPlan, limiter: Limiter, now_ms: Callable[[], int]) -> None:
        self._ctx = context
        self._core = context.core
        self._plan = plan
        self._limiter = limiter
        self._now_ms = now_ms

    def add_routes(self, app: web.Application) -> None:
        """Put the admin paths on an application."""
        table: list[tuple[str, str, Callable[[bytes, str], object]]] = [
            ("GET", "", lambda _body, _name: (__doc__ or "").splitlines()[2:]),
            ("GET", "status", lambda _body, _name: self._status()),
            ("GET", "accounts", lambda _body, _name: self._accounts()),
            ("POST", "fund", lambda body, _name: self._fund(_read(body, _Fund))),
            ("POST", "keys", lambda body, _name: self._keys(_read(body, _Keys))),
            ("POST", "list", lambda body, _name: self._list(_read(body, _List))),
            ("POST", "pause", lambda body, _name: self._pause(_read(body, _Pause))),
            ("POST", "nudge", lambda body, _name: self._nudge(_read(body, _Nudge))),
            ("POST", "maintenance", lambda body, _name: self._maintenance(_read(body, _Maintenance))),
            ("GET", "faults", lambda _body, _name: self._faults()),
            ("POST", "faults", lambda body, _name: self._set_faults(body)),
            ("DELETE", "faults", lambda _body, name: self._clear_faults(name)),
            ("POST", "drop", lambda body, _name: self._drop(_read(body, _Account))),
            ("POST", "kill-listen-keys", lambda body, _name: self._kill_keys(_read(body, _Account))),
            ("POST", "limits", lambda body, _name: self._limits(_read(body, _Limits))),
        ]
        for method, path, act in table:
            app.router.add_route(method, f"/admin/{path}", self._door(act))

    def _door(self, act: Callable[[bytes, str], object]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return _json(act(await request.read(), request.query.get("name", "")), 200)
            except SimError as refusal:
                return _json({"error": f"{refusal.code}: {refusal.message}"}, 400)
            except (ValueError, msgspec.DecodeError) as problem:
                return _json({"error": str(problem)}, 400)

        return answer

    def _status(self) -> object:
        return {
            "serverTime": self._now_ms(),
            "exchangeTime": self._core.now_ms,
            "streams": self._ctx.hub.connections,
            "channels": self._ctx.hub.open_channels,
            "pushes": self._ctx.hub.pushed,
            "weight_10s": self._limiter.used("127.0.0.1", self._now_ms()),
            "limits": self._limiter.rules.name,
            "faults": self._plan.active(),
        }

    def _accounts(self) -> object:
        found: dict[str, dict[str, object]] = {}
        for key in self._ctx.keys.all():
            entry = found.setdefault(key.account_id, {"account": key.account_id, "keys": [], "balances": []})
            names = entry["keys"]
            if isinstance(names, list):
                names.append(key.access)
            held = self._core.accounts.balances(key.account_id)
            entry["balances"] = [{"asset": b.asset, "free": plain(b.free), "locked": plain(b.locked)} for b in held]
        return list(found.values())

    def _fund(self, asked: _Fund) -> object:
        amounts = {asset: _amount(text) for asset, text in asked.funds.items()}
        if not asked.account or any(amount <= 0 for amount in amounts.values()):
            raise ValueError("name an account and positive amounts")
        self._core.accounts.deposit(asked.account, amounts)
        held = self._core.accounts.balances(asked.account)
        return {"account": asked.account, "balances": {b.asset: plain(b.free) for b in held}}

    def _keys(self, asked: _Keys) -> object:
        unknown = set(asked.permissions) - set(PERMISSIONS)
        if unknown:
            raise ValueError(f"unknown permission {', '.join(sorted(unknown))}; known: {', '.join(PERMISSIONS)}")
        self._core.accounts.deposit(asked.account, {})
        key = self._ctx.keys.create(
            asked.account,
            permissions=frozenset(asked.permissions),
            ips=frozenset(asked.ips),
            symbols=frozenset(asked.symbols),
            note=asked.note,
            created_ms=self._now_ms(),
        )
        return {"account": key.account_id, "api_key": key.access, "api_secret": key.secret}

    def _list(self, asked: _List) -> object:
        if not asked.symbol or asked.symbol != asked.base + asked.quote:
            raise ValueError("symbol must be base and quote written together, such as NEWUSDT")
        if not (0 <= asked.price_decimals <= 18 and 0 <= asked.qty_decimals <= 18):
            raise ValueError("price_decimals and qty_decimals must be 0 to 18")
        opens_ms = asked.opens_ms
        if asked.opens_in_ms is not None:
            opens_ms = self._core.now_ms + asked.opens_in_ms
        least = _amount(asked.min_notional)
        instrument = Instrument(
            symbol=asked.symbol,
            base=asked.base,
            quote=asked.quote,
            price_decimals=asked.price_decimals,
            qty_decimals=asked.qty_decimals,
            min_notional=least,
            min_notional_market=least,
            taker_fee=Decimal("0.0005"),
            full_name=asked.name or asked.base,
            first_open_ms=opens_ms,
        )
        self._core.symbols.list_symbol(instrument, opens_ms, _amount(asked.price) if asked.price else None)
        return {"symbol": asked.symbol, "opens_ms": opens_ms}

    def _pause(self, asked: _Pause) -> object:
        self._core.symbols.set_paused(asked.symbol, asked.paused)
        return {"symbol": asked.symbol, "paused": asked.paused}

    def _nudge(self, asked: _Nudge) -> object:
        self._core.symbols.nudge(asked.symbol, _amount(asked.fraction))
        return {"symbol": asked.symbol, "fraction": asked.fraction}

    def _maintenance(self, asked: _Maintenance) -> object:
        if asked.on:
            self._plan.set(make_fault("maintenance"))
            self._ctx.hub.drop()
        else:
            self._plan.clear("maintenance")
        return {"maintenance": asked.on}

    def _faults(self) -> object:
        return {"active": self._plan.active(), "known": DEFAULTS, "profiles": PROFILES}

    def _set_faults(self, body: bytes) -> object:
        asked = _read(body, dict[str, object])
        if "profile" in asked:
            faults = parse_profile(str(asked["profile"]))
        else:
            faults = [make_fault(str(asked.get("name", "")), {k: v for k, v in asked.items() if k != "name"})]
        for fault in faults:
            self._plan.set(fault)
        return {"active": self._plan.active()}

    def _clear_faults(self, name: str) -> object:
        self._plan.clear(name or None)
        return {"active": self._plan.active()}

    def _drop(self, asked: _Account) -> object:
        return {"dropped": self._ctx.hub.drop(asked.account)}

    def _kill_keys(self, asked: _Account) -> object:
        dead = self._ctx.listen_keys.kill(asked.account)
        self._ctx.hub.end_listen_keys(dead)
        return {"killed": len(dead)}

    def _limits(self, asked: _Limits) -> object:
        known = {rules.name: rules for rules in (STRICT, GENEROUS)}
        if asked.rules not in known:
            raise ValueError(f"there are no limits {asked.rules!r}; known: {', '.join(known)}")
        self._limiter.rules = known[asked.rules]
        self._limiter.forgive()
        return {"limits": asked.rules}


def _read(body: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(body or b"{}", type=kind)


def _amount(text: str) -> Decimal:
    try:
        return parse_decimal(text)
    except BadNumberError as problem:
        raise ValueError(str(problem)) from None


def _json(value: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
