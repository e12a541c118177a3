"""A desk whose every question about orders fails from its first order (or cancel) on; run by test_unknown_outcome.py.

Arguments: the name of the client's call that begins it (``place_order`` or ``cancel_order``). The call itself is
carried out; its answer is lost as well.
"""

from __future__ import annotations

import sys
from typing import Any

from mexc_tui.cli.main import main
from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.account_calls import AccountCalls
from mexc_tui.venues.mexc.rest.trading_calls import TradingCalls

BEGINS = sys.argv[1]
QUESTIONS = ("order", "open_orders", "my_trades")
begun: list[str] = []


def losing(name: str, call: Any) -> Any:
    async def lost(self: TradingCalls | AccountCalls, *args: Any, **kwargs: Any) -> Any:
        if name == BEGINS:
            begun.append(name)
            await call(self, *args, **kwargs)
            raise VenueError("The outcome is unknown.", kind=ErrorKind.OUTCOME_UNKNOWN, remedy="Look.")
        if not begun:
            return await call(self, *args, **kwargs)
        raise VenueError("The line is dead.", kind=ErrorKind.NETWORK, remedy="")

    return lost


for name in (BEGINS, *QUESTIONS):
    setattr(TradingCalls, name, losing(name, getattr(TradingCalls, name)))
AccountCalls.balances = losing("balances", AccountCalls.balances)  # type: ignore[method-assign]
sys.exit(main(["desk", "run", "--armed"]))
