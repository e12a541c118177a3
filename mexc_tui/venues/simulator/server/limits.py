"""Request budgets: weight an address, weight an account, order actions an account; 429, then 418."""

from __future__ import annotations

from collections import deque

import msgspec


class LimitRules(msgspec.Struct, frozen=True, kw_only=True):
    """Budgets of one exchange. ``strikes`` refused requests within a minute turn 429 into a 418 ban."""

    name: str
    ip_weight_10s: int
    uid_weight_10s: int
    order_actions_1s: int
    batches_1s: int
    strikes: int = 30
    first_ban_s: int = 120


STRICT = LimitRules(name="strict", ip_weight_10s=300, uid_weight_10s=500, order_actions_1s=12, batches_1s=2)
"""The strictest rules MEXC publishes (2026): shared 300 weight an address, 12 order actions a second."""

GENEROUS = LimitRules(
    name="generous", ip_weight_10s=100_000, uid_weight_10s=100_000, order_actions_1s=2_000, batches_1s=500, strikes=1000
)
"""For load tests and many clients on one loopback address: far above any client that behaves."""

LONGEST_BAN_S = 3 * 24 * 3600


class TooManyRequestsError(Exception):
    """A budget is used up: HTTP 429, or 418 for an address that went on regardless."""

    def __init__(self, status: int, retry_after_s: int) -> None:
        super().__init__(f"HTTP {status}, retry after {retry_after_s} s")
        self.status = status
        self.retry_after_s = retry_after_s


class _Window:
    """Weight spent within a sliding window."""

    def __init__(self, span_ms: int) -> None:
        self.span_ms = span_ms
        self.total = 0
        self._spent: deque[tuple[int, int]] = deque()

    def fits(self, weight: int, limit: int, now_ms: int) -> bool:
        while self._spent and self._spent[0][0] <= now_ms - self.span_ms:
            self.total -= self._spent.popleft()[1]
        return self.total + weight <= limit

    def spend(self, weight: int, now_ms: int) -> None:
        self._spent.append((now_ms, weight))
        self.total += weight

    def wait_s(self, now_ms: int) -> int:
        if not self._spent:
            return 1
        return max(1, -(-(self._spent[0][0] + self.span_ms - now_ms) // 1000))


class Limiter:
    """Counts requests and refuses those beyond the rules."""

    def __init__(self, rules: LimitRules) -> None:
        self.rules = rules
        self._windows: dict[tuple[str, str], _Window] = {}
        self._strikes: dict[str, _Window] = {}
        self._banned_until: dict[str, int] = {}
        self._next_ban_s: dict[str, int] = {}

    def check_address(self, remote: str, weight: int, now_ms: int) -> None:
        """Count ``weight`` against an address; TooManyRequestsError beyond its budget or while it is banned."""
        until = self._banned_until.get(remote, 0)
        if now_ms < until:
            raise TooManyRequestsError(418, max(1, (until - now_ms) // 1000))
        self._spend("ip", remote, weight, self.rules.ip_weight_10s, 10_000, remote, now_ms)

    def check_account(self, remote: str, account_id: str, weight: int, now_ms: int) -> None:
        """Count ``weight`` against an account."""
        self._spend("uid", account_id, weight, self.rules.uid_weight_10s, 10_000, remote, now_ms)

    def check_order_action(self, remote: str, account_id: str, now_ms: int) -> None:
        """Count one placing or cancelling."""
        self._spend("orders", account_id, 1, self.rules.order_actions_1s, 1_000, remote, now_ms)

    def check_batch(self, remote: str, account_id: str, now_ms: int) -> None:
        """Count one batch of orders."""
        self._spend("batches", account_id, 1, self.rules.batches_1s, 1_000, remote, now_ms)

    def used(self, remote: str, now_ms: int) -> int:
        """Return the weight an address has spent in the last ten seconds."""
        window = self._windows.get(("ip", remote))
        if window is None:
            return 0
        window.fits(0, 0, now_ms)
        return window.total

    def forgive(self) -> None:
        """Lift every ban and forget what was spent."""
        self._windows.clear()
        self._strikes.clear()
        self._banned_until.clear()
        self._next_ban_s.clear()

    def _spend(self, kind: str, who: str, weight: int, limit: int, span_ms: int, remote: str, now_ms: int) -> None:
        window = self._windows.setdefault((kind, who), _Window(span_ms))
        if not window.fits(weight, limit, now_ms):
            self._strike(remote, now_ms)
            raise TooManyRequestsError(429, window.wait_s(now_ms))
        window.spend(weight, now_ms)

    def _strike(self, remote: str, now_ms: int) -> None:
        strikes = self._strikes.setdefault(remote, _Window(60_000))
        if strikes.fits(1, self.rules.strikes - 1, now_ms):
            strikes.spend(1, now_ms)
            return
        ban_s = self._next_ban_s.get(remote, self.rules.first_ban_s)
        self._next_ban_s[remote] = min(LONGEST_BAN_S, ban_s * 2)
        self._banned_until[remote] = now_ms + ban_s * 1000
        del self._strikes[remote]
        raise TooManyRequestsError(418, ban_s)
