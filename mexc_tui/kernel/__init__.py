"""The desk: synchronous, single-threaded and deterministic. Inputs and commands in, effects, facts and views out."""
