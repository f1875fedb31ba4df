"""How often systems are called in a turn, for their limits: counted where the call is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final


@dataclass
class Calls:
    """So many."""

    made: int = 0


_counting: Final[ContextVar[Calls | None]] = ContextVar("calls", default=None)


@contextmanager
def counted() -> Iterator[Calls]:
    """Counts the calls that are begun inside."""
    calls = Calls()
    token = _counting.set(calls)
    try:
        yield calls
    finally:
        _counting.reset(token)


def count_call() -> None:
    """A system is called: an HTTP exchange, a visit to a database."""
    if (calls := _counting.get()) is not None:
        calls.made += 1
