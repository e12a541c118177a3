"""``mexc-tui completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from mexc_tui.cli.io.exits import OK

SHELLS = ("bash", "zsh", "fish")
_EPILOG = """\
To use it, once:
  bash   mexc-tui completion bash > ~/.local/share/bash-completion/completions/mexc-tui
  zsh    mexc-tui completion zsh > a folder of $fpath, as _mexc-tui
  fish   mexc-tui completion fish > ~/.config/fish/completions/mexc-tui.fish

exit codes:
  0    printed
  2    bad usage: no such shell
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser], program: argparse.ArgumentParser) -> None:
    """Add the command; ``program`` is the parser that it describes."""
    parser = commands.add_parser(
        "completion",
        help="print the completion script of a shell",
        description="Print a script with which a shell completes the commands and options of mexc-tui.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    parser.set_defaults(run=partial(run, program))


def run(program: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    """Print the script and return the exit code."""
    import shtab

    from mexc_tui.cli.io.output import say

    _complete_files(program, shtab.FILE)
    say({}, shtab.complete(program, shell=arguments.shell).rstrip(), as_json=False)
    return OK


def _complete_files(parser: argparse.ArgumentParser, files: object) -> None:
    """Mark every argument that is a path, so that the shell offers files for it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command, files)
        elif action.type is Path:
            action.complete = files  # type: ignore[attr-defined]
