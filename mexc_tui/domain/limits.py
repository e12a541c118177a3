"""Risk limits, trading states and verdicts."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.numbers import ONE


class TradingState(StrEnum):
    """ACTIVE takes what the limits allow, REDUCING only what reduces, HALTED nothing but cancels and flattening."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Answer(StrEnum):
    """What a failed control does with the order."""

    REJECT = "reject"
    CONFIRM = "confirm"
    """Taken once a person has confirmed it; never asked of an order that reduces."""
    BLOCK = "block"
    """Refused until the condition clears by itself."""
    REDUCE = "reduce"
    """Only what reduces is taken until the condition clears, or a person resumes."""
    HALT = "halt"
    """Nothing is taken until a person resumes."""
    WARN = "warn"
    """Taken, and said."""


_ANSWERS = {
    "UNKNOWN_OUTCOME_LOCK": Answer.BLOCK,
    "PRICE_PATH": Answer.BLOCK,
    "BOOK_FRESH": Answer.BLOCK,
    "BOOK_VALID": Answer.BLOCK,
    "STREAM_RECONCILING": Answer.BLOCK,
    "AUDIT_WRITABLE": Answer.BLOCK,
    "PRIVATE_STREAM_FRESH": Answer.BLOCK,
    "CLOCK_SKEW": Answer.BLOCK,
    "VENUE_HEALTH": Answer.BLOCK,
    "LOSS_LIMIT_DAY": Answer.BLOCK,
    "LOSS_STREAK_COOLDOWN": Answer.BLOCK,
    "MARKET_DATA_REASONABILITY": Answer.BLOCK,
    "TRADING_STATE": Answer.HALT,
    "REPEATED_EXECUTION": Answer.HALT,
    "VOLATILITY_BREAKER": Answer.HALT,
    "REDUCING": Answer.REDUCE,
    "CONFIRM_ORDER_VALUE": Answer.CONFIRM,
    "CONFIRM_SLIPPAGE": Answer.CONFIRM,
    "CONCENTRATION": Answer.CONFIRM,
    "SIZE_VS_USUAL": Answer.CONFIRM,
    "CONFIRM_LISTING": Answer.CONFIRM,
    "CONFIRM_OVERRIDE": Answer.CONFIRM,
    "PARTIAL_FILL": Answer.WARN,
}
CONFIRMABLE = tuple(code for code, answer in _ANSWERS.items() if answer is Answer.CONFIRM)
"""Codes that a person may confirm."""


class OwnerLimits(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An owner's own limits, beside the account's: of both the tighter one holds. None: it has none of its own.

    Zero refuses every order that does not reduce.
    """

    max_order_value: Decimal | None = None
    """Largest value of one order."""
    orders_per_second: int | None = None
    max_open_orders: int | None = None
    max_day_exposure: Decimal | None = None
    """Largest sum of the owner's orders of a UTC day that did not reduce."""
    max_added_value: Decimal | None = None
    """Largest value of what the owner has bought and not sold, as if every buy of its that works had filled."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The limits of the gate. Money in the account's currency, fractions as decimals, times in milliseconds."""

    max_order_value: Decimal = Decimal(2_500)
    """Largest value of one order."""
    max_order_qty: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Largest quantity of one order in base, by symbol; a symbol not named has only the value limit."""
    max_pair_order_value: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """The same by symbol; the tighter of the two holds."""
    confirm_order_value: Decimal = Decimal(2_000)
    """An order worth more than this is asked about first."""
    max_position_value: Decimal = Decimal(10_000)
    """Largest holding of one asset, counted over all pairs as if every working order had filled."""
    max_asset_value: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """The same by asset; the tighter of the two holds."""
    max_gross_exposure: Decimal = Decimal(25_000)
    """The same of all assets together that are not cash."""
    max_day_loss: Decimal = Decimal(1_000)
    """Loss of the UTC day from which only what reduces is taken; zero: no limit."""
    max_drawdown: Decimal = Decimal(1_000)
    """The same for the fall from the day's highest result."""
    max_day_exposure: Decimal = Decimal(0)
    """Largest sum of all orders that were sent on a UTC day and did not reduce; zero: no limit."""
    reducing_cancels: bool = False
    """Whether reaching either also cancels working orders that do not sell a holding into cash."""
    cooldown_losses: int = 10
    """So many losing sales in a row, within an hour, pause new exposure; zero: never."""
    cooldown_ms: int = 60_000
    """The first such pause; each further loss doubles it, to sixteen times at most."""
    cash: tuple[str, ...] = ()
    """Assets that count as cash beside the account's currency: holding them is no exposure."""
    max_price_age_ms: int = 90_000
    """Age of the price by which a pair's quote asset is counted in the account's currency."""
    max_open_orders: int = 50
    collar_far: Decimal = Decimal("0.01")
    """A price may go through the far touch by at most this fraction."""
    collar_near: Decimal = Decimal("0.5")
    """A price may stand away from the near touch by at most this fraction."""
    collar_reference: Decimal = Decimal("0.6")
    """A price may differ from the reference (mid, else last) by at most this fraction."""
    flatten_collar: Decimal = Decimal("0.05")
    """How far through the touch a flattening order may go."""
    max_slippage: Decimal = Decimal("0.005")
    """Largest estimated distance of the average price from the touch for the part that takes."""
    confirm_slippage: Decimal = Decimal("0.003")
    """Estimated slippage above this is asked about first."""
    confirm_usual_times: int = 10
    """An order this many times as large as your usual one (the median of the latest) is asked about first."""
    confirm_share: Decimal = ONE
    """A holding that would be more than this fraction of the equity is asked about first; 1 never asks."""
    duplicate_window_ms: int = 1_000
    duplicate_max: int = 1
    """How many orders of the same symbol, side, price and quantity may be sent in the window."""
    orders_per_second: int = 5
    max_in_flight: int = 5
    """Sent and not yet acknowledged."""
    max_book_age_ms: int = 5_000
    """Age of the last proof that the book is current: a depth push or an answer of the link."""
    max_spread: Decimal = Decimal("0.1")
    """Distance of best bid and ask, as a fraction of the ask, above which no new exposure is taken."""
    max_seen_age_ms: int = 5_000
    """Age of the book on the screen when the order was sent."""
    seen_tolerance: Decimal = Decimal("0.003")
    """How far the touch may have moved since the frame the trader saw."""
    denied_symbols: tuple[str, ...] = ()
    allowed_symbols: tuple[str, ...] = ()
    """Empty allows every symbol that is not denied."""
    deny_flagged: bool = True
    """Refuse to buy pairs with MEXC's special-treatment flag."""
    idle_lock_minutes: int = 60
    """Lock the ticket after this long without a command; zero never does."""
    owner: dict[str, OwnerLimits] = msgspec.field(default_factory=dict)
    """Own limits of an owner: ``person``, ``script``, or the name of an algorithm."""
    repeated_entries: int = 60
    """So many orders that do not reduce, sent by one script or algorithm within the window, halt it; zero: never."""
    repeated_fills: int = 20
    """The same of those on one side of one pair that filled."""
    repeated_window_ms: int = 60_000
    breaker_move: Decimal = Decimal("0.1")
    """Prices of a pair that lie this far apart within the window, as a fraction of the lowest, halt scripts and
    algorithms there; zero: never."""
    breaker_window_ms: int = 60_000
    listing_hours: int = 24
    """For so long a pair counts as newly listed; zero: none does."""
    listing_max_value: Decimal = Decimal(250)
    """Largest holding of what is bought in a newly listed pair."""
    loosening_delay_minutes: int = 10
    """How long a limit that is loosened while the desk runs still holds."""
    ceilings: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """The loosest value that a limit may get while the desk runs, by its name; one not named stays within its own."""


def order_limit(limits: Limits, symbol: str) -> Decimal:
    """Return the largest value of one order in a pair."""
    return min(limits.max_order_value, limits.max_pair_order_value.get(symbol, limits.max_order_value))


def asset_limit(limits: Limits, asset: str) -> Decimal:
    """Return the largest value to hold of an asset."""
    return min(limits.max_position_value, limits.max_asset_value.get(asset, limits.max_position_value))


class Violation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One failed control: a stable code, a sentence with numbers, and what would pass."""

    code: str
    message: str
    limit: str = ""
    actual: str = ""

    @property
    def answer(self) -> Answer:
        """What it does with the order."""
        return _ANSWERS.get(self.code, Answer.REJECT)


class WaitingLimit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A limit that is to be loosened, and the wall time in milliseconds from which it is."""

    name: str
    value: Decimal
    due_ms: int
    reason: str


class Headroom(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much of one limit is used: ``used / limit``, both in ``unit``."""

    code: str
    label: str
    used: Decimal
    limit: Decimal
    unit: str

    @property
    def near(self) -> bool:
        """Whether at least 80 % is used."""
        return self.used * 5 >= self.limit * 4


class Refusal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last order that a control refused, and how many it has since the desk began."""

    code: str
    message: str
    symbol: str
    wall_ms: int
    count: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the gate says of a draft, and what the order would do. None means it cannot be known."""

    violations: tuple[Violation, ...] = ()
    """What stops the order."""
    notes: tuple[Violation, ...] = ()
    """What does not stop it: warnings, and what was confirmed."""
    reduces: bool = False
    max_qty: Decimal | None = None
    """Largest quantity in base that would pass with everything else unchanged; zero if none would."""
    binding: str = ""
    """Code of the limit that binds ``max_qty``."""
    qty: Decimal | None = None
    """Quantity in base that the order stands for (estimated for a market buy sized in quote)."""
    notional: Decimal | None = None
    """What the order is worth, in quote."""
    value: Decimal | None = None
    """The same in the account's currency."""
    cap: Decimal | None = None
    """The worst price a market order may fill at: it goes out as an immediate order at this price."""
    average_price: Decimal | None = None
    """Expected average of the part that takes, from walking the book."""
    worst_price: Decimal | None = None
    slippage: Decimal | None = None
    """Distance of the average from the touch, as a fraction."""
    fee: Decimal | None = None
    """In quote, at the taker rate for what takes and the maker rate for what rests."""
    exposure_after: Decimal | None = None
    """Value of the base asset in the account's currency if this and everything that works fills."""
    headroom: tuple[Headroom, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the gate would let the order out."""
        return not self.violations

    @property
    def to_confirm(self) -> tuple[str, ...]:
        """Codes that have to be confirmed and are all that stops the order; empty otherwise."""
        if all(violation.answer is Answer.CONFIRM for violation in self.violations):
            return tuple(violation.code for violation in self.violations)
        return ()
