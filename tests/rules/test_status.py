"""The table of moves."""

import pytest

from rules.status import MOVES, move
from schemas.case import Status
from schemas.errors import NotFromHere


def reached_from(start: Status) -> set[Status]:
    reached = {start}
    while more := {after for before, after in MOVES if before in reached} - reached:
        reached |= more
    return reached


def test_every_status_can_be_reached_from_receipt():
    assert reached_from(Status.RECEIVED) == set(Status)


@pytest.mark.parametrize("status", Status)
def test_a_case_can_be_closed_from_every_status(status: Status):
    assert Status.CLOSED in reached_from(status)


def test_no_case_moves_to_where_it_is_and_only_an_unanswered_one_is_taken_for_another_kind():
    assert all(after is not before for before, after in MOVES)
    again = {before for before, after in MOVES if after is Status.RECEIVED}
    assert again == {*Status} - {Status.RECEIVED, Status.FOLLOWING_UP, Status.CLOSED}


@pytest.mark.parametrize(("before", "after"), MOVES)
def test_a_move_of_the_table_gives_its_reason(before: Status, after: Status):
    assert move(before, after) == MOVES[before, after] != ""


def test_a_move_that_is_not_in_the_table_is_refused_with_the_open_ones():
    with pytest.raises(NotFromHere) as refused:
        move(Status.CLOSED, Status.DECIDING)
    assert str(refused.value) == (
        "A case that is closed does not move to deciding. Open from here: searching, fulfilling."
    )
