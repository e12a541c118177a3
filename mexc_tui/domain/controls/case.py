"""A draft beside the state it is judged in, and the words in which a control says no."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from mexc_tui.domain.capping import capped
from mexc_tui.domain.commands import Draft
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.limits import Violation
from mexc_tui.domain.numbers import ONE, ZERO, ceil_to, divide, exact, floor_to, plain, round_to, unscaled
from mexc_tui.domain.orders import Order, OrderType, Side
from mexc_tui.domain.overrides import effective
from mexc_tui.domain.views import BookView, GateInputs
from mexc_tui.domain.walk import Liquidity, Taken

_TWO = Decimal(2)
_TAKES_ONLY = frozenset({OrderType.MARKET, OrderType.IOC, OrderType.FOK})


class MissingInputError(Exception):
    """Something a control needs is not known; the text names it."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The book that was on the screen when the key was pressed."""

    version: int
    age_ms: int
    bid: Decimal | None = None
    ask: Decimal | None = None


class Size(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One size of the order and what it comes to."""

    qty: Decimal
    notional: Decimal
    taken: Taken


class Case:
    """A draft beside the state it is judged in, with what several controls share worked out once."""

    def __init__(self, asked: Draft, inputs: GateInputs, seen: Seen | None) -> None:
        self.asked = asked
        draft = self.draft = capped(asked, inputs)
        """What would go out."""
        self.inputs = inputs
        self.limits = effective(inputs.limits, asked)
        self.seen = seen
        self.buying = draft.side is Side.BUY
        self.is_market = draft.type is OrderType.MARKET
        self.price = None if self.is_market else draft.price
        self.bid, self.ask = touches(inputs.book)
        self.reference = reference_price(inputs)
        self.cash = frozenset({inputs.currency, *inputs.limits.cash})
        out = self.quote in self.cash or inputs.flattening
        self.reduces = not self.buying and inputs.base_free is not None and out
        """A sell of what is held, into cash or to flatten; more than is held is for SIDE_SANITY and FREE_BALANCE."""
        self._liquidity: Liquidity | None = None

    @property
    def instrument(self) -> Instrument:
        """The pair's trading rules."""
        if self.inputs.instrument is None:
            raise MissingInputError("the pair's trading rules")
        return self.inputs.instrument

    @property
    def base(self) -> str:
        """The base asset, or the symbol where the pair is not known."""
        return self.inputs.instrument.base if self.inputs.instrument else self.draft.symbol

    @property
    def quote(self) -> str:
        """The quote asset, or nothing where the pair is not known."""
        return self.inputs.instrument.quote if self.inputs.instrument else ""

    @property
    def far_touch(self) -> Decimal | None:
        """The best price the order would meet."""
        return self.ask if self.buying else self.bid

    @property
    def near_touch(self) -> Decimal | None:
        """The best price on the order's own side."""
        return self.bid if self.buying else self.ask

    @property
    def crosses(self) -> bool:
        """Whether some of the order would take at once."""
        if self.is_market:
            return True
        if self.price is None or self.far_touch is None:
            return False
        return self.price >= self.far_touch if self.buying else self.price <= self.far_touch

    def liquidity(self) -> Liquidity:
        """Return what stands on the other side, down to the limit price."""
        if self._liquidity is None:
            if self.inputs.book is None:
                raise MissingInputError("the order book")
            if not self.is_market and self.price is None:
                raise MissingInputError("a price")
            self._liquidity = Liquidity.against(self.inputs.book, self.draft.side, self.price)
        return self._liquidity

    def size(self, qty: Decimal) -> Size:
        """Return what ``qty`` of base comes to."""
        if self.inputs.flattening and self.inputs.book is None and self.price is not None:
            nothing = Taken(qty=ZERO, quote=ZERO, worst=None, complete=False)
            return Size(qty=qty, notional=qty * self.price, taken=nothing)
        taken = self.liquidity().take(qty)
        if self.price is not None:
            return Size(qty=qty, notional=qty * self.price, taken=taken)
        beyond = ZERO if taken.complete or taken.worst is None else (qty - taken.qty) * taken.worst
        notional = taken.quote + beyond
        if self.buying and self.far_touch is not None:
            # The exchange takes the order at its own protective price and wants all of that free.
            protective = ceil_to(
                self.far_touch * (ONE + self.instrument.market_reserve), self.instrument.price_decimals
            )
            notional = max(notional, qty * protective)
        return Size(qty=qty, notional=notional, taken=taken)

    def drafted(self) -> Size | None:
        """Return the size on the ticket; None where none is given or it cannot be worked out."""
        draft = self.draft
        if draft.qty is not None:
            return self.size(draft.qty) if draft.qty > 0 else None
        if draft.quote_qty is None or draft.quote_qty <= 0 or not (self.is_market and self.buying):
            return None
        taken = self.liquidity().spend(draft.quote_qty)
        return Size(qty=taken.qty, notional=draft.quote_qty, taken=taken)

    def fee(self, size: Size) -> Decimal:
        """Return the expected fee in quote: the taker rate on what takes, the maker rate on what rests."""
        resting = ZERO
        if self.draft.type not in _TAKES_ONLY:
            resting = max(ZERO, size.notional - size.taken.qty * (self.price or ZERO))
        elif self.is_market and not size.taken.complete:
            return size.notional * self.instrument.taker_fee
        return size.taken.quote * self.instrument.taker_fee + resting * self.instrument.maker_fee

    def value(self, size: Size) -> Decimal:
        """Return what a size is worth in the account's currency."""
        price = self.inputs.quote_price
        if price is None:
            raise MissingInputError(f"what {self.quote or 'the quote asset'} is worth in {self.inputs.currency}")
        return size.notional * price

    @property
    def brings(self) -> str:
        """The asset that the order brings if it fills."""
        return self.base if self.buying else self.quote

    def exposure(self) -> Decimal:
        """Return the value of the asset that the order brings, if everything that works fills."""
        exposure = self.inputs.base_exposure if self.buying else self.inputs.quote_exposure
        if exposure is None:
            raise MissingInputError(f"what your holdings and working orders of {self.brings} are worth")
        return exposure


def touches(book: BookView | None) -> tuple[Decimal | None, Decimal | None]:
    """Return best bid and best ask."""
    if book is None:
        return None, None
    bid = unscaled(book.bids[0][0], book.price_decimals) if book.bids else None
    ask = unscaled(book.asks[0][0], book.price_decimals) if book.asks else None
    return bid, ask


def reference_price(inputs: GateInputs) -> Decimal | None:
    """Return the mid price of the book, else the last price, else None."""
    bid, ask = touches(inputs.book)
    if bid is None or ask is None:
        return inputs.last
    with exact():
        return (bid + ask) / _TWO


def money(value: Decimal, *, up: bool = False) -> str:
    """Return an amount for a sentence: thousands separated, two decimals, more where it is below one."""
    if ZERO < abs(value) < ONE:
        small = ceil_to(value, 8) if up else floor_to(value, 8)
        return plain(small)
    return f"{ceil_to(value, 2) if up else floor_to(value, 2):,f}"


def grouped(value: Decimal) -> str:
    """Return an exact quantity or price for a sentence, thousands separated."""
    whole, _, rest = plain(value).partition(".")
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def counted(number: int, what: str) -> str:
    """Return a count of things: ``1 order``, ``2 orders``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def percent(fraction: Decimal) -> str:
    """Return a fraction as percent."""
    return f"{plain(round_to(fraction * 100, 3))} %"


def fault(code: str, message: str, limit: Decimal | int | str = "", actual: Decimal | int | str = "") -> Violation:
    """Return a violation with its numbers as text."""
    return Violation(code=code, message=message, limit=_text(limit), actual=_text(actual))


def _text(value: Decimal | int | str) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def fingerprint(symbol: str, side: Side, price: Decimal | None, qty: Decimal | None) -> str:
    """Return what makes two orders look the same: symbol, side, price (none: market) and size."""
    at = "market" if price is None else plain(price)
    return f"{symbol}|{side.value}|{at}|{'' if qty is None else plain(qty)}"


def mark_of(order: Draft | Order) -> str:
    """Return the fingerprint of an order; of a market order by what was asked for, whatever its cap."""
    at_market = order.type is OrderType.MARKET or (isinstance(order, Order) and order.capped)
    size = order.qty if order.quote_qty is None else order.quote_qty
    return fingerprint(order.symbol, order.side, None if at_market else order.price, size)


def through_touch(code: str, case: Case, price: Decimal, touch: Decimal, name: str) -> Violation | None:
    """Refuse a price that goes further through ``touch`` than the collar allows."""
    fraction = case.limits.flatten_collar if case.inputs.flattening else case.limits.collar_far
    bound = touch * (ONE + fraction) if case.buying else touch * (ONE - fraction)
    if (price <= bound) if case.buying else (price >= bound):
        return None
    word = "above" if case.buying else "below"
    away = divide(abs(price - touch), touch, 8)
    return fault(
        code,
        f"The price {grouped(price)} is {percent(away)} {word} the {name} {grouped(touch)};"
        f" at most {percent(fraction)} is allowed.",
        bound,
        price,
    )
