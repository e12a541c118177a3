"""``mexc-tui exchange``: the embedded exchange alone, speaking MEXC's REST and protobuf streams on the loopback."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from mexc_tui.cli.io.exits import OK

DEFAULT_PORT = 8700

_MORE = """\
Point a client at the two addresses and give it the key pair; nothing else differs from MEXC.

While it runs, programs on this machine can change it under /admin/ (curl http://127.0.0.1:8700/admin/):
  POST /admin/fund         {"account":"demo","funds":{"USDT":"1000"}}      create or fund an account
  POST /admin/keys         {"account":"bob"}                               make a key pair (permissions, ips, symbols)
  POST /admin/list         {"symbol":"NEWUSDT","base":"NEW","quote":"USDT","price":"0.5","opens_in_ms":60000}
  POST /admin/pause        {"symbol":"MXUSDT","paused":true}
  POST /admin/nudge        {"symbol":"MXUSDT","fraction":"-0.05"}          move a market
  POST /admin/maintenance  {"on":true}
  POST /admin/faults       {"name":"ack_lost","p":0.5,"count":3}           GET lists all, DELETE lifts them
  POST /admin/drop         {}                                              cut every stream
  POST /admin/kill-listen-keys {}    POST /admin/limits {"rules":"strict"}

Fault profiles: none, slow, flaky, lossy, edge, lost-acks, garbled, chaos; or single faults such as
  --faults 'drop:p=0.1;latency:ms=200'

With --mirror the market is MEXC's own: its public books and trades, read without keys, and nothing is ever sent
there. Orders are matched here, behind what stands in MEXC's queues. MEXC_BASE_URL and MEXC_WS_URL (or [venue] in the
config file) name the exchange to mirror, [paper] sets delay and fees.

exit codes: 0 ended by a signal or by stdin closing; 1 it broke down; 2 bad usage, a port in use,
a recording or state file that cannot be used; 3 the exchange to mirror cannot be reached.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "exchange",
        help="run the embedded exchange alone, for this or other programs",
        description="Run an exchange that speaks MEXC's spot API on 127.0.0.1, with a funded paper account.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, metavar="N", help="port, 0 picks a free one (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line with addresses and keys when ready")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="seed of markets, faults and keys (default: markets as ever, keys random)"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="serve a recorded market")
    parser.add_argument("--speed", type=_speed, metavar="X", help="speed of the recorded market: 1 as it was, 10, max")
    parser.add_argument(
        "--from", type=_seconds, default=0.0, dest="from_s", metavar="S", help="begin so many seconds into it"
    )
    parser.add_argument("--faults", metavar="PROFILE", default="", help="misbehave: a profile or a list of faults")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep accounts, orders and keys in this file")
    parser.add_argument("--mirror", action="store_true", help="paper orders on MEXC's public market instead of a model")
    parser.add_argument(
        "--delay-ms", type=_delay, metavar="N", help="with --mirror: delay of orders (default: measured)"
    )
    parser.add_argument("--strict-limits", action="store_true", help="MEXC's strictest published request limits")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input closes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal (or the end of stdin) and return the exit code."""
    from mexc_tui.desk.loopback import skip_certificates

    if not arguments.mirror:
        skip_certificates()
    from mexc_tui.desk.exchange import run as exchange
    from mexc_tui.desk.exchange.options import ExchangeOptions

    options = ExchangeOptions(
        port=arguments.port,
        seed=arguments.seed,
        replay=arguments.replay,
        speed=arguments.speed or 1.0,
        from_s=arguments.from_s,
        faults=arguments.faults,
        state=arguments.state,
        mirror=arguments.mirror,
        delay_ms=arguments.delay_ms,
        strict_limits=arguments.strict_limits,
        until_stdin_closes=arguments.until_stdin_closes,
    )
    exchange.run(options, partial(_say, as_json=arguments.json))
    return OK


def _say(row: Mapping[str, object], text: str, *, as_json: bool) -> None:
    import msgspec

    sys.stdout.write((msgspec.json.encode(row).decode() if as_json else text) + "\n")
    sys.stdout.flush()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _delay(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 60_000:
        raise argparse.ArgumentTypeError("a delay is a number of milliseconds from 0 to 60000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("a number of seconds, 0 or more")
    return seconds


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not 0 < speed <= 10_000:
        raise argparse.ArgumentTypeError("speed is a number above 0 such as 0.5 or 10, or max")
    return speed
