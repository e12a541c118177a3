"""Keys: one catalogue, remappable, conflicts explained, nothing a terminal would swallow."""

from __future__ import annotations

from mexc_tui.ui.actions import BY_ID, CATALOGUE, DESK_HINTS, TABLE_HINTS
from mexc_tui.ui.keymap import resolve, show_key


def test_the_defaults_have_no_conflicts_and_every_action_is_named_once() -> None:
    assert len(BY_ID) == len(CATALOGUE)
    for context in ("desk", "table"):
        keys = [key for action in CATALOGUE if action.context == context for key in action.keys]
        assert len(keys) == len(set(keys))
    assert resolve({}).problems == ()


def test_hints_name_actions_that_have_a_word() -> None:
    assert all(BY_ID[name].hint for name in (*DESK_HINTS, *TABLE_HINTS))


def test_an_override_replaces_the_keys() -> None:
    keymap = resolve({"halt": "f12", "ghost_buy": "n, m"})
    assert keymap.keys["halt"] == ("f12",)
    assert keymap.all_shown("ghost_buy") == "n m"
    assert keymap.problems == ()


def test_two_actions_may_change_places() -> None:
    keymap = resolve({"ghost_buy": "s", "ghost_sell": "b"})
    assert (keymap.keys["ghost_buy"], keymap.keys["ghost_sell"]) == (("s",), ("b",))


def test_a_key_that_another_action_has_is_refused_in_plain_words() -> None:
    keymap = resolve({"ghost_buy": "exclamation_mark"})
    assert keymap.keys["ghost_buy"] == ("b",)
    assert keymap.keys["halt"] == ("!",)
    (sentence,) = keymap.problems
    assert "ghost_buy" in sentence
    assert "halt" in sentence
    assert "keeps b" in sentence


def test_names_and_keys_that_cannot_be() -> None:
    keymap = resolve({"ghost_by": "n", "send": "ctrl+m", "zoom_in": "ctrl+5", "halt": ""})
    assert "did you mean 'ghost_buy'?" in keymap.problems[0]
    assert all("do not deliver" in problem for problem in keymap.problems[1:3])
    assert "must keep a key" in keymap.problems[3]
    assert keymap.keys["send"] == ("enter",)


def test_keys_as_people_read_them() -> None:
    shown = [show_key(k) for k in ("ctrl+q", "escape", "f5", "comma", "shift+tab", "!")]
    assert shown == ["^Q", "Esc", "F5", ",", "⇧Tab", "!"]
