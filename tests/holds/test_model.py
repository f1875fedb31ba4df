"""The protocol as a model: no state is wrong; without any one of its steps one is."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import pytest

from tests.holds.model import Protocol, State, moves, wrong
from tests.holds.search import way_to


def test_in_no_state_is_something_called_protected_that_is_gone() -> None:
    way, states = way_to(wrong, State(), partial(moves, Protocol()))
    assert way is None
    assert states > 5_000


@pytest.mark.parametrize("step", [field.name for field in fields(Protocol)])
def test_without_this_step_one_is(step: str) -> None:
    way, _ = way_to(wrong, State(), partial(moves, replace(Protocol(), **{step: False})))
    assert way is not None, step


def test_every_answer_can_be_the_answer() -> None:
    """The model is not true because nothing happens in it."""
    for answer in ("protected", "gone", "doubt"):
        way, _ = way_to(
            lambda state, answer=answer: answer in state.told,  # type: ignore[misc]
            State(),
            partial(moves, Protocol()),
        )
        assert way is not None, answer


def test_what_was_in_doubt_can_turn_out_either_way() -> None:
    for end in ("protected", "gone"):
        way, _ = way_to(
            lambda state, end=end: {"doubt", end} <= state.told,  # type: ignore[misc]
            State(),
            partial(moves, Protocol()),
        )
        assert way is not None, end


# -- two requests of one person at the same moment ---------------------------------------------


@dataclass(frozen=True)
class Counter:
    """Two submissions at intake: where each is, what it read, what the ledger has."""

    at: tuple[str, str] = ("start", "start")
    read: tuple[int, int] = (-1, -1)  # inquiries of the person that it saw before its own
    ledger: int = 0
    owner: int | None = None  # of the person's lock


def _both_first(state: Counter) -> bool:
    return state.at == ("written", "written") and state.read == (0, 0)


def _intake(locks: bool, state: Counter) -> Iterator[tuple[str, Counter]]:
    for n in (0, 1):
        for label, at, changes in _next(locks, state, n):
            stands = tuple(at if m == n else state.at[m] for m in (0, 1))
            yield f"{n}: {label}", replace(state, at=stands, **changes)


def _next(locks: bool, state: Counter, n: int) -> Iterator[tuple[str, str, dict[str, object]]]:
    match state.at[n]:
        case "start" if not locks or state.owner is None:
            yield "locks the person", "locked", {"owner": n if locks else None}
        case "locked":
            seen = tuple(state.ledger if m == n else state.read[m] for m in (0, 1))
            yield "reads the ledger", "read", {"read": seen}
        case "read":
            yield "writes and commits", "written", {"ledger": state.ledger + 1, "owner": None}


def test_two_requests_at_the_same_moment_are_not_both_the_first() -> None:
    assert way_to(_both_first, Counter(), partial(_intake, True))[0] is None


def test_without_the_persons_lock_both_would_be() -> None:
    way, _ = way_to(_both_first, Counter(), partial(_intake, False))
    assert way is not None
