"""Erasing in a small database, for the tests of its rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from connectors.contract import Erased, ErasurePlan, Person, Remains, RowKey
from connectors.manifest import Manifest
from connectors.sql.connector import SqlConnector
from schemas.holds import Held
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import AINO, connector

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
LIMIT = timedelta(seconds=20)
NO_HOLD = Held()
REASON = {"fi": "syy", "sv": "orsak", "en": "reason"}


async def agreed(plan: ErasurePlan, _: object) -> None:
    """Anything goes."""


async def proven() -> None:
    """The hold guard is alive."""


def noon(day: str) -> datetime:
    """Midday in Helsinki."""
    return datetime.fromisoformat(f"{day}T10:00:00+00:00")


def kept(years: int = 6, counted_from: str = "dated", **more: Any) -> dict[str, Any]:
    """The `dsr` of a table that is kept for bookkeeping."""
    rule = {
        "reason": REASON, "provision": "A law s. 1", "years": years, "from": counted_from,
        "basis": "financial_year_end",
    }  # fmt: skip
    return {"erase": "keep", "retention": rule | more}


class Erasing:
    """One system on one database, and the person who is erased."""

    def __init__(self, system: SqlConnector, url: str, who: Person) -> None:
        self.system = system
        self.url = url
        self.who = who

    async def plan(
        self, held: Held = NO_HOLD, at: datetime = AT, chosen: tuple[RowKey, ...] = ()
    ) -> ErasurePlan:
        return await self.system.plan_erasure(self.who, at, held, chosen)

    async def erase(
        self, held: Held = NO_HOLD, at: datetime = AT, chosen: tuple[RowKey, ...] = ()
    ) -> Erased:
        return await self.system.erase(self.who, at, held, agreed, proven, LIMIT, chosen)

    async def remains(self, kept: ErasurePlan | None = None) -> tuple[Remains, ...]:
        return await self.system.remains(self.who, kept or ErasurePlan())

    async def rows(self, sql: str) -> list[Any]:
        """Of one column its values, of more the rows."""
        connection = await asyncpg.connect(self.url)
        try:
            found = [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()
        return [row[0] if len(row) == 1 else row for row in found]

    async def run(self, sql: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def erasing(
    new: NewDatabase, sql: str, manifest: Manifest, who: Person = AINO
) -> AsyncIterator[Erasing]:
    """A database of the test's own."""
    url = await new(sql)
    system = connector(manifest, url)
    try:
        yield Erasing(system, url, who)
    finally:
        await system.close()


@asynccontextmanager
async def limited(
    new: NewDatabase, sql: str, manifest: Manifest, grant: str, who: Person = AINO
) -> AsyncIterator[Erasing]:
    """The same, reached by a role that has only what it is granted."""
    url = await new(sql)
    role = f"eraser_{url.split('/')[3][:9]}"
    admin = Erasing(connector(manifest, url), url, who)
    await admin.run(f"create role {role} login; {grant} to {role}")
    system = connector(manifest, url.replace("postgres@", f"{role}@"))
    try:
        yield Erasing(system, url, who)
    finally:
        await system.close()
        await admin.run(f"drop owned by {role}; drop role {role}")


def planned(plan: ErasurePlan) -> list[tuple[Any, ...]]:
    """Table, action and key values of every row."""
    return [
        (table.table, table.action, *row.key.values())
        for table in plan.tables
        for row in table.rows
    ]
