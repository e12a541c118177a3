"""What is wrong with the settings, in one sentence a user can act on."""

from __future__ import annotations


class ConfigError(Exception):
    """The settings cannot be used. The text names file, line and key where there are any, and what would be right."""
