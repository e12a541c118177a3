"""``mexc-tui doctor --keys``: every key as it arrives, and what it does in the cockpit."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Mapping

from mexc_tui.cli.doctor.terminal import RawTerminal
from mexc_tui.cli.io.exits import OK, USAGE, ExitError
from mexc_tui.cli.io.output import encode
from mexc_tui.config.errors import ConfigError
from mexc_tui.config.loading import load
from mexc_tui.config.paths import config_file

LOOK_S = 0.05
_END = "ctrl+c"


def run(*, as_json: bool) -> int:
    """Show keys until Ctrl-C comes twice in a row, and return the exit code."""
    from textual._xterm_parser import XTermParser
    from textual.events import Key

    if not sys.stdin.isatty():
        raise ExitError("--keys needs a terminal to read keys from.", USAGE)
    actions = actions_by_key()
    parser, decoder = XTermParser(), codecs.getincrementaldecoder("utf-8")("replace")
    last, pending = "", b""
    with RawTerminal() as terminal:
        terminal.write("Press any key; Ctrl-C twice ends this.\r\n")
        while True:
            data = terminal.read(LOOK_S)
            pending += data
            text = decoder.decode(data)
            # Only another look without new data distinguishes a lone Escape from the start of a longer key.
            for event in [*(parser.feed(text) if text else ()), *parser.tick()]:
                if not isinstance(event, Key):
                    continue
                row = {"key": event.key, "bytes": pending.hex(" "), "action": actions.get(event.key)}
                pending = b""
                line = f"{event.key:<16} {row['bytes']:<24} {row['action'] or '—'}"
                terminal.write((encode(row) if as_json else line) + "\r\n")
                if event.key == _END == last:
                    return OK
                last = event.key


def actions_by_key() -> Mapping[str, str]:
    """Return what each key does in the cockpit, by the name it arrives under."""
    from mexc_tui.ui.keymap import resolve

    try:
        overrides = load(config_file()).settings.keys
    except ConfigError:
        overrides = {}
    found: dict[str, str] = {}
    for action_id, chosen in resolve(overrides).keys.items():
        for key in chosen:
            found.setdefault(key, action_id)
    return found
