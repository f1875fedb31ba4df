"""One authority for all tests; a partner, and an office with it, for each."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from schemas.systems import Limits
from tests.office import Office
from tests.partners.offices import office_at
from tests.partners.processes import DOMAIN, PartnerProcess, a_partner, certificates


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates."""
    folder = tmp_path_factory.mktemp("authority")
    certificates(folder, DOMAIN)
    return folder


@pytest.fixture
def partner(authority_folder: Path) -> Iterator[Callable[[str], PartnerProcess]]:
    """Starts a partner that behaves as named."""
    with ExitStack() as running:
        yield lambda behaviour: running.enter_context(a_partner(behaviour, authority_folder))


@pytest.fixture
async def office_with(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters,
    authority_folder: Path,
) -> AsyncIterator[Callable[..., Any]]:  # fmt: skip
    """Opens an office with a database, that partner, and a door for its callbacks."""
    async with AsyncExitStack() as leaving:

        async def at(
            process: PartnerProcess, limits: Limits | None = None, **pace: timedelta
        ) -> Office:
            opened = office_at(
                temporal, engine, tmp_path, letters, process.url, authority_folder, pace,
                limits=limits,
            )  # fmt: skip
            return await leaving.enter_async_context(opened)

        yield at
