"""What placing a hold says of a partner that had been told to erase."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from rules.holds import Tried, fate
from schemas.holds import Fate, Hold, HoldState, StopState

AT = datetime(2027, 3, 1, 9, tzinfo=UTC)
HOLD = Hold.model_validate(
    {
        "id": "6f0e6a0e-5d0a-4d3a-9d6f-0b8f0f4f9d11", "state": HoldState.PROVISIONAL,
        "secret": False, "hashes": (b"aino",), "systems": (), "categories": (),
        "begins_on": AT.date(), "until_on": None, "ends_at": None, "review_on": date(2027, 9, 1),
        "review_at": AT, "placed_at": AT, "placed_by": "ritva", "placed_by_person": "ritva",
        "lapses_at": AT,
    }
)  # fmt: skip
D, L, T = StopState.IN_DOUBT, StopState.TOO_LATE, StopState.TAKEN


def tried(stop: StopState | None = None, **more: Any) -> Tried:
    """It told the partner."""
    values = {"system": "expert", "bound_at": AT, "ended_at": AT, "erased": True, "kept": ()}
    return Tried(**(values | more), stop=stop)


@pytest.mark.parametrize(
    ("tries", "came_to", "stop"),
    [
        ([tried()], Fate.GONE, None),
        ([tried(D)], Fate.IN_DOUBT, D),
        ([tried(L)], Fate.GONE, L),
        ([tried(T, erased=False)], Fate.PROTECTED, T),
        ([tried(D, ended_at=None, erased=False)], Fate.IN_DOUBT, D),
        ([tried(D, erased=False)], Fate.PROTECTED, None),  # it has never reached the partner
        ([tried(T, erased=False), tried()], Fate.GONE, T),  # an earlier request was answered
        ([tried(T, erased=False), tried(D)], Fate.IN_DOUBT, D),
        ([tried(D), tried(L)], Fate.GONE, D),
    ],
)
def test_only_what_the_partner_gave_back_is_protected(
    tries: list[Tried], came_to: Fate, stop: StopState | None
):
    answer = fate(HOLD, "expert", tries)

    assert (answer.fate, answer.stop) == (came_to, stop)


def test_a_hold_on_everybody_counts_what_was_gone_before_and_doubts_what_is_not_stopped():
    everybody = HOLD.model_copy(update={"hashes": (), "systems": ("expert",)})

    assert fate(everybody, "expert", [tried(L)]).erased_before == 1
    assert fate(everybody, "expert", [tried(L), tried(D)]).fate is Fate.IN_DOUBT
