"""An office per test, as for the workflows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from tests.office import LETTERS, Office, an_office


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
