"""Standstills: an operator stops what cannot be undone, in one system or in all; reading goes on.

Erasures, corrections and the purge look here before they begin. What has begun ends within its
bound. Duties that are owed at once (a marketing prohibition, a restriction) are not stopped.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, or_, select, update
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


async def standstills(conn: AsyncConnection) -> Sequence[RowMapping]:
    """What stands still: system (None: all), since when, by whom."""
    query = select(t.standstills).where(_STANDS).order_by(t.standstills.c.paused_at)
    return (await conn.execute(query)).mappings().all()
