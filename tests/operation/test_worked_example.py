"""The change of docs/deploying.md, against saved histories and against requests that are open.

With the patch everything that began without it goes on; without the patch it does not.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from schemas.steps import CONSENT_REQUEST
from starter.replaying import replay_open
from starter.sandbox import sandbox
from storage.codec import data_converter
from tests.durability.worker_that_dies import the_letters
from tests.histories import known_keys, names, saved
from tests.office import Office, a_form, an_office
from tests.operation.next_version import CARELESS_WORKFLOWS, NEXT_WORKFLOWS
from workflows.everything import EVERY_WORKFLOW

BEGUN = [
    "access-fulfilled", "access-supplement", "access-taken-back", "access-withdrawn",
    "access-refused-early", "objection-absolute", "objection-weighed-refused", "consent-given",
    "consent-superseded", "delete-fulfilled", "delete-waits-for-a-date", "correct-fulfilled",
    "correct-refused-then-taken-back",
]  # fmt: skip
"""Of every kind; replied to once, twice, and not at all."""
CONSENTS = [name for name in names() if name.startswith("consent-")]


async def failures(workflows: Sequence[type], histories: Sequence[str]) -> list[type | None]:
    """Of each saved history: how its replay failed."""
    replayer = Replayer(
        workflows=workflows, data_converter=data_converter(known_keys()), workflow_runner=sandbox()
    )

    async def every() -> AsyncIterator[WorkflowHistory]:
        for name in histories:
            yield saved(name)

    async with replayer.workflow_replay_iterator(every()) as results:
        return [r.replay_failure and type(r.replay_failure) async for r in results]


async def test_behind_a_patch_the_next_version_replays_what_today_s_did():
    assert await failures(NEXT_WORKFLOWS, BEGUN) == [None] * len(BEGUN)


async def test_without_the_patch_the_same_change_fails_every_request_that_was_answered():
    failed = await failures(CARELESS_WORKFLOWS, CONSENTS)

    assert failed == [NondeterminismError] * len(CONSENTS)


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path
) -> AsyncIterator[Office]:
    """Today's version, at work."""
    async with an_office(temporal, engine, tmp_path, letters=the_letters()) as office:
        yield office


async def test_open_runs_are_replayed_with_the_keys_of_their_cases_before_a_version_is_deployed(
    office: Office,
):
    """`dsr replay` in the image of the next version; other tests' runs have other keys."""
    number = await office.receives(a_form("consent", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    run = (await office.handle(number)).id

    today = await replay_open(office.temporal, EVERY_WORKFLOW, [CONSENT_REQUEST])
    next_one = await replay_open(office.temporal, NEXT_WORKFLOWS, [CONSENT_REQUEST])
    careless = await replay_open(office.temporal, CARELESS_WORKFLOWS, [CONSENT_REQUEST])

    assert run not in (*today.differing, *today.failed)
    assert run not in (*next_one.differing, *next_one.failed)
    assert run in careless.differing
