"""Numbers and words that stand for something: on the streams (protobuf) and in REST's JSON."""

from __future__ import annotations

from typing import Final

from mexc_tui.domain.instrument import InstrumentStatus, TradeSides
from mexc_tui.domain.orders import OrderState, OrderType, Side

SIDES: Final = {1: Side.BUY, 2: Side.SELL}
"""``tradeType`` of the streams."""
SIDE_NUMBERS: Final = {side: number for number, side in SIDES.items()}

ORDER_TYPES: Final = {
    1: OrderType.LIMIT,
    2: OrderType.POST_ONLY,
    3: OrderType.IOC,
    4: OrderType.FOK,
    5: OrderType.MARKET,
}
"""``orderType`` of the streams; REST names types by their values."""
ORDER_TYPE_NUMBERS: Final[dict[str, int]] = {kind.value: number for number, kind in ORDER_TYPES.items()}

STATUSES: Final = {
    1: "NEW",
    2: "FILLED",
    3: "PARTIALLY_FILLED",
    4: "CANCELED",
    5: "PARTIALLY_CANCELED",
}
"""``status`` of an order: the number of the streams, the word of REST."""
STATUS_NUMBERS: Final = {status: number for number, status in STATUSES.items()}
ORDER_STATES: Final = {
    "NEW": OrderState.WORKING,
    "PARTIALLY_FILLED": OrderState.PARTIAL,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "PARTIALLY_CANCELED": OrderState.PARTIALLY_CANCELLED,
}
"""What a ``status`` means."""

PAIR_STATUSES: Final = {
    "1": InstrumentStatus.ONLINE,
    "2": InstrumentStatus.PAUSED,
    "3": InstrumentStatus.OFFLINE,
}
"""``status`` of a pair in exchangeInfo."""
TRADE_SIDES: Final = {1: TradeSides.BOTH, 2: TradeSides.BUY_ONLY, 3: TradeSides.SELL_ONLY, 4: TradeSides.CLOSED}
"""``tradeSideType`` of a pair in exchangeInfo."""
