"""``mexc-tui config``: where the settings are, whether they can be read, and what they could be."""

from __future__ import annotations

import argparse
import os

from mexc_tui.cli.io.exits import OK, USAGE, ExitError

_EPILOG = """\
exit codes:
  0    printed; the settings can be used
  2    bad usage, or the settings cannot be used
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "config",
        help="check the config file, or print the default one",
        description="Check the config file, or print where it is, or print one with every setting at its default.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--print", action="store_true", dest="show", help="print a config file with all defaults")
    what.add_argument("--path", action="store_true", help="print the path of the config file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from mexc_tui.config.errors import ConfigError
    from mexc_tui.config.paths import config_file, log_file, state_folder

    if arguments.show:
        from mexc_tui.config.template import TEMPLATE

        _print(TEMPLATE.rstrip("\n"))
        return OK
    path = config_file()
    if arguments.path:
        _print(str(path))
        return OK
    from mexc_tui.config.environment import credentials, venue_settings
    from mexc_tui.config.limits import limits_of
    from mexc_tui.config.loading import load

    try:
        file = load(path)
        limits_of(file)
        venue = venue_settings(file.settings.venue, os.environ)
        keys = credentials(os.environ)
    except ConfigError as error:
        raise ExitError(str(error), USAGE) from None
    _print(f"config    {path} ({'valid' if path.exists() else 'not there; defaults apply'})")
    _print(f"exchange  {venue.base_url}  {venue.ws_url}")
    _print(f"keys      {'set' if keys else 'none: market data only'}")
    _print(f"journals  {state_folder()}")
    _print(f"log       {log_file()}")
    return OK


def _print(line: str) -> None:
    print(line)  # noqa: T201
