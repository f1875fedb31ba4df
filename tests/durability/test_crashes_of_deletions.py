"""A deletion in five systems is broken off: its worker is killed by SIGKILL and another takes over,
or the engine's PostgreSQL is away for a minute.

What two people approved goes once and nothing else goes: the registers themselves count.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from schemas.case import Outcome, Status
from tests.durability.crashes import STEP, Crash, Ending, Playing, Story, crashes_in
from tests.durability.five_registers import APPROVED, FIVE, MANIFESTS, a_deletion
from tests.durability.outage import outage
from tests.durability.worker_that_dies import Moment, Point
from tests.postgres import Server

GUARDED = (
    Moment.BEFORE, Moment.INTENDING, Moment.INTENDED, Moment.APPLIED, Moment.PROVED,
    Moment.OUTSIDE, Moment.READ_AGAIN, Moment.UNCOMMITTED, Moment.COMMITTED,
)  # fmt: skip
EFFECT = (Moment.BEFORE, Moment.APPLIED, Moment.OUTSIDE, Moment.COMMITTED)
REPLY = (Moment.BEFORE, Moment.SUPPRESSED, Moment.UNCOMMITTED, Moment.COMMITTED)

DELETION = [
    *(Point("system.plan_erasure", moment, "shop") for moment in STEP),
    *(Point("case.record", moment, "decided") for moment in STEP),
    *(Point("case.record", moment, "second_decided") for moment in STEP),
    *(Point("case.record", moment, "fulfilling") for moment in STEP),
    *(Point("system.erase", moment, "shop") for moment in GUARDED),
    *(
        Point("system.erase", moment, system)
        for system in ("mail", "club", "survey", "archive")
        for moment in EFFECT
    ),
    *(Point("reply.compile", moment) for moment in REPLY),
    *(Point("clock.letter_gone", moment) for moment in STEP),
    *(Point("case.park", moment) for moment in STEP),
]

DELETED = Story(a_deletion, FIVE)

Outages = dict[str, "asyncio.Task[Ending]"]


@pytest.fixture(scope="module", autouse=True)
async def outages(
    request: pytest.FixtureRequest, temporal: WorkflowEnvironment, migrated: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Outages]:  # fmt: skip
    """Their minutes pass from the first of this module's tests on, beside the crashes."""
    moments = [
        item.callspec.params["moment"]
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
        if "moment" in item.callspec.params
    ]
    playing = {
        moment: asyncio.create_task(
            outage(temporal, migrated, tmp_path_factory.mktemp("outage"), moment)
        )
        for moment in moments
    }
    yield playing
    for one in playing.values():
        one.cancel()
    await asyncio.gather(*playing.values(), return_exceptions=True)


@pytest.mark.parametrize("crash", crashes_in(DELETED, DELETION), ids=str)
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


@pytest.mark.parametrize("moment", ["before_the_proof", "after_the_commit"])
async def test_while_our_database_is_away_nothing_is_lost_and_nothing_is_done_twice(
    crashes: Playing, outages: Outages, moment: str
):
    seen = await outages[moment]

    assert seen.writes == Counter(APPROVED)
    assert seen == await crashes.undisturbed(DELETED)
