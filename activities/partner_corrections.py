"""Corrections at a partner: what is disputed of them, and people where it takes none."""

from functools import partial
from typing import Final

from sqlalchemy import select

from activities.desk import Desk
from activities.disputes import (
    CONTEST_BY_HAND,
    STATEMENT_BY_HAND,
    ask_people,
    end_tasks,
    lift_by_people,
    role_of,
    wanted_of,
)
from activities.system_steps import Write, lag_of, write_outcome
from schemas.case import SystemOutcome
from schemas.events import Event
from schemas.steps import OpenTask, SystemCall
from schemas.systems import Duty
from storage import tables as t
from storage.case_step import CaseStep
from storage.dispatches import overtake, was_corrected

BY_PEOPLE: Final = (Duty.CONTEST, Duty.CORRECT, Duty.END_CONTEST)
"""What people tell a partner that takes no requests of the kind."""


async def by_people(desk: Desk, call: SystemCall) -> Write:
    """The same by tasks; a request that was written and never taken is over."""
    role = role_of(desk.facts(call.system))
    told = partial(lift_by_people, role=role)
    if call.duty is Duty.CONTEST:
        told = partial(ask_people, tasks=(CONTEST_BY_HAND,), role=role)
    if call.duty is Duty.CORRECT:
        told = partial(ask_people, tasks=(await wanted_of(desk, call)).tasks, role=role)

    async def write(step: CaseStep, call: SystemCall) -> None:
        await overtake(step.conn, call.case, call.system, call.duty, step.at)
        await told(step, call)

    return write


async def taken(step: CaseStep, call: SystemCall, *, disputed: bool, role: str) -> None:
    """The partner has the correction; of what is disputed people tell it the statement."""
    await end_tasks(step, call)
    lag = await lag_of(step)
    await write_outcome(step, call, SystemOutcome.NOTIFIED, 0, lag_seconds=lag)
    step.record(Event.PARTNER_ASKED, system=call.system, duty=call.duty, lag_seconds=lag)
    if disputed:
        await step.open_task(OpenTask(what=STATEMENT_BY_HAND, role=role, system=call.system))


async def with_statement(step: CaseStep, call: SystemCall, outcome: SystemOutcome) -> SystemOutcome:
    """What a correction that was carried out came to, where a part of it was disputed."""
    await step.write_now()
    k = t.tasks.c
    mine = (k.case_id == step.case) & (k.system == call.system) & (k.what == STATEMENT_BY_HAND)
    latest = select(k.done_at).where(mine).order_by(k.since.desc()).limit(1)
    row = (await step.conn.execute(latest)).one_or_none()
    if row is None:
        return outcome
    return SystemOutcome.PENDING if row.done_at is None else SystemOutcome.RETAINED


async def after_restriction(step: CaseStep, call: SystemCall) -> tuple[SystemOutcome, int]:
    """What came of the correction, and of how many records, stands again once it is lifted."""
    s = t.system_tasks.c
    mine = (s.case_id == step.case) & (s.name == call.system)
    records = await step.conn.scalar(select(s.records).where(mine)) or 0
    if not await was_corrected(step.conn, step.case, call.system):
        return SystemOutcome.RETAINED, records
    done = SystemOutcome.CORRECTED if records else SystemOutcome.NOTHING_HELD
    return await with_statement(step, call, done), records
