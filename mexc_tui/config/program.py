"""The version of this program, for its package as well."""

from __future__ import annotations

VERSION = "0.1.0"
"""A desk and its clients work together only if theirs are equal."""
