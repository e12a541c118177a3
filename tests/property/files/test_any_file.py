"""Every file and message that somebody else may have written: it is read, or refused in the words of its reader."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.limits import limits_of
from mexc_tui.config.loading import load
from mexc_tui.config.settings import Credentials, Secret
from mexc_tui.config.template import TEMPLATE
from mexc_tui.config.vault import Account, Vault, from_line, to_line
from mexc_tui.desk import places
from mexc_tui.desk.exchange.frames import decode_frame
from mexc_tui.desk.exchange.state_file import StateError, StateFile
from mexc_tui.desk.protocol import ProtocolError, Submit, decode_to_client, decode_to_desk, encode
from mexc_tui.domain.commands import Draft, PlaceOrder
from mexc_tui.domain.instrument import Instrument
from mexc_tui.domain.orders import Order, OrderState, OrderType, Side
from mexc_tui.domain.views import VenueKind
from mexc_tui.kernel.records import DeskSnapshot, IntentRecord
from mexc_tui.store import accounts, schema
from mexc_tui.store.archive import Segment, read_segment, write_segment
from mexc_tui.store.errors import JournalError
from mexc_tui.store.head import HeadFile
from mexc_tui.store.latch import LatchFile
from mexc_tui.store.snapshots import SnapshotFile
from mexc_tui.ui.themes import ThemeError, make_theme, read_theme, shipped_folder
from mexc_tui.venues.simulator.exchange import Exchange, tape_exchange
from mexc_tui.venues.simulator.markets.tape import TapeError, TapeMarket
from tests.examples import examples
from tests.unit.simulator.test_recording import HEAD, PAIR, deals, delta, line, snapshot

START_MS = 1_800_000_000_000
PASSPHRASE = Secret("correct horse battery")
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null|\[\]|\{\}')
NASTY = (
    *(
        b"0",
        b"-1",
        b"1.5",
        b"1e400",
        b"9" * 70,
        b"9223372036854775808",
        b"-1e-400",
        b"NaN",
        b"null",
        b"true",
        b"[]",
        b"{}",
    ),
    *(
        b'""',
        b'"x"',
        b'"\\u0000\\u001b[31m"',
        b'"[bold]"',
        b'"' + b"9" * 41 + b'"',
        b'"1e9"',
        b'"\\ud800"',
        b"[" * 3_000,
    ),
    *(b"\x00", b"\xff\xfe", b"\n", b",", b":", b"=", b'"'),
)


def spoilt(rng: random.Random, good: bytes) -> bytes:
    """Return a file in which something is wrong, or nothing that matters."""
    bad = bytearray(good)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at, end = sorted((rng.randrange(len(bad) + 1), rng.randrange(len(bad) + 1)))
        match rng.randrange(8):
            case 0:
                return rng.randbytes(rng.randrange(200))
            case 1:
                del bad[at:]
            case 2:
                del bad[at : min(end, at + 20)]
            case 3:
                bad[at:at] = rng.choice(NASTY)
            case 4:
                bad[at:at] = bad[at : min(end, at + 400)]
            case 5 if at < len(bad):
                bad[at] ^= 1 << rng.randrange(8)
            case _:
                tokens = list(TOKEN.finditer(bytes(bad)))
                if tokens:
                    found = rng.choice(tokens)
                    other = rng.choice(tokens)[0] if rng.random() < 0.3 else rng.choice(NASTY)
                    bad[found.start() : found.end()] = other
    return bytes(bad)


class Target:
    """One kind of file: a good one, and what reads it."""

    def __init__(self, name: str, good: bytes, read: Callable[[Path], object], *refusals: type[Exception]) -> None:
        self.name = name
        self.good = good
        self.read = read
        self.refusals = refusals

    def feed(self, folder: Path, content: bytes) -> None:
        """Read a content; anything but a result or a refusal is raised."""
        path = folder / self.name
        path.write_bytes(content)
        with contextlib.suppress(*self.refusals):
            self.read(path)


def rows(*found: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in found)


def play(path: Path) -> None:
    tape = TapeMarket.from_file(path, decode_frame, float("inf"))
    exchange = tape_exchange(tape, start_ms=START_MS)
    tape.start(START_MS)
    exchange.advance(START_MS + 1)


def state_of(path: Path) -> StateFile:
    return StateFile(path, Exchange(start_ms=START_MS, seed=1))


def a_state(folder: Path) -> bytes:
    path = folder / "state.json"
    exchange = Exchange(start_ms=START_MS, seed=1)
    exchange.symbols.list_symbol(Instrument(symbol="AUSDT", base="A", quote="USDT", price_decimals=1, qty_decimals=2))
    exchange.accounts.deposit("ann", {"USDT": Decimal(1_000)})
    exchange.orders.place("ann", symbol="AUSDT", side=Side.BUY, type="LIMIT", price=Decimal(9), qty=Decimal(1))
    StateFile(path, exchange).save()
    return path.read_bytes()


def snapshot_of(path: Path) -> None:
    """Read a snapshot whose sum fits, so that what it holds is looked at."""
    SnapshotFile(path, "j", "USDT").read()
    head, _, body = path.read_bytes().partition(b"\n")
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        path.write_bytes(
            json.dumps({**json.loads(head), "sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n" + body
        )
    SnapshotFile(path, "j", "USDT").read()


def segment_of(path: Path) -> None:
    """Read an archive, as it is and as if its sum were noted."""
    for total in ("0" * 64, hashlib.sha256(path.read_bytes()).hexdigest()):
        with contextlib.suppress(JournalError):
            for row in read_segment(path.parent, "j", Segment(1, 2, path.name, total)):
                schema.decode(row.body)


def theme_of(path: Path) -> None:
    make_theme(read_theme(path), {})


def messages(path: Path) -> None:
    for decode in (decode_to_desk, decode_to_client):
        with contextlib.suppress(ProtocolError):
            decode(path.read_bytes())


def targets(folder: Path) -> Iterator[Target]:
    """Give every kind of file there is."""
    yield Target("config.toml", TEMPLATE.encode(), lambda path: limits_of(load(path)), ConfigError)
    yield Target("theme.toml", (shipped_folder() / "dark.toml").read_bytes(), theme_of, ThemeError)
    book = {
        "t": 1,
        "kind": "depth_snapshot",
        "symbol": "AUSDT",
        "lastUpdateId": 1,
        "bids": [["9", "5"]],
        "asks": [["10", "4"]],
    }
    change = {"t": 2, "kind": "depth", "symbol": "AUSDT", "finalUpdateId": 2, "bids": [["9", "0"]], "asks": []}
    trade = {"t": 3, "kind": "trade", "symbol": "AUSDT", "price": "10", "qty": "1", "taker": "BUY"}
    yield Target("neutral.jsonl", rows(book, change, trade), play, TapeError)
    pair = line("pair", 0, pair=msgspec.to_builtins(PAIR))
    recorded = rows(HEAD, pair, snapshot(1, 5), delta(2, 6, 6, [("9.8", "1")]), deals(3, ("t1", "9.9", "1", 1)))
    yield Target("recorded.jsonl", recorded, play, TapeError)
    yield Target("packed.jsonl.gz", gzip.compress(recorded), play, TapeError)
    yield Target("state.json", a_state(folder), lambda path: state_of(path).load(), StateError)
    empty = DeskSnapshot(**dict.fromkeys(DeskSnapshot.__struct_fields__, ()) | {"currency": "USDT", "last_ms": 1})
    SnapshotFile(folder / "made", "j", "USDT").write(
        1, msgspec.structs.replace(empty, compared_ms=0, booked_floor_ms=0)
    )
    yield Target("journal.snapshot", (folder / "made").read_bytes(), snapshot_of)
    order = Order(
        client_order_id="m-1",
        symbol="AUSDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        state=OrderState.PENDING,
        created_ms=1,
        updated_ms=1,
        price=Decimal(1),
        qty=Decimal(1),
    )
    kind, body = schema.encode(IntentRecord(order=order, command_id="c", wall_ms=1))
    yield Target("row", body.encode(), lambda path: schema.decode(path.read_bytes()), ValueError)
    made = write_segment(folder, "j", 1, [(1, 1, kind, body), (2, 2, kind, body)])
    yield Target(made.name, (folder / made.name).read_bytes(), segment_of, ValueError)
    latch = LatchFile(folder / "latch")
    latch.write("active")
    yield Target("latch", (folder / "latch").read_bytes(), lambda path: LatchFile(path).read())
    head = HeadFile(folder / "head")
    head.note("j", 7, b"0123456789abcdef")
    head.close()
    yield Target("head", (folder / "head").read_bytes(), lambda path: HeadFile(path).read(), ValueError)
    entry = places.DeskEntry(
        desk_id="d", name="n", kind=VenueKind.DEMO, account="a", pid=1, socket="s", log="l", started_ms=1, program="p"
    )
    home = folder / "state" / "mexc-tui"
    yield Target("d.json", msgspec.json.encode(entry), lambda path: from_home(path, home / "desks", places.entries))
    index = msgspec.json.encode({"accounts": {"https://api.mexc.com": {"ab": "cd"}}})
    nobody = Credentials(api_key=Secret("k"), secret_key=Secret("s"))
    known = lambda: accounts.known_folder(VenueKind.LIVE, "https://api.mexc.com", nobody)  # noqa: E731
    yield Target("accounts.json", index, lambda path: from_home(path, home, known))
    draft = Draft(symbol="AUSDT", side=Side.BUY, type=OrderType.LIMIT, qty=Decimal(1), price=Decimal(1))
    yield Target("message", encode(Submit(command=PlaceOrder(command_id="c", draft=draft))), messages)
    account = Account(name="a", api_key=Secret("mx0key"), secret_key=Secret("secret"))
    yield Target("line", to_line(account), lambda path: from_line(path.read_bytes()), ConfigError)
    Vault.create(folder / "made.vault", PASSPHRASE, cost=2).put(account)
    yield Target("keys.vault", (folder / "made.vault").read_bytes(), lambda path: unlock(path), ConfigError)


def from_home(path: Path, home: Path, read: Callable[[], object]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / path.name).write_bytes(path.read_bytes())
    read()


def unlock(path: Path) -> None:
    path.chmod(0o600)
    Vault.unlock(path, PASSPHRASE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(made / "state"))
        yield made


NAMES = (
    "config.toml",
    "theme.toml",
    "neutral.jsonl",
    "recorded.jsonl",
    "packed.jsonl.gz",
    "state.json",
    "journal.snapshot",
)
NAMES += ("row", "archive", "latch", "head", "d.json", "accounts.json", "message", "line", "keys.vault")


@pytest.fixture(scope="module")
def every(folder: Path) -> dict[str, Target]:
    found = list(targets(folder))
    for target in found:
        (folder / target.name).write_bytes(target.good)
        target.read(folder / target.name)
    return dict(zip(NAMES, found, strict=True))


@pytest.mark.parametrize("name", NAMES)
@examples(40)
@given(seed=st.integers(0, 2**63))
def test_it_is_read_or_refused_in_a_sentence(every: dict[str, Target], folder: Path, name: str, seed: int) -> None:
    target = every[name]
    target.feed(folder, spoilt(random.Random(seed), target.good) if seed else target.good)


@pytest.mark.parametrize("name", ["config.toml", "theme.toml", "keys.vault"])
def test_a_file_larger_than_any_of_its_kind_is_refused_unread(
    every: dict[str, Target], folder: Path, name: str
) -> None:
    target = every[name]
    path = folder / target.name
    path.write_bytes(target.good + b"\n" * (1 << 20))
    with pytest.raises(target.refusals, match="holds more than 1,048,576 bytes"):
        target.read(path)
