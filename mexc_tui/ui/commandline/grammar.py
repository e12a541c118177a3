"""The command line's grammar: words to intentions, refusing whatever could be read in two ways."""

from __future__ import annotations

import difflib
from decimal import Decimal
from enum import StrEnum

import msgspec

from mexc_tui.domain.alerts import Alert, AlertError, parse_alert
from mexc_tui.domain.listed import MeaningError, pair_meant, pair_named
from mexc_tui.domain.market import Interval
from mexc_tui.domain.numbers import BadNumberError, parse_decimal
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.domain.sizing import Size, SizeError, parse_size


class CommandError(ValueError):
    """The line was not understood; the message says why and how to say it."""


class PriceWord(StrEnum):
    """A price given by its place in the book."""

    BID = "bid"
    ASK = "ask"
    MID = "mid"
    CURSOR = "cursor"


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An order in words; ``price`` is absolute, by word, or None for a market order."""

    side: Side
    size: Size
    type: OrderType
    symbol: str | None = None
    price: Decimal | PriceWord | None = None
    uncapped: bool = False
    """A market order without a price cap."""
    confirmed: bool = False
    """Whether what the gate asks first is answered with yes."""
    override: str = ""
    """Code of the one control that is lifted for this order."""
    because: str = ""


class AmendIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Another size or price for the order at the cursor, or the only one of the symbol."""

    qty: Decimal | None = None
    """New size in base, what has filled included."""
    price: Decimal | None = None
    client_order_id: str = ""
    """The order that is meant; empty until the screen has found it."""
    confirmed: bool = False
    """Whether what the gate asks first is answered with yes."""


class CancelIntent(msgspec.Struct, frozen=True, kw_only=True):
    everything: bool = False
    symbol: str | None = None
    side: Side | None = None


class AdoptIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Orders placed elsewhere are to be managed here, or left."""

    which: str = ""
    """``all``, ``none``, the end of an order's id, or empty for those that were asked about."""
    client_order_ids: tuple[str, ...] = ()
    """The orders that are meant; empty until the screen has found them."""


class CostIntent(msgspec.Struct, frozen=True, kw_only=True):
    """What a holding of unknown cost, or all of it, cost a piece."""

    asset: str
    price: Decimal
    whole: bool = False


class ReadCostIntent(msgspec.Struct, frozen=True, kw_only=True):
    """What a holding cost is to be worked out from own trades, or not any more."""

    asset: str
    cancel: bool = False


class LimitIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Another value of a limit; None calls off its loosening."""

    name: str
    value: Decimal | None
    reason: str = ""


class AlertIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is to be set."""

    alert: Alert


class RemoveAlertIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is to be removed; None removes all."""

    number: int | None


class ReleaseIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Let an owner act again that was halted, or all automation in a pair."""

    name: str


class FlattenIntent(msgspec.Struct, frozen=True, kw_only=True):
    everything: bool = False
    symbol: str | None = None


class GoIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Look at another symbol or interval."""

    symbol: str | None = None
    interval: Interval | None = None


class SimpleIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A word without arguments: halt, resume, arm, lock, help, quit, reconcile; ``theme`` or ``arm`` with a name."""

    name: str
    argument: str = ""


Intent = (
    OrderIntent
    | AmendIntent
    | AdoptIntent
    | CostIntent
    | ReadCostIntent
    | LimitIntent
    | AlertIntent
    | RemoveAlertIntent
    | CancelIntent
    | FlattenIntent
    | ReleaseIntent
    | GoIntent
    | SimpleIntent
)

USAGE: tuple[tuple[str, str], ...] = (
    ("buy 0.5 at 64000", "limit buy, size in base"),
    ("sell $100 at ask po", "post-only sell at the best ask, size in quote"),
    ("buy 25% BTCUSDT market", "market buy with a quarter of what is free, price capped; uncapped lifts the cap"),
    ("buy 0.5 at 64000 ioc", "also fok; at bid, ask, mid or cursor"),
    ("amend 0.5 · amend at 64000", "new size or price of the order at the cursor, or the only one"),
    ("buy 3 at 64000 yes", "answers what the gate asks first, such as for a large order"),
    ("buy 3 at 64000 override MAX_ORDER_VALUE because REASON", "lifts one control for this order; asked once"),
    ("cancel · cancel buys · cancel all", "orders of this symbol, one side, everything"),
    ("flatten · flatten all", "sell what is held"),
    ("adopt · adopt 9688 · adopt none", "manage orders placed elsewhere here: those told, one by its id, all, or none"),
    ("cost BTC 61234.5", "what a holding of unknown cost was bought at; “whole” after it replaces what is known"),
    ("cost BTC history", "works it out from your trades of the last month, as far as they go; “cancel” stops that"),
    ("limit max_order_value 500", "tighter at once; looser after a delay: limit NAME VALUE because REASON"),
    ("limit max_order_value cancel", "call off a loosening that waits"),
    ("alert btc above 70k", "also below, move 3% 15m, spread 0.1%, trade 100k; fills, link, limits; “every” keeps it"),
    ("alert remove 3 · alert remove all · alerts", "remove alerts; list those that stand"),
    ("halt · resume", "stop and allow trading"),
    ("release script · release BTCUSDT", "let automation act again that was halted, or all of it in a pair"),
    ("arm · arm NAME · lock", "unlock and lock sending; a live account is unlocked by its name"),
    ("symbol ETHUSDT · interval 5m", "look elsewhere"),
    ("risk", "what each control has left"),
    ("theme light · reconcile · help · quit", ""),
)

_SIMPLE = ("halt", "resume", "arm", "lock", "help", "quit", "reconcile")
VERBS = (
    *(
        "buy",
        "sell",
        "amend",
        "cancel",
        "flatten",
        "adopt",
        "cost",
        "limit",
        "alert",
        "alerts",
        "release",
        "risk",
        "symbol",
        "interval",
        "theme",
    ),
    *_SIMPLE,
)
_TYPES = {"po": OrderType.POST_ONLY, "post": OrderType.POST_ONLY, "ioc": OrderType.IOC, "fok": OrderType.FOK}


def parse(line: str, symbols: frozenset[str] = frozenset()) -> Intent:
    """Return what a line asks for.

    Raises:
        CommandError: the line is not understood or could mean two things.
    """
    words = line.strip().lstrip(":").split()
    if not words:
        raise CommandError("type a command, or help")
    verb, rest = words[0].lower(), words[1:]
    if verb in ("buy", "sell"):
        return _order(Side.BUY if verb == "buy" else Side.SELL, rest, symbols)
    if verb == "amend":
        return _amend(rest)
    if verb == "cancel":
        return _cancel(rest, symbols)
    if verb == "flatten":
        return _flatten(rest, symbols)
    if verb == "adopt":
        if len(rest) > 1:
            raise CommandError("adopt takes one of: nothing, all, none, or the end of an order's id")
        return AdoptIntent(which="".join(rest))
    if verb == "cost":
        return _cost(rest)
    if verb == "limit":
        return _limit(rest)
    if verb == "alert":
        return _alert(rest, symbols)
    if verb == "release":
        if len(rest) != 1:
            raise CommandError("release takes one name, as the risk tab shows it: release script")
        return ReleaseIntent(name=rest[0])
    if verb == "arm" and len(rest) == 1:
        return SimpleIntent(name="arm", argument=rest[0])
    if verb in (*_SIMPLE, "risk", "alerts"):
        if rest:
            raise CommandError(f"{verb} takes nothing after it")
        return SimpleIntent(name="tab_risk" if verb == "risk" else verb)
    if verb in ("symbol", "interval", "theme"):
        return _look(verb, rest, symbols)
    near = difflib.get_close_matches(verb, VERBS, 1)
    hint = f"; did you mean {near[0]}?" if near else "; help lists what there is"
    raise CommandError(f"there is no command “{words[0][:20]}”{hint}")


def _symbol(word: str, symbols: frozenset[str]) -> str:
    try:
        return pair_named(word, symbols)
    except MeaningError as problem:
        raise CommandError(str(problem)) from None


def _meant(word: str, symbols: frozenset[str]) -> str:
    try:
        return pair_meant(word, symbols)
    except MeaningError as problem:
        raise CommandError(str(problem)) from None


def _order(side: Side, words: list[str], symbols: frozenset[str]) -> OrderIntent:
    if not words:
        raise CommandError(f"{side.value.lower()} needs a size: {side.value.lower()} 0.5 at PRICE")
    try:
        size = parse_size(words[0])
    except SizeError as problem:
        raise CommandError(str(problem)) from None
    symbol: str | None = None
    price: Decimal | PriceWord | None = None
    kind: OrderType | None = None
    market = uncapped = confirmed = False
    override = because = ""
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        lower = word.lower()
        if lower in ("at", "@"):
            if price is not None or not rest:
                raise CommandError("say “at” once, followed by a price, bid, ask, mid or cursor")
            price = _price(rest.pop(0))
        elif lower == "market":
            market = True
        elif lower == "uncapped":
            uncapped = True
        elif lower == "yes":
            confirmed = True
        elif lower == "override":
            override, because, confirmed = _override(rest, confirmed=confirmed)
            rest = []
        elif lower in _TYPES:
            if kind is not None:
                raise CommandError("say one of po, ioc and fok")
            kind = _TYPES[lower]
        elif _number(word):
            raise CommandError(f"{word[:20]} could be a price or a size: write “at {word[:20]}” for a price")
        elif symbol is None:
            symbol = _symbol(word, symbols)
        else:
            raise CommandError(f"“{word[:20]}” was not understood")
    if market and (price is not None or kind is not None):
        raise CommandError("a market order takes no price and no po, ioc or fok")
    if uncapped and not market:
        raise CommandError("only a market order can be uncapped: write “market uncapped”")
    if not market and price is None:
        raise CommandError("at which price? write “at PRICE”, “at bid”, or “market”; nothing was sent")
    return OrderIntent(
        side=side,
        size=size,
        type=OrderType.MARKET if market else kind or OrderType.LIMIT,
        symbol=symbol,
        price=price,
        uncapped=uncapped,
        confirmed=confirmed,
        override=override,
        because=because,
    )


def _override(words: list[str], *, confirmed: bool) -> tuple[str, str, bool]:
    """Return control, reason and whether the question is answered, of what follows ``override``."""
    if len(words) < 3 or words[1].lower() != "because":
        raise CommandError("override takes a control and a reason, at the end: override MAX_ORDER_VALUE because REASON")
    reason = words[2:]
    if len(reason) > 1 and reason[-1].lower() == "yes":
        confirmed = bool(reason.pop())
    return words[0].upper(), " ".join(reason), confirmed


def _price(word: str) -> Decimal | PriceWord:
    try:
        return PriceWord(word.lower())
    except ValueError:
        pass
    try:
        price = parse_decimal(word)
    except BadNumberError:
        raise CommandError(f"“{word[:20]}” is not a price") from None
    if price <= 0:
        raise CommandError("a price must be above zero")
    return price


def _number(word: str) -> bool:
    try:
        parse_decimal(word.strip("$%"))
    except BadNumberError:
        return False
    return True


def _amend(words: list[str]) -> AmendIntent:
    qty, rest = None, list(words)
    confirmed = bool(rest) and rest[-1].lower() == "yes"
    if confirmed:
        rest.pop()
    if rest and rest[0].lower() not in ("at", "@"):
        try:
            qty = parse_decimal(rest.pop(0))
        except BadNumberError:
            raise CommandError("amend takes a size in base, “at PRICE”, or both: amend 0.5 at 64000") from None
        if qty <= 0:
            raise CommandError("a size must be above zero; cancel takes an order back")
    price = _price(rest[1]) if len(rest) == 2 and rest[0].lower() in ("at", "@") else None
    if isinstance(price, PriceWord) or (rest and price is None) or (qty is None and price is None):
        raise CommandError("amend takes a size in base, “at PRICE”, or both: amend 0.5 at 64000")
    return AmendIntent(qty=qty, price=price, confirmed=confirmed)


def _cancel(words: list[str], symbols: frozenset[str]) -> CancelIntent:
    if not words:
        return CancelIntent()
    if len(words) > 1:
        raise CommandError("cancel takes one of: nothing, all, buys, sells, or a symbol")
    lower = words[0].lower()
    if lower == "all":
        return CancelIntent(everything=True)
    if lower in ("buys", "bids", "buy"):
        return CancelIntent(side=Side.BUY)
    if lower in ("sells", "asks", "sell"):
        return CancelIntent(side=Side.SELL)
    return CancelIntent(symbol=_symbol(words[0], symbols))


def _flatten(words: list[str], symbols: frozenset[str]) -> FlattenIntent:
    if not words:
        return FlattenIntent()
    if len(words) > 1:
        raise CommandError("flatten takes one of: nothing, all, or a symbol")
    if words[0].lower() == "all":
        return FlattenIntent(everything=True)
    return FlattenIntent(symbol=_symbol(words[0], symbols))


def _cost(words: list[str]) -> CostIntent | ReadCostIntent:
    if len(words) == 2 and words[1].lower() in ("history", "cancel"):
        return ReadCostIntent(asset=words[0].upper(), cancel=words[1].lower() == "cancel")
    price = _price(words[1]) if len(words) in (2, 3) else None
    if not isinstance(price, Decimal) or words[2:] not in ([], ["whole"]):
        raise CommandError(
            "cost takes an asset and a price or “history”: cost BTC 61234.5, cost BTC 61234.5 whole, cost BTC history"
        )
    return CostIntent(asset=words[0].upper(), price=price, whole=len(words) == 3)


def _limit(words: list[str]) -> LimitIntent:
    if len(words) == 2 and words[1].lower() == "cancel":
        return LimitIntent(name=words[0], value=None)
    if len(words) < 2 or (len(words) > 2 and (words[2].lower() != "because" or len(words) == 3)):
        raise CommandError("limit takes a name and a value: limit max_order_value 500; to loosen, add “because REASON”")
    try:
        value = parse_decimal(words[1])
    except BadNumberError:
        raise CommandError(f"“{words[1][:20]}” is not a number; write cancel to call off a loosening") from None
    return LimitIntent(name=words[0], value=value, reason=" ".join(words[3:]))


def _alert(words: list[str], symbols: frozenset[str]) -> AlertIntent | RemoveAlertIntent:
    if words[:1] == ["remove"]:
        if words[1:] == ["all"]:
            return RemoveAlertIntent(number=None)
        if len(words) != 2 or not words[1].isdecimal() or len(words[1]) > 9:
            raise CommandError("alert remove takes the number of an alert, or all; alerts lists them")
        return RemoveAlertIntent(number=int(words[1]))
    try:
        return AlertIntent(alert=parse_alert(words, lambda word: _meant(word, symbols)))
    except AlertError as problem:
        raise CommandError(str(problem)) from None


def _look(verb: str, words: list[str], symbols: frozenset[str]) -> Intent:
    if len(words) != 1:
        raise CommandError(f"{verb} takes one word")
    if verb == "symbol":
        return GoIntent(symbol=_meant(words[0], symbols))
    if verb == "theme":
        return SimpleIntent(name="theme", argument=words[0])
    spelled = {"1h": Interval.H1, "1w": Interval.W1, "1mo": Interval.MO1, "1month": Interval.MO1}
    try:
        return GoIntent(interval=Interval(words[0]))
    except ValueError:
        interval = spelled.get(words[0].lower())
    if interval is None:
        raise CommandError(f"intervals are {', '.join(i.value for i in Interval)}")
    return GoIntent(interval=interval)
