"""A Temporal of a module's own, as `dsr up` starts it: a test may stop it."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.converter import DataConverter

from starter.connection import Connection
from starter.embedded_temporal import EmbeddedTemporal
from starter.temporal import connected_client


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedTemporal]:
    """Answers already."""
    server = EmbeddedTemporal(tmp_path_factory.mktemp("temporal"), "default")
    await server.launch()
    await server.ready()
    yield server
    await server.stop()


@pytest.fixture(scope="module")
async def client(server: EmbeddedTemporal) -> AsyncIterator[Client]:
    """Connected as our processes are."""
    here = Connection(temporal_address=server.address, database_url="")
    async with connected_client(here, DataConverter.default) as client:
        yield client
