"""Standstills: an operator stops what cannot be undone, in one system or in all; reading goes on.

Erasures, corrections, tasks to destroy and the purge look here before they begin; of a stopped
system no case is purged that concerns it. What has begun ends within its bound. Duties that are
owed at once (a marketing prohibition, a restriction) are not stopped.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables as t

_STANDS: Final = t.standstills.c.resumed_at.is_(None)


def _of(system: str | None) -> ColumnElement[bool]:
    return t.standstills.c.system.is_not_distinct_from(system)


async def pause(conn: AsyncConnection, system: str | None, by: str, at: datetime) -> bool:
    """Stop a system, or all (None). False if it stands still already."""
    row = upsert(t.standstills).values(system=system, paused_at=at, paused_by=by)
    return (await conn.execute(row.on_conflict_do_nothing())).rowcount > 0


async def resume(conn: AsyncConnection, system: str | None, by: str, at: datetime) -> bool:
    """Let a system, or what was stopped as a whole (None), go on. False if it did not stand."""
    ended = update(t.standstills).where(_STANDS, _of(system))
    return (await conn.execute(ended.values(resumed_at=at, resumed_by=by))).rowcount > 0


async def stands_still(conn: AsyncConnection, system: str | None) -> bool:
    """Whether a system is stopped, by itself or with all; None: whether all are."""
    mine = select(t.standstills.c.id).where(_STANDS)
    return bool(await conn.scalar(mine.where(or_(_of(None), _of(system))).limit(1)))


def concerns_stopped() -> ColumnElement[bool]:
    """Whether a row of `cases` concerns a system that is stopped by itself."""
    stopped = select(t.standstills.c.system).where(_STANDS, t.standstills.c.system.is_not(None))
    return exists().where(
        t.system_tasks.c.case_id == t.cases.c.id, t.system_tasks.c.name.in_(stopped)
    )


async def waiting_cases(conn: AsyncConnection, system: str | None, reason: str) -> Sequence[str]:
    """Numbers of open cases that wait in a system (None: in any), by what their rows say."""
    mine = t.system_tasks.c
    query = (
        select(t.cases.c.number).distinct().join(t.system_tasks, mine.case_id == t.cases.c.id)
        .where(mine.reason == reason, t.cases.c.closed_at.is_(None))
        .order_by(t.cases.c.number)
    )  # fmt: skip
    return (await conn.scalars(query if system is None else query.where(mine.name == system))).all()


async def with_people(conn: AsyncConnection, system: str | None, what: str) -> Sequence[str]:
    """Open tasks of this sort in a system (None: in any), told before it was stopped."""
    query = select(t.tasks.c.id).where(t.tasks.c.what == what, t.tasks.c.done_at.is_(None))
    mine = query if system is None else query.where(t.tasks.c.system == system)
    return (await conn.scalars(mine.order_by(t.tasks.c.id))).all()


async def standstills(conn: AsyncConnection) -> Sequence[RowMapping]:
    """What stands still: system (None: all), since when, by whom."""
    query = select(t.standstills).where(_STANDS).order_by(t.standstills.c.paused_at)
    return (await conn.execute(query)).mappings().all()
