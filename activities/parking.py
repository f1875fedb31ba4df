"""A deletion that waits: for the person's open access package, or until what is kept may go.

No run stays open for years: a partial deletion ends its run, its row stays `following_up` and its
keys live on. The sweep starts a run once a date has passed or a hold has ended; and within months
where neither would end it, so that what the register says by then counts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.closing import close
from activities.desk import Desk
from activities.system_steps import KEPT
from rules.calendars import local_date, zone
from rules.holds import held, latest_review
from rules.status import move
from schemas.case import Status, SystemOutcome
from schemas.events import Event
from schemas.policy import Policy
from schemas.request import Kind
from schemas.steps import AWAIT_ACCESS, OPEN_ACCESS, PARK, OpenAccess, Recorded, StepInput
from storage import tables as t
from storage.case_file import CaseFile
from storage.case_step import CaseStep
from storage.holds import standing_holds
from storage.persons import hashes_of

A_DAY: Final = timedelta(days=1)

COMPILED: Final = (Status.REPLYING, Status.FOLLOWING_UP, Status.CLOSED)
"""From here on an access request has its package."""


class ParkingActivities:
    """What a deletion waits for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=OPEN_ACCESS.name)
    async def open_access(self, asked: StepInput) -> OpenAccess:
        """The person's access requests that are not compiled: erased, nothing would be left to see.

        The same person is who has the same unique identifier, never a name or a shared address.
        """
        person = await self._desk.person(asked.case)
        policies = self._desk.policy.identifiers
        unique = [i for i in person.identities if policies[i.type].unique]
        digest = self._desk.case_file.keyring.digest
        hashes = [digest("identifier", i.type, i.value) for i in unique]
        query = (
            select(t.cases.c.number)
            .where(t.cases.c.kind == Kind.ACCESS, t.cases.c.status.not_in(COMPILED))
            .where(
                t.cases.c.id.in_(
                    select(t.identifiers.c.case_id).where(t.identifiers.c.hash.in_(hashes))
                )
            )
            .order_by(t.cases.c.number)
        )
        async with self._desk.case_file.reading.connect() as conn:
            return OpenAccess(numbers=tuple(await conn.scalars(query)))

    @activity.defn(name=AWAIT_ACCESS.name)
    async def await_access(self, asked: StepInput) -> OpenAccess:
        """Ends when they are compiled. Until then it asks again and again, without an event."""
        open_access = await self.open_access(asked)
        if open_access.numbers:
            raise ApplicationError(
                "access requests of the same person are open",
                type="AccessOpen",
                next_retry_delay=self._desk.policy.pace.retry_most,
                category=ApplicationErrorCategory.BENIGN,
            )
        return open_access

    @activity.defn(name=PARK.name)
    async def park(self, asked: StepInput) -> Recorded:
        """The reply has left and something is kept: wait without a run, or close if for nothing.

        Until the day after its last, or until a hold ends. What the law keeps without a date is
        looked at again like a hold: the person has been told that it is. Safe to repeat.
        """
        return await self._desk.record(asked, partial(_park, policy=self._desk.policy))


async def _park(step: CaseStep, *, policy: Policy) -> None:
    tasks = t.system_tasks.c
    mine = (tasks.case_id == step.case) & (tasks.outcome == SystemOutcome.RETAINED)
    of_systems = select(tasks.name, tasks.kept_until, tasks.held).where(mine)
    kept = (await step.conn.execute(of_systems)).all()
    goes_on = min((row.kept_until + A_DAY for row in kept if row.kept_until), default=None)
    review_on = None
    if await _is_undated(step, [row.name for row in kept]):
        review_on = latest_review(local_date(step.at, policy.calendar), policy)
    resumes_on = min((day for day in (goes_on, review_on) if day), default=None)
    if resumes_on is None and not any(row.held for row in kept):
        step.record(Event.CLOSED, outcome=step.outcome)
        return await close(step)
    step.set(parked_at=step.at, resumes_on=resumes_on, reviews=resumes_on != goes_on)
    step.record(Event.PARKED, resumes_on=resumes_on.isoformat() if resumes_on else None)
    if step.status is not Status.FOLLOWING_UP:
        step.move(Status.FOLLOWING_UP, move(step.status, Status.FOLLOWING_UP))
    return None


async def _is_undated(step: CaseStep, systems: Sequence[str]) -> bool:
    """Whether a law keeps something there and no date says until when, as everybody may know it.

    What a secret hold keeps looks like that, too.
    """
    parts = await step.unseal_all("kept:")
    told = (one for name in systems for one in KEPT.validate_json(parts.get(name, b"[]")))
    return any(one.until is None and one.reason == "legal_obligation" for one in told)


async def ready_to_resume(desk: Desk, now: datetime) -> list[UUID]:
    """Parked deletions of which something kept may go now: its day has come, or its hold is over.

    Also the day on which it is looked at again.
    """
    today = now.astimezone(zone(desk.policy.calendar.zone)).date()
    async with desk.case_file.reading.connect() as conn:
        parked = await conn.execute(
            select(t.cases.c.id, t.cases.c.resumes_on)
            .where(t.cases.c.parked_at.is_not(None))
            .order_by(t.cases.c.parked_at)
        )
        return [
            row.id
            for row in parked.all()
            if (row.resumes_on is not None and row.resumes_on <= today)
            or await _is_released(conn, desk, row.id, now)
        ]


async def _is_released(conn: AsyncConnection, desk: Desk, case: UUID, now: datetime) -> bool:
    """Whether a hold that kept something in a system stands no longer."""
    tasks = t.system_tasks.c
    systems: Sequence[str] = (
        await conn.scalars(select(tasks.name).where(tasks.case_id == case, tasks.held))
    ).all()
    if not systems:
        return False
    holds = await standing_holds(conn, await hashes_of(conn, case))
    declared = {facts.name: facts.categories for facts in desk.systems.facts}
    for system in systems:  # one that is declared no longer must not stop the others
        still = held(holds, system, declared.get(system, ()), now)
        if system in declared and not still.everything and not still.categories:
            return True
    return False


async def resume(case_file: CaseFile, case: UUID, at: datetime) -> str | None:
    """Have a parked case go on in a run of its own: its number, None if it is parked no longer."""
    row = select(t.cases.c.run).where(t.cases.c.id == case)
    async with case_file.reading.connect() as conn:
        run = await conn.scalar(row)
    async with case_file.step(case, f"release:{run}", at, "engine") as step:
        if step.repeated or step.row["parked_at"] is None:
            return None
        step.record(Event.RELEASED)
        step.set(
            run=step.row["run"] + 1,
            released=True,
            resumed=False,
            reopened=False,
            parked_at=None,
            resumes_on=None,
        )
        return str(step.row["number"])
