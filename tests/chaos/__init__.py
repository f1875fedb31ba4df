"""Chaos: a whole engine of real processes, disturbed by a seeded plan; see docs/operations.md."""
