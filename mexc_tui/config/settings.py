"""The settings and their defaults. Secrets are not among them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from mexc_tui.domain.market import Interval

Fps = Annotated[int, msgspec.Meta(ge=1, le=60)]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]

DEFAULT_CURRENCY = "USDT"
MEXC_REST = "https://api.mexc.com"
MEXC_STREAM = "wss://wbs-api.mexc.com/ws"


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the exchange is; the environment variables MEXC_BASE_URL and MEXC_WS_URL win."""

    base_url: str = MEXC_REST
    ws_url: str = MEXC_STREAM
    depth_speed: Literal["100ms", "10ms"] = "100ms"
    """How often book changes come; the fast one brings ten times the frames."""


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the account is valued."""

    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{1,20}$")] = DEFAULT_CURRENCY
    """Holdings are valued in this asset, and flattening sells into it."""


class UiSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the cockpit looks and what it opens on."""

    theme: Annotated[str, msgspec.Meta(min_length=1, max_length=60)] = "dark"
    fps: Fps | None = None
    """Frames per second; None means 20, or 10 over SSH."""
    symbol: Symbol = "BTCUSDT"
    interval: Interval = Interval.M1
    watchlist: tuple[Symbol, ...] = ()
    """Empty: all pairs of a small exchange, the well-known ones of a large one."""
    sizes: Annotated[tuple[Decimal, ...], msgspec.Meta(min_length=5, max_length=5)] = (
        Decimal(50),
        Decimal(100),
        Decimal(250),
        Decimal(500),
        Decimal(1_000),
    )
    """Order sizes of the keys 1 to 5, in quote."""
    ascii_only: bool = False
    """Draw bars and glyphs with ASCII."""
    instant: bool = False
    """One key press sends; otherwise b or s shows a ghost order and Enter sends it."""


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The desk, which outlives its screens."""

    on_quit: Literal["ask", "keep", "stop"] = "ask"
    """What becomes of it when its only screen is left; the demo's always ends."""


class GuardSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a second process does when the desk is gone or frozen; not for paper money, whose exchange goes with it."""

    plan: Literal["off", "cancel entries", "flatten"] | None = None
    """``cancel entries`` cancels the desk's working buys and keeps its sells; ``flatten`` cancels both and sells.
    None is no guard either, but was not decided by anybody, which a live desk asks for."""
    after_s: Annotated[int, msgspec.Meta(ge=5, le=3_600)] = 20
    """Seconds without a sign of life of the desk."""
    collar: Decimal = Decimal("0.05")
    """How far below the best bid ``flatten`` may sell, as a fraction."""


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an alert is told besides every screen."""

    bell: bool = True
    """Whether screens ring the terminal's bell."""
    command: Annotated[tuple[str, ...], msgspec.Meta(max_length=50)] = ()
    """A program and its arguments, run by the desk with the alert's text as one more argument; empty runs none."""
    webhook: str = ""
    """An address that the desk sends each alert to, as JSON by POST; empty sends nothing."""


class VaultSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of API keys that `mexc-tui keys` keeps."""

    keyring: bool = False
    """Whether the keyring of the system keeps its passphrase; needs the package ``keyring``."""


class PaperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paper trading on MEXC's public market."""

    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None
    """Median delay between an order's acceptance and its match; None means the measured round trip."""
    maker_fee: Decimal | None = None
    """Fraction of the traded amount; None means what MEXC lists for the pair."""
    taker_fee: Decimal | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a config file may say."""

    venue: VenueSettings = VenueSettings()
    account: AccountSettings = AccountSettings()
    ui: UiSettings = UiSettings()
    desk: DeskSettings = DeskSettings()
    guard: GuardSettings = GuardSettings()
    alerts: AlertSettings = AlertSettings()
    paper: PaperSettings = PaperSettings()
    vault: VaultSettings = VaultSettings()
    limits: dict[str, Any] = msgspec.field(default_factory=dict)
    """The risk limits as read; who knows their type converts them with ``SettingsFile.section``."""
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    """Action name to keys, several separated by commas."""


class Secret:
    """A text that does not show itself in a repr, a log or an exception."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that needs it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)" if self._text else "Secret()"

    __str__ = __repr__


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The key pair of an account; both empty where there is none."""

    api_key: Secret
    secret_key: Secret

    def __bool__(self) -> bool:
        return bool(self.api_key)
