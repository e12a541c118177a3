"""What counts as an answer, and what MEXC's codes are called."""

from __future__ import annotations

import asyncio

import pytest

from mexc_tui.domain.errors import ErrorKind, VenueError
from mexc_tui.venues.mexc.rest.answers import Answer, Call, lost, printable, read_answer
from mexc_tui.venues.mexc.rest.meanings import MEANINGS, REMEDIES
from mexc_tui.venues.mexc.rest.queue import Duty

GET = Call("the account", Duty.ACCOUNT, False)
PLACE = Call("the order", Duty.PLACE, True)
CANCEL = Call("the cancel", Duty.CANCEL, True)
CODES = (
    *(-2011, -2013, -1121, -1127, -1128, 26, 400, 401, 403, 429, 500, 503, 504, 602, 10001, 10007, 10015, 10072, 10073),
    *(10095, 10096, 10097, 10102, 10098, 10099, 10100, 10103, 10101, 10200, 10201, 10202, 10206, 10211, 10219, 10259),
    *(10212, 10216, 10265, 10268, 10222, 10232, 11444, 20001, 20002, 22222, 30000, 30001, 30002, 30003, 30004, 30005),
    *(30010, 30014, 30021, 30016, 30018, 30019, 30020, 30025, 30026, 30027, 30028, 30029, 30032, 30041, 30087, 33333),
    *(44444, 60005, 70011, 88004, 88009, 88013, 88015, 700001, 700002, 700003, 700004, 700005, 700006, 700007, 700008),
    *(700013, 730000, 730001, 730002, 730003, 730100, 730101, 730600, 730601, 730602, *range(730700, 730708)),
    *(140001, 140002),
)


def answer(status: int, body: bytes, content_type: str = "application/json") -> Answer:
    return Answer(status, content_type, None, body)


def error(call: Call, given: Answer) -> VenueError:
    with pytest.raises(VenueError) as caught:
        asyncio.run(read_answer(call, given))
    return caught.value


@pytest.mark.parametrize("code", CODES)
def test_every_documented_code_has_a_kind_a_meaning_and_a_remedy(code: int) -> None:
    found = error(GET, answer(400, b'{"code":%d,"msg":"said so"}' % code))
    assert found.kind is MEANINGS[code].kind
    assert MEANINGS[code].text in found.message
    assert "said so" in found.message
    assert found.remedy


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        (" amount scale is invalid", ErrorKind.BAD_PARAMETER, "too many decimals"),
        ("api key required", ErrorKind.AUTHENTICATION, "key is missing"),
        ("The start time cannot be earlier than 90 days", ErrorKind.BAD_PARAMETER, "not as MEXC wants it"),
    ],
)
def test_a_code_that_stands_for_several_things_is_told_apart(message: str, kind: ErrorKind, words: str) -> None:
    found = error(PLACE, answer(400, b'{"msg":"%s","code":400}' % message.encode()))
    assert (found.kind, found.definite) == (kind, True)
    assert words in found.message


def test_every_kind_has_a_remedy() -> None:
    assert set(REMEDIES) == set(ErrorKind)


@pytest.mark.parametrize("status", [200, 201, 400, 404, 500])
def test_an_error_code_is_an_error_whatever_the_status(status: int) -> None:
    assert error(GET, answer(status, b'{"code":30004,"msg":"x","_extend":null}')).code == 30004


@pytest.mark.parametrize("body", [b'{"code":0,"data":1}', b'{"code":200}', b'{"code":"200"}', b"{}", b"[]"])
def test_successes(body: bytes) -> None:
    asyncio.run(read_answer(GET, answer(200, body)))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"<html>Access Denied</html>", ErrorKind.EDGE_BLOCK),
        (403, b"", ErrorKind.EDGE_BLOCK),
        (403, b'{"code":403,"msg":"no"}', ErrorKind.PERMISSION),
        (429, b"<html>", ErrorKind.RATE_LIMIT),
        (418, b"", ErrorKind.RATE_LIMIT),
        (200, b"", ErrorKind.UNREADABLE),
        (200, b"<html>log in to this wifi", ErrorKind.UNREADABLE),
        (200, b'{"a":', ErrorKind.UNREADABLE),
        (200, b"\xff\xfe", ErrorKind.UNREADABLE),
        (200, b"[" * 100_000, ErrorKind.UNREADABLE),
        (502, b"<html>bad gateway", ErrorKind.SERVER),
        (503, b"{}", ErrorKind.SERVER),
        (500, b"", ErrorKind.SERVER),
    ],
)
def test_what_is_no_answer_is_recognised(status: int, body: bytes, kind: ErrorKind) -> None:
    assert error(GET, answer(status, body)).kind is kind


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b'{"code":30004,"msg":"x"}'), (200, b'{"code":20002,"msg":"x"}'), (400, b'{"code":503,"msg":"x"}')],
)
@pytest.mark.parametrize("call", [PLACE, CANCEL])
def test_a_change_that_met_a_broken_server_has_an_unknown_outcome(call: Call, status: int, body: bytes) -> None:
    found = error(call, answer(status, body))
    assert (found.kind, found.definite, found.sent) == (ErrorKind.OUTCOME_UNKNOWN, False, True)


def test_what_never_left_is_not_unknown() -> None:
    assert lost(PLACE, "refused", sent=False).kind is ErrorKind.NETWORK
    assert not lost(PLACE, "refused", sent=False).sent
    assert lost(PLACE, "broken", sent=True).kind is ErrorKind.OUTCOME_UNKNOWN
    assert lost(GET, "broken", sent=True).kind is ErrorKind.NETWORK


def test_foreign_text_is_made_harmless() -> None:
    assert printable("a\x1b[31m\r\nb\u202e\u200bc") == "a [31m b c"
    assert len(printable("x" * 10_000)) == 200


def test_a_paper_exchange_that_has_lost_its_market_says_so_first_and_blames_nobody_else() -> None:
    said = (
        b"Suspended transaction for the symbol: the mirrored market is down (api.mexc.com cannot be reached: refused)"
    )
    found = error(PLACE, answer(400, b'{"code":30000,"msg":"%s"}' % said))
    assert found.message == (
        "the mirrored market is down: api.mexc.com cannot be reached: refused. No order was placed."
    )
    assert (found.code, found.kind, found.definite) == (30000, ErrorKind.TRADING_DISABLED, True)
    assert "keep their places" in found.remedy
