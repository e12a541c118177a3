"""Everything that can be set about talking to MEXC; defaults are the strictest rules known."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

import msgspec
from yarl import URL

from mexc_tui.venues.mexc.resolving import LOCALHOST
from mexc_tui.wire.mexc.endpoints import MAX_RECV_WINDOW_MS

_LOOPBACK_V4 = ipaddress.ip_network("127.0.0.0/8")

_MOST_ELSEWHERE = {
    "ip_weight_limit": 500,
    "uid_weight_limit": 500,
    "requests_per_s": 20,
    "request_burst": 100,
    "order_actions_per_s": 12,
}
"""Budgets beyond these are above every rule that MEXC has published and end in a ban."""


def is_loopback(url: URL) -> bool:
    """Whether the host of ``url`` is this machine: 127.0.0.0/8, ``::1`` or ``localhost``, in plain spelling.

    The name may be trusted because ``resolving.Resolver`` never looks it up.
    """
    return _is_this_machine(url.host or "")


@lru_cache(maxsize=64)
def _is_this_machine(host: str) -> bool:
    if host == LOCALHOST:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address in _LOOPBACK_V4 if address.version == 4 else address == ipaddress.IPv6Address(1)


class MexcSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses, keys, time-outs, budgets and cache times of one connection to MEXC. Times in the unit of the name.

    Raises:
        ValueError: an address has no host, or would carry keys over an open network unencrypted.
    """

    base_url: str = "https://api.mexc.com"
    ws_url: str = "wss://wbs-api.mexc.com/ws"
    api_key: str = ""
    api_secret: str = ""
    real_orders: bool = False
    """Whether orders and account changes may go to an exchange that is not on this machine."""
    recv_window_ms: int = 5_000
    """How late a signed request may reach MEXC; at most 60,000."""

    connect_timeout_s: float = 5.0
    answer_timeout_s: float = 10.0
    max_connections: int = 16
    max_answer_bytes: int = 16 * 1024 * 1024
    """Unpacked; the list of all pairs is about 3 million."""
    user_agent: str = "mexc-tui"

    ip_weight_limit: int = 300
    """Weight per ``weight_period_s`` that all requests of this address share."""
    uid_weight_limit: int = 500
    """Weight per ``weight_period_s`` that the signed requests of the account share."""
    weight_period_s: float = 10.0
    requests_per_s: float = 10.0
    """Average over ``weight_period_s``; above about 20 the firewall in front of MEXC starts to block."""
    request_burst: int = 40
    """Requests within any one second; the firewall was seen to block bursts of about 120."""
    order_actions_per_s: int = 12
    """Placing and cancelling together."""
    endpoint_limits: bool = True
    """Whether the limits that some endpoints have of their own are kept."""
    reserve_share: float = 0.3
    """Part of every budget that only cancels may use."""
    place_max_wait_ms: int = 250
    """An order that would wait longer for the budget is refused instead."""
    prepare_max_s: float = 2.0
    """An order that would wait longer for the exchange's clock, or for a sign of life, is refused instead."""
    cancel_max_wait_s: float = 5.0
    data_max_wait_s: float = 30.0
    edge_cool_down_s: float = 8.0
    """Pause after the firewall in front of MEXC has blocked this address; twice as long each time that the first
    request afterwards is blocked again."""
    edge_cool_down_max_s: float = 90.0
    limit_cool_down_s: float = 10.0
    """Pause after an over-limit answer that names no time."""
    ban_cool_down_s: float = 120.0
    """Pause after a ban that names no time; MEXC's bans begin at two minutes."""

    max_attempts: int = 4
    """Attempts of a request that may be repeated; orders are never repeated."""
    backoff_base_s: float = 0.25
    backoff_max_s: float = 4.0
    breaker_failures: int = 5
    breaker_open_s: float = 5.0
    breaker_open_max_s: float = 15.0
    """Longest pause before one request tries a host that fails: books stay stale so much longer than the outage."""

    exchange_info_ttl_s: float = 300.0
    symbols_ttl_s: float = 300.0
    fees_ttl_s: float = 3_600.0
    coins_ttl_s: float = 3_600.0
    completed_orders: int = 2_000
    """Finished orders that are remembered, so that asking for them again costs nothing."""
    clock_refresh_s: float = 300.0
    """Age after which the offset of the exchange's clock is measured anew."""
    trades_page: int = 100
    """Own trades asked for at a time; the largest number that every description of the API allows."""

    def __post_init__(self) -> None:
        for name, text, safe in (("base_url", self.base_url, "https"), ("ws_url", self.ws_url, "wss")):
            url = URL(text)
            if not url.host or url.scheme not in (safe, safe[:-1]):
                raise ValueError(f"{name} is not an address of the form {safe}://host: {text[:80]!r}")
            if url.user or url.password or url.query_string or url.fragment:
                raise ValueError(f"{name} must be a plain address without user name, query or fragment")
            if url.scheme != safe and not is_loopback(url):
                raise ValueError(f"{name} would send keys unencrypted over the network; use {safe}://")
        if not 0 < self.recv_window_ms <= MAX_RECV_WINDOW_MS:
            raise ValueError(f"recv_window_ms must be between 1 and {MAX_RECV_WINDOW_MS}")
        if not 0 <= self.reserve_share < 1:
            raise ValueError("reserve_share must be at least 0 and below 1")
        if not self.is_local:
            for name, most in _MOST_ELSEWHERE.items():
                if getattr(self, name) > most:
                    raise ValueError(f"{name} may be above {most} only for an exchange on this machine")
            if not self.endpoint_limits:
                raise ValueError("endpoint_limits may be off only for an exchange on this machine")
        for name, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            if not value.isascii() or not value.isprintable() or " " in value:
                raise ValueError(
                    f"{name} holds something that no key holds, such as a space or a line end copied along"
                )
        if bool(self.api_key) != bool(self.api_secret):
            raise ValueError("api_key and api_secret belong together: give both or neither")

    @property
    def host(self) -> str:
        """Host (and port) that REST requests go to."""
        return URL(self.base_url).authority

    @property
    def is_local(self) -> bool:
        """Whether the exchange runs on this machine."""
        return is_loopback(URL(self.base_url))

    @property
    def orders_allowed(self) -> bool:
        """Whether orders may be sent there: to an exchange on this machine, elsewhere only with ``real_orders``."""
        return self.real_orders or self.is_local

    @property
    def has_keys(self) -> bool:
        """Whether signed requests can be made."""
        return bool(self.api_key and self.api_secret)

    def unpaced(self) -> MexcSettings:
        """Return the same settings with budgets for load tests.

        Raises:
            ValueError: the exchange is not on this machine.
        """
        return msgspec.structs.replace(
            self,
            ip_weight_limit=1_000_000,
            uid_weight_limit=1_000_000,
            requests_per_s=100_000.0,
            request_burst=100_000,
            order_actions_per_s=100_000,
            endpoint_limits=False,
        )

    def __repr__(self) -> str:
        keys = "with keys" if self.has_keys else "without keys"
        return f"MexcSettings({self.base_url}, {self.ws_url}, {keys})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        keys = "set" if self.has_keys else "none"
        return [("base_url", self.base_url), ("ws_url", self.ws_url), ("keys", keys)]
