"""Rows of requests to partners: one open for each case, system and duty, with its id over there.

The row is the key against repetition: whoever asks again, after a crash or by a person's wish,
asks under the same id until the answer stands on the case row. What a partner says moves forward
only, so that a statement played again changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, Select, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.base import Instant, Model
from schemas.partners import BEFORE, RequestResult, RequestStatus
from schemas.systems import Duty
from storage import tables as t

d = t.dispatches.c


class Dispatch(Model):
    """A request to a partner."""

    id: UUID
    state: RequestStatus | None = None
    called_back: RequestStatus | None = None
    news: bool = False
    failures: int = 0
    stop_wanted_at: Instant | None = None
    stop: str | None = None

    @property
    def is_to_stop(self) -> bool:
        """Whether a hold wants it back, and nobody knows yet whether that succeeded."""
        return self.stop_wanted_at is not None and self.stop is None


async def open_dispatch(conn: AsyncConnection, case: UUID, system: str, duty: str) -> Dispatch:
    """The open request, or a new one. Commit it before anything is sent."""
    row = upsert(t.dispatches).values(id=uuid4(), case_id=case, system=system, duty=duty)
    await conn.execute(row.on_conflict_do_nothing())
    found = (await conn.execute(_unsettled(case, system, duty))).mappings().one()
    return _dispatch(found)


async def unsettled(conn: AsyncConnection, case: UUID, system: str, duty: str) -> Dispatch | None:
    """The request whose answer does not stand on the case row yet."""
    found = (await conn.execute(_unsettled(case, system, duty))).mappings().one_or_none()
    return None if found is None else _dispatch(found)


def _unsettled(case: UUID, system: str, duty: str) -> Select[Any]:
    mine = (d.case_id == case) & (d.system == system) & (d.duty == duty)
    return select(t.dispatches).where(mine, d.settled_at.is_(None))


async def heard(conn: AsyncConnection, request: UUID, status: RequestStatus) -> None:
    """The partner answered when it was asked: whatever called is read, and it does not fail."""
    mine = update(t.dispatches).where(d.id == request)
    await conn.execute(mine.values(news=False, failures=0))
    await conn.execute(mine.where(_follows(d.state, status)).values(state=status))


async def failed(conn: AsyncConnection, request: UUID) -> int:
    """It was asked in vain once more; how often in a row."""
    mine = update(t.dispatches).where(d.id == request)
    counted = mine.values(failures=d.failures + 1, news=False).returning(d.failures)
    failures: int = await conn.scalar(counted) or 0
    return failures


async def called_back(
    conn: AsyncConnection, request: UUID, systems: Sequence[str], status: RequestStatus
) -> None:
    """A callback of one of these systems says so. Unknown, settled, or said before: no news."""
    mine = (d.id == request) & d.system.in_(systems) & d.settled_at.is_(None)
    news = update(t.dispatches).where(mine, _follows(d.called_back, status))
    await conn.execute(news.values(called_back=status, news=True))


async def settle(
    conn: AsyncConnection, request: UUID, at: datetime, result: RequestResult | None = None
) -> None:
    """Its answer stands on the case row, in the same transaction."""
    mine = update(t.dispatches).where(d.id == request)
    await conn.execute(mine.values(settled_at=at, result=result))


async def overtake(conn: AsyncConnection, case: UUID, system: str, duty: str, at: datetime) -> None:
    """What it was asked is over, whether it was answered or not."""
    mine = (d.case_id == case) & (d.system == system) & (d.duty == duty) & d.settled_at.is_(None)
    await conn.execute(update(t.dispatches).where(mine).values(settled_at=at))


async def was_corrected(conn: AsyncConnection, case: UUID, system: str) -> bool:
    """Whether the partner did the correction that followed what it restricts."""
    mine = (d.case_id == case) & (d.system == system)
    asked = mine & d.duty.in_((Duty.CONTEST, Duty.CORRECT))
    latest = select(d.duty, d.result).where(asked).order_by(d.created_at.desc()).limit(1)
    row = (await conn.execute(latest)).one_or_none()
    return row is not None and (row.duty, row.result) == (Duty.CORRECT, RequestResult.DONE)


def _follows(column: ColumnElement[Any], status: RequestStatus) -> ColumnElement[bool]:
    return or_(column.is_(None), column.in_(sorted(BEFORE[status])))


def _dispatch(row: RowMapping) -> Dispatch:
    return Dispatch.model_validate(dict(row))
