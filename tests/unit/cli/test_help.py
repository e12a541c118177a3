"""What every command says of itself: to the user, and to a shell that completes."""

from __future__ import annotations

import argparse

import pytest

from mexc_tui.cli.main import build_parser, main

COMMANDS = next(action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)).choices


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_every_command_lists_its_exit_codes(capsys, command):
    assert main((command, "--help")) == 0
    assert "exit codes:" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_every_command(capsys, shell):
    assert main(("completion", shell)) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in COMMANDS)
    assert "post-only" in out
