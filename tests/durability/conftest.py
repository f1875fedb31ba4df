"""An office per test, as for the workflows; crashes side by side."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from tests.durability.crashes import Crash, Crashes, Playing
from tests.office import LETTERS, Office, an_office
from tests.postgres import Server


@pytest.fixture(scope="session")
def letters() -> Letters:
    """The shipped letters, loaded once."""
    return Letters(LETTERS)


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """Two databases, a paper archive, four members of staff."""
    async with an_office(temporal, engine, tmp_path, letters=letters) as office:
        yield office


@pytest.fixture(scope="module")
async def crashes(
    request: pytest.FixtureRequest, temporal: WorkflowEnvironment, migrated: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Playing]:  # fmt: skip
    """All crashes that this run of the module's tests asks for."""
    wanted: list[Crash] = [
        item.callspec.params["crash"]
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
        if "crash" in item.callspec.params
    ]
    playing = Playing(Crashes(temporal, migrated, tmp_path_factory.mktemp("crashes")), wanted)
    yield playing
    await playing.stop()
