"""Colour themes: TOML files, shipped and the user's own in one format, checked on loading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from rich.errors import StyleSyntaxError
from rich.style import Style
from textual.color import ColorParseError
from textual.theme import Theme

from mexc_tui.config.files import read_whole

FOREGROUNDS = frozenset(
    [
        "text",
        "strong",
        "dim",
        "faint",
        "title",
        "title_focus",
        "accent",
        "key",
        "bid",
        "ask",
        "bid_bar",
        "ask_bar",
        "mid",
        "last",
        "up",
        "down",
        "flat",
        "flash_up",
        "flash_down",
        "own",
        "ghost",
        "position",
        "good",
        "warn",
        "bad",
        "info",
        "stale",
        "unknown",
        "live",
        "paper",
        "demo",
        "replay",
        "local",
        "locked",
        "armed",
        "halted",
        "candle_up",
        "candle_down",
        "volume_up",
        "volume_down",
        "axis",
        "cross",
        "spark",
        "gauge",
        "gauge_warn",
        "gauge_bad",
        "input",
        "placeholder",
    ]
)
"""Style names a presenter may use. Colour is never the only sign: each goes with a letter, glyph or place."""

BACKGROUNDS = frozenset(
    [
        "panel",
        "cursor",
        "band",
        "ghost",
        "flash_up",
        "flash_down",
        "stale",
        "input",
        "alert",
        "live",
        "paper",
        "demo",
        "replay",
        "local",
        "halted",
        "bid",
        "ask",
    ]
)
"""Names that may follow an ``@``. Any foreground name may too, and then means its colour."""

DEFAULT_THEME = "dark"

_INTERFACE = frozenset(
    ["primary", "secondary", "accent", "warning", "error", "success", "foreground", "background", "surface", "panel"]
)

_ANSI_VARIABLES = {
    "ansi-background": "ansi_black",
    "ansi-foreground": "ansi_white",
    "input-cursor-background": "ansi_white",
    "input-cursor-foreground": "ansi_black",
    "input-cursor-text-style": "none",
}
"""What Textual's own styles ask of a theme in the terminal's colours."""
_ATTRIBUTES = frozenset({"bold", "reverse", "underline", "dim"})


class ThemeError(Exception):
    """A theme file cannot be used; the message names the file, what is wrong, and what is shown instead."""


class ThemeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A theme as it is written. A user theme may leave out what it takes from ``base``."""

    name: str
    dark: bool = True
    ansi: bool = False
    base: str = ""
    interface: dict[str, str] = {}
    """Colours of the frame: primary, accent, background, foreground and so on; CSS colours."""
    foregrounds: dict[str, str] = {}
    """Text styles by name, such as ``"bold #4cc38a"``."""
    backgrounds: dict[str, str] = {}


class Palette:
    """Style names to terminal styles: ``name``, ``name!`` (bold), ``name~`` (reverse video), ``name@background``."""

    def __init__(self, foregrounds: Mapping[str, Style], backgrounds: Mapping[str, Style], base: Style) -> None:
        self._foregrounds = foregrounds
        self._backgrounds = backgrounds
        self._base = base
        self._made: dict[str, Style] = {}

    def rich(self, name: str) -> Style:
        """Return the style of a name; one that is not known is drawn plainly."""
        style = self._made.get(name)
        if style is None:
            style = self._made[name] = self._make(name)
        return style

    def knows(self, name: str) -> bool:
        """Whether every part of a name is defined."""
        front, _, back = name.partition("@")
        front = front.rstrip("!~")
        return (not front or front in self._foregrounds) and (
            not back or back in self._backgrounds or back in self._foregrounds
        )

    def _make(self, name: str) -> Style:
        front, _, back = name.partition("@")
        style = self._base + self._foregrounds.get(front.rstrip("!~") or "text", Style.null())
        if back in self._backgrounds:
            style += self._backgrounds[back]
        elif back in self._foregrounds:
            style += Style(bgcolor=self._foregrounds[back].color)
        if front.endswith("!"):
            return style + Style(bold=True)
        return style + Style(reverse=True) if front.endswith("~") else style


FALLBACK = Palette({}, {}, Style.null())
"""Draws everything plainly; for a pane outside the cockpit."""


class CockpitTheme(msgspec.Struct, frozen=True):
    """A theme that has been checked: for Textual, and for the panes."""

    textual: Theme
    palette: Palette


def load_themes(user_folder: Path | None = None) -> tuple[dict[str, CockpitTheme], list[str]]:
    """Return all themes by name, and a sentence for each user theme that could not be used.

    Raises:
        ThemeError: a theme that ships with the program is broken.
    """
    files = {file.name: file for file in map(read_theme, sorted(shipped_folder().glob("*.toml")))}
    themes = {name: make_theme(file, files) for name, file in files.items()}
    notices: list[str] = []
    for path in sorted(user_folder.glob("*.toml")) if user_folder is not None and user_folder.is_dir() else []:
        try:
            file = read_theme(path)
            themes[file.name] = make_theme(file, files)
        except ThemeError as problem:
            notices.append(str(problem))
    return themes, notices


def shipped_folder() -> Path:
    """Folder of the themes that come with the program: inside the package when installed, beside it in the source."""
    inside = Path(__file__).parents[1] / "themes"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "themes"


def read_theme(path: Path) -> ThemeFile:
    """Return a theme file's content.

    Raises:
        ThemeError: it cannot be read or is not a theme.
    """
    try:
        return msgspec.toml.decode(read_whole(path), type=ThemeFile)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as problem:
        raise ThemeError(f"theme {path.name}: {problem}; it is left out") from problem


def make_theme(file: ThemeFile, known: Mapping[str, ThemeFile]) -> CockpitTheme:
    """Return a theme with every style it needs, taking from its base what it leaves out.

    Raises:
        ThemeError: a name nobody uses, a colour that cannot be read, an unknown base, or a style that is missing.
    """
    base = known.get(file.base) if file.base else None
    if file.base and base is None:
        raise ThemeError(f"theme {file.name}: no theme named {file.base!r} to start from; known: {_list(known)}")
    interface = {**(base.interface if base else {}), **file.interface}
    fronts = {**(base.foregrounds if base else {}), **file.foregrounds}
    backs = {**(base.backgrounds if base else {}), **file.backgrounds}
    for kind, given, allowed in (
        ("interface", interface, _INTERFACE),
        ("foregrounds", fronts, FOREGROUNDS),
        ("backgrounds", backs, BACKGROUNDS),
    ):
        if unknown := given.keys() - allowed:
            raise ThemeError(f"theme {file.name}: {kind} has no {_list(unknown)}; known: {_list(allowed)}")
        if missing := allowed - given.keys():
            raise ThemeError(f'theme {file.name}: {kind} lacks {_list(missing)}; add it or set base = "dark"')
    return CockpitTheme(_textual_theme(file, interface), _palette(file, interface, fronts, backs))


def _palette(file: ThemeFile, interface: dict[str, str], fronts: dict[str, str], backs: dict[str, str]) -> Palette:
    def parse(key: str, text: str) -> Style:
        try:
            return Style.parse(text)
        except StyleSyntaxError as problem:
            raise ThemeError(f"theme {file.name}: {key} = {text!r} is not a style: {problem}") from problem

    base = parse("background", f"{_rich(interface['foreground'])} on {_rich(interface['background'])}")
    return Palette(
        {key: parse(key, text) for key, text in fronts.items()},
        {
            key: parse(key, f"on {text}" if len(text.split()) == 1 and text not in _ATTRIBUTES else text)
            for key, text in backs.items()
        },
        base,
    )


def _rich(colour: str) -> str:
    return colour.removeprefix("ansi_")


def _textual_theme(file: ThemeFile, interface: dict[str, str]) -> Theme:
    theme = Theme(name=file.name, dark=file.dark, ansi=file.ansi, primary=interface["primary"], text_alpha=1.0)
    for key, colour in interface.items():
        setattr(theme, key, colour)
    if file.ansi:
        theme.variables = dict(_ANSI_VARIABLES)
    try:
        theme.to_color_system()
    except ColorParseError as problem:
        raise ThemeError(f"theme {file.name}: {problem}") from problem
    return theme


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
