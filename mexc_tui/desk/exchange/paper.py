"""Paper orders on MEXC's public market: mirror, paper account and server together."""

from __future__ import annotations

import os

from mexc_tui.config.environment import venue_settings
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.loading import load
from mexc_tui.config.paths import config_file
from mexc_tui.config.settings import PaperSettings, VenueSettings
from mexc_tui.desk.errors import InvalidRequestError, UnreachableError
from mexc_tui.desk.exchange.mirror import Delays, Mirror
from mexc_tui.desk.exchange.options import ExchangeOptions
from mexc_tui.desk.exchange.serve import Say, build_server, serve, wall_ms
from mexc_tui.desk.exchange.state_file import lock_state, open_state
from mexc_tui.desk.exchange.upstream import MirrorUpstream
from mexc_tui.domain.errors import VenueError
from mexc_tui.venues.mexc.settings import MexcSettings
from mexc_tui.venues.mexc.stream.channels import Speed
from mexc_tui.venues.mexc.venue import StreamSettings
from mexc_tui.venues.simulator.paper.exchange import PaperExchange
from mexc_tui.venues.simulator.server import FaultPlan


async def serve_paper(options: ExchangeOptions, seed: int, plan: FaultPlan, say: Say) -> None:
    """Reach the exchange to mirror, bring the paper account back, and serve until asked to stop.

    Raises:
        RequestError: of the kinds that ``run.run`` names.
    """
    venue, settings = read_paper_settings()
    with lock_state(options.state):
        delays = Delays(seed, settings.delay_ms if options.delay_ms is None else options.delay_ms)
        exchange = PaperExchange(
            start_ms=wall_ms(),
            seed=seed,
            delay_ms=delays.draw,
            maker_fee=settings.maker_fee,
            taker_fee=settings.taker_fee,
        )
        streams = StreamSettings(depth_speed=Speed(venue.depth_speed))
        mirror = Mirror(MexcSettings(base_url=venue.base_url, ws_url=venue.ws_url), exchange, delays, streams=streams)
        try:
            await mirror.open()
        except VenueError as error:
            raise UnreachableError(_unreachable(venue.base_url, error.message)) from None
        try:
            state = open_state(options.state, exchange.core, exchange)
            server = build_server(options, exchange.core, plan, state, upstream=MirrorUpstream(mirror, exchange))
            await serve(options, say, server, state, mirror.run(), notices(exchange))
        finally:
            await mirror.close()


def read_paper_settings() -> tuple[VenueSettings, PaperSettings]:
    """Return which exchange is mirrored and how, from environment and config file.

    Raises:
        InvalidRequestError: they cannot be used.
    """
    try:
        file = load(config_file())
        for name in ("maker_fee", "taker_fee"):
            fee = getattr(file.settings.paper, name)
            if fee is not None and not 0 <= fee < 1:
                raise file.refuse(("paper", name), f"a fee is a fraction from 0 to below 1, not {fee}")
        return venue_settings(file.settings.venue, os.environ), file.settings.paper
    except ConfigError as error:
        raise InvalidRequestError(str(error)) from None


def notices(exchange: PaperExchange) -> tuple[str, ...]:
    """Return what a user should know who comes back to a paper account."""
    count = len([order for order in exchange.core.ledger.all_orders() if order.open])
    if not count:
        return ()
    those = "1 paper order stands again" if count == 1 else f"{count} paper orders stand again"
    return (
        f"{those}, last in the queue at their price: what traded while this program was closed has filled nothing. "
        "Cancel what you no longer want.",
    )


def _unreachable(base_url: str, why: str) -> str:
    why = why.removeprefix("MEXC could not be reached for the ping: ").rstrip(".")
    return f"{base_url} cannot be reached: {why}. Nothing was sent."
