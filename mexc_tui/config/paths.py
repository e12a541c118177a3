"""Where this program keeps its files: the user's own config, data and state folders and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from mexc_tui.config.errors import ConfigError

APP = "mexc-tui"
CONFIG_VARIABLE = "MEXC_TUI_CONFIG"


def config_file() -> Path:
    """Return the path of the config file, whether it exists or not; ``MEXC_TUI_CONFIG`` overrides the usual place."""
    named = os.environ.get(CONFIG_VARIABLE, "")
    if named:
        return Path(named).expanduser()
    return Path(platformdirs.user_config_path(APP)) / "config.toml"


def vault_file() -> Path:
    """Return the path of the file with the API keys, whether it exists or not."""
    return Path(platformdirs.user_config_path(APP)) / "keys.vault"


def themes_folder() -> Path:
    """Return the folder of the user's own colour themes."""
    return Path(platformdirs.user_config_path(APP)) / "themes"


def state_folder() -> Path:
    """Return the folder of journals and logs."""
    return Path(platformdirs.user_state_path(APP))


def log_file() -> Path:
    """Return the path of the log."""
    return state_folder() / "log" / "mexc-tui.log"


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter.

    Raises:
        ConfigError: it cannot be made or written.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {path} cannot be made ({_why(error)}), so no order could be recorded; nothing was started. "
            "Make it writable or point XDG_STATE_HOME to a folder that is."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(
            f"The folder {path} cannot be written, so no order could be recorded; nothing was started. "
            "Make it writable or point XDG_STATE_HOME to a folder that is."
        )
    return path


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
