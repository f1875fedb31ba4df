"""The law as pure functions: time limits, 12-month rule, identity, grounds, moves of a case."""
