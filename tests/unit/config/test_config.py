from __future__ import annotations

import contextlib
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.config.environment import credentials, venue_settings
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.limits import limits_of
from mexc_tui.config.loading import load
from mexc_tui.config.paths import config_file, private_folder, state_folder
from mexc_tui.config.settings import Settings, VenueSettings
from mexc_tui.config.template import TEMPLATE
from mexc_tui.domain.limits import Limits
from mexc_tui.domain.market import Interval


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_printed_config_says_exactly_the_defaults(written):
    file = load(written(TEMPLATE))
    plain = Settings()
    assert (file.settings.venue, file.settings.ui, file.settings.keys) == (plain.venue, plain.ui, plain.keys)
    assert limits_of(file) == Limits()
    named = set(tomllib.loads(TEMPLATE)["limits"])
    assert named == set(Limits.__struct_fields__)


def test_no_file_means_defaults(tmp_path: Path):
    file = load(tmp_path / "absent.toml")
    assert file.settings == Settings()
    assert limits_of(file) == Limits()


def test_money_is_read_exactly(written):
    file = load(written("[limits]\nmax_order_value = 0.1\n[limits.max_order_qty]\nBTCUSDT = 0.000000012\n"))
    limits = limits_of(file)
    assert limits.max_order_value == Decimal("0.1")
    assert limits.max_order_qty == {"BTCUSDT": Decimal("0.000000012")}


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ("[ui]\ntheme = 'dark'\nfsp = 3\n", 3, "ui.fsp", "did you mean `fps`?"),
        ("\n[limts]\n", 2, "limts", "did you mean `limits`?"),
        ("[ui]\nfps = 900\n", 2, "ui.fps", "<= 60"),
        ("[ui]\nfps = true\n", 2, "ui.fps", "expected `int"),
        ("[ui]\n\n\nsizes = [1, 2, 3, 'x', 5]\n", 4, "ui.sizes", "decimal"),
        ("[ui]\nsizes = [1, 2, 3]\n", 2, "ui.sizes", "length"),
        ("[ui]\nsizes = [1, 2, 3, 0, 5]\n", 2, "ui.sizes", "above zero"),
        ("[ui]\nsizes = [1, 2, 3, 'nan', 5]\n", 2, "ui.sizes", "not a number"),
        ("[ui]\ninterval = '2m'\n", 2, "ui.interval", "2m"),
        ("[venue]\napi_key = 'x'\n", 2, "venue.api_key", "does not belong in a file"),
        ("[keys]\nhalt = 3\n", 1, "keys", "str"),
    ],
)
def test_a_mistake_is_named_with_file_line_key_and_remedy(written, text, line, key, hint):
    path = written(text)
    with pytest.raises(ConfigError) as refusal:
        load(path)
    words = str(refusal.value)
    assert words.startswith(f"{path}, line {line}, {key}: ")
    assert hint in words
    assert "\n" not in words


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ("[limits]\nmax_order_valu = 3\n", 2, "limits.max_order_valu", "did you mean `max_order_value`?"),
        ("[limits]\n# x\nmax_order_value = 'ten'\n", 3, "limits.max_order_value", "decimal"),
        ("[limits]\nmax_order_value = nan\n", 2, "limits.max_order_value", "not a number"),
        ("[limits]\nmax_order_value = inf\n", 2, "limits.max_order_value", "not a number"),
        ("[limits]\nmax_order_value = 0\n", 2, "limits.max_order_value", "above zero"),
        ("[limits]\nmax_slippage = 5\n", 2, "limits.max_slippage", "fraction from 0 to 1"),
        ("[limits]\nmax_slippage = -0.1\n", 2, "limits.max_slippage", "fraction from 0 to 1"),
        ("[limits]\nmax_in_flight = 0\n", 2, "limits.max_in_flight", "at least 1"),
        ("[limits]\nidle_lock_minutes = -1\n", 2, "limits.idle_lock_minutes", "negative"),
        ("[limits]\nmax_order_value = 'nan'\n", 2, "limits.max_order_value", ""),
        ("[limits]\n[limits.max_order_qty]\nBTCUSDT = -1\n", 3, "limits.max_order_qty.BTCUSDT", "above zero"),
        ("[limits]\n[limits.max_order_qty]\nBTCUSDT = nan\n", 3, "limits.max_order_qty.BTCUSDT", "not a number"),
    ],
)
def test_a_limit_that_would_not_limit_is_refused(written, text, line, key, hint):
    path = written(text)
    with pytest.raises(ConfigError) as refusal:
        limits_of(load(path))
    words = str(refusal.value)
    assert words.startswith(f"{path}, line {line}, {key}: ")
    assert hint in words


@pytest.mark.parametrize("content", [b"[ui\n", b"= 3", b"\xff\xfe\x00", b"a = 1\na = 2\n"])
def test_what_is_not_toml_is_one_sentence_with_the_file(tmp_path: Path, content: bytes):
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.toml: not "):
        load(path)


def test_a_folder_in_place_of_the_file(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_file_content_is_anything_but_settings_or_a_refusal(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "config.toml"
    path.write_bytes(content)
    with contextlib.suppress(ConfigError):
        limits_of(load(path))


def test_the_environment_wins_and_needs_both_addresses():
    configured = VenueSettings()
    assert venue_settings(configured, {}) is configured
    both = {"MEXC_BASE_URL": "http://127.0.0.1:8700/", "MEXC_WS_URL": "ws://127.0.0.1:8700/ws"}
    assert venue_settings(configured, both).base_url == "http://127.0.0.1:8700"
    with pytest.raises(ConfigError, match="MEXC_WS_URL is not"):
        venue_settings(configured, {"MEXC_BASE_URL": "http://127.0.0.1:8700"})


@pytest.mark.parametrize(
    "address",
    ["", "  ", "127.0.0.1:8700", "ftp://x", "http://", "http://[::1", "http://a:99999", "http://a b", "http://u:p@h/"],
)
def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(ConfigError, match="MEXC_BASE_URL"):
        venue_settings(VenueSettings(), {"MEXC_BASE_URL": address, "MEXC_WS_URL": "ws://127.0.0.1:1/ws"})


def test_keys_come_in_pairs_and_never_show():
    pair = credentials({"MEXC_API_KEY": "mx0key", "MEXC_SECRET_KEY": "hush-hush"})
    assert pair
    assert pair.secret_key.reveal() == "hush-hush"
    assert "mx0key" not in f"{pair!r}{pair.api_key}"
    assert "hush" not in f"{pair!r}{pair.secret_key}{[pair.secret_key]}"
    assert not credentials({})
    with pytest.raises(ConfigError, match="Only one") as half:
        credentials({"MEXC_API_KEY": "mx0key"})
    assert "mx0key" not in str(half.value)
    with pytest.raises(ConfigError) as odd:
        credentials({"MEXC_API_KEY": "a b", "MEXC_SECRET_KEY": "tok\x1b[0m"})
    assert "tok" not in str(odd.value)


def test_folders_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MEXC_TUI_CONFIG", str(tmp_path / "mine.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert config_file() == tmp_path / "mine.toml"
    monkeypatch.delenv("MEXC_TUI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "cfg"))
    assert config_file() == tmp_path / "cfg" / "mexc-tui" / "config.toml"
    assert private_folder(state_folder()).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be made .* nothing was started"):
        private_folder(tmp_path / "file" / "state")


def test_a_word_that_is_not_among_the_valid_ones_is_told_with_them(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[ui]\ninterval = "7m"\n')
    with pytest.raises(ConfigError) as problem:
        load(path)
    assert "line 2, ui.interval" in str(problem.value)
    assert "valid are 1m, 5m, 15m, 30m, 60m, 4h, 8h, 1d, 1W, 1M" in str(problem.value)


def test_every_interval_of_the_exchange_can_be_the_first_one_shown(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for interval in Interval:
        path.write_text(f'[ui]\ninterval = "{interval.value}"\n')
        assert load(path).settings.ui.interval is interval
