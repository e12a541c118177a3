"""What ``from mexc_tui import ...`` gives, and what it costs those who do not ask."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mexc_tui
from mexc_tui.library import types


@pytest.mark.parametrize("name", [*types.__all__, *mexc_tui.__all__])
def test_every_public_name_comes_from_the_package_itself(name: str) -> None:
    assert getattr(mexc_tui, name) is not None


def test_what_a_module_uses_for_itself_is_not_public() -> None:
    with pytest.raises(AttributeError):
        mexc_tui.Decimal  # noqa: B018


def test_other_packages_do_not_load_the_client() -> None:
    code = "import sys; from mexc_tui import cli; print('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
