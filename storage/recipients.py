"""Reads what the recipients' ledger of a case is made of: nothing is kept for it alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.case import ANSWERED, Outcome, Status, SystemOutcome
from schemas.events import Event
from schemas.recipients import Errand, Part, RecipientRows, Said
from schemas.systems import Duty
from storage import tables as t

BY_HAND: Final = "_by_hand"
BY_THE_ENGINE: Final = ("engine", "sweep")
TOLD: Final = (Event.RECIPIENT_NOTIFIED, Event.PARTNER_ASKED)
SAYS: Final = (*TOLD, Event.RECIPIENT_ACKNOWLEDGED, Event.RECIPIENT_OVERDUE)
UNTOLD: Final = (SystemOutcome.PENDING, SystemOutcome.FOUND)
"""Outcomes of systems that a refusal leaves alone."""
OVERDUE: Final = "recipients_overdue"
"""The DPO's task, one a case."""

_DUTY: Final = t.audit.c.facts["duty"].astext
_SYSTEM: Final = t.audit.c.facts["system"].astext


class Owing(NamedTuple):
    """A system that owes an answer after the reply has left."""

    case: UUID
    system: str
    told_at: datetime | None
    replied_at: datetime
    escalated_at: datetime | None


async def recipient_rows(conn: AsyncConnection, case: UUID) -> RecipientRows:
    """The rows of one case, also of a purged one."""
    c = t.cases.c
    row = (await conn.execute(select(c.number, c.status, c.outcome).where(c.id == case))).one()
    return RecipientRows(
        number=row.number,
        over=row.status == Status.CLOSED or row.outcome == Outcome.REFUSED,
        parts=await _parts(conn, case),
        errands=(*await _tasks(conn, case), *await _requests(conn, case)),
        said=await _said(conn, case),
        reminders=await _reminders(conn, case),
    )


async def _parts(conn: AsyncConnection, case: UUID) -> tuple[Part, ...]:
    s = t.system_tasks.c
    query = select(s.name.label("system"), s.duty, s.outcome, s.reason, s.since)
    rows = await conn.execute(query.where(s.case_id == case).order_by(s.position))
    return tuple(Part.model_validate(dict(row)) for row in rows.mappings())


async def _tasks(conn: AsyncConnection, case: UUID) -> list[Errand]:
    k = t.tasks.c
    by_hand = [f"{duty}{BY_HAND}" for duty in Duty]
    mine = (k.case_id == case) & k.system.is_not(None) & k.what.in_(by_hand)
    rows = await conn.execute(select(t.tasks).where(mine))
    return [
        Errand(
            system=row["system"], duty=Duty(row["what"].removesuffix(BY_HAND)), at=row["since"],
            is_open=row["done_at"] is None, overtaken=row["done_by"] in BY_THE_ENGINE,
        )
        for row in rows.mappings()
    ]  # fmt: skip


async def _requests(conn: AsyncConnection, case: UUID) -> list[Errand]:
    rows = await conn.execute(select(t.dispatches).where(t.dispatches.c.case_id == case))
    return [
        Errand(
            system=row["system"], duty=row["duty"], at=row["created_at"], is_request=True,
            is_open=row["settled_at"] is None, heard=row["state"], result=row["result"],
        )
        for row in rows.mappings()
    ]  # fmt: skip


async def _reminders(conn: AsyncConnection, case: UUID) -> dict[str, int]:
    """To the people who do it by hand, or see to a partner that does not answer."""
    k = t.tasks.c
    counted = select(k.system, func.sum(k.reminders).label("reminders")).where(
        k.case_id == case, k.reminders > 0
    )
    rows = await conn.execute(counted.where(k.system.is_not(None)).group_by(k.system))
    return {row.system: row.reminders for row in rows}


async def _said(conn: AsyncConnection, case: UUID) -> tuple[Said, ...]:
    rows = await conn.execute(_what_is_said(t.audit.c.case_id == case))
    return tuple(Said.model_validate(dict(row)) for row in rows.mappings())


def _what_is_said(which: ColumnElement[bool]) -> Select[Any]:
    a = t.audit.c
    return (
        select(
            _SYSTEM.label("system"),
            _DUTY.label("duty"),
            _last(*TOLD).label("told_at"),
            _last(Event.RECIPIENT_ACKNOWLEDGED).label("acknowledged_at"),
            _last(Event.RECIPIENT_OVERDUE).label("escalated_at"),
        )
        .where(which, a.event.in_(SAYS))
        .group_by(_SYSTEM, _DUTY)
    )


def _last(*events: Event) -> ColumnElement[Any]:
    return func.max(t.audit.c.at).filter(t.audit.c.event.in_(events))


async def owing_after_the_reply(conn: AsyncConnection, among: Sequence[str]) -> list[Owing]:
    """Systems of this name that owe an answer in an open case whose reply has left."""
    c, s, a = t.cases.c, t.system_tasks.c, t.audit.c
    mine = (a.case_id == s.case_id) & (s.name == _SYSTEM)
    query = (
        select(
            c.id, s.name, c.replied_at,
            select(_last(*TOLD)).where(mine).scalar_subquery().label("told_at"),
            select(_last(Event.RECIPIENT_OVERDUE)).where(mine).scalar_subquery().label("escalated"),
        )
        .join(t.system_tasks, s.case_id == c.id)
        .where(c.status != Status.CLOSED, c.replied_at.is_not(None), c.parked_at.is_(None))
        .where(or_(c.outcome.is_distinct_from(Outcome.REFUSED), s.outcome.not_in(UNTOLD)))
        .where(s.outcome.not_in(ANSWERED), s.name.in_(among))
        .order_by(c.replied_at, c.id, s.position)
    )  # fmt: skip
    rows = (await conn.execute(query)).all()
    return [Owing(row.id, row.name, row.told_at, row.replied_at, row.escalated) for row in rows]
