"""The engine: a thread with its own loop in which venue, kernel and journal live, out of the screen's reach."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from mexc_tui.config.errors import ConfigError
from mexc_tui.domain.client import Given, Role
from mexc_tui.domain.commands import Command
from mexc_tui.domain.errors import ExchangeFailedError, VenueError
from mexc_tui.domain.facts import Fact
from mexc_tui.domain.inputs import (
    BalanceReported,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    OrderReported,
    PlaceAccepted,
    PlaceRejected,
    PlaceUnknown,
    Tick,
    TickersSeen,
    Timestamp,
    VenueNotice,
)
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.owners import SCRIPT
from mexc_tui.domain.views import View
from mexc_tui.engine.clock import system_now
from mexc_tui.engine.effects import EffectRunner, Probe
from mexc_tui.engine.hub import ViewHub
from mexc_tui.engine.supervisor import attempt, guarded, run_to_end
from mexc_tui.kernel.effects import Effect
from mexc_tui.kernel.ports import JournalPort, Venue, VenueInfo
from mexc_tui.kernel.records import Resumed

TICK_S = 0.25
PUBLISH_S = 0.05
PAIRS_AGAIN_S = 300.0
TICKERS_AGAIN_S = 60.0
RETRY_S = 2.0
IN_FLIGHT_LIMIT_S = 3.0
CLOSE_LIMIT_S = 2.0

PROMPT = (
    Given,
    OrderReported,
    FillReported,
    BalanceReported,
    PlaceAccepted,
    PlaceRejected,
    PlaceUnknown,
    InstrumentsLoaded,
    InterestChanged,
)
"""What somebody waits for: views are published right after it, not on the next beat."""

_log = logging.getLogger(__name__)


class DeskPort(Protocol):
    """The kernel as the engine drives it."""

    def start(self, at: Timestamp) -> Sequence[Effect]:
        """Begin recovery."""

    def handle(self, item: Input | Given, at: Timestamp) -> Sequence[Effect]:
        """Take one input, or one command with who gave it."""

    def views(self, at: Timestamp, topics: frozenset[str]) -> Mapping[str, View]:
        """Build the views of the topics that changed."""


class Parts(Protocol):
    """Makes what the engine runs; called on the engine's thread, in this order."""

    def venue(self) -> Venue:
        """Make the venue, not yet open."""

    async def journal(self, venue: Venue) -> JournalPort:
        """Find out which account it is, then open its journal; OSError if it cannot be."""

    def desk(self, info: VenueInfo, resumed: Resumed) -> DeskPort:
        """Make the kernel from what the journal holds."""


class Engine:
    """Runs a desk until ``stop`` or a failure. Orders outlive it: they stay at the exchange and in the journal."""

    def __init__(
        self,
        parts: Parts,
        *,
        beside: Callable[[Engine], Awaitable[None]] | None = None,
        now: Callable[[], Timestamp] = system_now,
        probe: Probe | None = None,
    ) -> None:
        """``beside`` runs on the engine's loop from when the venue is open, and is cancelled at the end.

        An OSError or ConfigError out of it ends the engine with that reason.
        """
        self.hub = ViewHub()
        self.now = now
        self.failure: Exception | None = None
        """What ended the engine, once ``settled`` is set and ``running`` is not."""
        self.settled = threading.Event()
        """Set when the venue has opened, or the engine has ended without."""
        self.reading = True
        """Whether the journal is still being identified, upgraded or read, which takes a while for a very long one."""
        self._parts = parts
        self._beside = beside
        self._looked_at = Interest()
        self._probe = probe
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Event | None = None
        self._gate = threading.RLock()
        self._waiting: list[Given] = []
        self._early: list[Input | Given] = []
        self._stopping = False
        self._started = False
        self._publish_due = False
        self._desk: DeskPort | None = None
        self._runner: EffectRunner | None = None
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)

    @property
    def running(self) -> bool:
        """Whether the engine's thread lives."""
        return self._thread.is_alive()

    def client(
        self, name: str, role: Role = Role.TRADE, *, owner: str = SCRIPT, attended: bool = False
    ) -> EngineClient:
        """Attach a client; it looks at nothing until it says what. What its role forbids is not checked here."""
        return EngineClient(self, name, role, owner=owner, attended=attended)

    def start(self) -> None:
        """Start the thread and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the engine to end; returns at once, idempotent, callable from a signal handler."""
        self._stopping = True
        self._wake(self._note_stop)

    def fail(self, failure: Exception) -> None:
        """End the engine for a reason that lies outside it; from any thread."""
        self.failure = self.failure or failure
        self.stop()

    def notify(self, message: str) -> None:
        """Tell the user something that was learnt outside the engine; from any thread."""
        self._wake(lambda: self._handle(VenueNotice(message)))

    def join(self, limit_s: float) -> bool:
        """Wait for the end; whether it came in time."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def submit(
        self,
        command: Command,
        client: str = "desk",
        role: Role = Role.TRADE,
        *,
        owner: str = SCRIPT,
        attended: bool = False,
    ) -> None:
        """Hand a command over from any thread or signal handler: kept before the start, dropped after the end."""
        given = Given(command=command, client=client, role=role, owner=owner, attended=attended)
        if self._probe is not None:
            self._probe("submit", command.command_id, self.now().mono_ns)
        with self._gate:
            loop = self._loop
            if loop is None:
                self._waiting.append(given)
                return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._handle, given)

    def follow_interest(self) -> None:
        """Follow what the clients look at now; from any thread."""
        self._wake(self._follow_interest)

    def _follow_interest(self) -> None:
        interest = self.hub.interest()
        if self._started and interest != self._looked_at:
            self._looked_at = interest
            self._handle(InterestChanged(interest))

    def _wake(self, call: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call)

    def _note_stop(self) -> None:
        if self._stop_asked is not None:
            self._stop_asked.set()

    def _live(self) -> None:
        failure = run_to_end(self._main)
        if failure is not None and self.failure is None:
            self.failure = failure
        self.hub.death = death_notice(self.failure)
        self.settled.set()

    async def _main(self) -> None:
        self._stop_asked = asyncio.Event()
        with self._gate:
            self._loop = asyncio.get_running_loop()
            self._early.extend(self._waiting)
            self._waiting.clear()
        if self._stopping:
            return
        life = asyncio.create_task(self._live_on(self._parts.venue()))
        stop = asyncio.create_task(self._stop_asked.wait())
        await asyncio.wait((life, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not life.done():
            life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await life

    async def _live_on(self, venue: Venue) -> None:
        """Identify the account, hold its journal, and serve until the end."""
        try:
            journal = await self._parts.journal(venue)
        except BaseException:
            await attempt("closing the venue", venue.close(), CLOSE_LIMIT_S)
            raise
        try:
            await self._serve(venue, journal)
        finally:
            await journal.close()

    async def _serve(self, venue: Venue, journal: JournalPort) -> None:
        resumed = await journal.resume()
        self.reading = False
        desk = self._parts.desk(venue.info, resumed)
        runner = EffectRunner(venue, journal, self._handle, self.hub.append, self.now, self._probe)
        try:
            await venue.open(self._handle)
            self._desk, self._runner = desk, runner
            self._run_step(lambda: runner.run(desk.start(self.now())))
            self._started = True
            self._follow_interest()
            early, self._early = self._early, []
            for item in early:
                self._handle(item)
            self.settled.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._repeat(TICK_S, lambda: self._handle(Tick())))
                group.create_task(self._repeat(PUBLISH_S, self._publish))
                group.create_task(self._load_pairs(venue))
                group.create_task(self._load_tickers(venue))
                if self._beside is not None:
                    group.create_task(self._run_beside(self._beside))
        finally:
            await runner.finish(IN_FLIGHT_LIMIT_S)
            await attempt("closing the venue", venue.close(), CLOSE_LIMIT_S)

    def _handle(self, item: Input | Given) -> None:
        """Pass one input through the kernel, at once; the venue's streams call this."""
        desk, runner = self._desk, self._runner
        if not self._started or desk is None or runner is None:
            self._early.append(item)
            return
        if self.failure is None:
            self._run_step(lambda: runner.run(desk.handle(item, self.now())))
            if isinstance(item, PROMPT) and not self._publish_due:
                self._publish_due = True
                asyncio.get_running_loop().call_soon(self._publish)

    def _run_step(self, step: Callable[[], None]) -> None:
        """Run a step; a kernel that has failed once is not trusted again: the engine ends, orders stay as they are."""
        error = guarded(step)
        if error is not None:
            self.failure = error
            self._note_stop()

    def _publish(self) -> None:
        self._publish_due = False
        desk = self._desk
        if desk is not None and self.failure is None:
            at = self.now()
            self._run_step(lambda: self.hub.publish(desk.views(at, self.hub.looked_at())))

    async def _run_beside(self, beside: Callable[[Engine], Awaitable[None]]) -> None:
        try:
            await beside(self)
        except (OSError, ConfigError) as error:
            _log.warning("what ran beside the desk ended: %s", error)
            self.fail(error)

    async def _repeat(self, period_s: float, step: Callable[[], None]) -> None:
        while True:
            step()
            await asyncio.sleep(period_s)

    async def _load_pairs(self, venue: Venue) -> None:
        """Keep the list of pairs fresh."""
        while True:
            pairs, api_symbols = await asyncio.gather(
                attempt("reading the pairs", venue.instruments()),
                attempt("reading the pairs open to keys", venue.api_symbols()),
            )
            if not isinstance(pairs, VenueError):
                known = None if isinstance(api_symbols, VenueError) else api_symbols
                self._handle(InstrumentsLoaded(pairs, known))
            failed = [part for part in (pairs, api_symbols) if isinstance(part, VenueError)]
            for error in failed:
                _log.warning("%s", error.message)
            await asyncio.sleep(RETRY_S if failed else PAIRS_AGAIN_S)

    async def _load_tickers(self, venue: Venue) -> None:
        """Keep the 24-hour figures of all pairs fresh; streams bring only some of them."""
        while True:
            tickers = await attempt("reading 24-hour figures", venue.tickers())
            if isinstance(tickers, VenueError):
                await asyncio.sleep(RETRY_S)
            else:
                self._handle(TickersSeen(tickers, self.now().mono_ns))
                await asyncio.sleep(TICKERS_AGAIN_S)


def death_notice(failure: Exception | None) -> str:
    """Return the sentence that a screen shows when the engine has ended."""
    if failure is None:
        return "The engine has ended. Orders that were working stay at the exchange."
    if isinstance(failure, VenueError):
        return f"{failure.message} {failure.remedy}".strip()
    if isinstance(failure, OSError | ConfigError | ExchangeFailedError):
        return str(failure)
    return (
        f"The engine stopped on an internal error ({type(failure).__name__}). Nothing more is sent; orders that were "
        "working stay at the exchange and are found again at the next start. The log has the details."
    )


class EngineClient:
    """``DeskClient`` for a user of the engine in the same process; made by ``Engine.client``."""

    def __init__(self, engine: Engine, name: str, role: Role, *, owner: str, attended: bool) -> None:
        self.name = name
        self.role = role
        self.owner = owner
        self._attended = attended
        self._engine = engine
        self._hub = engine.hub
        self._number = self._hub.join()

    def submit(self, command: Command) -> None:
        """Hand a command to the engine; returns at once."""
        self._engine.submit(command, self.name, self.role, owner=self.owner, attended=self._attended)

    def look(self, interest: Interest) -> None:
        """Replace everything this client looks at; without effect once closed."""
        self._hub.look(self._number, interest)
        self._engine.follow_interest()

    def view(self, topic: str) -> View | None:
        """Return the latest view of a topic."""
        return self._hub.view(topic)

    def facts(self, after: int) -> tuple[Fact, ...]:
        """Return the facts with a ``seq`` above ``after``, in order."""
        return self._hub.facts(after)

    def now(self) -> Timestamp:
        """Return the time by the engine's clock."""
        return self._engine.now()

    def died(self) -> str:
        """Return why the engine has stopped; empty while it runs."""
        return self._hub.death

    def close(self) -> None:
        """Drop this client's interest; idempotent."""
        self._hub.leave(self._number)
        self._engine.follow_interest()
