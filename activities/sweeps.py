"""What no single case can see of itself: missed steps, missing runs, the signed checkpoint."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select, update
from temporalio import activity

from activities.clock import fire_step
from activities.desk import Desk
from activities.doubts import resolve_doubts
from activities.parking import ready_to_resume, resume
from activities.purge import Purge
from activities.recipients import escalate_overdue
from activities.runs import Runs
from activities.stopping import Stopping
from rules.outcome import breach_cause
from schemas.case import Clock, Escalation, Status
from schemas.steps import (
    SWEEP_CHECKPOINT,
    SWEEP_DEADLINES,
    SWEEP_HOLDS,
    SWEEP_PURGE,
    SWEEP_RECONCILE,
    SWEEP_RESUME,
    SweepInput,
    SweepReport,
)
from storage import tables as t
from storage.checkpoints import checkpoint
from storage.holds import lapse_and_remind
from storage.signing import Signer

log = structlog.get_logger(__name__)

GRACE: Final = timedelta(minutes=5)
"""A workflow that is alive fires its step within this time; later it counts as stuck."""


class SweepActivities:
    """Started hourly; each is safe to repeat."""

    def __init__(self, desk: Desk, runs: Runs, signer: Signer, audit_log: Path) -> None:
        self._desk = desk
        self._runs = runs
        self._signer = signer
        self._audit_log = audit_log

    @activity.defn(name=SWEEP_DEADLINES.name)
    async def deadlines(self, sweep: SweepInput) -> SweepReport:
        """Escalate what a workflow did not, and report the stuck runs; remind of old tasks.

        Recipients that are silent long after the reply are told to the DPO (Art. 19).
        """
        escalated, stuck = [], []
        for case, number, clock, status in await self._overdue(sweep.at):
            stuck.append(number)
            if await self._escalate(case, clock, status, sweep.at):
                escalated.append(number)
        return SweepReport(
            escalated=tuple(escalated), stuck=tuple(stuck), reminded=await self._remind(sweep.at),
            overdue=await escalate_overdue(self._desk, sweep.at),
        )  # fmt: skip

    async def _overdue(self, now: datetime) -> list[tuple[UUID, str, Clock, Status]]:
        async with self._desk.case_file.reading.connect() as conn:
            rows = await conn.execute(
                select(t.cases)
                .where(t.cases.c.status != Status.CLOSED, t.cases.c.replied_at.is_(None))
                .where(t.cases.c.next_step_at < now - GRACE)
                .order_by(t.cases.c.next_step_at)
            )
            return [
                (r["id"], r["number"], Clock.model_validate(r["clock"]), Status(r["status"]))
                for r in rows.mappings()
            ]

    async def _escalate(self, case: UUID, clock: Clock, status: Status, now: datetime) -> bool:
        fired = False
        for step in clock.ladder:
            if step.at >= now - GRACE:
                break
            key = f"sweep:{clock.revision}:{step.step}"
            cause = breach_cause(status, clock) if step.step is Escalation.BREACH else None
            async with self._desk.case_file.step(case, key, now, "sweep") as opened:
                if not opened.repeated:
                    fired |= await fire_step(opened, step.step, clock.revision, cause)
        return fired

    async def _remind(self, now: datetime) -> int:
        """Old open tasks are shown as reminded, again after each span of the policy."""
        last = now - self._desk.policy.pace.task_reminder
        async with self._desk.case_file.engine.begin() as conn:
            done = await conn.execute(
                update(t.tasks)
                .where(t.tasks.c.done_at.is_(None), t.tasks.c.role != "subject")
                .where(t.tasks.c.since < last)
                .where(t.tasks.c.reminded_at.is_(None) | (t.tasks.c.reminded_at < last))
                .values(reminded_at=now, reminders=t.tasks.c.reminders + 1)
            )
            return done.rowcount

    @activity.defn(name=SWEEP_RECONCILE.name)
    async def reconcile(self, sweep: SweepInput) -> SweepReport:
        """A case without a run gets one; a run without a case is reported; letters are told."""
        restarted = []
        unattended = await self._runs.unattended(sweep.at)
        for row in unattended.missing:
            await self._runs.mend(row, sweep.at)
            restarted.append(row["number"])
        for row, letter in await self._runs.untold_letters():
            await self._runs.tell_letter(row, letter)
        orphans, troubled = await self._runs.orphans(), await self._runs.troubled()
        for run in orphans:
            log.warning("run_orphaned", workflow_id=run)
        for run in troubled:
            log.warning("run_troubled", workflow_id=run)
        for run in unattended.ended:  # dsr reconcile reads what it knew, and lets another go on
            log.warning("run_ended_too_early", workflow_id=run)
        return SweepReport(
            restarted=tuple(restarted), orphans=tuple(orphans),
            troubled=(*troubled, *unattended.ended),
        )  # fmt: skip

    @activity.defn(name=SWEEP_HOLDS.name)
    async def holds(self, sweep: SweepInput) -> SweepReport:
        """End holds that lapsed or whose last day has passed; resolve doubts, send stops."""
        case_file = self._desk.case_file
        swept = await lapse_and_remind(
            case_file.engine, case_file.audit, case_file.policy_version, sweep.at
        )
        doubts, elsewhere = await resolve_doubts(self._desk, sweep.at, None)
        await Stopping(case_file, self._desk.systems.partner).work(sweep.at)
        return SweepReport(
            holds_ended=swept.lapsed + swept.expired, holds_due=swept.review_due,
            doubts=doubts, in_doubt_elsewhere=elsewhere,
        )  # fmt: skip

    @activity.defn(name=SWEEP_RESUME.name)
    async def resume(self, sweep: SweepInput) -> SweepReport:
        """Partial deletions go on by themselves once a date has passed or a hold has ended."""
        resumed = []
        for case in await ready_to_resume(self._desk, sweep.at):
            if number := await resume(self._desk.case_file, case, sweep.at):
                await self._runs.start_case(case)
                resumed.append(number)
        return SweepReport(resumed=tuple(resumed))

    @activity.defn(name=SWEEP_PURGE.name)
    async def purge(self, sweep: SweepInput) -> SweepReport:
        """Closed cases whose time is over lose their keys, ended holds too; what is held waits."""
        purge = Purge(self._desk.case_file, self._runs, self._desk.policy)
        await purge.sweep_holds(sweep.at)
        return SweepReport(purged=await purge.sweep(sweep.at))

    @activity.defn(name=SWEEP_CHECKPOINT.name)
    async def checkpoint(self, sweep: SweepInput) -> SweepReport:
        """Sign a checkpoint over all cases, in the database and in the file outside it."""
        async with self._desk.case_file.engine.begin() as conn:
            number = await checkpoint(conn, self._audit_log, self._signer, sweep.at)
        return SweepReport(checkpoint=number)
