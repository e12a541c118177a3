"""``mexc-tui keys``: the accounts of the vault, each with its key."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mexc_tui.cli.io.exits import OK, USAGE, ExitError

if TYPE_CHECKING:
    from mexc_tui.config.vault import Account, Vault
    from mexc_tui.desk.key_check import KeyFacts

_MORE = """\
The vault is one file, encrypted with a passphrase; keys are typed, never given as arguments. `mexc-tui --account NAME`
and `mexc-tui desk start --account NAME` open an account; while its desk runs, no passphrase is asked for again. From a
pipe, answers are read line by line in the order of the questions.

exit codes: 0 done; 1 an error; 2 a wrong passphrase, no such account, a key that is refused here;
3 the exchange cannot be reached.
"""
_WITHDRAWS = (
    "This key may withdraw, which this program never needs: whoever steals it can send your money away. Make one that "
    "may not; or say that you want this one with --may-withdraw {}. Nothing was kept."
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what can be done with keys."""
    parser = commands.add_parser(
        "keys",
        help="keep API keys of named accounts in an encrypted vault",
        description="Keep API keys of named accounts in an encrypted vault.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    add = _sub(what, "add", "add an account; the first one makes the vault")
    add.add_argument("--rest", metavar="URL", help="REST address of its exchange; MEXC unless given")
    add.add_argument("--ws", metavar="URL", help="address of its streams; goes with --rest")
    mode = add.add_mutually_exclusive_group()
    mode.add_argument("--read-only", action="store_true", help="its desk only looks, whatever the key may do")
    mode.add_argument("--live", action="store_true", help="its orders are real: its desk is unlocked by its name only")
    add.set_defaults(run=_add)
    rotate = _sub(what, "rotate", "replace the key of an account; its history stays")
    rotate.set_defaults(run=_rotate)
    change = _sub(what, "mode", "say what an account's desk may do")
    change.add_argument("mode", choices=("read", "trade", "live"), help="look, trade, or trade with real orders")
    change.set_defaults(run=_mode)
    for one in (add, rotate, change):
        one.add_argument("--may-withdraw", metavar="NAME", help="take a key of this account that may withdraw")
    _sub(what, "check", "ask the exchange what an account's key may do").set_defaults(run=_check)
    _sub(what, "remove", "forget an account's key; its journal stays").set_defaults(run=_remove)
    rename = _sub(what, "rename", "give an account another name")
    rename.add_argument("new", metavar="NEW")
    rename.set_defaults(run=_rename)
    listed = what.add_parser("list", help="list the accounts", description="List the accounts, without their keys.")
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    listed.set_defaults(run=_list)
    text = "encrypt the vault with another passphrase"
    what.add_parser("change-passphrase", help=text, description=f"{text.capitalize()}.").set_defaults(run=_change)


def _sub(what: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    parser = what.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("name", metavar="NAME", help="what the account is called here")
    return parser


def _add(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from mexc_tui.cli.accounts import ask_account, ask_new_passphrase, keep_in_keyring, unlocked
    from mexc_tui.cli.desks import settings_refused
    from mexc_tui.config.paths import vault_file
    from mexc_tui.config.vault import Vault, check_name

    name = arguments.name
    if bool(arguments.rest) != bool(arguments.ws):
        raise ExitError("--rest and --ws go together: orders and market data must be of one exchange.", USAGE)
    with settings_refused():
        check_name(name)
        if vault_file().exists():
            vault = unlocked()
        else:
            passphrase = ask_new_passphrase()
            vault = Vault.create(vault_file(), passphrase)
            keep_in_keyring(passphrase)
        if name in vault.accounts:
            raise ExitError(f"There is an account {name!r}; `mexc-tui keys rotate {name}` replaces its key.", USAGE)
        address = {"base_url": arguments.rest.rstrip("/"), "ws_url": arguments.ws} if arguments.rest else {}
        account = ask_account(name, **address)
        facts = _facts(account)
        mode = "read" if arguments.read_only else "live" if arguments.live else "trade"
        account = _judged(replace(account, mode=mode), facts, arguments)
        vault.put(account)
    _tell(account, facts, f"The account {name} was added.")
    return OK


def _rotate(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.accounts import ask_account, unlocked
    from mexc_tui.cli.desks import settings_refused
    from mexc_tui.desk.choice import running_choice
    from mexc_tui.desk.key_check import remember

    with settings_refused():
        vault = unlocked()
        old = vault.account(arguments.name)
        account = ask_account(old.name, base_url=old.base_url, ws_url=old.ws_url, mode=old.mode)
        facts = _facts(account)
        if not facts.uid or facts.uid != old.uid:
            why = "is of another account" if facts.uid and old.uid else "cannot be told to be of the same account"
            raise ExitError(
                f"The new key {why}, so its orders would not go with this account's history. Nothing was changed; "
                "`mexc-tui keys add` keeps it under another name.",
                USAGE,
            )
        account = _judged(account, facts, arguments)
        remember(account, facts)
        vault.put(account)
        runs = running_choice(old.name) is not None
    later = f" Its desk goes on with the old key until `mexc-tui desk stop {old.name}`." if runs else ""
    _tell(account, facts, f"The key of {old.name} was replaced; its history stays.{later}")
    return OK


def _mode(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    with _changing(arguments.name) as vault:
        account = replace(vault.account(arguments.name), mode=arguments.mode)
        facts = _facts(account)
        if arguments.mode != "read" and not facts.may_trade:
            raise ExitError("The key may not trade, so its desk can only look. Nothing was changed.", USAGE)
        account = _judged(account, facts, arguments)
        vault.put(account)
    _tell(account, facts, f"The mode of {account.name} is {account.mode} now.")
    return OK


def _check(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.accounts import unlocked
    from mexc_tui.cli.desks import settings_refused

    with settings_refused():
        account = unlocked().account(arguments.name)
        _tell(account, _facts(account), f"The key of {account.name} is valid.")
    return OK


def _remove(arguments: argparse.Namespace) -> int:
    with _changing(arguments.name) as vault:
        vault.remove(arguments.name)
    return _say(f"The key of {arguments.name} was removed; its journal stays.")


def _rename(arguments: argparse.Namespace) -> int:
    with _changing(arguments.name) as vault:
        vault.rename(arguments.name, arguments.new)
    return _say(f"{arguments.name} is {arguments.new} now.")


def _change(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.accounts import ask_new_passphrase, keep_in_keyring

    with _changing() as vault:
        passphrase = ask_new_passphrase()
        vault.change_passphrase(passphrase)
        keep_in_keyring(passphrase)
    return _say("The vault opens with the new passphrase from now on.")


def _list(arguments: argparse.Namespace) -> int:
    from mexc_tui.cli.accounts import unlocked
    from mexc_tui.cli.io.output import say
    from mexc_tui.desk.choice import running_choice

    for name, account in sorted(unlocked().accounts.items()):
        runs = running_choice(name) is not None
        row = {"type": "account", "name": name, "mode": account.mode, "rest": account.base_url, "runs": runs}
        text = f"{name:<20} {account.mode:<6} {account.base_url}{'  its desk runs' if runs else ''}"
        say(row, text, as_json=arguments.json)
    return OK


@contextmanager
def _changing(name: str = "") -> Iterator[Vault]:
    """Give the unlocked vault to whoever changes it; an account whose desk runs is left alone."""
    from mexc_tui.cli.accounts import unlocked
    from mexc_tui.cli.desks import settings_refused
    from mexc_tui.desk.choice import running_choice

    if name and running_choice(name) is not None:
        raise ExitError(f"The desk of {name} runs; end it first with `mexc-tui desk stop {name}`.", USAGE)
    with settings_refused():
        yield unlocked()


def _facts(account: Account) -> KeyFacts:
    from mexc_tui.desk.key_check import key_facts

    return asyncio.run(key_facts(account))


def _judged(account: Account, facts: KeyFacts, arguments: argparse.Namespace) -> Account:
    """Return the account with what its key allows; a key that may withdraw must have been named."""
    from msgspec.structs import replace

    accepted = account.may_withdraw or arguments.may_withdraw == account.name
    if (facts.real or account.mode == "live") and facts.may_withdraw and not accepted:
        raise ExitError(_WITHDRAWS.format(account.name), USAGE)
    return replace(account, uid=facts.uid, may_withdraw=accepted, mode=account.mode if facts.may_trade else "read")


def _tell(account: Account, facts: KeyFacts, text: str) -> None:
    _say(text)
    for sentence in (
        "It may not trade, so its desk only looks." if not facts.may_trade else "",
        "It may withdraw, which this program never needs: make one that may not." if facts.may_withdraw else "",
        "It is taken from any address: bind it to yours at MEXC, so that it is worthless to a thief."
        if facts.any_address
        else "",
        f"It expires in {facts.info.days_left} days." if facts.info and facts.info.days_left is not None else "",
        f"It is kept to look only: {account.name} sends no order."
        if account.mode == "read" and facts.may_trade
        else "",
    ):
        if sentence:
            _say(sentence)


def _say(text: str) -> int:
    from mexc_tui.cli.io.output import say

    say({}, text, as_json=False)
    return OK
