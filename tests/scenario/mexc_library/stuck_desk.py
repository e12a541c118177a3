"""A desk that stands still for ever in the middle of placing an order; run by test_through_desk.py.

The argument says where: ``before`` the order reaches the exchange or ``after``. It says ``stuck`` in the file that the
second argument names.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from mexc_tui.cli.main import main
from mexc_tui.venues.mexc.rest.trading_calls import TradingCalls

WHERE, MARK = sys.argv[1], Path(sys.argv[2])
place = TradingCalls.place_order


def mark() -> None:
    MARK.write_text("stuck")


async def stuck(self: TradingCalls, *args: Any, **kwargs: Any) -> Any:
    if WHERE == "after":
        await place(self, *args, **kwargs)
    mark()
    await asyncio.Event().wait()


TradingCalls.place_order = stuck  # type: ignore[method-assign]
sys.exit(main(["desk", "run", "--armed"]))
