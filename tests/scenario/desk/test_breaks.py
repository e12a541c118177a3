from __future__ import annotations

import random
import socket
import threading

import pytest

from mexc_tui.desk import client as client_module
from mexc_tui.desk.client import SocketClient
from mexc_tui.desk.protocol import BUILD, LENGTH, PROTOCOL, Hello, Outcome, Welcome, decode_to_desk, encode, framed
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Arm, Halt
from mexc_tui.domain.inputs import Timestamp
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import FillsView, OrdersView
from tests.patience import LIMIT_S, until


@pytest.fixture(autouse=True)
def _again_at_once(monkeypatch):
    monkeypatch.setattr(client_module, "AGAIN_S", (0.0, 0.005))


def test_a_client_that_is_cut_comes_back_with_every_fact_once_and_in_order(bed):
    """Attach, break and come back a hundred times while the desk goes on making facts."""
    client = bed.connect()
    client.look(Interest(topics=frozenset({"fills"})))
    chance, said = random.Random(7), 0
    for _ in range(100):
        many = chance.randrange(4)
        bed.say(*(str(said + at + 1) for at in range(many)))
        said += many
        if chance.random() < 0.5:
            assert client.wait(lambda many=said: len(client.facts(0)) == many, 10)
        bed.cut()
    bed.say("end")
    assert client.wait(lambda: len(client.facts(0)) == said + 1, 10)
    assert [fact.message for fact in client.facts(0)] == [*map(str, range(1, said + 1)), "end"]
    assert client.lost_facts == 0
    assert client.wait(lambda: client.died() == "", 10)
    bed.show(fills=FillsView(fills=()))
    assert client.wait(lambda: client.view("fills") is not None, 10)


def test_screens_that_come_and_go_a_hundred_times_leave_nothing_behind(bed):
    stays = bed.connect("stays")
    bed.show(fills=FillsView(fills=()), orders=OrdersView(open=(), recent=()))
    stays.look(Interest(topics=frozenset({"orders"})))
    seen = 0
    for number in range(100):
        visitor = bed.connect(f"visitor {number}", after=seen)
        visitor.look(Interest(topics=frozenset({"fills"})))
        bed.say(str(number))
        assert visitor.wait(lambda v=visitor: v.view("fills") is not None and v.facts(0) != (), 10)
        assert [fact.message for fact in visitor.facts(0)] == [str(number)]
        seen = visitor.facts(0)[-1].seq
        if number % 2:
            visitor.close()
        else:
            cut_off = visitor._link
            visitor._closing.set()
            cut_off.hang_up()
    until(lambda: bed.names() == ["stays"])
    until(lambda: bed.kernel.asked == {"orders"})
    assert stays.wait(lambda: len(stays.facts(0)) == 100, 10)
    assert bed.counts[-1] == 1
    assert threading.active_count() < 20


def test_another_desk_at_the_same_place_starts_anew(desks):
    first = desks()
    client = first.connect()
    first.show(fills=FillsView(fills=()))
    client.look(Interest(topics=frozenset({"fills", "orders"})))
    assert client.wait(lambda: client.view("fills") is not None, 10)
    first.say("one", "two")
    assert client.wait(lambda: len(client.facts(0)) == 2, 10)
    first.stop()
    assert client.wait(lambda: client.died() != "", 10)
    assert "stopped" in client.died()
    second = desks("desk-2")
    second.say("three")
    second.show(orders=OrdersView(open=(), recent=()))
    assert client.wait(lambda: client.died() == "", 10)
    assert client.wait(lambda: client.view("orders") is not None, 10)
    assert client.info.desk_id == "desk-2"
    assert client.view("fills") is None
    assert client.wait(lambda: len(client.facts(2)) == 1, 10)
    assert [(fact.seq, fact.message) for fact in client.facts(0)] == [(1, "one"), (2, "two"), (3, "three")]
    second.cut()
    second.say("four")
    assert client.wait(lambda: len(client.facts(0)) == 4, 10)
    assert client.lost_facts == 0


def test_why_the_engine_died_reaches_the_screen(bed):
    client = bed.connect()
    bed.engine.fail(OSError("the disk is full"))
    assert client.wait(lambda: client.died() != "", 10)
    assert client.died() == "the disk is full"


def test_a_command_while_cut_is_refused_and_never_sent_later(desks):
    first = desks()
    refusals = []
    client = first.connect(on_refused=refusals.append)
    first.stop()
    assert client.wait(lambda: client.died() != "", 10)
    client.submit(Halt(command_id="late"))
    assert client.answer("late").outcome is Outcome.REFUSED
    assert refusals == [client.answer("late").reason]
    second = desks("desk-2")
    assert client.wait(lambda: client.died() == "", 10)
    client.submit(Halt(command_id="now"))
    assert client.wait(lambda: [fact.command_id for fact in client.facts(0)] == ["now"], 10)
    assert [command.command_id for command in second.kernel.commands] == ["now"]


def test_commands_said_again_after_every_break_are_executed_once(bed):
    client = bed.connect()
    chance = random.Random(11)
    for number in range(100):
        name = str(number)
        while True:
            assert client.wait(lambda: client.died() == "", 10)
            client.submit(Halt(command_id=name))
            if chance.random() < 0.4:
                bed.cut()
            assert client.wait(lambda name=name: client.answer(name) is not None, 10)
            if client.answer(name).outcome in (Outcome.TAKEN, Outcome.REPEATED):
                break
    assert client.wait(lambda: len(client.facts(0)) == 100, 10)
    assert [command.command_id for command in bed.kernel.commands] == [str(number) for number in range(100)]


class MuteDesk:
    """Lets one client in, reads one command, and hangs up without an answer."""

    def __init__(self, path, info) -> None:
        self.got = []
        self._info = info
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        self._listening.close()
        with connection, connection.makefile("rb") as stream:

            def read():
                return decode_to_desk(stream.read(*LENGTH.unpack(stream.read(LENGTH.size))))

            hello = read()
            assert isinstance(hello, Hello)
            welcome = Welcome(
                protocol=PROTOCOL, program=hello.program, build=BUILD, desk=self._info, role=hello.role, seen=0, after=0
            )
            connection.sendall(framed(encode(welcome)))
            self.got.append(read())

    def join(self) -> None:
        self._thread.join(LIMIT_S)


def test_a_command_whose_answer_was_lost_is_told_as_in_doubt_and_not_repeated(folder, bed):
    refusals = []
    path = folder / "mute"
    desk = MuteDesk(path, bed.server.info)
    client = SocketClient.connect(path, name="x", role=Role.TRADE, on_refused=refusals.append)
    client.submit(Halt(command_id="h"))
    desk.join()
    assert client.wait(lambda: client.answer("h") is not None, 10)
    assert client.answer("h").outcome is Outcome.UNKNOWN
    assert "may have been taken" in refusals[0]
    assert len(desk.got) == 1
    client.close()


def test_a_closed_client_stays_closed(bed):
    client = bed.connect()
    client.close()
    client.close()
    until(lambda: bed.names() == [])
    assert client.died() != ""
    client.submit(Halt(command_id="h"))
    assert client.answer("h").outcome is Outcome.REFUSED
    assert bed.kernel.commands == []


def test_closing_while_cut_ends_at_once(desks):
    first = desks()
    client = first.connect()
    first.stop()
    assert client.wait(lambda: client.died() != "", 10)
    client.close()
    client._reader.join(LIMIT_S)
    assert not client._reader.is_alive()


def test_a_client_whose_own_part_fails_does_not_look_attached(bed):
    def fails(_) -> None:
        raise ZeroDivisionError

    client = bed.connect("viewer", Role.VIEW, on_refused=fails)
    client.submit(Halt(command_id="h"))
    assert client.wait(lambda: client.died() != "", 10)
    assert "ZeroDivisionError" in client.died()
    until(lambda: bed.names() == [])


def test_a_client_that_cannot_acknowledge_gives_the_connection_up_and_starts_over(bed, monkeypatch):
    client = bed.connect()
    first = client._link
    monkeypatch.setattr(first, "send", lambda body, command_id="": False)
    bed.say("one")
    assert client.wait(lambda: client._link not in (None, first), 10)
    bed.say("two")
    assert client.wait(lambda: [fact.message for fact in client.facts(0)] == ["one", "two"], 10)


def test_an_order_that_a_frozen_desk_finds_when_it_goes_on_is_refused(bed):
    """It is read half a minute after it was given; a halt that was given then is still carried out."""
    now, refusals = bed.engine.now, []
    client = bed.connect(on_refused=refusals.append)
    bed.engine.now = lambda: Timestamp(now().wall_ms + 30_000, now().mono_ns + 30_000_000_000)
    client.submit(Arm(command_id="a", armed=True))
    client.submit(Halt(command_id="h"))
    assert client.wait(lambda: client.answer("h") is not None, 10)
    assert client.answer("a").outcome is Outcome.REFUSED
    assert client.answer("h").outcome is Outcome.TAKEN
    assert len(refusals) == 1
    assert "30 s" in refusals[0]


def test_a_socket_that_was_removed_is_made_anew_and_who_is_attached_stays(bed, folder):
    """A login's runtime folder goes with its last session; the desk must be found by the next one."""
    client = bed.connect("before")
    assert bed.server.reachable()
    bed.path.unlink()
    assert not bed.server.reachable()
    bed.path.symlink_to(folder / "elsewhere")
    assert not bed.server.reachable()
    moved = folder / "moved"
    for path in (bed.path, moved):
        bed.on_loop_wait(lambda path=path: bed.server.listen_at(path))
        assert bed.server.reachable()
        came = SocketClient.connect(path, name="after", role=Role.TRADE)
        came.submit(Halt(command_id=f"h {path}"))
        assert came.wait(lambda came=came, path=path: came.answer(f"h {path}") is not None, 10)
        came.close()
    assert not bed.path.exists()
    client.submit(Halt(command_id="h"))
    assert client.wait(lambda: client.answer("h") is not None, 10)
    assert client.died() == ""


def test_a_client_looks_for_the_desk_where_it_is_now(bed, folder):
    places = [bed.path]
    client = SocketClient.connect(bed.path, name="screen", role=Role.TRADE, find=lambda: places[-1])
    moved, before = folder / "moved", bed.session("screen")
    bed.on_loop_wait(lambda: bed.server.listen_at(moved))
    places.append(moved)
    bed.cut()
    until(lambda: bed.names() == ["screen"] and bed.session("screen") is not before)
    assert client.wait(lambda: client.died() == "", 10)
    client.close()
