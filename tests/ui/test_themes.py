"""Themes are files: complete, checked, and told apart in sixteen colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.color import ColorSystem

from mexc_tui.ui.themes import BACKGROUNDS, DEFAULT_THEME, FOREGROUNDS, load_themes, shipped_folder

SHIPPED, _ = load_themes()


def test_four_themes_ship() -> None:
    assert {"dark", "light", "ansi", "colourblind"} <= SHIPPED.keys()
    assert DEFAULT_THEME in SHIPPED


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_style_exists(name: str) -> None:
    palette = SHIPPED[name].palette
    assert all(palette.knows(style) for style in FOREGROUNDS)
    assert all(palette.knows(f"bid!@{style}") for style in BACKGROUNDS)
    assert not palette.knows("no-such-style")


@pytest.mark.parametrize("name", sorted(SHIPPED))
@pytest.mark.parametrize("system", [ColorSystem.STANDARD, ColorSystem.EIGHT_BIT])
def test_bid_and_ask_stay_apart_with_few_colours(name: str, system: ColorSystem) -> None:
    palette = SHIPPED[name].palette
    bid, ask = palette.rich("bid").color, palette.rich("ask").color
    assert bid is not None
    assert ask is not None
    assert bid.downgrade(system) != ask.downgrade(system)


@pytest.mark.parametrize("name", sorted(SHIPPED.keys() - {"ansi"}))
@pytest.mark.parametrize("style", ["text", "dim", "bid", "ask", "own", "warn", "bad", "unknown", "stale", "bad@alert"])
def test_text_can_be_read(name: str, style: str) -> None:
    drawn = SHIPPED[name].palette.rich(style)
    assert drawn.color is not None
    assert drawn.bgcolor is not None
    one, two = sorted(_luminance(tuple(c.get_truecolor())) for c in (drawn.color, drawn.bgcolor))
    assert (two + 0.05) / (one + 0.05) >= 3.0


@pytest.mark.parametrize("kind", ["demo", "paper", "replay", "local", "live"])
def test_the_venue_can_be_read_in_sixteen_colours_whatever_stands_behind(kind: str) -> None:
    drawn = SHIPPED["ansi"].palette.rich(f"{kind}@{kind}")
    assert drawn.color is not None
    assert drawn.bgcolor is not None
    assert not drawn.reverse
    assert not drawn.color.is_default
    assert not drawn.bgcolor.is_default
    assert drawn.color != drawn.bgcolor


def _luminance(colour: tuple[int, ...]) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_user_theme_takes_what_it_leaves_out_from_its_base(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nbase = "dark"\n[foregrounds]\nbid = "#00ffff"\n')
    themes, notices = load_themes(tmp_path)
    assert notices == []
    assert themes["mine"].palette.rich("bid").color != themes["dark"].palette.rich("bid").color
    assert themes["mine"].palette.rich("ask") == themes["dark"].palette.rich("ask")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('name = "x"\nbase = "drak"', "no theme named 'drak'"),
        ('name = "x"\nbase = "dark"\n[foregrounds]\nbidd = "red"', "has no bidd"),
        ('name = "x"\nbase = "dark"\n[foregrounds]\nbid = "#zz0000"', "is not a style"),
        ('name = "x"\nbase = "dark"\n[interface]\nprimary = "nocolour"', "nocolour"),
        ('name = "x"', "lacks"),
        ("name = ", "left out"),
        ('name = "x"\ncolours = 1', "colours"),
    ],
)
def test_a_broken_user_theme_is_left_out_and_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "x.toml").write_text(content)
    themes, notices = load_themes(tmp_path)
    assert themes.keys() == SHIPPED.keys()
    assert len(notices) == 1
    assert said in notices[0]
    assert "x" in notices[0]


def test_the_shipped_files_are_found() -> None:
    assert {path.stem for path in shipped_folder().glob("*.toml")} >= {"dark", "light"}
