"""One request from budget to parsed answer: guard, breaker, budget, signature, socket, verdict, repeat."""

from __future__ import annotations

import asyncio
import random
import statistics
import zlib
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.clock import Clock
from mexc_tui.venues.mexc.resolving import Resolver
from mexc_tui.venues.mexc.rest import endpoints as ep
from mexc_tui.venues.mexc.rest.answers import Answer, Call, held_back, lost, read_answer, shut
from mexc_tui.venues.mexc.rest.breaker import BreakerState, CircuitBreaker
from mexc_tui.venues.mexc.rest.budget import Budget, Cost
from mexc_tui.venues.mexc.rest.endpoints import Endpoint, Repeat
from mexc_tui.venues.mexc.rest.fields import Row
from mexc_tui.venues.mexc.rest.outgoing import check_params
from mexc_tui.venues.mexc.rest.pauses import Pauses
from mexc_tui.venues.mexc.rest.queue import Duty
from mexc_tui.venues.mexc.rest.server_time import RequestTiming, ServerTime
from mexc_tui.venues.mexc.rest.signing import encode, self_test, signed_query
from mexc_tui.venues.mexc.settings import MexcSettings, is_loopback

Params = list[tuple[str, str]]

LONGEST_PAUSE_S = 3 * 86_400.0
"""MEXC's longest ban; a longer pause that an answer asks for is cut to it."""
_SMALL_ANSWER = 1 << 16
_GZIP = 31
_PASSING = (ErrorKind.NETWORK, ErrorKind.SERVER, ErrorKind.UNREADABLE, ErrorKind.OUTCOME_UNKNOWN)
_BROKEN_HOST = (ErrorKind.NETWORK, ErrorKind.SERVER, ErrorKind.UNREADABLE)


def refuse_orders_elsewhere(method: str, url: URL, *, real_orders: bool = False) -> None:
    """Refuse everything that changes an account anywhere but on this machine, unless it is meant to.

    Raises:
        VenueError: REFUSED_HERE, nothing was sent.
    """
    if method == "GET" or real_orders or is_loopback(url) or url.path in ep.UNGUARDED_CHANGES:
        return
    raise VenueError(
        f"Refused here: orders and account changes go only to an exchange on this machine, not to {url.host}. "
        "Nothing was sent.",
        kind=ErrorKind.REFUSED_HERE,
        remedy="Use the embedded exchange; live trading is locked.",
        sent=False,
        definite=True,
    )


class Transport:
    """Sends requests to one host. Not safe across threads; opened and closed on one loop."""

    def __init__(self, settings: MexcSettings, clock: Clock, jitter: Callable[[], float] = random.random) -> None:
        self.settings = settings
        self.clock = clock
        self.breaker = CircuitBreaker(
            clock,
            failures=settings.breaker_failures,
            open_s=settings.breaker_open_s,
            longest_s=settings.breaker_open_max_s,
        )
        self.pauses = Pauses(clock.monotonic, lambda: self.breaker.state is not BreakerState.CLOSED)
        self.budget = Budget(settings, clock, self._wait, self.pauses)
        self.time = ServerTime(clock, settings.clock_refresh_s, self._ask_time)
        self._edge_s = 0.0
        """Length of the latest pause after a block of the firewall; zero since a request has passed it."""
        self.requests = 0
        self.failures = 0
        self.host_failures = 0
        """Failures that are the host's own, not of a request."""
        self.repeats = 0
        self.unreadable_rows = 0
        self._jitter = jitter
        self._base = URL(settings.base_url)
        self._host = (self._base.scheme, self._base.raw_authority)
        self._key_header = {"X-MEXC-APIKEY": settings.api_key}
        self._session: aiohttp.ClientSession | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._latencies: deque[float] = deque(maxlen=200)

    async def open(self) -> None:
        """Make the connection pool; checks first that signatures come out right."""
        if self._session is not None:
            return
        self_test()
        settings = self.settings
        self._session = aiohttp.ClientSession(
            connector=_Pool(limit=settings.max_connections, keepalive_timeout=20.0, resolver=Resolver()),
            timeout=aiohttp.ClientTimeout(total=settings.answer_timeout_s, sock_connect=settings.connect_timeout_s),
            headers={
                "User-Agent": settings.user_agent,
                "Content-Type": "application/json",
                "Accept-Encoding": "gzip",
            },
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # aiohttp would repeat some requests by itself, with an old signature and past the budget; we decide here.
        self._session._retry_connection = False

    async def reach(self) -> None:
        """Ask the simplest question once, without repeating it."""
        await self._attempt(ep.PING, [])

    async def close(self) -> None:
        """Close the connections and give up what waits for its turn; idempotent."""
        session, self._session = self._session, None
        for gate in self._waiting:
            if not gate.done():
                gate.set_exception(shut())
        await self.time.close()
        if session is not None:
            await session.close()

    def held(self) -> tuple[str, float]:
        """Return why requests other than urgent ones do not go out now (empty: they do), and for how many seconds."""
        pauses, breaker = self.pauses, self.breaker
        if pauses.left_s > breaker.wait_s:
            return pauses.reason, pauses.left_s
        if breaker.state is BreakerState.CLOSED:
            return "", 0.0
        return f"{self.settings.host} has failed {breaker.failures} times in a row", breaker.wait_s

    @property
    def median_ms(self) -> float | None:
        """Median round trip of recent answers."""
        return statistics.median(self._latencies) if self._latencies else None

    async def call(self, endpoint: Endpoint, params: Params | None = None) -> Any:
        """Return the parsed answer, repeating the request where that is safe.

        Raises:
            VenueError: with what happened, what it means and what to do.
        """
        if endpoint.call.changes:
            refuse_orders_elsewhere(endpoint.method, self._base, real_orders=self.settings.real_orders)
        if params:
            check_params(params)
        if endpoint.signed and not self.settings.has_keys:
            raise VenueError(
                f"No API key is set, so {endpoint.label} cannot be asked for. Nothing was sent.",
                kind=ErrorKind.AUTHENTICATION,
                remedy="Set an API key and secret.",
                sent=False,
                definite=True,
            )
        attempt, pause = 1, 0.0
        unclear: VenueError | None = None
        while True:
            try:
                if attempt > 1:
                    self.repeats += 1
                    await self._wait(pause)
                return await self._attempt(endpoint, params or [])
            except VenueError as error:
                if unclear is not None and not error.sent:
                    raise unclear from None  # an earlier attempt did leave
                again = self._retry_delay(endpoint, error, attempt)
                if again is None:
                    raise
                pause = again
                if error.kind is ErrorKind.OUTCOME_UNKNOWN:
                    unclear = error
            attempt += 1

    def _retry_delay(self, endpoint: Endpoint, error: VenueError, attempt: int) -> float | None:
        """Seconds before the next attempt; None if there must be none."""
        most = {Repeat.SAFE: self.settings.max_attempts, Repeat.ONCE: 2, Repeat.NEVER: 1}[endpoint.repeat]
        if attempt >= most:
            return None
        if error.kind is ErrorKind.CLOCK:
            return 0.0 if attempt == 1 else None
        if error.kind is ErrorKind.RATE_LIMIT and error.http_status is not None:
            return 0.0  # the budget holds the next attempt back for as long as the exchange said
        if error.kind not in _PASSING or not (error.sent or error.retry_after_s is None):
            return None
        ceiling = min(self.settings.backoff_max_s, self.settings.backoff_base_s * (1 << (attempt - 1)))
        asked_s = error.retry_after_s or 0.0
        return None if asked_s > self.settings.data_max_wait_s else max(asked_s, ceiling * (0.5 + self._jitter() / 2))

    async def _attempt(
        self, endpoint: Endpoint, params: Params, timing: RequestTiming | None = None, cost: Cost | None = None
    ) -> Any:
        call = endpoint.call
        if endpoint.signed:
            if not self.time.trusted:
                await self._set_clock(call)
            elif call.duty is not Duty.PLACE and not call.duty.urgent:
                self.time.renew_when_old()
        if self.breaker.state is not BreakerState.CLOSED:
            await self._admit(call)
        if cost is None:
            cost = endpoint.cost
        try:
            if not self.budget.take_now(cost):
                await self.budget.acquire(cost)
            try:
                data = await read_answer(call, await self._send(endpoint, params, call, timing or RequestTiming()))
            finally:
                self.budget.done()
        except VenueError as error:
            self._learn(error, call.duty)
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        self._passed(call.duty)
        return data

    async def _set_clock(self, call: Call) -> None:
        """Measure the exchange's clock first. What is urgent tries without; an order is not kept for later."""
        in_haste = call.duty is Duty.PLACE or call.duty.urgent
        try:
            async with asyncio.timeout(self.settings.prepare_max_s if in_haste else None):
                await self.time.measure()
        except TimeoutError:
            failure = lost(ep.TIME.call, "no answer came in time", sent=True)
        except VenueError as error:
            failure = error
        else:
            return
        if not call.duty.urgent:
            raise held_back(call, failure)

    async def _wait(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            VenueError: the connection is closed, or was closed meanwhile; nothing was sent.
        """
        if self._session is None:
            raise shut()
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pause = asyncio.ensure_future(self.clock.sleep(seconds))
        self._waiting.add(gate)
        try:
            await asyncio.wait((gate, pause), return_when=asyncio.FIRST_COMPLETED)
            if gate.done():
                gate.result()
        finally:
            self._waiting.discard(gate)
            gate.cancel()
            pause.cancel()

    async def _admit(self, call: Call) -> None:
        """Let a breaker that is not closed decide; an order only goes to a host that has answered."""
        if call.duty.urgent:
            return
        if call.duty is Duty.PLACE:
            if self.breaker.state is BreakerState.HALF_OPEN:
                await self._try_first(call)
            admitted = self.breaker.state is BreakerState.CLOSED
        else:
            admitted = self.breaker.admit()
        if not admitted:
            wait = self.breaker.wait_s
            what = call.label if call.duty is Duty.PLACE else f"the request for {call.label}"
            raise VenueError(
                f"{self.settings.host} has failed {self.breaker.failures} times in a row; {what} was not sent.",
                kind=ErrorKind.NETWORK,
                remedy=f"It is tried again in {wait:.0f} s."
                if wait >= 1
                else "It is being tried again at this moment.",
                sent=False,
                retry_after_s=wait,
            )

    async def _try_first(self, call: Call) -> None:
        """Ping a host that has failed, with the urgency of the order that waits for it."""
        try:
            async with asyncio.timeout(self.settings.prepare_max_s):
                await self._attempt(ep.PING, [], cost=Cost(Duty.PLACE))
        except TimeoutError:
            raise held_back(call, lost(ep.PING.call, "no answer came in time", sent=True)) from None
        except VenueError as error:
            raise held_back(call, error) from None

    def _passed(self, duty: Duty) -> None:
        """Take note that the exchange has dealt with a request."""
        self.breaker.succeeded()
        if not self.pauses.left_s:
            self._edge_s = 0.0
        self.pauses.answered(urgent=duty.urgent)

    def _learn(self, error: VenueError, duty: Duty) -> None:
        """Draw the conclusions of a failure: breaker, pause, clock."""
        if self._session is None or (not error.sent and error.retry_after_s is not None):
            self.breaker.abandoned()  # cut off or held back here: that says nothing of the host
            return
        self.failures += 1
        spoke = error.code is not None and error.http_status is not None and error.http_status < 500
        if error.kind in _BROKEN_HOST or (error.kind is ErrorKind.OUTCOME_UNKNOWN and not spoke):
            self.host_failures += 1
            self.breaker.failed()
            self._refused(duty)
            return
        if error.kind is ErrorKind.RATE_LIMIT:
            banned = error.http_status == 418
            asked_s = error.retry_after_s
            guess = self.settings.ban_cool_down_s if banned else self.settings.limit_cool_down_s
            reason = "MEXC has banned this address" if banned else "MEXC asked to slow down"
            self.breaker.succeeded()
            self.pauses.begin(guess if asked_s is None else asked_s, reason)
            self._refused(duty)
        elif error.kind is ErrorKind.EDGE_BLOCK:
            self.breaker.succeeded()
            self._blocked(error.retry_after_s or 0.0)
            self._refused(duty)
        else:
            self._passed(duty)
            if error.kind is ErrorKind.CLOCK:
                self.time.doubt()

    def _blocked(self, asked_s: float) -> None:
        """Pause after a block of the firewall, longer each time that the pause was of no use."""
        settings = self.settings
        if not self._edge_s:
            self._edge_s = settings.edge_cool_down_s
        elif not self.pauses.left_s:
            self._edge_s = min(settings.edge_cool_down_max_s, self._edge_s * 2)
        self.pauses.begin(max(self._edge_s, asked_s), "the firewall in front of MEXC blocks this address")

    def _refused(self, duty: Duty) -> None:
        if duty.urgent:
            self.pauses.refused()

    def _query(self, endpoint: Endpoint, params: Params) -> str:
        if not endpoint.signed:
            return encode(params)
        return signed_query(
            params,
            secret=self.settings.api_secret,
            recv_window_ms=self.settings.recv_window_ms,
            timestamp_ms=self.time.now_ms(),
        )

    async def _send(self, endpoint: Endpoint, params: Params, call: Call, timing: RequestTiming) -> Answer:
        """Put one request on the wire exactly as it was signed and read the answer."""
        if self._session is None:
            raise shut()
        query = self._query(endpoint, params)
        scheme, authority = self._host
        url = URL.build(scheme=scheme, authority=authority, path=endpoint.path, query_string=query, encoded=True)
        refuse_orders_elsewhere(endpoint.method, url, real_orders=self.settings.real_orders)
        headers = self._key_header if endpoint.signed else None
        sending = _Sending()
        _sending.set(sending)
        timing.wall_ms, timing.mono_s = self.clock.wall_ms(), self.clock.monotonic()
        self.requests += 1
        try:
            async with self._session.request(endpoint.method, url, headers=headers, allow_redirects=False) as response:
                body = await self._read(response, call)
                timing.took_ms = (self.clock.monotonic() - timing.mono_s) * 1_000
                self._latencies.append(timing.took_ms)
                status = response.status
                retry_after = None if status == 200 else self._retry_after(response.headers)
                return Answer(status, response.headers.get("Content-Type", ""), retry_after, body)
        except TimeoutError:
            raise lost(call, "no answer came in time", sent=sending.started) from None
        except (aiohttp.ClientError, OSError) as error:
            raise lost(call, _plain(error), sent=sending.started) from None

    async def _read(self, response: aiohttp.ClientResponse, call: Call) -> bytes:
        """Return the whole answer, unpacked here so that not a byte more than allowed is ever made of it."""
        packing = response.headers.get("Content-Encoding", "")
        length = response.content_length
        if length is not None and length < _SMALL_ANSWER and not packing:
            return await response.read()
        if packing not in ("", "gzip", "identity"):
            raise lost(call, "the answer is packed in a way that was not asked for", sent=True)
        unpacker = zlib.decompressobj(_GZIP) if packing == "gzip" else None
        parts: list[bytes] = []
        left = self.settings.max_answer_bytes
        async for part in response.content.iter_chunked(_SMALL_ANSWER):
            try:
                plain = part if unpacker is None else unpacker.decompress(part, left + 1)
            except zlib.error:
                raise lost(call, "the answer is damaged", sent=True) from None
            left -= len(plain)
            if left < 0:
                raise lost(call, "the answer is absurdly large", sent=True)
            parts.append(plain)
        if unpacker is not None and not unpacker.eof:
            raise lost(call, "the answer broke off", sent=True)
        return b"".join(parts)

    async def _ask_time(self) -> tuple[int, RequestTiming]:
        """Ask ahead of everything that reads: an order may be waiting for it."""
        timing = RequestTiming()
        cost = Cost(Duty.PLACE, patience_s=self.settings.data_max_wait_s)
        return Row(await self._attempt(ep.TIME, [], timing, cost), ep.TIME.label).integer("serverTime"), timing

    def _retry_after(self, headers: CIMultiDictProxy[str]) -> float | None:
        """Return the seconds that an answer asks to wait, given as such or as a date; None where it does not say."""
        text = headers.get("Retry-After", "").strip()
        if text.isascii() and text.replace(".", "", 1).isdigit():
            return min(float(text), LONGEST_PAUSE_S)
        until = _moment(text)
        if until is None:
            return None
        now = _moment(headers.get("Date", ""))
        seconds = until - (self.time.now_ms() / 1_000 if now is None else now)
        return min(max(seconds, 0.0), LONGEST_PAUSE_S)


class _Sending:
    """Whether a request may have left this machine."""

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started = False


_sending: ContextVar[_Sending] = ContextVar("_sending")
"""The request that the current task is sending."""


class _Pool(aiohttp.TCPConnector):
    """Connections that note when a request has got one: from then on bytes may have left."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        connection = await super().connect(*args, **kwargs)
        _sending.get().started = True
        return connection


def _moment(text: str) -> float | None:
    """Return the seconds since 1970 of a date in an HTTP header; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _plain(error: Exception) -> str:
    """Say what went wrong without the address asked for, which may hold a signature."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the host name could not be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "the host could not prove its identity (TLS)"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the connection was refused or could not be made"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return "the connection broke before the answer"
    return f"the exchange of data failed ({type(error).__name__})"
