"""Which end of a command a venue's error means, and that its sentence is true."""

from __future__ import annotations

import pytest

from mexc_tui.cli.io.exits import FAILURE, UNREACHABLE, exit_code
from mexc_tui.desk.configured import failed
from mexc_tui.domain.errors import ErrorKind, VenueError


@pytest.mark.parametrize("kind", [ErrorKind.EDGE_BLOCK, ErrorKind.RATE_LIMIT, ErrorKind.UNREADABLE, ErrorKind.SERVER])
def test_an_exchange_that_answers_nonsense_is_not_called_unreachable(kind: ErrorKind) -> None:
    ended = failed(VenueError("The answer was an HTML page.", kind=kind, remedy="Wait."), "http://x")
    assert exit_code(ended) == UNREACHABLE
    assert "cannot be reached" not in str(ended)
    assert "Nothing was sent" not in str(ended)
    assert str(ended).endswith("The answer was an HTML page. Wait.")


def test_one_that_does_not_answer_is_and_a_refusal_is_a_failure() -> None:
    lost = VenueError("No route.", kind=ErrorKind.NETWORK, remedy="")
    assert "cannot be reached: No route." in str(failed(lost, "http://x"))
    refused = VenueError("The key may not.", kind=ErrorKind.PERMISSION, remedy="Ask.")
    assert (exit_code(failed(refused, "http://x")), str(failed(refused, "http://x"))) == (
        FAILURE,
        "The key may not. Ask.",
    )
