"""The embedded exchange: matching engine, market sources, faults, and a loopback server that speaks MEXC's wire."""
