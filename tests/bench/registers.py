"""Ten schemas of one PostgreSQL, each a declared system, and the policy that lets requests pass."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from connectors.registry import Systems
from connectors.sql.connector import SqlConnector
from schemas.policy import AccessPolicy, Pace
from tests.bench.stand import Stand
from tests.connectors.small import CUSTOMERS, small
from tests.office import POLICY

SYSTEMS: Final = 10
PEOPLE: Final = 1_000  # more than one metric asks for: nobody asks twice in one engine
UNATTENDED: Final = POLICY.model_copy(
    update={
        "access": AccessPolicy(unattended="nothing_to_withhold"),
        "pace": Pace(),  # as shipped: a test's short time limits would repeat what only waits
    }
)

REGISTERS: Final = [
    statement
    for n in range(SYSTEMS)
    for statement in (
        f"create schema s{n}",
        f"create table s{n}.customers (id int primary key, name text, email text)",
        f"insert into s{n}.customers select i, 'Person ' || i, 'p' || i || '@example.fi' "
        f"from generate_series(1, {PEOPLE}) i",
    )
]


@asynccontextmanager
async def registers(stand: Stand) -> AsyncIterator[str]:
    """The URL of a database with every schema filled."""
    name = await stand.postgres.create("template1")
    for statement in REGISTERS:
        await stand.postgres.execute(statement, name)
    async with declared(stand.postgres.url(name)) as systems:
        for n in range(SYSTEMS):
            connector = systems.connector(f"system_{n}")
            assert isinstance(connector, SqlConnector)
            for statement in await connector.indexes():
                await stand.postgres.execute(statement, name)
    try:
        yield stand.postgres.url(name)
    finally:
        await stand.postgres.drop(name)


@asynccontextmanager
async def declared(url: str) -> AsyncIterator[Systems]:
    """The systems that lie in such a database."""
    manifests = []
    for n in range(SYSTEMS):
        manifest = small({"customers": CUSTOMERS}, schema=f"s{n}")
        facts = manifest.facts.model_copy(update={"name": f"system_{n}"})
        manifests.append(manifest.model_copy(update={"facts": facts}))
    systems = Systems(manifests, {"DSR_SMALL_URL": url})
    try:
        yield systems
    finally:
        await systems.close()
