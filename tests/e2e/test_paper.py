"""Paper trading as a person meets it; a second local exchange stands in for MEXC."""

from __future__ import annotations

import http.server
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mexc_tui.desk.child import ChildExchange
from tests.desks import book_is_shown, program

pytestmark = pytest.mark.e2e

NOWHERE = {"MEXC_BASE_URL": "https://mexc.invalid", "MEXC_WS_URL": "wss://mexc.invalid/ws"}
OFFER = "Open the embedded exchange instead"
FAR_BELOW = "]" * 8 + "JJ"
"""Keys that bring the cursor to where no market of the test goes."""
ORDERS, EVENTS = "\x1bOP", "\x1b[19~"
"""The keys F1 and F8: a notice is soon replaced by the next one, the pane of events keeps them all."""


def leave_and_stop(terminal) -> None:
    terminal.press("\x11")
    terminal.until(lambda text: "what becomes of the desk?" in text)
    assert terminal.answer("s") == 0


@pytest.fixture(scope="module")
def upstream() -> Iterator[dict[str, str]]:
    child = ChildExchange([])
    try:
        at = child.ready()
        yield {"MEXC_BASE_URL": at.rest, "MEXC_WS_URL": at.ws}
    finally:
        child.close()


@pytest.fixture
def no_list(upstream) -> Iterator[str]:
    """The stand-in behind a door that never lets the list of pairs through."""

    class Door(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "exchangeInfo" in self.path:
                over.wait()
                return
            with urllib.request.urlopen(upstream["MEXC_BASE_URL"] + self.path) as answer:
                body = answer.read()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    over = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        over.set()
        server.shutdown()


def test_out_of_reach_it_says_so_and_offers_the_embedded_exchange(screen):
    terminal = screen(**NOWHERE)
    text = terminal.until(lambda text: OFFER in text)
    assert "https://mexc.invalid cannot be reached" in text
    terminal.press("n\r")
    assert terminal.ended() == 3
    assert "Nothing was started" in terminal.text


def test_the_offer_taken_opens_the_demo(screen):
    terminal = screen(**NOWHERE)
    terminal.until(lambda text: OFFER in text)
    terminal.press("y\r")
    assert "DEMO" in terminal.until(book_is_shown)
    terminal.press("\x11")
    assert terminal.ended() == 0


def test_an_exchange_that_never_answers_is_told_in_seconds(screen):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        terminal = screen("paper", MEXC_BASE_URL=f"http://127.0.0.1:{port}", MEXC_WS_URL=f"ws://127.0.0.1:{port}/ws")
        terminal.until(lambda text: OFFER in text)
        terminal.press("\r")
        assert terminal.ended() == 3


def test_who_does_not_want_to_wait_for_a_list_of_pairs_gets_the_offer_by_ctrl_c(screen, upstream, no_list):
    terminal = screen("paper", MEXC_BASE_URL=no_list, MEXC_WS_URL=upstream["MEXC_WS_URL"])
    terminal.until(lambda text: f"no market from {no_list} yet" in text)
    terminal.press("\x03")
    terminal.until(lambda text: OFFER in text)
    terminal.press("\r")
    assert terminal.ended() == 3


def test_a_mirror_without_a_market_is_exit_code_3(environment):
    ended = program(environment, "exchange", "--mirror", "--port", "0", **NOWHERE)
    assert ended.returncode == 3
    assert ended.stderr.startswith("mexc-tui: https://mexc.invalid cannot be reached")
    assert ended.stderr.count("\n") == 1


def test_the_paper_account_stays_from_one_day_to_the_next(screen, upstream):
    keys = {"MEXC_API_KEY": "mx0real", "MEXC_SECRET_KEY": "real"}
    terminal = screen("paper", **upstream, **keys)
    text = terminal.until(lambda text: book_is_shown(text) and "ARMED" in text)
    assert "PAPER" in text
    terminal.press(EVENTS)
    terminal.until(lambda text: "Live trading is locked" in text)
    terminal.press(ORDERS)
    terminal.press(FAR_BELOW + "b\r")
    terminal.until(lambda text: re.search(r"● working\s+BTCUSDT\s+buy", text))
    leave_and_stop(terminal)
    second = screen("paper", **upstream)
    second.until(lambda text: book_is_shown(text) and re.search(r"● working\s+BTCUSDT\s+buy", text))
    second.press(EVENTS)
    assert "Live trading is locked" not in second.until(lambda text: "paper order stands again" in text)
    second.press(ORDERS)
    second.until(lambda text: re.search(r"● working\s+BTCUSDT\s+buy", text))
    second.press("C")
    second.until(lambda text: not re.search(r"● working\s+BTCUSDT\s+buy", text))
    leave_and_stop(second)


def test_a_fresh_account_leaves_the_old_one_where_it_can_be_found(screen, upstream, environment):
    folder = Path(environment["XDG_STATE_HOME"]) / "mexc-tui" / "paper"
    first = screen("paper", **upstream)
    first.until(lambda text: book_is_shown(text) and "ARMED" in text)
    first.press(FAR_BELOW + "b\r")
    first.until(lambda text: re.search(r"● working\s+BTCUSDT\s+buy", text))
    busy = screen("paper", "--fresh", **upstream)
    busy.until(lambda text: "runs with this account" in text)
    assert busy.ended() == 1
    leave_and_stop(first)
    (old,) = (path for path in folder.iterdir() if path.is_dir())
    kept = (old / "account.json").read_bytes()
    assert program(environment, "--fresh", **upstream).returncode == 2, (
        "an exchange of this machine keeps its own accounts"
    )

    second = screen("paper", "--fresh", **upstream)
    second.until(lambda text: book_is_shown(text) and "no orders yet" in text)
    second.press(EVENTS)
    second.until(lambda text: "This is a new paper account" in text)
    leave_and_stop(second)
    (aside,) = folder.glob(f"{old.name}.*")
    assert (aside / "account.json").read_bytes() == kept

    away = screen("paper", "--fresh", MEXC_BASE_URL=upstream["MEXC_BASE_URL"], MEXC_WS_URL="ws://127.0.0.1:9/ws")
    before = (old / "account.json").read_bytes()
    away.until(lambda text: OFFER in text)
    away.press("\r")
    assert away.ended() == 3
    assert (old / "account.json").read_bytes() == before, "what was not begun took the place of the account"
