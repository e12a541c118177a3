"""The part of ``mexc-tui doctor`` that asks the exchange: REST, streams, clock and key."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from mexc_tui.desk.doctor.checks import Check, fail, ok, warn
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.rest.models import AccountInfo, KeyInfo, RestMetrics
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.stream import channels as names
from mexc_tui.venues.mexc.stream.dialing import AiohttpDialer, DialError

LIMIT_S = 6.0
SLOW_MS = 1_000
OFF_MS = 1_000
FAR_OFF_MS = 4_000
"""A clock this far off is close to what signed requests tolerate, whatever is done to correct for it."""
PINGS = 3
DAYS_LEFT = 14


async def exchange_checks(settings: MexcSettings) -> list[Check]:
    """Return what the exchange and the key are good for."""
    rest = MexcRest(settings)
    found: list[Check] = []
    try:
        reached, check = await _reach(rest, settings)
        found.append(check)
        if reached:
            found.append(_clock(rest))
        found.append(await _streams(settings))
        found.append(await _key(rest, settings, reached=reached))
        found.append(requests_check(rest.metrics(), settings))
    finally:
        await rest.close()
    return found


async def _reach(rest: MexcRest, settings: MexcSettings) -> tuple[bool, Check]:
    taken: list[float] = []
    try:
        async with asyncio.timeout(LIMIT_S):
            await rest.open()
            for _ in range(PINGS):
                start = time.monotonic()
                await rest.market.ping()
                taken.append((time.monotonic() - start) * 1_000)
    except TimeoutError:
        return False, _unreachable("REST", settings.base_url, f"no answer within {LIMIT_S:.0f} s")
    except VenueError as error:
        if error.http_status is not None:
            return False, fail("REST", f"{settings.base_url} answers, but: {error.message}", error.remedy)
        return False, _unreachable("REST", settings.base_url, error.message)
    took = median(taken)
    detail = f"{settings.base_url} answers in {took:.0f} ms"
    if took > SLOW_MS:
        return True, warn("REST", detail, "The connection is slow; prices on the screen will be old.")
    return True, ok("REST", detail)


def _unreachable(check: str, address: str, why: str) -> Check:
    remedy = "Check the network, a proxy and the address; `mexc-tui demo` needs none of them."
    return fail(check, f"{address} cannot be reached: {why.rstrip('.')}", remedy)


def _clock(rest: MexcRest) -> Check:
    offset = rest.clock_offset_ms
    if offset is None:
        return warn("clock", "the exchange's clock could not be measured", "Try again.")
    detail = f"the exchange's clock is {abs(offset):.0f} ms {'ahead of' if offset > 0 else 'behind'} this one"
    if abs(offset) > FAR_OFF_MS:
        return fail("clock", detail, "Set this machine's clock (ntp); signed requests may be refused.")
    if abs(offset) > OFF_MS:
        return warn("clock", detail, "Set this machine's clock (ntp); until then it is corrected for.")
    return ok("clock", detail)


def requests_check(now: RestMetrics, settings: MexcSettings) -> Check:
    """Return what the request budget has left, and whether the exchange or its failures hold requests up."""
    period = f"{settings.weight_period_s:.0f} s"
    detail = (
        f"weight {now.weight_used} of {now.weight_limit} in {period} (account {now.uid_weight_used} of "
        f"{now.uid_weight_limit}), {now.order_tokens:.0f} of {now.order_limit} order actions a second free, "
        f"{settings.reserve_share:.0%} kept for cancels"
    )
    if not now.held:
        failed = f"{now.breaker_failures} failed in a row" if now.breaker_failures else "none fails"
        return ok("requests", f"{detail}; {failed}")
    again = f"tried again in {now.held_s:.0f} s" if now.held_s >= 1 else "the next one tries it again"
    detail = f"none goes out: {now.held}; orders are refused here, cancels try all the same; {again}. {detail}"
    return warn("requests", detail, "Wait for that time; slow down other programs that use this address.")


async def _streams(settings: MexcSettings) -> Check:
    dialer = AiohttpDialer(settings.ws_url, connect_timeout_s=LIMIT_S, user_agent=settings.user_agent)
    try:
        async with asyncio.timeout(LIMIT_S):
            socket = await dialer.dial("")
            start = time.monotonic()
            await socket.send(names.PING)
            while True:
                frame = await socket.receive()
                if frame is None:
                    return _unreachable("streams", settings.ws_url, "it closed the connection")
                if isinstance(frame, str) and names.parse_answer(frame).kind is names.AnswerKind.PONG:
                    took = (time.monotonic() - start) * 1_000
                    return ok("streams", f"{settings.ws_url} answers in {took:.0f} ms")
    except TimeoutError:
        return _unreachable("streams", settings.ws_url, f"no answer within {LIMIT_S:.0f} s")
    except (DialError, ConnectionError) as error:
        return _unreachable("streams", settings.ws_url, str(error))
    finally:
        await dialer.close()


async def _key(rest: MexcRest, settings: MexcSettings, *, reached: bool) -> Check:
    if not settings.has_keys:
        remedy = "Set MEXC_API_KEY and MEXC_SECRET_KEY for an account; `mexc-tui demo` brings its own."
        return warn("API key", "none is set: market data only", remedy)
    if not reached:
        return warn("API key", "it cannot be checked while the exchange is out of reach", "Try again later.")
    try:
        async with asyncio.timeout(LIMIT_S):
            account = await rest.account.info()
    except TimeoutError:
        return warn("API key", "the exchange did not answer in time", "Try again.")
    except VenueError as error:
        return _refused_key(error)
    try:
        async with asyncio.timeout(LIMIT_S):
            info = await rest.account.api_key_info()
    except (TimeoutError, VenueError):
        info = None
    return _scope(account, info, real=not settings.is_local)


def _refused_key(error: VenueError) -> Check:
    if error.kind in (ErrorKind.AUTHENTICATION, ErrorKind.PERMISSION, ErrorKind.CLOCK, ErrorKind.BAD_PARAMETER):
        return fail("API key", error.message, error.remedy or "Check the key and the secret, and copy both again.")
    return warn("API key", f"it could not be checked: {error.message}", error.remedy or "Try again.")


def _scope(account: AccountInfo, info: KeyInfo | None, *, real: bool) -> Check:
    may = [name for name, allowed in (("read", True), ("trade", account.can_trade)) if allowed]
    detail = f"valid, may {' and '.join(may)}"
    if info is None:
        return ok("API key", detail)
    if info.permissions:
        detail += f"; scope {', '.join(info.permissions)}"
    detail += "; does not expire" if info.days_left is None else f"; {info.days_left} days left"
    detail += f"; {len(info.ip_white_list)} addresses allowed" if info.ip_white_list else "; any address"
    if real and any("WITHDRAW" in permission.upper() for permission in info.permissions):
        return warn("API key", detail, "It may withdraw, which this program never needs: use a key that may not.")
    if real and not info.ip_white_list:
        return warn("API key", detail, "Bind it to your addresses at MEXC, so that it is worthless to a thief.")
    if info.days_left is not None and info.days_left < DAYS_LEFT:
        return warn("API key", detail, "It expires soon: make a new one, and bind it to your addresses.")
    if account.can_trade is False:
        return warn("API key", detail, "It cannot trade; make one with the spot trading permission for orders.")
    return ok("API key", detail)
