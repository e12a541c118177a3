"""``mexc-tui exchange --mirror``: paper orders on MEXC's public market, matched in this process."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from mexc_tui.cli.exchange import build_server, lock_state, open_state, serve, wall_ms
from mexc_tui.cli.io.exits import UNREACHABLE, USAGE, ExitError

if TYPE_CHECKING:
    from mexc_tui.config.settings import PaperSettings, VenueSettings
    from mexc_tui.venues.simulator.paper.exchange import PaperExchange
    from mexc_tui.venues.simulator.server import FaultPlan


async def serve_mirror(arguments: argparse.Namespace, seed: int, plan: FaultPlan) -> int:
    """Reach the exchange to mirror, bring the paper account back, and serve until told to end.

    Raises:
        ExitError: code 3, it cannot be reached; code 2, settings or state file cannot be used.
    """
    from mexc_tui.desk.paper.mirror import Delays, Mirror
    from mexc_tui.desk.paper.upstream import Door
    from mexc_tui.domain.errors import VenueError
    from mexc_tui.venues.mexc.settings import MexcSettings
    from mexc_tui.venues.mexc.stream.channels import Speed
    from mexc_tui.venues.mexc.venue import StreamSettings
    from mexc_tui.venues.simulator.paper.exchange import PaperExchange

    venue, paper = read_paper_settings()
    lock = lock_state(arguments.state)
    delays = Delays(seed, paper.delay_ms if arguments.delay_ms is None else arguments.delay_ms)
    exchange = PaperExchange(
        start_ms=wall_ms(),
        seed=seed,
        delay_ms=delays.draw,
        maker_fee=paper.maker_fee,
        taker_fee=paper.taker_fee,
    )
    streams = StreamSettings(depth_speed=Speed(venue.depth_speed))
    mirror = Mirror(MexcSettings(base_url=venue.base_url, ws_url=venue.ws_url), exchange, delays, streams=streams)
    try:
        await mirror.open()
    except VenueError as error:
        raise ExitError(unreachable(venue.base_url, error.message), UNREACHABLE) from None
    try:
        state = open_state(arguments.state, exchange)
        server = build_server(arguments, exchange, plan, state, upstream=Door(mirror, exchange))
        return await serve(arguments, server, state, exchange, mirror.run(), notices(exchange))
    finally:
        await mirror.close()
        if lock is not None:
            lock.release()


def read_paper_settings() -> tuple[VenueSettings, PaperSettings]:
    """Return which exchange is mirrored and how, from environment and config file.

    Raises:
        ExitError: they say something that cannot be used.
    """
    from mexc_tui.config.environment import venue_settings
    from mexc_tui.config.errors import ConfigError
    from mexc_tui.config.loading import load
    from mexc_tui.config.paths import config_file

    try:
        file = load(config_file())
        for name in ("maker_fee", "taker_fee"):
            fee = getattr(file.settings.paper, name)
            if fee is not None and not 0 <= fee < 1:
                raise file.refuse(("paper", name), f"a fee is a fraction from 0 to below 1, not {fee}")
        return venue_settings(file.settings.venue, os.environ), file.settings.paper
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


def unreachable(base_url: str, why: str) -> str:
    """Return the sentence for an exchange that does not answer."""
    why = why.removeprefix("MEXC could not be reached for the ping: ").rstrip(".")
    return f"{base_url} cannot be reached: {why}. Nothing was sent."


def notices(exchange: PaperExchange) -> tuple[str, ...]:
    """Return what somebody should know who comes back to a paper account."""
    count = sum(len(exchange.open_orders(account)) for account in exchange.accounts.free)
    if not count:
        return ()
    those = "1 paper order stands again" if count == 1 else f"{count} paper orders stand again"
    return (
        f"{those}, last in the queue at their price: what traded while this program was closed has filled nothing. "
        "Cancel what you no longer want.",
    )
