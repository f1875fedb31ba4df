"""A real Temporal server for the tests, one per process; time moves by hand, per run."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.runs import DUE_AT, ESCALATION, KIND, STATUS

BINARY = Path(sys.executable).parent / "temporal"


async def start_temporal(database: Path | None = None) -> WorkflowEnvironment:
    """The dev server, with time skipping that whoever starts a run may drive.

    `database`: the file in which it keeps its state, which is otherwise lost with it.
    """
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(BINARY),
        dev_server_database_filename=str(database) if database else None,
        search_attributes=[KIND, STATUS, DUE_AT, ESCALATION],
        dev_server_log_level="error",
        dev_server_extra_args=[
            "--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true",
            "--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"',
            "--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000",
        ],
    )  # fmt: skip


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """The server of this test process; a test drives the time of its runs."""
    env = await start_temporal()
    yield env
    await env.shutdown()
