"""Plays each scenario once and keeps its history. Run by `python -m tests.histories`, no test."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from tests.histories import KnownKeys, save
from tests.histories.scenarios import SCENARIOS, policy_of
from tests.office import an_office


@pytest.mark.parametrize("name", SCENARIOS)
async def test_record(
    name: str, temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    """Its end is checked by the scenario."""
    async with an_office(
        temporal, engine, tmp_path, letters=letters, keys=KnownKeys, policy=policy_of(name)
    ) as office:
        number = await SCENARIOS[name](office)
        handle = await office.handle(number)
        await handle.result()
        save(name, await handle.fetch_history())
