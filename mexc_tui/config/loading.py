"""Strict reading of the config file: what it does not know it refuses, naming file, line and the nearest known key."""

from __future__ import annotations

import difflib
import re
import tomllib
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.files import read_whole
from mexc_tui.config.settings import Settings

_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_AT = re.compile(r" - at `(?P<path>[^`]*)`$")
_HEADER = re.compile(r"^\s*\[+\s*(?P<name>[^\]]+?)\s*\]+")
_KEY = re.compile(r"^\s*(?P<key>[A-Za-z0-9_.\"'-]+)\s*=")
_SECRET_WORDS = ("api_key", "secret_key", "secret", "password", "apikey")

T = TypeVar("T")


class SettingsFile:
    """A config file that has been read; keeps its lines so that later refusals can point into it."""

    def __init__(self, path: Path, settings: Settings, text: str = "") -> None:
        self.path = path
        self.settings = settings
        self._text = text

    def section(self, name: str, raw: dict[str, Any], wanted: type[T]) -> T:
        """Convert one section to its type.

        Raises:
            ConfigError: a key is unknown or a value has the wrong type or is not a number at all.
        """
        converted = self._convert(raw, wanted, (name,))
        self._check_finite((name,), msgspec.to_builtins(converted, builtin_types=(Decimal,)))
        return converted

    def refuse(self, path: tuple[str, ...], why: str) -> ConfigError:
        """Return the error that says what is wrong with a key."""
        return ConfigError(f"{self._place(path)}: {why}")

    def _check_finite(self, path: tuple[str, ...], value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                self._check_finite((*path, key), inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                self._check_finite(path, inner)
        elif isinstance(value, Decimal) and not value.is_finite():
            raise self.refuse(path, f"{value} is not a number that can limit anything")

    def _convert(self, raw: object, wanted: type[T], prefix: tuple[str, ...]) -> T:
        try:
            return msgspec.convert(raw, wanted)
        except msgspec.ValidationError as error:
            raise self._explain(str(error), wanted, prefix) from None

    def _explain(self, message: str, wanted: type, prefix: tuple[str, ...]) -> ConfigError:
        at = _AT.search(message)
        inner = _keys_of(at["path"]) if at else ()
        unknown = _UNKNOWN.search(message)
        if unknown is None:
            choices = _choices_at(wanted, inner) if "enum value" in message else []
            valid = f"; valid are {', '.join(choices)}" if choices else ""
            return self.refuse((*prefix, *inner), _AT.sub("", message).lower() + valid)
        key = unknown["key"]
        if any(word == key.lower() for word in _SECRET_WORDS):
            return self.refuse(
                (*prefix, *inner, key),
                f"`{key}` does not belong in a file; set MEXC_API_KEY and MEXC_SECRET_KEY in the environment",
            )
        known = _fields_at(wanted, inner)
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
        return self.refuse((*prefix, *inner, key), f"`{key}` is not a setting; {hint}")

    def _place(self, path: tuple[str, ...]) -> str:
        line = line_of(self._text, path)
        where = f"{self.path}, line {line}" if line else str(self.path)
        return f"{where}, {'.'.join(path)}" if path else where


def load(path: Path) -> SettingsFile:
    """Read the config file; a file that does not exist gives the defaults.

    Raises:
        ConfigError: it cannot be read, is not TOML, or says something unknown.
    """
    try:
        text = read_whole(path).decode("utf-8")
    except FileNotFoundError:
        return SettingsFile(path, Settings())
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid TOML: nested too deeply") from None
    draft = SettingsFile(path, Settings(), text)
    loaded = SettingsFile(path, draft._convert(raw, Settings, ()), text)
    loaded._check_finite((), msgspec.to_builtins(loaded.settings, builtin_types=(Decimal,)))
    for size in loaded.settings.ui.sizes:
        if size <= 0:
            raise loaded.refuse(("ui", "sizes"), f"an order size must be above zero, not {size}")
    if not 0 < loaded.settings.guard.collar < 1:
        raise loaded.refuse(("guard", "collar"), "a fraction between 0 and 1, such as 0.05 for 5 %")
    if (hook := loaded.settings.alerts.webhook) and not _WEBHOOK.match(hook):
        raise loaded.refuse(("alerts", "webhook"), "an address that begins with https://, or http://127.0.0.1")
    return loaded


_WEBHOOK = re.compile(r"https://[^\s/]|http://127\.0\.0\.1(:\d+)?(/|$)")


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line (from 1) on which the last known part of a key path stands; zero where it is not found."""
    table: tuple[str, ...] = ()
    best, depth = 0, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _split(header["name"])
            here = table
        elif key := _KEY.match(line):
            here = (*table, *_split(key["key"]))
        else:
            continue
        if len(here) > depth and here == path[: len(here)]:
            best, depth = number, len(here)
    return best


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _keys_of(path: str) -> tuple[str, ...]:
    """``$.ui.sizes[2]`` is the key path ``ui.sizes``."""
    return tuple(part for part in re.sub(r"\[[^\]]*\]", "", path).lstrip("$").split(".") if part)


def _choices_at(wanted: type, path: tuple[str, ...]) -> list[str]:
    """Values of a setting that is one of a few words; none for any other."""
    kind: object = wanted
    for part in path:
        if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
            return []
        kind = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}.get(part)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(choice.value) for choice in kind]
    return [str(choice) for choice in get_args(kind)] if get_origin(kind) is Literal else []


def _fields_at(wanted: type, path: tuple[str, ...]) -> list[str]:
    """Names of the fields of a struct, or of the struct that stands at ``path`` inside it."""
    for part in path:
        inner = {field.name: field.type for field in msgspec.structs.fields(wanted)}.get(part)
        if not isinstance(inner, type) or not issubclass(inner, msgspec.Struct):
            return []
        wanted = inner
    return [field.encode_name for field in msgspec.structs.fields(wanted)]
