"""What somebody tells a desk about its account through a command: which orders it adopts, what a holding cost."""

from __future__ import annotations

import argparse
from decimal import Decimal

from mexc_tui.cli.acting import answer_to, live_orders, new_id, open_account
from mexc_tui.cli.desks import desk_client
from mexc_tui.cli.io.exits import FAILURE, OK, ExitError
from mexc_tui.cli.io.output import Row, say_what_was_done
from mexc_tui.domain.adopting import AdoptError, orders_to_adopt
from mexc_tui.domain.commands import AdoptOrders, ReadCost, SetCost

READ_LIMIT_S = 900.0
"""How long reading own trades, page by page behind everything else, may take."""


def adopt(arguments: argparse.Namespace) -> int:
    """Adopt orders that were placed elsewhere, or leave them, and print what holds now."""
    with desk_client(arguments, "adopt") as client:
        open_account(client)
        try:
            orders = orders_to_adopt(arguments.which, live_orders(client))
        except AdoptError as problem:
            raise ExitError(f"Nothing was adopted: {problem}.", FAILURE) from None
        names = tuple(order.client_order_id for order in orders)
        leave = arguments.which.lower() == "none"
        command = AdoptOrders(command_id=new_id(), client_order_ids=names, leave=leave)
        fact = answer_to(client, command, "the orders were left" if leave else "the orders were adopted")
        done = fact.kind in ("adopted", "left")
        row: Row = {
            "type": "adopt",
            "outcome": fact.kind if done else "refused",
            "orders": [order.order_id or order.client_order_id for order in orders] if done else [],
            "message": fact.message,
        }
        say_what_was_done(row, fact.message, as_json=arguments.json)
        return OK if done else FAILURE


def read_cost(arguments: argparse.Namespace, asset: str) -> int:
    """Have a desk work out what a holding cost from own trades, and print what counts from now on."""
    with desk_client(arguments, "cost") as client:
        open_account(client)
        command = ReadCost(command_id=new_id(), asset=asset)
        try:
            fact = answer_to(client, command, "the cost was taken", READ_LIMIT_S)
        except KeyboardInterrupt:
            client.submit(ReadCost(command_id=new_id(), asset=asset, cancel=True))
            raise
        row: Row = {"type": "cost", "asset": asset, "set": fact.kind == "cost", "message": fact.message}
        say_what_was_done(row, fact.message, as_json=arguments.json)
        return OK if fact.kind == "cost" else FAILURE


def set_cost(arguments: argparse.Namespace, asset: str, price: Decimal) -> int:
    """Say what a holding cost, and print what counts from now on."""
    with desk_client(arguments, "cost") as client:
        open_account(client)
        command = SetCost(command_id=new_id(), asset=asset, price=price, whole=arguments.whole)
        fact = answer_to(client, command, "the cost was taken")
        row: Row = {"type": "cost", "asset": asset, "set": fact.kind == "cost", "message": fact.message}
        say_what_was_done(row, fact.message, as_json=arguments.json)
        return OK if fact.kind == "cost" else FAILURE
