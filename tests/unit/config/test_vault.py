"""The vault: what goes in comes out, with the right passphrase and from an unharmed file only."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.config import vault as module
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.settings import Secret
from mexc_tui.config.vault import Account, Vault, from_line, to_line
from tests.examples import examples

PASSPHRASE, KEY, SECRET = "correct horse battery", "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"
CHEAP = 4


def account(name: str = "main", **more: object) -> Account:
    return Account(**{"name": name, "api_key": Secret(KEY), "secret_key": Secret(SECRET), **more})  # type: ignore[arg-type]


def same(one: Account, other: Account) -> bool:
    return to_line(one) == to_line(other)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "keys.vault"


@pytest.fixture
def vault(path: Path) -> Vault:
    made = Vault.create(path, Secret(PASSPHRASE), cost=CHEAP)
    made.put(account())
    return made


def test_what_went_in_comes_out_and_nothing_of_it_lies_open(vault: Vault, path: Path) -> None:
    vault.put(account("second", base_url="http://127.0.0.1:1", ws_url="ws://127.0.0.1:1/ws", mode="read", uid="7"))
    found = Vault.unlock(path, Secret(PASSPHRASE)).accounts
    assert set(found) == {"main", "second"}
    assert all(same(found[name], vault.accounts[name]) for name in found)
    content = path.read_bytes()
    assert not any(text.encode() in content for text in (KEY, SECRET, PASSPHRASE, "main", "second", "127.0.0.1"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert not any(text in repr(found) + str(vars(vault)) for text in (KEY, SECRET, PASSPHRASE))


def test_accounts_are_renamed_and_removed_on_the_disk(vault: Vault, path: Path) -> None:
    vault.put(account("other"))
    vault.rename("main", "first")
    with pytest.raises(ConfigError, match="already"):
        vault.rename("first", "other")
    vault.remove("other")
    assert set(Vault.unlock(path, Secret(PASSPHRASE)).accounts) == {"first"}
    with pytest.raises(ConfigError, match="no account 'main'; it has: first"):
        vault.account("main")


def test_another_passphrase_opens_it_and_the_old_one_no_more(vault: Vault, path: Path) -> None:
    vault.change_passphrase(Secret("another one, longer"))
    with pytest.raises(ConfigError, match="does not open"):
        Vault.unlock(path, Secret(PASSPHRASE))
    assert "main" in Vault.unlock(path, Secret("another one, longer")).accounts


def test_what_is_refused(vault: Vault, path: Path) -> None:
    for wrong, told in (
        (lambda: Vault.create(path, Secret(PASSPHRASE)), "already"),
        (lambda: Vault.create(path.with_name("new"), Secret("short")), "at least 8"),
        (lambda: vault.change_passphrase(Secret("")), "at least 8"),
        (lambda: Vault.unlock(path.with_name("none"), Secret(PASSPHRASE)), "no vault"),
        (lambda: vault.rename("main", "../up"), "cannot name"),
        (lambda: account(api_key=Secret("two words")), "holds characters"),
        (lambda: account(secret_key=Secret("")), "is empty"),
        (lambda: account(base_url="ftp://x"), "not an address"),
    ):
        with pytest.raises(ConfigError, match=told):
            wrong()
    os.chmod(path, 0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        Vault.unlock(path, Secret(PASSPHRASE))


def test_two_programs_do_not_overwrite_each_other(vault: Vault, path: Path) -> None:
    other = Vault.unlock(path, Secret(PASSPHRASE))
    other.put(account("theirs"))
    with pytest.raises(ConfigError, match="changed by another program"):
        vault.put(account("ours"))
    assert set(Vault.unlock(path, Secret(PASSPHRASE)).accounts) == {"main", "theirs"}


def test_a_vault_that_cannot_be_written_stays_as_it_was(
    vault: Vault, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "replace_whole", full)
    with pytest.raises(ConfigError, match="No space left"):
        vault.change_passphrase(Secret("another one, longer"))
    assert path.read_bytes() == before
    monkeypatch.undo()
    vault.put(account("later"))
    assert "later" in Vault.unlock(path, Secret(PASSPHRASE)).accounts


@examples(100)
@given(data=st.data())
def test_a_file_that_was_touched_anywhere_is_refused_in_words(data: st.DataObject, tmp_path_factory: object) -> None:
    """Every header stays within its bounds, or the file is refused before anything is computed."""
    path = tmp_path_factory.mktemp("vault") / "keys.vault"  # type: ignore[attr-defined]
    made = Vault.create(path, Secret(PASSPHRASE), cost=CHEAP)
    made.put(account())
    whole = path.read_bytes()
    spoilt = data.draw(
        st.binary(max_size=300)
        | st.integers(0, len(whole) - 1).map(lambda at: whole[:at])
        | st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)).map(
            lambda flip: whole[: flip[0]] + bytes([whole[flip[0]] ^ flip[1]]) + whole[flip[0] + 1 :]
        )
        | st.binary(min_size=1, max_size=5).map(lambda more: whole + more)
        | st.sampled_from(
            [
                whole.replace(b'"n":4', b'"n":1048577'),
                whole.replace(b'"vault":1', b'"vault":2'),
                whole.replace(b'"r":8', b'"r":4'),
            ]
        )
    )
    path.write_bytes(spoilt)
    with pytest.raises(ConfigError) as refused:
        Vault.unlock(path, Secret(PASSPHRASE))
    assert str(path) in str(refused.value)
    assert refused.value.__cause__ is None


@given(line=st.binary(max_size=200) | st.just(msgspec.json.encode({"name": "x", "api_key": 5, "secret_key": []})))
def test_a_line_that_is_no_account_is_refused_without_showing_it(line: bytes) -> None:
    with pytest.raises(ConfigError):
        from_line(line)


def test_an_account_crosses_the_pipe_whole() -> None:
    assert same(from_line(to_line(account(mode="read"))), account(mode="read"))
