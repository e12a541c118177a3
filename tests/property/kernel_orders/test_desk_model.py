"""The desk against a small exchange that answers late, twice, in another order, or not at all, and a process that dies.

Whatever happens, no limit is exceeded at the exchange, nothing is sent twice, and in the end both agree.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mexc_tui.domain.commands import (
    CancelAll,
    CancelOrder,
    Command,
    Draft,
    Flatten,
    Halt,
    PlaceOrder,
    Reconcile,
    Resume,
)
from mexc_tui.domain.inputs import (
    BalanceReported,
    BookDelta,
    BookSnapshot,
    CancelAnswered,
    CancelledAll,
    FillReported,
    Input,
    InstrumentsLoaded,
    InterestChanged,
    LatchAnswered,
    LinkChanged,
    LinkState,
    LookupAnswered,
    LookupFailed,
    OpenOrdersListed,
    OrderReported,
    PlaceAccepted,
    PlaceUnknown,
    Reconciled,
    ReconcileFailed,
    Tick,
    Timestamp,
    VenueHealth,
)
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.limits import Limits, TradingState
from mexc_tui.domain.orders import Balance, Fill, OrderReport, OrderRequest, OrderState, OrderType, Side
from mexc_tui.domain.views import TOPIC_ORDERS, TOPIC_RISK, VenueKind, gate_topic
from mexc_tui.kernel.desk import Desk
from mexc_tui.kernel.effects import (
    Effect,
    FetchAccount,
    Journal,
    ListOpenOrders,
    LookUp,
    SaveLatch,
    SendCancel,
    SendCancelAll,
    SendOrder,
)
from mexc_tui.kernel.history import Fold
from mexc_tui.kernel.ports import VenueInfo
from mexc_tui.kernel.records import IntentRecord, Record, Resumed
from tests.examples import scaled

D = Decimal
ZERO = D(0)
SYMBOL = "BTCUSDT"
FEE = D("0.001")
MID = D(100)
PAIR = Instrument(
    symbol=SYMBOL, base="BTC", quote="USDT", price_decimals=2, qty_decimals=2, maker_fee=FEE, taker_fee=FEE
)
LIMITS = Limits(
    max_order_value=D(500),
    max_position_value=D(1_000),
    max_open_orders=4,
    max_in_flight=2,
    orders_per_second=3,
    duplicate_window_ms=1_000,
    duplicate_max=1,
    max_book_age_ms=10**9,
    max_slippage=D("0.5"),
    collar_far=D("0.05"),
)
VENUE = VenueInfo(name="model", kind=VenueKind.LOCAL, can_trade=True)
MADE_ELSEWHERE: Any = {"type": OrderType.LIMIT, "qty": D("0.01"), "price": D(90)}


class Exchange:
    """One account and one pair; says what happens on three channels, each in order."""

    def __init__(self) -> None:
        self.free = {"USDT": D(2_000), "BTC": D(3)}
        self.locked = {"USDT": ZERO, "BTC": ZERO}
        self.orders: dict[str, OrderReport] = {}
        self.fills: list[Fill] = []
        self.channels: dict[str, deque[Input]] = {"orders": deque(), "fills": deque(), "balances": deque()}
        self.ms = 5_000_000
        self.refused = 0

    def open(self) -> list[OrderReport]:
        return [order for order in self.orders.values() if not order.state.final]

    def place(self, request: OrderRequest) -> OrderReport | None:
        assert request.client_order_id not in self.orders, "an order was sent twice"
        assert request.qty is not None
        assert request.price is not None
        self.ms += 1
        asset, amount = self._cost(request.side, request.qty, request.price)
        if self.free[asset] < amount:
            self.refused += 1
            return None
        self._move(asset, -amount, amount)
        order = OrderReport(
            symbol=SYMBOL,
            order_id=f"E{len(self.orders) + 1}",
            client_order_id=request.client_order_id,
            side=request.side,
            type=request.type,
            state=OrderState.WORKING,
            price=request.price,
            qty=request.qty,
            quote_qty=None,
            filled_qty=ZERO,
            filled_quote=ZERO,
            created_ms=self.ms,
            updated_ms=self.ms,
        )
        self._say(order)
        return order

    def fill(self, key: str, qty: Decimal) -> None:
        order = self.orders[key]
        assert order.qty is not None
        qty = min(qty, order.qty - order.filled_qty)
        if order.state.final or qty <= 0:
            return
        self.ms += 1
        asset, amount = self._cost(order.side, qty, order.price)
        self._move(asset, ZERO, -amount)
        value = qty * order.price
        if order.side is Side.BUY:
            self._move("BTC", qty, ZERO)
        else:
            self._move("USDT", value * (1 - FEE), ZERO)
        fill = Fill(
            trade_id=f"T{len(self.fills) + 1}",
            order_id=order.order_id,
            client_order_id=key,
            symbol=SYMBOL,
            side=order.side,
            price=order.price,
            qty=qty,
            quote_qty=value,
            fee=value * FEE,
            fee_asset="USDT",
            is_maker=False,
            time_ms=self.ms,
        )
        self.fills.append(fill)
        self.channels["fills"].append(FillReported(fill))
        filled = order.filled_qty + qty
        self._say(
            msgspec.structs.replace(
                order,
                filled_qty=filled,
                filled_quote=order.filled_quote + value,
                state=OrderState.FILLED if filled == order.qty else OrderState.PARTIAL,
                updated_ms=self.ms,
            )
        )

    def cancel(self, key: str) -> bool:
        order = self.orders.get(key)
        if order is None or order.state.final:
            return False
        self.ms += 1
        assert order.qty is not None
        asset, amount = self._cost(order.side, order.qty - order.filled_qty, order.price)
        self._move(asset, amount, -amount)
        state = OrderState.PARTIALLY_CANCELLED if order.filled_qty else OrderState.CANCELLED
        self._say(msgspec.structs.replace(order, state=state, updated_ms=self.ms))
        return True

    def exposure(self) -> Decimal:
        held = (self.free["BTC"] + self.locked["BTC"]) * MID
        return held + sum((o.price * (o.qty - o.filled_qty) for o in self.open() if o.side is Side.BUY), ZERO)

    def balances(self) -> tuple[Balance, ...]:
        return tuple(Balance(asset=a, free=self.free[a], locked=self.locked[a]) for a in self.free)

    def _cost(self, side: Side, qty: Decimal, price: Decimal) -> tuple[str, Decimal]:
        return ("USDT", qty * price * (1 + FEE)) if side is Side.BUY else ("BTC", qty)

    def _move(self, asset: str, free: Decimal, locked: Decimal) -> None:
        self.free[asset] += free
        self.locked[asset] += locked
        assert self.free[asset] >= 0
        assert self.locked[asset] >= 0
        balance = Balance(asset=asset, free=self.free[asset], locked=self.locked[asset])
        self.channels["balances"].append(BalanceReported(balance, "ENTRUST", self.ms))

    def _say(self, order: OrderReport) -> None:
        self.orders[order.client_order_id] = order
        self.channels["orders"].append(OrderReported(order))


class DeskAgainstExchange(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()
        self.mono_ns = 10**9
        self.runs = 0
        self.written: list[Record] = []
        self.durable = 0
        self.transit: list[tuple[OrderRequest, str]] = []
        self.asked: list[tuple[Effect, int]] = []
        self.answers: list[Input] = []
        self.commands: list[PlaceOrder] = []
        self.ghosts: list[OrderRequest] = []
        """On their way although everybody believes that they never arrived."""
        self.intents: dict[str, str] = {}
        self.sends: list[int] = []
        self.fate = "accept"
        self.start()

    # --- the desk

    def start(self) -> None:
        self.runs += 1
        self.resumed = tuple(self.written)
        self.desk = self.fresh(snapshot_of=len(self.resumed) * (self.runs % 5) // 4)
        self.heard: list[tuple[Input | Command | None, Timestamp]] = []
        self.done: list[list[Effect]] = []
        self.version = 0
        self.feed(None)
        self.feed(InstrumentsLoaded((PAIR,)))
        self.feed(VenueHealth(None, None, 0.0, 0, 0, 0, 500, 5.0, 5))
        self.feed(InterestChanged(Interest(topics=frozenset({gate_topic(SYMBOL)}))))
        self.feed(BookDelta(SYMBOL, 1, 1, [], [], 0, self.mono_ns))
        self.feed(BookSnapshot(SYMBOL, 1, [("99", "100")], [("101", "100")], self.mono_ns, 100))

    def fresh(self, snapshot_of: int = 0) -> Desk:
        """Return a desk that resumes from a snapshot of the first records and the rest, or from all of them."""
        resumed = Resumed(records=self.resumed)
        if snapshot_of:
            fold = Fold("USDT")
            fold.add(self.resumed[:snapshot_of])
            resumed = Resumed(snapshot=fold.snapshot(), records=self.resumed[snapshot_of:])
        return Desk(f"r{self.runs}", LIMITS, VENUE, currency="USDT", resumed=resumed, armed_at_start=True)

    def at(self) -> Timestamp:
        return Timestamp(self.mono_ns // 10**6, self.mono_ns)

    def feed(self, item: Input | Command | None, *, die_after: int | None = None) -> None:
        at = self.at()
        effects = self.desk.start(at) if item is None else self.desk.handle(item, at)
        self.heard.append((item, at))
        self.done.append(effects)
        for index, effect in enumerate(effects):
            if die_after is not None and index >= die_after:
                break
            self.carry_out(effect)

    def carry_out(self, effect: Effect) -> None:
        match effect:
            case Journal():
                self.written += effect.records
                if effect.durable:
                    self.durable = len(self.written)
            case SaveLatch():
                self.written.append(effect.record)
                self.durable = len(self.written)
                self.answers.append(LatchAnswered(effect.attempt))
            case SendOrder():
                self.check_send(effect.request)
                self.transit.append((effect.request, self.fate))
            case SendCancel() | SendCancelAll() | ListOpenOrders() | LookUp() | FetchAccount():
                self.asked.append((effect, self.mono_ns))
            case _:
                pass

    # --- what must hold whenever something is sent

    def check_send(self, request: OrderRequest) -> None:
        intents = [r for r in self.written[: self.durable] if isinstance(r, IntentRecord)]
        (intent,) = [r for r in intents if r.order.client_order_id == request.client_order_id]
        assert request.client_order_id not in self.intents, "an order was sent twice"
        if intent.command_id.startswith("c"):
            assert intent.command_id not in self.intents.values(), "a command was carried out twice"
        self.intents[request.client_order_id] = intent.command_id
        assert request.qty is not None
        assert request.price is not None
        risk: Any = self.view(TOPIC_RISK)
        flattening = request.type is OrderType.IOC
        if request.side is Side.SELL:
            base = self.exchange.free["BTC"] - sum(
                (r.qty or ZERO for r, fate in self.transit if r.side is Side.SELL and fate != "vanish"), ZERO
            )
            assert request.qty <= base, "more was sold than is held"
            assert flattening or risk.state is not TradingState.HALTED
            return
        assert risk.state is TradingState.ACTIVE
        value = request.qty * request.price
        on_the_way = [r for r, _ in self.transit] + self.ghosts
        flying = sum((r.qty * r.price for r in on_the_way if r.side is Side.BUY and r.qty and r.price), ZERO)
        assert value <= LIMITS.max_order_value
        assert self.exchange.exposure() + flying + value <= LIMITS.max_position_value
        assert len(self.exchange.open()) + len(on_the_way) < LIMITS.max_open_orders
        self.sends = [ns for ns in self.sends if self.mono_ns - ns < 10**9]
        assert len(self.sends) < LIMITS.orders_per_second
        self.sends.append(self.mono_ns)

    def view(self, topic: str) -> Any:
        return self.desk.views(self.at(), frozenset({topic}))[topic]

    # --- the user

    @initialize()
    def ready(self) -> None:
        self.quiesce()

    @rule(
        side=st.sampled_from(Side),
        qty=st.sampled_from([50, 100, 150, 250, 490, 600]),
        price=st.sampled_from([100, 101, 102]),
        fate=st.sampled_from(["accept", "accept", "lost", "vanish", "late", "ghost"]),
    )
    def place(self, side: Side, qty: int, price: int, fate: str) -> None:
        draft = Draft(symbol=SYMBOL, side=side, qty=D(qty).scaleb(-2), price=D(price))
        command = PlaceOrder(command_id=f"c{len(self.commands)}", draft=draft)
        self.commands.append(command)
        self.fate = fate
        self.feed(command)
        self.fate = "accept"

    @precondition(lambda self: self.commands)
    @rule()
    def press_again(self) -> None:
        self.feed(self.commands[-1])

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        known = [order.client_order_id for order in self.view(TOPIC_ORDERS).open]
        if known:
            self.feed(CancelOrder(command_id="", client_order_id=data.draw(st.sampled_from(known))))

    @rule(which=st.sampled_from(["all", "halt", "flatten"]), rarely=st.integers(0, 3))
    def press(self, which: str, rarely: int) -> None:
        if rarely:
            which = "resume"
        commands: dict[str, Command] = {
            "all": CancelAll(command_id=""),
            "halt": Halt(command_id=""),
            "resume": Resume(command_id=""),
            "flatten": Flatten(command_id="", symbol=SYMBOL),
        }
        self.feed(commands[which])

    # --- the exchange

    @precondition(lambda self: self.transit)
    @rule()
    def arrive(self) -> None:
        request, fate = self.transit.pop(0)
        key = request.client_order_id
        if fate == "ghost":
            self.ghosts.append(request)
        if fate in ("vanish", "ghost"):
            self.answers.append(PlaceUnknown(key, "lost on the way"))
            return
        order = self.exchange.place(request)
        assert order is not None, "the exchange had to refuse for want of money"
        if request.type is OrderType.IOC:
            self.exchange.fill(key, (request.qty or ZERO).quantize(D(1)) or D("0.01"))
            self.exchange.cancel(key)
        if fate == "lost":
            self.answers.append(PlaceUnknown(key, "the answer was lost"))
        elif fate == "accept":
            self.answers.append(PlaceAccepted(key, order.order_id))
        else:
            self.answers.append(PlaceUnknown(key, "time-out"))

    @precondition(lambda self: self.ghosts)
    @rule(rarely=st.integers(0, 3))
    def ghost_appears(self, rarely: int) -> None:
        if not rarely:
            self.exchange.place(self.ghosts.pop())

    @rule(data=st.data(), qty=st.sampled_from([10, 100, 10_000]))
    def market_fills(self, data: st.DataObject, qty: int) -> None:
        keys = [order.client_order_id for order in self.exchange.open()]
        if keys:
            self.exchange.fill(data.draw(st.sampled_from(keys)), D(qty).scaleb(-2))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), works=st.sampled_from([True, True, False]))
    def serve(self, data: st.DataObject, works: bool) -> None:
        effect, asked_ns = self.asked.pop(data.draw(st.integers(0, len(self.asked) - 1)))
        self.answer(effect, asked_ns, works)

    def answer(self, effect: Effect, asked_ns: int, works: bool) -> None:
        match effect:
            case SendCancel(client_order_id=key) if works:
                self.answers.append(CancelAnswered(key, "ok" if self.exchange.cancel(key) else "gone"))
            case SendCancel(client_order_id=key):
                self.answers.append(CancelAnswered(key, "unknown", "time-out"))
            case SendCancelAll(turn=turn, symbols=symbols) if works:
                gone = self.exchange.open()
                for order in gone:
                    self.exchange.cancel(order.client_order_id)
                self.answers.append(CancelledAll(turn, symbols, tuple(order.order_id for order in gone)))
            case SendCancelAll(turn=turn, symbols=symbols):
                for order in self.exchange.open()[::2]:
                    self.exchange.cancel(order.client_order_id)
                self.answers.append(CancelledAll(turn, symbols, problem="time-out", sent=turn % 2 == 0))
            case ListOpenOrders(turn=turn):
                reports = tuple(self.exchange.open()) if works else ()
                problem = "" if works else "time-out"
                self.answers.append(OpenOrdersListed(turn, reports, asked_ns, problem=problem))
            case LookUp(client_order_id=key) if works:
                found = self.exchange.orders.get(key)
                self.answers.append(LookupAnswered(key, found is not None, found))
            case LookUp(client_order_id=key):
                self.answers.append(LookupFailed(key, "time-out"))
            case FetchAccount() if works:
                self.answers.append(
                    Reconciled(
                        tuple(self.exchange.open()),
                        self.exchange.balances(),
                        tuple(fill for fill in self.exchange.fills if fill.symbol in effect.fills_of),
                        asked_ns,
                        frozenset(effect.symbols),
                        frozenset(effect.fills_of),
                    )
                )
            case FetchAccount():
                self.answers.append(ReconcileFailed("time-out"))
            case _:
                pass

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def hear_answer(self, data: st.DataObject) -> None:
        self.feed(self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1))))

    @rule(channel=st.sampled_from(["orders", "fills", "balances"]), twice=st.booleans())
    def hear_push(self, channel: str, twice: bool) -> None:
        queue = self.exchange.channels[channel]
        if queue:
            item = queue.popleft()
            self.feed(item)
            if twice:
                self.feed(item)

    @rule()
    def everything_is_heard(self) -> None:
        """Let what was said and asked so far come through, in order."""
        for _ in range(5):
            while self.transit:
                self.arrive()
            while self.asked:
                self.answer(*self.asked.pop(0), works=True)
            for queue in self.exchange.channels.values():
                while queue:
                    self.feed(queue.popleft())
            while self.answers:
                self.feed(self.answers.pop(0))

    @rule(rarely=st.integers(0, 3))
    def gap(self, rarely: int) -> None:
        """The account stream breaks, and what it had to say is lost."""
        if rarely:
            return
        self.feed(LinkChanged(True, LinkState.RECONNECTING, "reset"))
        for queue in self.exchange.channels.values():
            queue.clear()
        self.pass_time(1)
        self.feed(LinkChanged(True, LinkState.CONNECTED))

    @rule(ms=st.sampled_from([1, 300, 1_100, 3_000]))
    def time_passes(self, ms: int) -> None:
        self.pass_time(ms)

    def pass_time(self, ms: int) -> None:
        # Whatever is on the wire arrives well before an absence is believed.
        if ms > 1_000:
            while self.transit:
                self.arrive()
        self.mono_ns += ms * 10**6
        self.exchange.ms += ms
        self.feed(Tick())

    # --- the process dies

    @rule(lost=st.integers(0, 3), rarely=st.integers(0, 3))
    def killed(self, lost: int, rarely: int) -> None:
        """What was durable stays, some of the rest may; what was on the wire goes on without us."""
        if rarely:
            return
        keep = max(self.durable, len(self.written) - lost)
        del self.written[keep:]
        self.restart()

    @rule(qty=st.sampled_from([50, 150]), after=st.integers(0, 3), rarely=st.integers(0, 3))
    def killed_while_sending(self, qty: int, after: int, rarely: int) -> None:
        if rarely:
            return
        draft = Draft(symbol=SYMBOL, side=Side.BUY, qty=D(qty).scaleb(-2), price=D(100))
        command = PlaceOrder(command_id=f"c{len(self.commands)}", draft=draft)
        self.commands.append(command)
        self.feed(command, die_after=after)
        del self.written[self.durable :]
        self.restart()

    def restart(self) -> None:
        self.answers.clear()
        self.asked.clear()
        for queue in self.exchange.channels.values():
            queue.clear()
        self.same_inputs_give_the_same_effects()
        while self.transit:
            self.arrive()
        self.answers.clear()
        self.mono_ns += 10**8
        self.start()

    # --- in the end

    def same_inputs_give_the_same_effects(self) -> None:
        twin = self.fresh()
        for (item, at), effects in zip(self.heard, self.done, strict=True):
            assert (twin.start(at) if item is None else twin.handle(item, at)) == effects

    def quiesce(self) -> None:
        """Let everything arrive and every question be answered, until nothing counts any more that may turn up."""
        while self.ghosts:
            self.exchange.place(self.ghosts.pop())
        calm = 0
        for _ in range(100):
            self.pass_time(1_100)
            busy = bool(self.asked or self.answers or any(self.exchange.channels.values()))
            self.everything_is_heard()
            risk: Any = self.view(TOPIC_RISK)
            calm = 0 if busy or risk.unknown or risk.in_flight or not risk.ready else calm + 1
            if calm > 12:
                break
        self.pass_time(300_000)
        self.feed(Reconcile(command_id=""))
        self.everything_is_heard()

    def teardown(self) -> None:
        self.quiesce()
        risk: Any = self.view(TOPIC_RISK)
        if risk.state is TradingState.HALTED:
            # Made by another program, and its push is lost.
            self.exchange.place(OrderRequest(client_order_id="other", symbol=SYMBOL, side=Side.BUY, **MADE_ELSEWHERE))
            self.exchange.channels["orders"].clear()
            self.quiesce()
        self.same_inputs_give_the_same_effects()
        view = self.view(TOPIC_ORDERS)
        assert {o.order_id for o in view.open} == {o.order_id for o in self.exchange.open()}
        assert not any(order.elsewhere for order in view.open)
        known = {order.order_id: order for order in (*view.open, *view.recent)}
        for order in self.exchange.orders.values():
            assert known[order.order_id].filled_qty == order.filled_qty
        gate: Any = self.view(gate_topic(SYMBOL))
        if gate.state is TradingState.HALTED:
            assert not self.exchange.open(), "an order survived the halt"
        assert (gate.quote_free, gate.base_free) == (self.exchange.free["USDT"], self.exchange.free["BTC"])
        assert gate.base_total == self.exchange.free["BTC"] + self.exchange.locked["BTC"]
        assert gate.ready
        assert len(self.view("fills").fills) == len(self.exchange.fills)


TestDeskAgainstExchange = DeskAgainstExchange.TestCase
TestDeskAgainstExchange.settings = settings(settings.default, max_examples=scaled(40), stateful_step_count=30)
