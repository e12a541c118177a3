"""The account, its settings and its stream keys by REST."""

from __future__ import annotations

from typing import Any

from mexc_tui.domain.orders import Balance
from mexc_tui.venues.mexc.rest import endpoints as ep
from mexc_tui.venues.mexc.rest import mapping
from mexc_tui.venues.mexc.rest.cache import TtlCache
from mexc_tui.venues.mexc.rest.fields import Row, list_of, unreadable
from mexc_tui.venues.mexc.rest.models import AccountInfo, Coin, KeyInfo, ListenKeys, Network, SelfTradeGroup, TradeFee
from mexc_tui.venues.mexc.rest.outgoing import check_addresses, refused
from mexc_tui.venues.mexc.rest.transport import Params, Transport

_PERMANENT = -999


class AccountCalls:
    """Calls that need a key. Each raises ``VenueError``."""

    def __init__(self, transport: Transport, cache: TtlCache) -> None:
        self._transport = transport
        self._cache = cache

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset that is held."""
        return (await self.info()).balances

    async def info(self) -> AccountInfo:
        """Return the account with its balances and what it may do."""
        row = await self._row(ep.ACCOUNT)
        if row.raw("balances") is None:
            raise unreadable(ep.ACCOUNT.label, "it holds no list of balances")
        can_trade, can_withdraw, can_deposit = (
            row.flag(name) if row.has(name) else None for name in ("canTrade", "canWithdraw", "canDeposit")
        )
        return AccountInfo(
            can_trade=can_trade,
            can_withdraw=can_withdraw,
            can_deposit=can_deposit,
            account_type=row.text("accountType", default=""),
            permissions=row.texts("permissions"),
            balances=tuple(mapping.balance(item) for item in row.rows("balances")),
        )

    async def trade_fee(self, symbol: str) -> TradeFee:
        """Return the account's fees for a pair; kept for ``fees_ttl_s``."""

        async def ask() -> TradeFee:
            data = (await self._row(ep.TRADE_FEE, [("symbol", symbol)])).raw("data")
            row = Row(data, ep.TRADE_FEE.label)
            return TradeFee(symbol=symbol, maker=row.number("makerCommission"), taker=row.number("takerCommission"))

        return await self._cache.get("fees", symbol, self._transport.settings.fees_ttl_s, ask)

    async def self_symbols(self) -> frozenset[str]:
        """Return the pairs this key may trade; kept for ``symbols_ttl_s``."""

        async def ask() -> frozenset[str]:
            names = list_of((await self._row(ep.SELF_SYMBOLS)).raw("data"), ep.SELF_SYMBOLS.label)
            return frozenset(name for name in names if isinstance(name, str))

        return await self._cache.get("own symbols", None, self._transport.settings.symbols_ttl_s, ask)

    async def mx_deduct(self) -> bool:
        """Return whether fees are paid in MX."""
        return Row((await self._row(ep.MX_DEDUCT)).raw("data"), ep.MX_DEDUCT.label).flag("mxDeductEnable")

    async def set_mx_deduct(self, enabled: bool) -> bool:
        """Choose whether fees are paid in MX; returns what MEXC says it is now."""
        row = await self._row(ep.MX_DEDUCT_SET, [("mxDeductEnable", "true" if enabled else "false")])
        self._cache.forget("fees")
        return Row(row.raw("data"), ep.MX_DEDUCT_SET.label).flag("mxDeductEnable")

    async def kyc_status(self) -> int:
        """Return the identity level: 1 none, 2 primary, 3 advanced, 4 institution."""
        return (await self._row(ep.KYC)).integer("status")

    async def uid(self) -> str:
        """Return the user id."""
        return (await self._row(ep.UID)).text("uid")

    async def api_key_info(self) -> KeyInfo:
        """Return what the key in use may do and how long it lasts."""
        key = self._transport.settings.api_key
        row = await self._row(ep.KEY_INFO, [("accessKey", key)])
        days = row.maybe_integer("remainingValidity")
        return KeyInfo(
            key_hint=f"{key[:3]}…{key[-4:]}" if len(key) > 10 else "…",
            note=row.text("note", default=""),
            permissions=_names(row.text("permissions", default="")),
            days_left=None if days == _PERMANENT else days,
            ip_white_list=_names(row.text("ipWhiteList", default="")),
            status=row.text("status", default=""),
            created=row.text("createTime", default=""),
        )

    async def change_api_key(self, *, note: str, ip_white_list: tuple[str, ...]) -> tuple[str, ...]:
        """Set note and allowed addresses of the key in use (none: every address); returns those that MEXC confirms."""
        check_addresses(ip_white_list)
        params = [("apiKey", self._transport.settings.api_key), ("ipWhiteList", ",".join(ip_white_list))]
        row = await self._row(ep.KEY_CHANGE, [*params, ("note", note)])
        return _names(row.text("ipWhiteList"))

    async def capital_config(self) -> tuple[Coin, ...]:
        """Return every coin with its networks; kept for ``coins_ttl_s``."""

        async def ask() -> tuple[Coin, ...]:
            rows = list_of(await self._transport.call(ep.COINS), ep.COINS.label)
            found = mapping.readable(rows, ep.COINS.label, _coin)
            self._transport.unreadable_rows += len(rows) - len(found)
            if rows and not found:
                raise unreadable(ep.COINS.label, "none of its rows makes sense")
            return tuple(found)

        return await self._cache.get("coins", None, self._transport.settings.coins_ttl_s, ask)

    async def strategy_groups(self, name: str) -> tuple[SelfTradeGroup, ...]:
        """Return the self-trade prevention groups of a name."""
        return tuple(_group(row) for row in (await self._row(ep.GROUPS, [("tradeGroupName", name)])).rows("data"))

    async def create_strategy_group(self, name: str) -> SelfTradeGroup:
        """Make a self-trade prevention group."""
        row = await self._row(ep.GROUP_CREATE, [("tradeGroupName", name)])
        return _group(Row(row.raw("data"), ep.GROUP_CREATE.label))

    async def delete_strategy_group(self, group_id: str) -> bool:
        """Delete a group; returns whether MEXC did."""
        return (await self._row(ep.GROUP_DELETE, [("tradeGroupId", group_id)])).flag("data")

    async def add_to_strategy_group(self, group_id: str, uids: tuple[str, ...]) -> SelfTradeGroup:
        """Put accounts into a group."""
        _check_uids(uids)
        row = await self._row(ep.GROUP_ADD, [("tradeGroupId", group_id), ("uid", ",".join(uids))])
        return _group(Row(row.raw("data"), ep.GROUP_ADD.label))

    async def remove_from_strategy_group(self, group_id: str, uids: tuple[str, ...]) -> bool:
        """Take accounts out of a group; returns whether MEXC did."""
        _check_uids(uids)
        return (await self._row(ep.GROUP_REMOVE, [("tradeGroupId", group_id), ("uid", ",".join(uids))])).flag("data")

    async def listen_key_create(self) -> str:
        """Make a key for the account stream; it lasts 60 minutes."""
        return (await self._row(ep.LISTEN_CREATE)).text("listenKey")

    async def listen_key_list(self) -> ListenKeys:
        """Return the keys that exist."""
        row = await self._row(ep.LISTEN_LIST)
        keys = row.raw("listenKey")
        names: list[Any] = keys if isinstance(keys, list) else [keys] if isinstance(keys, str) else []
        return ListenKeys(keys=tuple(str(name) for name in names), available=row.maybe_integer("available"))

    async def listen_key_extend(self, listen_key: str) -> None:
        """Have a key last 60 minutes from now."""
        (await self._row(ep.LISTEN_EXTEND, [("listenKey", listen_key)])).text("listenKey")

    async def listen_key_close(self, listen_key: str) -> None:
        """End an account stream and release its key."""
        (await self._row(ep.LISTEN_CLOSE, [("listenKey", listen_key)])).text("listenKey")

    async def _row(self, endpoint: ep.Endpoint, params: Params | None = None) -> Row:
        return Row(await self._transport.call(endpoint, params), endpoint.label)


def _check_uids(uids: tuple[str, ...]) -> None:
    if not uids or not all(uid.isascii() and uid.isalnum() for uid in uids):
        raise refused("accounts are named by their user ids, at least one")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _group(row: Row) -> SelfTradeGroup:
    return SelfTradeGroup(
        group_id=row.text("tradeGroupId"),
        name=row.text("tradeGroupName", default=""),
        uids=_names(row.text("tradeGroupUid", default="")),
    )


def _coin(row: Row) -> Coin:
    return Coin(
        coin=row.text("coin"),
        name=row.text("name", "Name", default=""),
        networks=tuple(_network(item) for item in row.rows("networkList")),
    )


def _network(row: Row) -> Network:
    return Network(
        name=row.text("netWork", "network", "name", default=""),
        contract=row.text("contract", default=""),
        deposit_enabled=row.flag("depositEnable", default=False),
        withdraw_enabled=row.flag("withdrawEnable", default=False),
        withdraw_fee=row.maybe_number("withdrawFee"),
        withdraw_min=row.maybe_number("withdrawMin"),
        withdraw_max=row.maybe_number("withdrawMax"),
        confirmations=row.maybe_integer("minConfirm"),
        deposit_note=row.text("depositTips", "depositDesc", default=""),
        withdraw_note=row.text("withdrawTips", default=""),
    )
