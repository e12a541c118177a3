"""What keys do to orders: prepare, send once, drop; cancel, flatten and halt at once and without asking."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal

import msgspec

from mexc_tui.domain.client import DeskClient
from mexc_tui.domain.commands import Arm, CancelAll, CancelOrder, Draft, Flatten, Halt, PlaceOrder
from mexc_tui.domain.gate import check
from mexc_tui.domain.numbers import floor_to
from mexc_tui.domain.orders import Order, OrderType, Side
from mexc_tui.domain.sizing import Size, SizeError, SizeUnit, draft_for
from mexc_tui.domain.views import (
    TOPIC_ORDERS,
    TOPIC_RISK,
    BookView,
    GateInputs,
    OrdersView,
    RiskView,
    book_topic,
    gate_topic,
)
from mexc_tui.ui.asking import Question
from mexc_tui.ui.controls.navigation import Navigation
from mexc_tui.ui.frame_clock import Frame
from mexc_tui.ui.pacer import Glass
from mexc_tui.ui.state import DeskState

_KEPT = 256
"""Frames remembered at most; far more than are ever on their way to a terminal."""


class Trading:
    """Turns keys into commands, with the book that was on the screen when they were pressed."""

    def __init__(
        self,
        client: DeskClient,
        state: DeskState,
        navigation: Navigation,
        new_id: Callable[[], str],
        *,
        glass: Callable[[], Glass],
        instant: bool = False,
    ) -> None:
        """``glass`` tells what the terminal shows."""
        self._client = client
        self._state = state
        self._navigation = navigation
        self._new_id = new_id
        self._instant = instant
        self._glass = glass
        self._drawn: deque[tuple[int, BookView | None]] = deque(maxlen=_KEPT)
        """Books by the moments of the frames that they were drawn in, from the one that is on the screen on."""
        self._confirm = Question()

    def frame(self, frame: Frame) -> None:
        """Remember the book that this frame puts on the screen."""
        view = frame.view(book_topic(frame.selection.symbol))
        self._drawn.append((frame.now.mono_ns, view if isinstance(view, BookView) else None))
        self._confirm.drawn(frame.now.mono_ns)

    # -- preparing and sending ------------------------------------------------------------------------------------

    def ghost(self, side: Side) -> None:
        """Prepare a limit order at the cursor, or at the near touch if the cursor has not been moved yet."""
        if self._state.selection.cursor_lost:
            self._navigation.say("nothing is prepared: the cursor has left the view; j/k or g puts it on a price")
            return
        price = self._state.selection.cursor
        if price is None:
            price = self._touch(side)
        if price is None:
            self._navigation.say("there is no price here yet: move the cursor or wait for the book")
            return
        self._prepare(side, OrderType.LIMIT, price)

    def take(self, side: Side) -> None:
        """Prepare an immediate order that goes no further than the far touch."""
        price = self._touch(side.opposite)
        if price is None:
            self._navigation.say(f"there is nothing to {side.value.lower()} from: that side of the book is empty")
            return
        self._prepare(side, OrderType.IOC, price)

    def send(self) -> None:
        """Send the prepared order, once: it is gone from the screen before the command leaves.

        Where a control asks first, the first press shows the question and the second, by one who has seen it, sends.
        """
        draft = self._state.selection.draft
        if draft is None:
            self._navigation.say("nothing is prepared: b or s at the cursor, or t for the ticket", "dim@band")
            return
        inputs = self._gate()
        verdict = None if inputs is None or inputs.symbol != draft.symbol else check(draft, inputs)
        if verdict is not None and verdict.to_confirm:
            self._confirm.ask()
            self._state.change(draft=msgspec.structs.replace(draft, confirmed=verdict.to_confirm))
            asked = " ".join(violation.message for violation in verdict.violations)
            self._navigation.say(f"{asked} Enter again sends it, Esc drops it")
            return
        if draft.confirmed and not self._confirm.answered(self._client.now().mono_ns, self._glass()):
            self._navigation.say("asked, and not sent yet: read the ticket, then Enter sends it, Esc drops it")
            return
        self._state.change(draft=None)
        self.place(draft)

    def place(self, draft: Draft) -> None:
        """Hand a draft to the gate with what the user could see of its book, and how old the picture was."""
        book, age_ns = self._on_glass()
        seen = book if book is not None and book.symbol == draft.symbol else None
        if seen is None:
            # Drawn but not known to be shown: its age is that of the picture that is.
            drawn = (one for _, one in self._drawn if one is not None and one.symbol == draft.symbol)
            seen = next(drawn, None)
        self._client.submit(
            PlaceOrder(
                command_id=self._new_id(),
                draft=draft,
                seen_version=0 if seen is None else seen.version,
                seen_age_ms=0 if seen is None else age_ns // 1_000_000,
                seen_bid=_best(seen, Side.BUY),
                seen_ask=_best(seen, Side.SELL),
            )
        )

    def _on_glass(self) -> tuple[BookView | None, int]:
        """Return the book that the terminal shows, and the age of the picture in nanoseconds."""
        glass, now_ns = self._glass(), self._client.now().mono_ns
        while len(self._drawn) > 1 and self._drawn[1][0] <= glass.shown_ns:
            self._drawn.popleft()
        book = self._drawn[0][1] if self._drawn and self._drawn[0][0] <= glass.shown_ns else None
        return book, max(0, now_ns - glass.shown_ns)

    def drop(self) -> None:
        """Forget the prepared order; nothing was sent."""
        self._state.change(draft=None, notice=None)

    def preset(self, place: int) -> None:
        """Choose a size preset; a ghost takes it over."""
        presets = self._state.selection.presets
        if place < len(presets):
            self._state.change(size=presets[place], preset=place, size_base=None)
            self._resize()

    def nudge_size(self, direction: int) -> None:
        """Make the size a tenth of the chosen preset larger or smaller."""
        now = self._state.selection
        if now.size is None:
            return
        step = (now.presets[now.preset] if 0 <= now.preset < len(now.presets) else now.size) / 10
        size = now.size + step * direction
        if size > 0:
            self._state.change(size=size, size_base=None)
            self._resize()

    def size_from_position(self) -> None:
        """Take everything that is free of the base asset as the size, as far as the pair's step goes."""
        inputs = self._gate()
        held = None if inputs is None else inputs.base_free
        if inputs is not None and held and inputs.instrument is not None:
            held = floor_to(held, inputs.instrument.qty_decimals)
            if not held:
                self._navigation.say("what you hold of this asset is less than the smallest step: too little to sell")
                return
        if not held:
            self._navigation.say("the balance of this asset is zero or not known")
            return
        self._state.change(size_base=held)
        self._resize()

    def _prepare(self, side: Side, kind: OrderType, price: Decimal) -> None:
        if not self._state.selection.ladder_shown:
            self._navigation.say("nothing is prepared: the ladder is not on the screen")
            return
        inputs = self._gate()
        if inputs is None:
            self._navigation.say("the desk has no figures for this symbol yet; try again in a moment")
            return
        now = self._state.selection
        if now.size_base is not None:
            size = Size(now.size_base, SizeUnit.BASE)
        elif now.size is not None:
            size = Size(now.size, SizeUnit.QUOTE)
        else:
            self._navigation.say("no size is chosen: press 1 to 5")
            return
        try:
            draft = draft_for(size, side=side, order_type=kind, price=price, inputs=inputs)
        except SizeError as problem:
            self._navigation.say(str(problem))
            return
        self._state.change(draft=draft, cursor=price, cursor_lost=False, notice=None)
        if self._instant:
            self.send()

    def _resize(self) -> None:
        draft = self._state.selection.draft
        if draft is not None and draft.price is not None:
            instant, self._instant = self._instant, False
            self._prepare(draft.side, draft.type, draft.price)
            self._instant = instant

    # -- taking risk away: at once, in every mode -------------------------------------------------------------------

    def cancel_here(self) -> None:
        """Cancel the own orders on the cursor's row."""
        now = self._state.selection
        book = self._navigation.book()
        if now.cursor is None or book is None:
            self._navigation.say("move the cursor onto an order first; c cancels all of this symbol")
            return
        group = max(1, now.group)
        here = [order for order in self._open() if _on_row(order, now.cursor, group, book.price_decimals)]
        for order in here:
            self._client.submit(CancelOrder(command_id=self._new_id(), client_order_id=order.client_order_id))
        if not here:
            self._navigation.say("no order of yours at the cursor", "dim@band")

    def cancel_order(self, client_order_id: str) -> None:
        """Cancel one order; say so where there is nothing left to cancel."""
        view = self._client.view(TOPIC_ORDERS)
        if isinstance(view, OrdersView) and any(o.client_order_id == client_order_id for o in view.recent):
            self._navigation.say("that order is finished: there is nothing to cancel", "dim@band")
            return
        self._client.submit(CancelOrder(command_id=self._new_id(), client_order_id=client_order_id))

    def cancel_side(self) -> None:
        """Cancel the buys if the cursor is below the middle of the book, else the sells."""
        now = self._state.selection
        bid = _best(self._navigation.book(), Side.BUY)
        if now.cursor is None or bid is None:
            self._navigation.say("move the cursor to the side you mean; c cancels both")
            return
        side = Side.BUY if now.cursor <= bid else Side.SELL
        if all(order.side is not side for order in self._open()):
            self._navigation.say(f"no {side.value.lower()} of yours is open in {now.symbol}", "dim@band")
        self._client.submit(CancelAll(command_id=self._new_id(), symbol=now.symbol, side=side))

    def cancel_all(self, *, everywhere: bool) -> None:
        """Cancel every order, of this symbol or of all."""
        symbol = None if everywhere else self._state.selection.symbol
        view = self._client.view(TOPIC_ORDERS)
        known = isinstance(view, OrdersView) and any(symbol in (None, order.symbol) for order in view.open)
        if not known:
            where = "" if symbol is None else f" in {symbol}"
            self._navigation.say(f"no order of yours is known{where}; the exchange is asked all the same", "dim@band")
        self._client.submit(CancelAll(command_id=self._new_id(), symbol=symbol))

    def flatten(self, *, everywhere: bool) -> None:
        """Cancel and sell what is held, of this symbol or of all."""
        symbol = None if everywhere else self._state.selection.symbol
        self._state.change(draft=None)
        self._client.submit(Flatten(command_id=self._new_id(), symbol=symbol))

    def halt(self) -> None:
        """Halt. On a halted desk it cancels once more: however often it is pressed, it never resumes."""
        self._state.change(draft=None)
        self._client.submit(Halt(command_id=self._new_id()))

    def arm(self) -> bool:
        """Lock the ticket at once; unlock it at once unless that takes a name, which False says."""
        risk = self._client.view(TOPIC_RISK)
        if not isinstance(risk, RiskView) or (risk.arm_name and not risk.armed):
            return False
        if risk.armed:
            self._state.change(draft=None)
        self._client.submit(Arm(command_id=self._new_id(), armed=not risk.armed))
        return True

    # -- what they look at ------------------------------------------------------------------------------------------

    def _gate(self) -> GateInputs | None:
        view = self._client.view(gate_topic(self._state.selection.symbol))
        return view if isinstance(view, GateInputs) else None

    def _touch(self, side: Side) -> Decimal | None:
        shown, _ = self._on_glass()
        return _best(self._navigation.book() if shown is None else shown, side)

    def _open(self) -> tuple[Order, ...]:
        view = self._client.view(TOPIC_ORDERS)
        symbol = self._state.selection.symbol
        return tuple(o for o in view.open if o.symbol == symbol) if isinstance(view, OrdersView) else ()


def _best(book: BookView | None, side: Side) -> Decimal | None:
    levels = None if book is None else book.bids if side is Side.BUY else book.asks
    return Decimal(levels[0][0]).scaleb(-book.price_decimals) if book is not None and levels else None


def _on_row(order: Order, cursor: Decimal, group: int, decimals: int) -> bool:
    """Whether the ladder shows the order on the cursor's row."""
    if order.price is None:
        return False
    price, row = int(order.price.scaleb(decimals)), int(cursor.scaleb(decimals)) // group * group
    shown = price // group * group if order.side is Side.BUY else -(-price // group) * group
    return shown == row
