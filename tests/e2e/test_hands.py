"""What hands do to the program in its terminal: what follows an opener belongs to what it opened."""

from __future__ import annotations

import re

import pytest

from tests.desks import book_is_shown

pytestmark = pytest.mark.e2e


def test_whole_lines_in_one_write_go_to_what_they_open(screen):
    terminal = screen("demo", "--seed", "3")
    terminal.until(book_is_shown)
    terminal.press(":buy 0.001 at bid\r")
    terminal.until(lambda text: re.search(r"BTCUSDT\s+buy .*0\.001", text))
    terminal.press("t$100")
    terminal.until(lambda text: "size $100▏" in text)
    terminal.press("abcx\x1b[200~CX\x1b[201~")
    terminal.until(lambda text: "no part of a size" in text)
    assert "size $100▏" in terminal.text
    terminal.press("\x1b")
    terminal.until(lambda text: "size $100▏" not in text)
    terminal.press("/ETHUSDT\r")
    terminal.until(lambda text: "LADDER ETHUSDT" in text)
    terminal.press("\x10go to btc\r")
    terminal.until(lambda text: "LADDER BTCUSDT" in text)
    terminal.press("\x1b[0n\x1b[?62;22c\x11")
    assert terminal.ended() == 0


def test_behind_a_slow_line_the_picture_is_young_and_says_its_age(screen):
    terminal = screen("demo", "--seed", "3", bytes_per_s=4_000)
    terminal.until(lambda text: re.search(r"seen \d\S* late", text) and "behind" in text)
    for _ in range(3):
        newest = max(re.findall(r"\d\d:\d\d:\d\d", terminal.text), default="")
        terminal.until(lambda text, then=newest: max(re.findall(r"\d\d:\d\d:\d\d", text), default="") > then)
    terminal.bytes_per_s = None
    terminal.until(book_is_shown)
    terminal.press("\x11")
    assert terminal.ended() == 0


def test_a_terminal_that_answers_nothing_is_drawn_to_and_told(screen):
    terminal = screen("demo", "--seed", "3", answers=False)
    terminal.until(book_is_shown)
    terminal.until(lambda text: "this terminal answers no queries" in text)
    terminal.press("\x11")
    assert terminal.ended() == 0


def test_ctrl_z_goes_back_to_the_shell_and_fg_to_the_desk(screen):
    terminal = screen("demo", "--seed", "3", shell=True)
    terminal.until(book_is_shown)
    terminal.press("jb\x1a")
    terminal.until(lambda text: "Stopped" in text and "LADDER" not in text)
    terminal.press("fg\n")
    terminal.until(lambda text: book_is_shown(text) and "back again" in text and "◌" not in text)
    terminal.press("\r")
    terminal.until(lambda text: "nothing is prepared" in text)
    terminal.press("\x11")
    terminal.until(lambda _: terminal.raw.count(b"\x1b[?1049l") == 2)
    terminal.press("exit\n")
    assert terminal.ended() == 0


def test_without_a_shell_ctrl_z_says_so(screen):
    terminal = screen("demo", "--seed", "3")
    terminal.until(book_is_shown)
    terminal.press("\x1a")
    terminal.until(lambda text: "there is no shell here" in text)
    terminal.press("\x11")
    assert terminal.ended() == 0


def test_what_the_terminal_answers_late_does_not_stand_behind_the_prompt(screen):
    terminal = screen("demo", "--seed", "3", shell=True, bytes_per_s=20_000)
    terminal.until(lambda text: re.search(r"(exact|seen) \d", text))
    terminal.press("\x11")
    terminal.until(lambda _: terminal.raw.count(b"\x1b[?1049l") == 1)
    terminal.press("exit\n")
    assert terminal.ended() == 0
    _, _, after = terminal.raw.rpartition(b"\x1b[?1049l")
    assert b"[0n" not in after
