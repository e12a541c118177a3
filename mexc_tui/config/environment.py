"""What the environment says: addresses and keys, each checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

import msgspec

from mexc_tui.config.errors import ConfigError
from mexc_tui.config.settings import Credentials, Secret, VenueSettings

REST_VARIABLE = "MEXC_BASE_URL"
STREAM_VARIABLE = "MEXC_WS_URL"
KEY_VARIABLE = "MEXC_API_KEY"
SECRET_VARIABLE = "MEXC_SECRET_KEY"
_LONGEST_KEY = 200


def venue_settings(configured: VenueSettings, environment: Mapping[str, str]) -> VenueSettings:
    """Return the addresses to use: the environment's where it names any, else the config file's.

    Raises:
        ConfigError: an address is empty or is not an address, or only one of the pair is given.
    """
    rest, stream = environment.get(REST_VARIABLE), environment.get(STREAM_VARIABLE)
    if (rest is None) != (stream is None):
        given, missing = (REST_VARIABLE, STREAM_VARIABLE) if stream is None else (STREAM_VARIABLE, REST_VARIABLE)
        raise ConfigError(
            f"{given} is set and {missing} is not: orders and market data would go to different exchanges. Set both."
        )
    if rest is None or stream is None:
        check_address("[venue] base_url", configured.base_url, ("http", "https"))
        check_address("[venue] ws_url", configured.ws_url, ("ws", "wss"))
        return configured
    check_address(REST_VARIABLE, rest, ("http", "https"))
    check_address(STREAM_VARIABLE, stream, ("ws", "wss"))
    return msgspec.structs.replace(configured, base_url=rest.rstrip("/"), ws_url=stream)


def credentials(environment: Mapping[str, str]) -> Credentials:
    """Return the key pair; empty where none is set.

    Raises:
        ConfigError: only one half is set, or one holds blanks or control characters.
    """
    key, secret = environment.get(KEY_VARIABLE, "").strip(), environment.get(SECRET_VARIABLE, "").strip()
    if bool(key) != bool(secret):
        raise ConfigError(
            f"Only one of {KEY_VARIABLE} and {SECRET_VARIABLE} is set; set both, or neither to look only."
        )
    for name, value in ((KEY_VARIABLE, key), (SECRET_VARIABLE, secret)):
        check_key(name, value)
    return Credentials(api_key=Secret(key), secret_key=Secret(secret))


def check_key(name: str, key: str) -> None:
    """Refuse what no key is.

    Raises:
        ConfigError: naming it, not showing it.
    """
    if not (key.isascii() and key.isprintable()) or " " in key or len(key) > _LONGEST_KEY:
        raise ConfigError(f"{name} holds characters that no MEXC key has; copy it again.")


def check_address(name: str, address: str, schemes: tuple[str, ...]) -> None:
    """Refuse what cannot be connected to.

    Raises:
        ConfigError: naming the setting and what an address looks like.
    """
    example = f"{schemes[-1]}://host[:port]"
    if not address.strip():
        raise ConfigError(f"{name} is empty; it must look like {example}.")
    try:
        parts: SplitResult = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{name} is not an address: {_shown(address)}; it must look like {example}.") from None
    if parts.scheme not in schemes or not parts.hostname or not address.isprintable() or " " in address:
        raise ConfigError(f"{name} is not an address: {_shown(address)}; it must look like {example}.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{name} must not hold a user name or a password.")


def _shown(address: str) -> str:
    return repr(address[:80])
