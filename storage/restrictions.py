"""Which case has a person's records restricted in which system (Art. 18).

Two cases can restrict the same records: they are unmarked when the last of them ends. Whoever
writes here holds `lock_restrictions`, so that no mark comes between the look and the unmarking.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables as t
from storage.persons import is_about

_ROW = t.restrictions.c


async def begin(conn: AsyncConnection, case: UUID, system: str, at: datetime) -> None:
    """Commit it before the records are marked."""
    row = upsert(t.restrictions).values(case_id=case, system=system, since=at)
    again = {"ended_at": None, "lifted_at": None}
    await conn.execute(row.on_conflict_do_update(index_elements=["case_id", "system"], set_=again))


async def end(conn: AsyncConnection, case: UUID, system: str, at: datetime) -> None:
    """This case restricts there no more."""
    mine = update(t.restrictions).where(_ROW.case_id == case, _ROW.system == system)
    await conn.execute(mine.values(ended_at=func.coalesce(_ROW.ended_at, at)))


async def standing(conn: AsyncConnection, case: UUID, system: str, hashes: Sequence[bytes]) -> bool:
    """Whether another case still restricts this person's records there."""
    others = _of_person(system, hashes) & (_ROW.case_id != case) & _ROW.ended_at.is_(None)
    return await conn.scalar(select(_ROW.case_id).join(t.cases).where(others).limit(1)) is not None


async def marked(
    conn: AsyncConnection, case: UUID, system: str, hashes: Sequence[bytes]
) -> list[UUID]:
    """This case, and those that ended before while another one still restricted."""
    left = and_(_of_person(system, hashes), _ROW.lifted_at.is_(None), t.cases.c.purged_at.is_(None))
    others = await conn.scalars(
        select(_ROW.case_id).join(t.cases).where(left, _ROW.case_id != case)
    )
    return [case, *others]


async def lifted(conn: AsyncConnection, cases: Sequence[UUID], system: str, at: datetime) -> None:
    """Their records are unmarked."""
    theirs = update(t.restrictions).where(_ROW.case_id.in_(cases), _ROW.system == system)
    await conn.execute(theirs.values(lifted_at=at))


async def restricts(conn: AsyncConnection, case: UUID) -> bool:
    """Whether the case has anything restricted."""
    mine = select(_ROW.case_id).where(_ROW.case_id == case, _ROW.ended_at.is_(None))
    return await conn.scalar(mine.limit(1)) is not None


def _of_person(system: str, hashes: Sequence[bytes]) -> ColumnElement[bool]:
    return and_(_ROW.system == system, is_about(hashes))
