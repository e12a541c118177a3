"""Keys to actions: the catalogue's defaults, the user's changes, and a sentence for each change that cannot be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

import msgspec
from textual.binding import Binding

from mexc_tui.ui.actions import BY_ID, CATALOGUE, Action, Context
from mexc_tui.ui.textual_compat import key_name

_SHOWN = {
    "comma": ",",
    "full_stop": ".",
    "space": "Space",
    "enter": "Enter",
    "escape": "Esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "tab": "Tab",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "backspace": "Bksp",
    "delete": "Del",
}
_UNSAFE = ("ctrl+i", "ctrl+m", "ctrl+h", "ctrl+j", "ctrl+[", "ctrl+@")
"""Keys that a terminal delivers as others."""


class Keymap(msgspec.Struct, frozen=True):
    """Keys of every action, and sentences about overrides that were left out."""

    keys: dict[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()

    def shown(self, action_id: str) -> str:
        """Return the first key of an action as a user reads it; empty if it has none."""
        keys = self.keys.get(action_id, ())
        return show_key(keys[0]) if keys else ""

    def all_shown(self, action_id: str) -> str:
        """Return every key of an action as a user reads it."""
        return " ".join(show_key(key) for key in self.keys.get(action_id, ()))

    def bindings(self, context: Context) -> list[Binding]:
        """Return what Textual needs for the actions of a context."""
        return [
            Binding(key, f"app.do('{action.id}')", action.label, show=False, id=action.id)
            for action in CATALOGUE
            if action.context == context
            for key in self.keys.get(action.id, ())
        ]


def show_key(key: str) -> str:
    """Return a key as a user reads it: ``^Q`` for ctrl+q, ``Esc`` for escape."""
    if key.startswith("ctrl+"):
        return f"^{key[5:].upper()}"
    if key.startswith("shift+"):
        return f"⇧{show_key(key[6:])}"
    if len(key) > 1 and key[0] == "f" and key[1:].isdigit():
        return key.upper()
    return _SHOWN.get(key, key)


def resolve(overrides: Mapping[str, str]) -> Keymap:
    """Return the keymap with the user's changes; each that cannot be made is left out and explained.

    Values are keys separated by commas (the comma key is ``comma``); an empty value takes an action's keys away.
    """
    keys = {action.id: action.keys for action in CATALOGUE}
    problems: list[str] = []
    wanted: dict[str, tuple[str, ...]] = {}
    for action_id, text in overrides.items():
        action = BY_ID.get(action_id)
        if action is None:
            problems.append(_unknown(action_id))
            continue
        chosen = tuple(key.strip() for key in text.split(",") if key.strip())
        refused = _refusal(action, chosen)
        if refused:
            problems.append(refused)
        else:
            wanted[action_id] = chosen
    keys.update(wanted)
    while clash := _clash(keys, wanted):
        loser, sentence = clash
        problems.append(sentence)
        keys[loser] = BY_ID[loser].keys
        del wanted[loser]
    return Keymap(keys, tuple(problems))


def _unknown(action_id: str) -> str:
    near = difflib.get_close_matches(action_id, BY_ID, 1)
    hint = f"did you mean {near[0]!r}?" if near else "the help (?) lists the names"
    return f"keys: there is no action {action_id!r}; {hint}"


def _refusal(action: Action, chosen: Iterable[str]) -> str:
    for key in chosen:
        if key.lower() in _UNSAFE or (key.startswith("ctrl+") and key[5:].isdigit()):
            return f"keys: {action.id} = {key!r}: terminals do not deliver that key; {action.id} keeps {_list(action)}"
    if action.reduces and not tuple(chosen):
        return f"keys: {action.id} takes risk away and must keep a key; it keeps {_list(action)}"
    return ""


def _list(action: Action) -> str:
    return " or ".join(show_key(key) for key in action.keys)


def _clash(keys: Mapping[str, tuple[str, ...]], wanted: Mapping[str, object]) -> tuple[str, str] | None:
    """Return an override that takes a key which another action of its context has, and a sentence about it."""
    taken: dict[tuple[str, str], str] = {}
    for action in CATALOGUE:
        for key in keys[action.id]:
            owner = taken.setdefault((action.context, key_name(key)), action.id)
            if owner == action.id:
                continue
            loser, keeper = (action.id, owner) if action.id in wanted else (owner, action.id)
            if loser in wanted:
                kept = _list(BY_ID[loser])
                return loser, f"keys: {show_key(key)} is both {keeper} and {loser}; {loser} keeps {kept}"
    return None
