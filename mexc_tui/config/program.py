"""The version of this program."""

from __future__ import annotations


def program_version() -> str:
    """Return the version of the installed package; a desk and its clients work together only if theirs are equal."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mexc-tui")
    except PackageNotFoundError:
        return "(not installed)"
