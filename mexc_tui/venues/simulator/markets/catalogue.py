"""The markets of the embedded exchange as it comes."""

from __future__ import annotations

from decimal import Decimal

from mexc_tui.domain.instrument import Instrument, InstrumentStatus
from mexc_tui.venues.simulator.markets.model import MarketSpec

DEMO_FUNDS: dict[str, Decimal] = {"USDT": Decimal(10_000)}
"""What a new paper account owns. Only quote: a holding without known cost would show no profit or loss."""


def default_markets() -> tuple[MarketSpec, ...]:
    """Return the markets of the demo: large, mid and tiny prices, a non-ASCII name, one illiquid, two closed."""
    return (*_large(), *_small(), *_closed())


def _large() -> tuple[MarketSpec, ...]:
    return (
        MarketSpec(
            instrument=_pair("BTC", 2, 6, "Bitcoin", min_qty="0.000001", band="0.005", largest=4_000_000),
            price=Decimal("65000"),
            rate=28.0,
            levels=400,
            gap=8.0,
            spread=4,
            sigma=1.1e-5,
            size=40_000,
            takers=0.09,
        ),
        MarketSpec(
            instrument=_pair("ETH", 2, 5, "Ethereum", min_qty="0.00001", band="0.01", largest=4_000_000),
            price=Decimal("3200"),
            rate=12.0,
            levels=350,
            gap=2.5,
            spread=2,
            sigma=2.2e-5,
            size=60_000,
        ),
        MarketSpec(
            instrument=_pair("MX", 4, 2, "MX Token", min_qty="0.01", band="0.1"),
            price=Decimal("3.2150"),
            rate=4.0,
            levels=220,
            gap=1.6,
            spread=3,
            sigma=4e-5,
            size=12_000,
        ),
    )


def _small() -> tuple[MarketSpec, ...]:
    return (
        MarketSpec(
            instrument=_pair("SATS", 12, 2, "1000 Sats of Ordinals", min_qty="1", band="0.2"),
            price=Decimal("0.0000000123"),
            rate=3.0,
            levels=200,
            gap=2.0,
            spread=3,
            sigma=7e-5,
            size=4e12,
        ),
        MarketSpec(
            instrument=_pair("币安人生", 4, 2, "币安人生", min_qty="0.01", band="0.2"),
            price=Decimal("0.4187"),
            rate=2.5,
            levels=150,
            gap=1.5,
            spread=3,
            sigma=1.2e-4,
            size=40_000,
            memory_s=1.2,
        ),
        MarketSpec(
            instrument=_pair("42", 5, 1, "Semantic Layer", min_qty="0.1", band="0.2"),
            price=Decimal("0.03142"),
            rate=0.16,
            levels=40,
            gap=4.0,
            spread=12,
            sigma=5e-5,
            size=9_000,
            takers=0.035,
            branching=0.5,
            memory_s=12.0,
        ),
    )


def _closed() -> tuple[MarketSpec, ...]:
    return (
        MarketSpec(
            instrument=_pair("PAUSE", 4, 2, "Paused Coin", min_qty="0.01", band="0.2", status=InstrumentStatus.PAUSED),
            price=Decimal("1.0500"),
            rate=0.2,
            levels=30,
            spread=4,
            size=5_000,
        ),
        MarketSpec(
            instrument=_pair("WEB", 4, 2, "Web Only Coin", min_qty="0.01", band="0.2", api_trading=False),
            price=Decimal("0.7700"),
            rate=0.3,
            levels=40,
            spread=4,
            sigma=5e-5,
            size=8_000,
        ),
    )


def _pair(
    base: str,
    price_decimals: int,
    qty_decimals: int,
    full_name: str,
    *,
    min_qty: str,
    band: str,
    largest: int = 2_000_000,
    status: InstrumentStatus = InstrumentStatus.ONLINE,
    api_trading: bool = True,
) -> Instrument:
    return Instrument(
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        status=status,
        api_trading=api_trading,
        min_qty=Decimal(min_qty),
        min_notional=Decimal(1),
        min_notional_market=Decimal(1),
        max_notional=Decimal(largest),
        max_notional_market=Decimal(largest // 20),
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.0005"),
        bid_multiplier_up=Decimal(band),
        ask_multiplier_down=Decimal(band),
        full_name=full_name,
    )
