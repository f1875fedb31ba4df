"""A small explicit-state search: every state that can be reached, and the way to a bad one."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

S = TypeVar("S")
Moves = Callable[[S], Iterable[tuple[str, S]]]


def way_to(bad: Callable[[S], bool], start: S, moves: Moves[S]) -> tuple[list[str] | None, int]:
    """The shortest way from `start` to a bad state, None if there is none; states visited."""
    came: dict[S, tuple[S, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if bad(state):
            return _told(state, came), len(came)
        for label, following in moves(state):
            if following not in came:
                came[following] = (state, label)
                waiting.append(following)
    return None, len(came)


def _told(state: S, came: dict[S, tuple[S, str] | None]) -> list[str]:
    labels = []
    while (step := came[state]) is not None:
        state, label = step
        labels.append(label)
    return labels[::-1]
