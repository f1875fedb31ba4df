"""All crashes that a module asks for, side by side."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.durability.crashes import Crash, Crashes, Playing
from tests.postgres import Server


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
