"""By what the person of a case is known: as the request names them, and as registers do.

A hold may name somebody by an address that the request does not have. Keyed hashes only.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables as t


async def remember(conn: AsyncConnection, case: UUID, system: str, hashes: Iterable[bytes]) -> None:
    """Note what a register names the person by; commit it before anything is erased."""
    rows = [{"case_id": case, "system": system, "hash": value} for value in sorted(set(hashes))]
    if rows:
        await conn.execute(upsert(t.known_as).values(rows).on_conflict_do_nothing())


async def hashes_of(conn: AsyncConnection, case: UUID) -> tuple[bytes, ...]:
    """Every identifier of the person that the request or a register gave; no names."""
    asked, found = t.identifiers.c, t.known_as.c
    every = select(asked.hash).where(asked.case_id == case, asked.type != "name")
    return tuple(await conn.scalars(every.union(select(found.hash).where(found.case_id == case))))


def is_about(hashes: Iterable[bytes]) -> ColumnElement[bool]:
    """Whether a row of `cases` is about somebody with one of these identifiers."""
    among = list(hashes)
    asked, found = (
        exists().where(table.c.case_id == t.cases.c.id, table.c.hash.in_(among))
        for table in (t.identifiers, t.known_as)
    )
    return or_(asked, found)
