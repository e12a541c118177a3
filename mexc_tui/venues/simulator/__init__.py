"""The embedded exchange: matching engine, market sources, faults, and a server that speaks MEXC's wire on the loopback."""
