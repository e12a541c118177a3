"""What stands before every order of a library session: that going without a gate is meant, and the account's halt."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from mexc_tui.config.settings import Credentials, Secret
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.limits import TradingState
from mexc_tui.domain.orders import OrderRequest, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.store.accounts import kept_folder
from mexc_tui.store.latch import trading_state
from mexc_tui.venues.mexc.settings import MexcSettings

_GATED = (
    "this session has no risk gate, and nobody said that this is meant",
    "Place it through a desk, whose gate it passes: MexcExchange.through_desk(...). Only where no gate is meant, open "
    "the session with session(..., ungated=True).",
)
_log = logging.getLogger(__name__)


class OrderDoor:
    """Called with orders before they are sent; lets them pass or raises ``VenueError``."""

    def __init__(self, settings: MexcSettings, ask: Callable[[], Awaitable[str]], *, ungated: bool) -> None:
        """``ask`` returns what the exchange calls the account."""
        self._settings = settings
        self._ask = ask
        self._ungated = ungated
        self._folder: Path | None = None
        self._looked = False

    async def __call__(self, requests: Sequence[OrderRequest]) -> None:
        if not self._ungated:
            raise _refused(*_GATED)
        if not self._looked:
            self._folder = await self._found()
            self._looked = True
            _log.warning("orders of this session go to %s without a risk gate", self._settings.host)
        if self._folder is None:
            return
        state, reason = trading_state(self._folder)
        reduces = state is TradingState.REDUCING and all(request.side is Side.SELL for request in requests)
        if state is not TradingState.ACTIVE and not reduces:
            why = f"trading with this account is {state.value} on this machine: {reason or 'no reason was kept'}"
            raise _refused(why, "Look at its desk (`mexc-tui desk status`); `mexc-tui resume` lifts it.")

    async def _found(self) -> Path | None:
        """Return where a desk of this machine keeps the account; None where none does."""
        settings = self._settings
        pair = Credentials(api_key=Secret(settings.api_key), secret_key=Secret(settings.api_secret))
        kind = VenueKind.LOCAL if settings.is_local else VenueKind.LIVE
        return await kept_folder(kind, settings.base_url, pair, self._ask)


def _refused(why: str, remedy: str) -> VenueError:
    return VenueError(f"Not sent: {why}.", kind=ErrorKind.REFUSED_HERE, remedy=remedy, sent=False, definite=True)
