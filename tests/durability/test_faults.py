"""A step that must not be repeated never ends a run: the case would be lost in silence."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from schemas.errors import RefusedByRule
from tests.office import Office, a_form, now

FAILED = "workflow_task_failed_event_attributes"


async def a_task_has_failed(handle: WorkflowHandle[Any, Any]) -> None:
    """Operators see it: `TemporalReportedProblems`, and the hourly sweep's report."""
    async with asyncio.timeout(20):
        history = await handle.fetch_history()
        while not any(event.HasField(FAILED) for event in history.events):
            await asyncio.sleep(0.1)
            history = await handle.fetch_history()


@pytest.mark.parametrize(
    "what",
    [
        "activities.case_file.acknowledge",
        "activities.clock.fire_step",
        "storage.case_file.CaseStep.open_task",
    ],
)
async def test_a_step_that_is_refused_leaves_its_run_open_and_seen(
    office: Office, monkeypatch: pytest.MonkeyPatch, what: str
):
    """At the opening, by the clock, in the procedure."""

    async def refuse(*_: object) -> None:
        raise RefusedByRule("Not possible.")

    monkeypatch.setattr(what, refuse)
    back = (now() - timedelta(days=45)).isoformat()
    number = await office.receives(a_form(received_at=back, evidence={}))
    handle = await office.handle(number)

    await a_task_has_failed(handle)

    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await handle.terminate()
