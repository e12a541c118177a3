"""One REST call as a handler sees it, and how an endpoint is described."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.numbers import BadNumberError, parse_decimal
from mexc_tui.venues.simulator.core.events import SimError
from mexc_tui.venues.simulator.exchange import Exchange
from mexc_tui.venues.simulator.server.keys import ApiKey, KeyRing, ListenKeys
from mexc_tui.venues.simulator.server.streams import Hub
from mexc_tui.venues.simulator.server.upstream import Upstream
from mexc_tui.wire.mexc.endpoints import Route

_ILLEGAL = re.compile(r"[\x00-\x1f\x7f<>\"'`\\;]")


class Context(msgspec.Struct, kw_only=True):
    """What every endpoint works on."""

    core: Exchange
    keys: KeyRing
    listen_keys: ListenKeys
    hub: Hub
    book_requested: Callable[[], None]
    """Called when a book is asked for: a tape starts to play at the first time."""
    upstream: Upstream | None = None
    """Brings what is asked for where the market is a mirror."""
    listed_ms: dict[str, int]
    """When pairs were listed during this run, newest last."""


class Call(msgspec.Struct):
    """Parameters and caller of one request."""

    params: dict[str, str]
    now_ms: int
    key: ApiKey | None = None

    @property
    def account(self) -> str:
        """The caller's account."""
        if self.key is None:
            raise SimError(400, "api key required")
        return self.key.account_id

    def need(self, name: str) -> str:
        """Return a mandatory parameter; SimError(700004) without it."""
        value = self.text(name)
        if not value:
            raise SimError(700004, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value

    def text(self, name: str) -> str:
        """Return a parameter, empty where it was not sent; SimError(700008) for illegal characters."""
        value = self.params.get(name, "")
        if _ILLEGAL.search(value):
            raise SimError(700008, f"Illegal characters found in parameter '{name}'")
        return value

    def number(self, name: str) -> Decimal | None:
        """Return a decimal parameter, None where it was not sent."""
        value = self.text(name)
        if not value:
            return None
        try:
            return parse_decimal(value)
        except BadNumberError:
            raise SimError(700008, f"Illegal characters found in parameter '{name}'") from None

    def whole(self, name: str) -> int | None:
        """Return a whole non-negative parameter, None where it was not sent."""
        value = self.text(name)
        if not value:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise SimError(700008, f"Illegal characters found in parameter '{name}'")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """Return ``limit``, cut to what the endpoint allows."""
        asked = self.whole("limit")
        if asked is not None and asked < 1:
            raise SimError(33333, "Parameter error: limit")
        return min(asked if asked is not None else default, most)


Handler = Callable[[Call], object]


class Endpoint(msgspec.Struct, frozen=True):
    """A route and what answers it."""

    route: Route
    handler: Handler
