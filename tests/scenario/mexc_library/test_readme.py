"""The programs in the README run as they stand, without a warning, against a local exchange."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import LIMIT_S

ROOT = Path(__file__).parents[3]


def program(mark: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (found,) = [block for block in blocks if mark in block]
    return str(found)


@pytest.mark.parametrize(
    ("mark", "lines", "shown"), [("ungated=True", 1, b"account_link="), ("subscribe", 12, b"of this minute")]
)
async def test_a_program_of_the_readme_runs_as_it_stands(
    here: dict[str, Any], tmp_path: Path, mark: str, lines: int, shown: bytes
) -> None:
    file = tmp_path / "program.py"
    text = program(mark)
    assert "http://127.0.0.1:8700" in text
    file.write_text(
        text.replace("http://127.0.0.1:8700", here["base_url"]).replace("ws://127.0.0.1:8700/ws", here["ws_url"])
    )
    keys = {"MEXC_API_KEY": here["api_key"], "MEXC_SECRET_KEY": here["api_secret"], "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-u", str(file)),
        env={**os.environ, **keys},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(LIMIT_S):
            printed = [await process.stdout.readline()]
            while printed[-1] and (len(printed) < lines or shown not in b"".join(printed)):
                printed.append(await process.stdout.readline())
            if mark == "subscribe":
                process.send_signal(signal.SIGINT)
            said = (await process.stderr.read()).decode()
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    assert shown in b"".join(printed), said
    assert "Warning" not in said
    assert "never" not in said
    assert "Traceback" not in said or said.rstrip().endswith("KeyboardInterrupt")
