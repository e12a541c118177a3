"""Secrets stay where they belong: no output, file, argument list, environment, log, journal or tape holds one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mexc_tui.desk.child import ChildExchange
from mexc_tui.venues.mexc.rest.client import MexcRest
from mexc_tui.venues.mexc.settings import MexcSettings
from tests.desks import only_desk
from tests.patience import LIMIT_S, until

pytestmark = pytest.mark.e2e

PASSPHRASE, WRONG = "correct horse battery staple", "an utterly wrong passphrase"


def test_no_secret_is_found_anywhere(environment: dict[str, str], tmp_path: Path) -> None:
    said: list[str] = []

    def run(*arguments: str, typed: str = "", code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mexc_tui", *arguments],
            env=environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        said.append(done.stdout + done.stderr)
        assert done.returncode == code, done.stderr
        return said[-1]

    # A seed of its own: other tests that run now have their keys in the environment.
    child = ChildExchange(["--seed", str(os.getpid())])
    try:
        at = child.ready()
        pair = f"{at.api_key}\n{at.api_secret}\n"
        run("keys", "add", "main", "--rest", at.rest, "--ws", at.ws, typed=f"{PASSPHRASE}\n{PASSPHRASE}\n{pair}")
        run("desk", "start", "--account", "main", "--armed", typed=PASSPHRASE)
        desk = only_desk(environment)
        assert desk["name"] == "main"
        limits = Path(f"/proc/{desk['pid']}/limits").read_text()
        assert "Max core file size        0                    0" in limits, "its memory could be written to a file"
        assert "ran already" in run("desk", "start", "--account", "main"), "a desk that runs needs no passphrase"
        run("buy", "BTCUSDT", "$50", "--market", "--desk", "main", "--json")
        run("keys", "rotate", "main", typed=f"{PASSPHRASE}\n{at.api_key}\n{'0' * 32}\n", code=1)
        run("keys", "remove", "main", typed=WRONG, code=2)
        settings = MexcSettings(base_url=at.rest, ws_url=at.ws, api_key=at.api_key, api_secret=at.api_secret)
        secrets = (at.api_key, at.api_secret, PASSPHRASE, WRONG, "signature=", *asyncio.run(listen_keys(settings)))
        assert len(secrets) > 5, "the desk has no listen key"
        assert found_in_processes(secrets) == []
        environment |= {"MEXC_BASE_URL": at.rest, "MEXC_WS_URL": at.ws}
        run("record", "BTCUSDT", str(tmp_path / "market.jsonl"), "--seconds", "0.3")
    finally:
        child.close()
    log = Path(environment["XDG_STATE_HOME"]) / "mexc-tui" / "log" / "desk-main.log"
    until(log.exists, "a desk whose exchange has gone writes that down")
    run("desk", "stop", "main")
    assert not [text for text in secrets for output in said if text in output]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"journal.db", "keys.vault", "market.jsonl"} <= {path.name for path in files}
    for kept in [path for path in files if path.name == "listen.key"]:
        # A desk that was killed closes it at the next start; it lasts an hour and only lets look.
        assert kept.stat().st_mode & 0o777 == 0o600
        files.remove(kept)
    assert not [(text, path) for path in files for text in secrets if text.encode() in path.read_bytes()]


async def listen_keys(settings: MexcSettings) -> tuple[str, ...]:
    async with MexcRest(settings) as rest:
        return (await rest.account.listen_key_list()).keys


def found_in_processes(secrets: tuple[str, ...]) -> list[tuple[str, str]]:
    """Look where other users' ``ps`` looks: arguments and environment of every process."""
    found = []
    for path in (
        path for process in Path("/proc").glob("[0-9]*") for path in (process / "cmdline", process / "environ")
    ):
        with contextlib.suppress(OSError):
            held = path.read_bytes()
            found += [(str(path), text) for text in secrets if text.encode() in held]
    return found
