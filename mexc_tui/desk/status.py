"""How a desk is doing, put together for whoever asks."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from msgspec.structs import replace

from mexc_tui.desk.protocol import ClientInfo, DeskInfo, DeskStatus
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import TOPIC_LINK, TOPIC_ORDERS, TOPIC_RISK, LinkView, OrdersView, RiskView
from mexc_tui.engine.engine import Engine

VIEWS_LIMIT_S = 1.0
"""How long the views that a status needs may take where nobody else looks at them."""

_TOPICS = frozenset({TOPIC_RISK, TOPIC_ORDERS, TOPIC_LINK})


async def desk_status(
    engine: Engine, info: DeskInfo, clients: tuple[ClientInfo, ...], published: asyncio.Event
) -> DeskStatus:
    """Return the status; on the engine's loop. ``published`` is set whenever views became newer.

    What is not known in time is left unknown.
    """
    client = engine.client("status")
    client.look(Interest(topics=_TOPICS))
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(VIEWS_LIMIT_S):
                while any(client.view(topic) is None for topic in _TOPICS):
                    published.clear()
                    await published.wait()
        risk, orders, link = client.view(TOPIC_RISK), client.view(TOPIC_ORDERS), client.view(TOPIC_LINK)
        facts = client.facts(0)
    finally:
        client.close()
    found = DeskStatus(
        info=info,
        clients=clients,
        uptime_s=max(0.0, (engine.now().wall_ms - info.started_ms) / 1_000),
        rss_bytes=_resident(),
        open_orders=len(orders.open) if isinstance(orders, OrdersView) else None,
        link=link.state.value if isinstance(link, LinkView) else "",
        last_fact=facts[-1].seq if facts else 0,
    )
    return _with_risk(found, risk) if isinstance(risk, RiskView) else found


def _with_risk(status: DeskStatus, risk: RiskView) -> DeskStatus:
    return replace(
        status,
        state=risk.state,
        reason=risk.reason,
        armed=risk.armed,
        ready=risk.ready,
        ready_reason=risk.ready_reason,
        unknown=risk.unknown,
        in_flight=risk.in_flight,
    )


def _resident() -> int | None:
    """Return the resident memory of this process; None where the system does not tell it as a file."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
