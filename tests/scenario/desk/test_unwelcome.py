from __future__ import annotations

import os
import socket
import stat
import threading

import pytest

from mexc_tui.desk import pace, peer, server
from mexc_tui.desk.client import DeskAbsentError, DeskRefusedError, SocketClient
from mexc_tui.desk.peer import Peer
from mexc_tui.desk.protocol import (
    LENGTH,
    PROTOCOL,
    TO_DESK_LIMIT,
    Ack,
    Hello,
    Look,
    Refused,
    Submit,
    Welcome,
    framed,
)
from mexc_tui.desk.session import GATES_LIMIT, TOPICS_LIMIT
from mexc_tui.domain.client import Role
from mexc_tui.domain.commands import Halt
from mexc_tui.domain.interest import Interest
from mexc_tui.domain.views import gate_topic
from tests.patience import LIMIT_S, until


@pytest.fixture
def witness(bed, caplog):
    """A client that must notice nothing of what others do wrong; exactly one line of log is left of that."""
    client = bed.connect("witness")
    yield client
    bed.say("still here")
    assert client.wait(lambda: client.facts(0) and client.facts(0)[-1].message == "still here", 10)
    assert client.died() == ""
    assert bed.names() == ["witness"]
    assert len([record for record in caplog.get_records("call") if record.name == server.__name__]) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        framed(b""),
        framed(b"\xc1garbage"),
        framed(b"\x81\xa4type\xa7Unheard"),
        LENGTH.pack(TO_DESK_LIMIT + 1),
        LENGTH.pack(0xFFFFFFFF),
    ],
    ids=["http", "empty", "garbage", "unknown", "oversized", "largest"],
)
def test_what_is_no_message_ends_its_connection_only(bed, witness, hello, sent):
    raw = bed.raw()
    raw.send_bytes(sent)
    assert isinstance(raw.read(), Refused)
    assert raw.read() is None


@pytest.mark.parametrize("sent", [framed(b"\xc1"), LENGTH.pack(TO_DESK_LIMIT + 1)], ids=["garbage", "oversized"])
def test_an_attached_client_that_goes_wrong_is_let_go(bed, witness, hello, sent):
    raw = bed.raw(hello())
    assert isinstance(raw.read(), Welcome)
    raw.send_bytes(sent)
    assert isinstance(raw.read(), Refused)
    assert raw.read() is None
    until(lambda: bed.names() == ["witness"])


@pytest.mark.parametrize(
    "message",
    [
        Ack(n=1),
        Look(interest=Interest(topics=frozenset(map(str, range(TOPICS_LIMIT + 1))))),
        Look(interest=Interest(topics=frozenset({"x" * 100_000}))),
        Look(interest=Interest(topics=frozenset(gate_topic(f"P{number}USDT") for number in range(GATES_LIMIT + 1)))),
        Hello(protocol=PROTOCOL, program="", name=""),
    ],
    ids=["ack", "topics", "topic", "gates", "hello"],
)
def test_a_message_out_of_turn_or_beyond_reason_is_refused(bed, witness, hello, message):
    raw = bed.raw(hello())
    assert isinstance(raw.read(), Welcome)
    raw.send(message)
    assert isinstance(raw.read(), Refused)
    assert raw.read() is None
    until(lambda: bed.names() == ["witness"])


def test_who_does_not_say_hello_first_is_not_heard(bed, witness):
    raw = bed.raw()
    raw.send(Submit(command=Halt(command_id="h")))
    assert "Hello" in raw.read().reason
    assert raw.read() is None
    assert bed.kernel.commands == []


@pytest.mark.parametrize("change", [{"protocol": PROTOCOL + 1}, {"program": "99.0"}])
def test_another_version_is_told_which_and_what_to_do(bed, witness, hello, change):
    raw = bed.raw(hello(**change))
    reason = raw.read().reason
    assert str(next(iter(change.values()))) in reason
    assert "stop the desk" in reason
    assert raw.read() is None


@pytest.mark.parametrize("build", ["", "0123456789ab"], ids=["earlier", "other"])
def test_a_client_of_another_build_is_told_what_it_means_and_what_to_do(bed, witness, hello, build):
    raw = bed.raw(hello(build=build))
    reason = raw.read().reason
    for part in ("another build", "its orders go on", "mexc-tui desk stop demo"):
        assert part in reason
    assert raw.read() is None


def test_a_desk_of_an_earlier_build_that_lets_the_client_in_is_left(bed, monkeypatch):
    monkeypatch.setattr(server, "mismatch", lambda *_: "")
    monkeypatch.setattr(server, "BUILD", "")
    with pytest.raises(DeskRefusedError, match=r"another build.*its orders go on.*mexc-tui desk stop demo"):
        bed.connect()
    until(lambda: bed.names() == [])


def test_another_user_is_refused_unheard(bed, witness, monkeypatch):
    monkeypatch.setattr(server, "peer_of", lambda sock: Peer(os.getuid() + 1))
    raw = bed.raw()
    assert "another user" in raw.read().reason
    assert raw.read() is None


def test_a_client_does_not_trust_the_socket_of_another_user(bed, monkeypatch):
    monkeypatch.setattr("mexc_tui.desk.link.peer_of", lambda sock: Peer(os.getuid() + 1))
    with pytest.raises(DeskRefusedError, match="another user"):
        bed.connect()


def test_where_the_system_does_not_tell_who_it_is_nobody_is_let_in(bed, witness, monkeypatch):
    monkeypatch.setattr(server, "peer_of", lambda sock: peer.peer_of(Mute()))
    raw = bed.raw()
    assert "not known which user" in raw.read().reason
    assert raw.read() is None


class Mute:
    def getsockopt(self, *_):
        raise OSError("no such option")


def test_who_says_nothing_is_dropped(bed, witness, monkeypatch):
    monkeypatch.setattr(server, "HELLO_LIMIT_S", 0.02)
    assert bed.raw().read() is None


def test_more_clients_than_there_is_room_for_are_told(bed, witness, hello, monkeypatch):
    monkeypatch.setattr(server, "CLIENTS_LIMIT", 1)
    assert "1 clients" in bed.raw().read().reason


def test_one_process_cannot_take_every_place(bed, witness, hello, monkeypatch):
    monkeypatch.setattr(server, "PROCESS_LIMIT", 2)
    greeted = bed.raw(hello())
    assert isinstance(greeted.read(), Welcome)
    assert f"Process {os.getpid()} has 2 connections" in bed.raw(hello()).read().reason
    monkeypatch.setattr(server, "peer_of", lambda sock: Peer(pid=os.getpid() + 1, uid=os.getuid()))
    elsewhere = bed.raw(hello())
    assert isinstance(elsewhere.read(), Welcome)
    for raw in (greeted, elsewhere):
        raw.close()
    until(lambda: bed.names() == ["witness"])


def test_nobody_else_can_reach_the_socket(bed):
    assert stat.S_IMODE(bed.path.stat().st_mode) == 0o600


def test_a_folder_that_others_may_enter_is_refused(folder, desks):
    folder.chmod(0o750)
    bed = desks()
    assert bed.engine.join(LIMIT_S)
    assert "private" in bed.engine.client("x").died()


def test_a_second_desk_does_not_take_the_place_of_the_first(desks):
    first = desks()
    client = first.connect()
    second = desks("desk-2")
    assert second.engine.join(LIMIT_S)
    assert "already" in second.engine.client("x").died()
    first.say("still here")
    assert client.wait(lambda: client.facts(0) != (), 10)
    assert client.info.desk_id == "desk-1"


def test_the_socket_of_a_killed_desk_is_replaced_and_removed_at_the_end(folder, desks):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(folder / "s"))
    bed = desks()
    assert bed.connect().info.desk_id == "desk-1"
    bed.stop()
    assert not bed.path.exists()


def test_no_desk_is_told_at_once(folder):
    with pytest.raises(DeskAbsentError, match="No desk answers"):
        SocketClient.connect(folder / "s", name="x", role=Role.VIEW)


def test_a_desk_that_does_not_answer_is_told_in_time(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mute:
        mute.bind(str(folder / "s"))
        mute.listen()
        with pytest.raises(DeskAbsentError, match="does not answer"):
            SocketClient.connect(folder / "s", name="x", role=Role.VIEW, limit_s=0.02)


def test_something_else_that_listens_is_told_as_that(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(folder / "s"))
        other.listen()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as early:
            early.connect(str(folder / "s"))
            other.accept()[0].close()

        def answer() -> None:
            connection, _ = other.accept()
            connection.sendall(framed(b"220 mail.example ESMTP"))

        threading.Thread(target=answer).start()
        with pytest.raises(DeskRefusedError, match="not a desk"):
            SocketClient.connect(folder / "s", name="x", role=Role.VIEW)


def test_a_client_that_floods_the_desk_is_read_no_faster_than_its_pace(bed, hello, monkeypatch):
    monkeypatch.setattr(pace, "PER_SECOND", 0.001)
    witness = bed.connect("witness")
    flood = bed.raw(hello(name="flood"))
    at_once = int(pace.BURST / pace.cost_of(Submit(command=Halt(command_id="x")), frozenset()))
    flood.send(*(Submit(command=Halt(command_id=f"flood-{n}")) for n in range(2 * at_once)))
    until(lambda: len(bed.kernel.commands) > at_once)
    witness.submit(Halt(command_id="mine"))
    until(lambda: any(command.command_id == "mine" for command in bed.kernel.commands))
    assert len(bed.kernel.commands) == at_once + 2
    assert bed.names() == ["witness", "flood"]


def test_connections_that_say_nothing_keep_nobody_out(bed):
    silent = [bed.raw() for _ in range(server.CLIENTS_LIMIT)]
    until(lambda: bed.on_loop(lambda: len(bed.server._connections)) == server.CLIENTS_LIMIT)
    client = bed.connect("came last")
    client.submit(Halt(command_id="h"))
    assert client.wait(lambda: client.answer("h") is not None, 10)
    assert silent[0].read() is None
    assert bed.on_loop(lambda: len(bed.server._connections)) == server.CLIENTS_LIMIT
