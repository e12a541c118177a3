"""MEXC's spot v3 wire on the loopback: REST with signing and limits, protobuf streams, faults, and an admin door."""

from mexc_tui.venues.simulator.server.app import Server, ServerSettings
from mexc_tui.venues.simulator.server.faults import Fault, FaultError, FaultPlan, parse_profile
from mexc_tui.venues.simulator.server.keys import ApiKey, KeyRing
from mexc_tui.venues.simulator.server.limits import GENEROUS, STRICT, LimitRules

__all__ = [
    "GENEROUS",
    "STRICT",
    "ApiKey",
    "Fault",
    "FaultError",
    "FaultPlan",
    "KeyRing",
    "LimitRules",
    "Server",
    "ServerSettings",
    "parse_profile",
]
