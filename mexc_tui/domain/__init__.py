"""Pure values and rules of trading: no clock, no I/O, no logging."""
