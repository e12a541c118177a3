"""What may go out: parameters that cannot be right are refused before anything is signed or sent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.domain.ids import MAX_LENGTH
from mexc_tui.domain.orders import OrderRequest, OrderType, Side

_CLIENT_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}")
_SYMBOL = re.compile(r"[^\s\x00-\x1f\x7f,&=?#/%\ud800-\udfff]{2,60}")
_UPPER = re.compile(r"[^a-z]+")
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MOST_DIGITS = 30
_MOST_ADDRESSES = 20


def refused(why: str) -> VenueError:
    """Return the error for something that is not sent because it cannot be right."""
    return VenueError(
        f"Not sent: {why}.",
        kind=ErrorKind.BAD_PARAMETER,
        remedy="Correct it and try again.",
        sent=False,
        definite=True,
    )


def check_params(params: Sequence[tuple[str, str]]) -> None:
    """Refuse names of pairs that no pair can have, and characters that no parameter can have."""
    for name, value in params:
        if not (value.isascii() and value.isprintable()) and _UNSENDABLE.search(value) is not None:
            raise refused(f"the {name} holds a character that cannot be sent")
        if name == "symbol" or name == "symbols":
            for symbol in value.split(","):
                if not _is_symbol(symbol):
                    raise refused("the pair's name is not one that MEXC could list")


def check_symbol(symbol: str) -> None:
    """Refuse a name that is not one pair's, in capitals, as orders name it."""
    if not _is_symbol(symbol) or _UPPER.fullmatch(symbol) is None:
        raise refused("the pair's name is not one that MEXC could list")


def check_span(start_ms: int | None, end_ms: int | None, longest_ms: int | None = None) -> None:
    """Refuse a time span that ends before it starts, or that is longer than the exchange gives."""
    if start_ms is None or end_ms is None:
        return
    if start_ms < 0 or end_ms < start_ms:
        raise refused("the time span ends before it starts")
    if longest_ms is not None and end_ms - start_ms > longest_ms:
        hours = longest_ms / 3_600_000
        raise refused(f"MEXC gives at most {f'{hours / 24:.0f} days' if hours > 24 else f'{hours:.0f} h'} at a time")


def check_addresses(addresses: Sequence[str]) -> None:
    """Refuse a list of allowed addresses that MEXC could not take."""
    if len(addresses) > _MOST_ADDRESSES:
        raise refused(f"a key has at most {_MOST_ADDRESSES} addresses")
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise refused(f"{address[:50]!r} is not an address") from None


def check_order(request: OrderRequest) -> None:
    """Refuse an order that is not complete and unambiguous before anything is built of it."""
    check_symbol(request.symbol)
    if request.client_order_id and _CLIENT_ID.fullmatch(request.client_order_id) is None:
        raise refused(f"a client order id has 1 to {MAX_LENGTH} letters, digits, '-' or '_'")
    for name, value in (("quantity", request.qty), ("amount", request.quote_qty), ("price", request.price)):
        if value is not None and not _sensible(value):
            raise refused(f"the {name} must be a number above zero with at most {_MOST_DIGITS} digits on either side")
    if request.type is OrderType.MARKET:
        if request.price is not None:
            raise refused("a market order has no price")
        if (request.qty is None) == (request.quote_qty is None):
            raise refused("a market order has either a quantity or an amount")
        if request.quote_qty is not None and request.side is Side.SELL:
            raise refused("a market sell is sized by its quantity")
    elif request.qty is None or request.price is None or request.quote_qty is not None:
        raise refused(f"a {request.type.value} order has a quantity and a price")


@lru_cache(maxsize=4_096)
def _is_symbol(text: str) -> bool:
    return _SYMBOL.fullmatch(text) is not None


def _sensible(value: object) -> bool:
    if not isinstance(value, Decimal) or not value.is_finite() or value <= 0:
        return False
    return -_MOST_DIGITS <= value.adjusted() < _MOST_DIGITS
