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
