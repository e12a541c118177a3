"""What a step does, by its name: the user's doings, trouble, and what happens elsewhere on the same account."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mexc_tui.domain.commands import AmendOrder, Arm, CancelAll, CancelOrder, Draft, Flatten, Halt, PlaceOrder, Resume
from mexc_tui.domain.limits import CONFIRMABLE
from mexc_tui.domain.numbers import floor_to
from mexc_tui.domain.orders import OrderType, Side
from mexc_tui.venues.simulator.core.events import SimError
from tests.simulation.exchange import ME, PAIRS, ZERO

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")
SYMBOLS = tuple(PAIRS)


def place(world: World, pair: int, side: str, kind: str, value: float, away: float, by_amount: bool) -> None:
    symbol = SYMBOLS[pair]
    bid, ask = world.account.touch(symbol, Side.BUY), world.account.touch(symbol, Side.SELL)
    rules, buying = PAIRS[symbol], side == "BUY"
    unit = world.truth.worth(rules.quote)
    if bid is None or ask is None or not unit:
        return
    near = bid if buying else ask
    price = floor_to(near * (1 - Decimal(str(away)) * (1 if buying else -1)), rules.price_decimals)
    amount = floor_to(Decimal(str(value)) / unit, rules.price_decimals)
    market = kind == "MARKET"
    in_quote = market and buying and by_amount
    draft = Draft(
        symbol=symbol,
        side=Side(side),
        type=OrderType(kind),
        qty=None if in_quote else floor_to(amount / near, rules.qty_decimals),
        quote_qty=amount if in_quote else None,
        price=None if market else price,
        confirmed=CONFIRMABLE,
    )
    command = PlaceOrder(command_id=world.next_id(), draft=draft, seen_version=1, seen_bid=bid, seen_ask=ask)
    world.placed.append(command)
    world.hear(command)


def again(world: World) -> None:
    """Ask for the same order once more, in a command of its own."""
    if world.placed:
        world.hear(msgspec.structs.replace(world.placed[-1], command_id=world.next_id()))


def repeat(world: World, which: float) -> None:
    """Give a command again, as a client does that has lost the answer."""
    if world.placed:
        world.hear(_pick(world.placed, which))


def amend(world: World, which: float, size: float, away: float) -> None:
    """Ask for another size and price of an order."""
    known = [order for order in world.open_orders() if order.qty is not None and order.price is not None]
    if not known:
        return
    order = _pick(known, which)
    rules = PAIRS[order.symbol]
    qty = floor_to((order.qty or ZERO) * Decimal(str(size)), rules.qty_decimals)
    price = floor_to((order.price or ZERO) * Decimal(str(away)), rules.price_decimals)
    command = AmendOrder(command_id=world.next_id(), client_order_id=order.client_order_id, qty=qty, price=price)
    world.amends[command.command_id] = (order.client_order_id, qty)
    world.hear(command)


def cancel(world: World, which: float) -> None:
    known = world.open_orders()
    if known:
        world.hear(CancelOrder(command_id=world.next_id(), client_order_id=_pick(known, which).client_order_id))


def cancel_all(world: World, which: int) -> None:
    symbol = SYMBOLS[which] if which < len(SYMBOLS) else None
    world.hear(CancelAll(command_id=world.next_id(), symbol=symbol))


def halt(world: World) -> None:
    world.hear(Halt(command_id=world.next_id()))


def resume(world: World) -> None:
    world.hear(Resume(command_id=world.next_id()))


def flatten(world: World, which: int) -> None:
    symbol = SYMBOLS[which] if which < len(SYMBOLS) else None
    world.hear(Flatten(command_id=f"f{world.next_id()}", symbol=symbol))


def arm(world: World, armed: bool) -> None:
    world.hear(Arm(command_id=world.next_id(), armed=armed))


def wait(world: World, ms: int) -> None:
    """Time passes."""


def nudge(world: World, pair: int, fraction: float) -> None:
    world.line.advance()
    world.account.core.symbols.nudge(SYMBOLS[pair], Decimal(str(fraction)))


def fault(world: World, call: str, kind: str, count: int) -> None:
    world.line.arm(call, kind, count)


def push_fault(world: World, channel: str, kind: str, count: int) -> None:
    world.line.arm(channel, kind, count)


def cut(world: World, private: bool, ms: int) -> None:
    world.line.connect(private, False, "reset")
    world.loop.after(ms, world.line.connect, private, True)


def hide(world: World, ms: int, count: int) -> None:
    """Let the next orders be shown late by look-ups."""
    world.account.slow_to_show_ms.extend([ms] * count)


def late_order(world: World, ms: int) -> None:
    """Let the next order arrive when its answer is given up, and be shown later still."""
    world.line.arm("place", "late request", 1)
    hide(world, ms, 1)


def kill(world: World, after_ms: int, back_ms: int) -> None:
    world.loop.after(after_ms, world.kill, back_ms)


def die_in_effects(world: World, keep: int, back_ms: int) -> None:
    world.die_in_effects(keep, back_ms)


def full_disk(world: World, ms: int) -> None:
    world.disk.full = True
    world.loop.after(ms, setattr, world.disk, "full", False)


def slow_disk(world: World, by_ms: int, ms: int) -> None:
    world.disk.slow_ms = by_ms
    world.loop.after(ms, setattr, world.disk, "slow_ms", 0)


def elsewhere(world: World, pair: int, side: str, value: int, away: float) -> None:
    """Place an order on the same account by some other program."""
    symbol = SYMBOLS[pair]
    rules, near = PAIRS[symbol], world.account.touch(symbol, Side(side))
    unit = world.truth.worth(rules.quote)
    if near is None or not unit:
        return
    world.line.advance()
    price = near * (1 - Decimal(str(round(away / 100, 4))) * (1 if side == "BUY" else -1))
    qty = Decimal(value) / unit / near
    try:
        order = world.account.core.orders.place(
            ME,
            symbol=symbol,
            side=Side(side),
            type="LIMIT",
            qty=floor_to(qty, rules.qty_decimals),
            price=floor_to(price, rules.price_decimals),
        )
    except SimError:
        return
    world.truth.made_elsewhere(order.order_id)


def cancel_elsewhere(world: World, which: float) -> None:
    """Cancel any order of the account by some other program."""
    world.line.advance()
    found = world.account.core.orders.open_orders(ME)
    if found:
        order = _pick(found, which)
        world.account.core.orders.cancel(ME, order.symbol, order_id=order.order_id)


def deposit(world: World, asset: str, share: float) -> None:
    _move_money(world, asset, Decimal(str(share)))


def withdraw(world: World, asset: str, share: float) -> None:
    _move_money(world, asset, -Decimal(str(share)))


def _move_money(world: World, asset: str, share: Decimal) -> None:
    now = world.line.advance()
    accounts = world.account.core.accounts
    amount = floor_to(accounts.free_of(ME, asset) * share, 8)
    if amount == 0:
        return
    accounts.deposited[asset] += amount
    if amount > 0:
        world.truth.money_came(asset, amount, now)
    accounts.change(ME, asset, amount, ZERO, "DEPOSIT" if amount > 0 else "WITHDRAW")


def stop(world: World, back_ms: int) -> None:
    """End the desk in order, and start another."""
    world.kill(back_ms, in_order=True)


def die(world: World, back_ms: int) -> None:
    """Kill the desk, and start another only when its guard may have acted."""
    world.kill(back_ms)


def outage(world: World, ms: int) -> None:
    world.line.outage(ms)


def sleep(world: World, ms: int) -> None:
    world.sleep(ms)


def exchange_clock(world: World, ms: int) -> None:
    """Let the exchange's clock run ahead."""
    world.line.ahead_ms += ms


def clock(world: World, ms: int) -> None:
    world.jump(ms)


def freeze(world: World, ms: int) -> None:
    world.freeze(ms)


def twice(world: World, count: int) -> None:
    world.repeat_inputs(count)


def _pick(things: list[T] | tuple[T, ...], which: float) -> T:
    return things[int(which * len(things))]
