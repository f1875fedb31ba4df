"""A worker is killed by SIGKILL in the middle of a deletion in five systems; another takes over.

What two people approved goes once and nothing else goes: the registers themselves count.
"""

from collections import Counter

import pytest

from schemas.case import Outcome, Status
from tests.durability.crashes import STEP, Crash, Playing, Story, crashes_in
from tests.durability.five_registers import APPROVED, FIVE, MANIFESTS, a_deletion
from tests.durability.worker_that_dies import Moment, Point

GUARDED = (
    Moment.BEFORE, Moment.INTENDING, Moment.INTENDED, Moment.APPLIED, Moment.PROVED,
    Moment.OUTSIDE, Moment.READ_AGAIN, Moment.UNCOMMITTED, Moment.COMMITTED,
)  # fmt: skip
REPLY = (Moment.BEFORE, Moment.SUPPRESSED, Moment.UNCOMMITTED, Moment.COMMITTED)

DELETION = [
    *(Point("system.plan_erasure", moment, "shop") for moment in STEP),
    *(Point("case.record", moment, "decided") for moment in STEP),
    *(Point("case.record", moment, "second_decided") for moment in STEP),
    *(Point("case.record", moment, "fulfilling") for moment in STEP),
    *(Point("system.erase", moment, "shop") for moment in GUARDED),
    *(Point("system.erase", moment, "mail") for moment in GUARDED),
    *(Point("reply.compile", moment) for moment in REPLY),
    *(Point("clock.letter_gone", moment) for moment in STEP),
    *(Point("case.park", moment) for moment in STEP),
]


@pytest.mark.parametrize("crash", crashes_in(Story(a_deletion, FIVE), DELETION), ids=str)
async def test_what_was_approved_goes_once_and_the_case_ends_as_if_nothing_had_happened(
    crashes: Playing, crash: Crash
):
    crashed, undisturbed = await crashes.both(crash)

    assert crashed.returncode == -9
    assert crashed.ending.writes == Counter(APPROVED)
    assert crashed.ending.in_doubt == 0
    assert crashed.ending.audit["verified", "engine"] == len(MANIFESTS)
    assert (undisturbed.status, undisturbed.outcome) == (Status.FOLLOWING_UP, Outcome.PARTIAL)
    assert crashed.result is None  # the case goes on in another run once its date has come
    assert crashed.ending == undisturbed
    assert crashed.chain == []
