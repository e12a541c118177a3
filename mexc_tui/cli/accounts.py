"""Accounts of the vault on the command line: unlocking it, and the desk of a named account."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from mexc_tui.cli.io.exits import USAGE, ExitError
from mexc_tui.cli.io.output import safe
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.paths import vault_file
from mexc_tui.config.settings import Secret
from mexc_tui.config.vault import Account, Vault, from_line
from mexc_tui.desk.choice import DeskChoice, account_choice, running_choice

KEYRING_SERVICE, KEYRING_USER = "mexc-tui", "vault"
_LONGEST_LINE = 16 * 1024


def account_desk(name: str) -> DeskChoice:
    """Return the desk of an account of the vault; the passphrase is asked for only where no desk of it runs."""
    try:
        return running_choice(name) or account_choice(unlocked().account(name))
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


def handed_over(name: str) -> DeskChoice:
    """Return the desk of the account that came over the pipe; where none did, of one of the vault."""
    line = b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.readline(_LONGEST_LINE)
    try:
        if line.startswith(b"{"):
            return account_choice(from_line(line))
        passphrase = Secret(line.decode("utf-8", "replace").rstrip("\r\n")) if line else None
        return account_choice(unlocked(passphrase).account(name))
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


def unlocked(passphrase: Secret | None = None) -> Vault:
    """Unlock the vault: with the passphrase given, kept by the system's keyring where that is chosen, or typed."""
    if passphrase is None:
        passphrase = _from_keyring() or ask_hidden("Passphrase of the vault: ")
    try:
        return Vault.unlock(vault_file(), passphrase)
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


def ask_hidden(question: str) -> Secret:
    """Return what is typed without showing it; from a pipe, its next line."""
    try:
        if sys.stdin.isatty():
            return Secret(getpass.getpass(question).strip())
        line = sys.stdin.buffer.readline(_LONGEST_LINE)
    except EOFError:
        line = b""
    if not line:
        raise ExitError(f"{question.rstrip(': ')}: nothing was typed; nothing was changed.", USAGE)
    return Secret(line.decode("utf-8", "replace").strip())


def ask_new_passphrase() -> Secret:
    """Return a new passphrase, typed twice."""
    first, second = ask_hidden("New passphrase of the vault: "), ask_hidden("The same again: ")
    if first.reveal() != second.reveal():
        raise ExitError("The two passphrases differ; nothing was changed.", USAGE)
    return first


def ask_account(name: str, **more: object) -> Account:
    """Return an account whose key was typed."""
    pair = {"api_key": ask_hidden("API key: "), "secret_key": ask_hidden("Secret key: ")}
    try:
        return Account(name=name, **pair, **more)  # type: ignore[arg-type]
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None


def keep_in_keyring(passphrase: Secret) -> None:
    """Give the passphrase to the keyring of the system, where that is chosen."""
    keyring = _keyring()
    if keyring is not None:
        with _answering(keyring):
            keyring.set_password(KEYRING_SERVICE, KEYRING_USER, passphrase.reveal())


def _from_keyring() -> Secret | None:
    keyring = _keyring()
    if keyring is None:
        return None
    with _answering(keyring):
        found = keyring.get_password(KEYRING_SERVICE, KEYRING_USER)
    return Secret(found) if found else None


@contextmanager
def _answering(keyring: ModuleType) -> Iterator[None]:
    try:
        yield
    except keyring.errors.KeyringError as error:
        why = safe(str(error)).rstrip(".") or type(error).__name__
        raise ExitError(f"The system's keyring does not answer: {why}. Set [vault] keyring = false.", USAGE) from None


def _keyring() -> ModuleType | None:
    """Return the module that speaks to the system's keyring; None where the settings do not ask for it."""
    from mexc_tui.cli.desks import read_settings

    if not read_settings()[0].settings.vault.keyring:
        return None
    try:
        import keyring
    except ImportError:
        raise ExitError(
            "[vault] keyring is on and the package keyring is not installed: `pip install mexc-tui[keyring]`.", USAGE
        ) from None
    module: ModuleType = keyring
    return module
