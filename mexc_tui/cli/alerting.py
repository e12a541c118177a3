"""Alerts by command: setting, removing and listing them through a desk."""

from __future__ import annotations

import argparse

from mexc_tui.cli.acting import answer_to, new_id
from mexc_tui.cli.desks import desk_client, wait_ready
from mexc_tui.cli.io.exits import FAILURE, OK, USAGE, ExitError
from mexc_tui.cli.io.output import Row, narrate, safe, say_what_was_done
from mexc_tui.domain.alerts import AlertError, parse_alert
from mexc_tui.domain.commands import RemoveAlert, SetAlert
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.listed import MeaningError, pair_meant
from mexc_tui.domain.views import TOPIC_ALERTS, TOPIC_INSTRUMENTS, AlertsView, InstrumentsView


def set_alert(arguments: argparse.Namespace, words: list[str]) -> int:
    """Set an alert, and print it."""
    with desk_client(arguments, "alert") as client:
        client.look(Interest(topics=frozenset({TOPIC_INSTRUMENTS})))

        def listed() -> frozenset[str]:
            view = client.view(TOPIC_INSTRUMENTS)
            return frozenset(view.by_symbol) if isinstance(view, InstrumentsView) else frozenset()

        wait_ready(client, lambda: "" if listed() else "the list of pairs has not been read yet")
        try:
            alert = parse_alert(words, lambda word: pair_meant(word, listed()))
        except (AlertError, MeaningError) as problem:
            text = str(problem)
            raise ExitError(f"{safe(text[:1].upper() + text[1:])}. No alert was set.", USAGE) from None
        fact = answer_to(client, SetAlert(command_id=new_id(), alert=alert), "the alert was set")
        row: Row = {"type": "alert", "alert": str(alert), "set": fact.kind == "alerts", "message": fact.message}
        say_what_was_done(row, fact.message, as_json=arguments.json)
        return OK if fact.kind == "alerts" else FAILURE


def remove_alert(arguments: argparse.Namespace, number: int | None) -> int:
    """Remove an alert or all, and say so."""
    with desk_client(arguments, "alert") as client:
        fact = answer_to(client, RemoveAlert(command_id=new_id(), number=number), "anything was removed")
        row: Row = {"type": "alert", "removed": fact.kind == "alerts", "message": fact.message}
        say_what_was_done(row, fact.message, as_json=arguments.json)
        return OK if fact.kind == "alerts" else FAILURE


def list_alerts(arguments: argparse.Namespace) -> int:
    """Print the alerts that stand."""
    with desk_client(arguments, "alert", look=True) as client:
        client.look(Interest(topics=frozenset({TOPIC_ALERTS})))
        wait_ready(client, lambda: "" if client.view(TOPIC_ALERTS) else "the desk is starting")
        view = client.view(TOPIC_ALERTS)
        alerts = view.alerts if isinstance(view, AlertsView) else ()
        for alert in alerts:
            row: Row = {"type": "alert", "number": alert.number, "alert": str(alert), "every": alert.every}
            row |= {"kind": alert.kind.value, "symbol": alert.symbol or None, "value": alert.value}
            say_what_was_done(row, f"{alert.number:4}  {safe(str(alert))}", as_json=arguments.json)
        if not alerts:
            narrate("there is no alert")
        return OK
