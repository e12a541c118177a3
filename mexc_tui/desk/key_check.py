"""What a key is good for, and what speaks against trading with it."""

from __future__ import annotations

import msgspec

from mexc_tui.config.vault import Account
from mexc_tui.desk.configured import ask
from mexc_tui.domain.errors import VenueError
from mexc_tui.store.accounts import remember_key
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.rest.models import KeyInfo
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.wire.mexc.endpoints import DEAL_WRITE, WITHDRAW_WRITE


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange says of a key."""

    uid: str
    """Its account; empty where the exchange does not say."""
    info: KeyInfo | None
    """None where the exchange does not say."""
    real: bool
    """Whether it is a key of an exchange elsewhere."""

    @property
    def may_trade(self) -> bool:
        """Whether it may place orders, as far as is known."""
        return self.info is None or not self.info.permissions or DEAL_WRITE in self.info.permissions

    @property
    def may_withdraw(self) -> bool:
        """Whether it may send money away."""
        return self.info is not None and WITHDRAW_WRITE in self.info.permissions

    @property
    def any_address(self) -> bool:
        """Whether it is accepted from every address on the internet."""
        return self.real and self.info is not None and not self.info.ip_white_list


async def key_facts(account: Account) -> KeyFacts:
    """Ask the exchange about the key of an account.

    Raises:
        UnreachableError, RefusedError: the exchange cannot be reached, or does not take the key.
        ConfigError: its addresses cannot be used.
    """
    settings = settings_of(account)

    async def work(rest: MexcRest) -> KeyFacts:
        await rest.account.balances()
        try:
            uid = await rest.account.uid()
        except VenueError as error:
            if not error.definite:
                raise
            uid = ""
        try:
            info = await rest.account.api_key_info()
        except VenueError as error:
            if not error.definite:
                raise
            info = None
        return KeyFacts(uid=uid, info=info, real=not settings.is_local)

    return await ask(settings, work)


def remember(account: Account, facts: KeyFacts) -> None:
    """Note whose key it is, so that its desk finds the account's journal.

    Raises:
        ConfigError: the state folder cannot be written.
    """
    remember_key(account.base_url, account.credentials, facts.uid)


def settings_of(account: Account) -> MexcSettings:
    """Return how to reach the exchange of an account.

    Raises:
        ConfigError: its addresses cannot be used.
    """
    from mexc_tui.config.errors import ConfigError

    try:
        return MexcSettings(
            base_url=account.base_url,
            ws_url=account.ws_url,
            api_key=account.api_key.reveal(),
            api_secret=account.secret_key.reveal(),
        )
    except ValueError as error:
        raise ConfigError(f"The exchange's addresses cannot be used: {error}.") from None
