"""One office for the tests of a module: each test brings people of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from storage.database import connect
from tests.office import Office, an_office
from tests.postgres import Server


@pytest.fixture(scope="module")
async def office(
    temporal: WorkflowEnvironment,
    migrated: Server,
    tmp_path_factory: pytest.TempPathFactory,
    letters: Letters,
) -> AsyncIterator[Office]:
    """Two databases, a paper archive, four members of staff; time is not moved in it."""
    database = await migrated.create()
    engine = connect(migrated.url(database), application="dsr test")
    folder = tmp_path_factory.mktemp("office")
    async with an_office(temporal, engine, folder, letters=letters) as office:
        yield office
    await engine.dispose()
    await migrated.drop(database)


@pytest.fixture
async def own_office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """For a test that moves time or counts cases."""
    async with an_office(temporal, engine, tmp_path, letters=letters) as office:
        yield office
