"""Input and output of commands: rows, exit codes, signals, log and terminal."""
