"""What commands share that start a desk, or act through one that runs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mexc_tui.cli.io.exits import FAILURE, USAGE, ExitError
from mexc_tui.config.errors import ConfigError

if TYPE_CHECKING:
    from mexc_tui.config.loading import SettingsFile
    from mexc_tui.desk.choice import DeskChoice
    from mexc_tui.desk.client import SocketClient
    from mexc_tui.desk.places import DeskEntry
    from mexc_tui.domain.client import Role
    from mexc_tui.domain.limits import Limits

READY_LIMIT_S = 15.0
NO_KEYS = (
    "{} an API key: set MEXC_API_KEY and MEXC_SECRET_KEY, and MEXC_BASE_URL and MEXC_WS_URL of an exchange on this "
    "machine. Nothing was sent."
)


def read_settings() -> tuple[SettingsFile, Limits]:
    """Read the config file, checked whole.

    Raises:
        ExitError: it says something that cannot be used.
    """
    from mexc_tui.config.limits import limits_of
    from mexc_tui.config.loading import load
    from mexc_tui.config.paths import config_file

    try:
        file = load(config_file())
        return file, limits_of(file)
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


@contextmanager
def settings_refused() -> Iterator[None]:
    """Turn what the settings are refused for into the end of the program."""
    try:
        yield
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


def add_desk(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a desk."""
    parser.add_argument(
        "--desk", metavar="NAME", help="the desk to act through (`mexc-tui desk status` lists those that run)"
    )


def add_role(parser: argparse.ArgumentParser) -> None:
    """Add the option that gives a screen less rights."""
    parser.add_argument("--role", choices=("trade", "view"), default="trade", help="view: a screen that can only look")


def role_of(arguments: argparse.Namespace) -> Role:
    """Return the role that was asked for."""
    from mexc_tui.domain.client import Role

    return Role(arguments.role)


@contextmanager
def desk_client(
    arguments: argparse.Namespace, name: str, *, look: bool = False, owner: str = ""
) -> Iterator[SocketClient]:
    """Attach to the desk that is meant; where none runs, to one that is started for the moment.

    ``owner`` names the algorithm whose orders it is for.

    Raises:
        ExitError, RequestError: there is none and none could be started, or it cannot be said which one is meant.
    """
    from mexc_tui.desk.launch import Caller, attach_to, meant
    from mexc_tui.desk.protocol import FROM_NOW
    from mexc_tui.domain.client import Role

    role = Role.VIEW if look else Role.TRADE
    configured = desk_by_settings(arguments.desk)
    entry = meant(arguments.desk, configured, starts=True)
    if entry is None or (configured is not None and entry.desk_id == configured.desk_id):
        client = _for_the_moment(configured or configured_desk(), name, role, owner)
    else:
        if arguments.desk is None:
            _say_which(entry)
        client = attach_to(entry, Caller(name=name, role=role, after=FROM_NOW, owner=owner))
    try:
        yield client
    finally:
        client.close()


def desk_by_settings(name: str | None) -> DeskChoice | None:
    """Return the desk of plain ``mexc-tui`` where the settings have to say which desk is meant.

    A mistake in the config file does not stand before a halt or a stop: it counts only where they must be asked.
    """
    if name is not None:
        return None
    try:
        return configured_desk()
    except ExitError as error:
        from mexc_tui.cli.io.output import narrate
        from mexc_tui.desk.places import entries

        if len(entries()) != 1:
            raise
        narrate(str(error))
        return None


def configured_desk() -> DeskChoice:
    """Return the desk of plain ``mexc-tui``."""
    from mexc_tui.desk.choice import configured_choice

    file, _ = read_settings()
    with settings_refused():
        return configured_choice(file)


def _for_the_moment(choice: DeskChoice, name: str, role: Role, owner: str) -> SocketClient:
    from mexc_tui.cli.io.output import narrate
    from mexc_tui.desk.launch import Caller, Start
    from mexc_tui.desk.protocol import FROM_NOW
    from mexc_tui.desk.starting import Lifetime

    if not choice.has_account:
        raise ExitError(NO_KEYS.format("Orders need" if name.startswith(("buy ", "sell ")) else "This needs"), USAGE)
    with settings_refused():
        start = Start(choice, lifetime=Lifetime.MOMENT, armed=True)
    return start.attach(
        Caller(name=name, role=role, after=FROM_NOW, owner=owner),
        on_slow=lambda: narrate(f"the desk {choice.name} is starting"),
    )


def _say_which(entry: DeskEntry) -> None:
    from mexc_tui.cli.io.output import narrate

    narrate(f"through the desk {entry.name} ({entry.account})")


def wait_ready(client: SocketClient, missing: Callable[[], str]) -> None:
    """Wait until nothing is missing any more.

    Raises:
        ExitError: it took too long, or the desk has gone.
    """
    client.wait(lambda: bool(client.died()) or not missing(), READY_LIMIT_S)
    if client.died():
        raise ExitError(f"{client.died()} Nothing was sent.", FAILURE)
    why = missing()
    if why:
        raise ExitError(f"Nothing was sent: {why}; try again.", FAILURE)


def account_missing(client: SocketClient) -> str:
    """Return what is still missing before the desk's account can be shown or changed; empty where nothing is."""
    from mexc_tui.domain.views import TOPIC_RISK, RiskView

    risk = client.view(TOPIC_RISK)
    if not isinstance(risk, RiskView):
        return "the desk has not started yet"
    return "" if risk.ready else risk.ready_reason or "the account has not been read yet"


def asks_exchange(arguments: argparse.Namespace) -> bool:
    """Whether a question about the account goes to the exchange itself: asked for, or its keys are all there is.

    Keys of an exchange that is not on this machine mean its own account, which no desk of this version trades with.
    """
    if arguments.direct:
        return True
    if arguments.desk is not None:
        return False
    from mexc_tui.config.environment import credentials
    from mexc_tui.desk.places import entries
    from mexc_tui.domain.views import VenueKind

    with settings_refused():
        return not entries() and bool(credentials(os.environ)) and configured_desk().kind is not VenueKind.LOCAL


def add_direct(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who is asked about the account."""
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--desk", metavar="NAME", help="the desk to act through (`mexc-tui desk status` lists them)")
    who.add_argument("--direct", action="store_true", help="ask the exchange itself, with the keys that are set")
