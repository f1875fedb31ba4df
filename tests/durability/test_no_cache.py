"""Without a cache every workflow task replays the whole history: what differs, fails."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from tests.histories.scenarios import SCENARIOS, policy_of
from tests.office import an_office


@pytest.mark.parametrize(
    "name",
    [
        "access-asked-and-answered", "access-taken-back", "access-supplement-with-findings",
        "access-fee-withdrawn", "access-breached", "objection-weighed-refused",
        "objection-absolute", "consent-given", "delete-fulfilled",
        "correct-fulfilled", "correct-disputed", "correct-refused-then-taken-back",
    ],
)  # fmt: skip
async def test_a_case_comes_to_its_end_without_any_cache(
    name: str, temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    async with an_office(
        temporal, engine, tmp_path, letters=letters, policy=policy_of(name), max_cached_workflows=0
    ) as office:
        number = await SCENARIOS[name](office)  # its end is checked there

        history = await (await office.handle(number)).fetch_history()

    failed = [e for e in history.events if e.HasField("workflow_task_failed_event_attributes")]
    assert failed == []
