"""The law as pure functions: time limits, the 12-month rule, identity, grounds, the moves of a case."""
