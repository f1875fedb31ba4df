"""Relations that ended (Art. 5(1)(e)): the sweep begins a deletion for each, a batch at a time.

Nobody asked, so nobody is answered; all else is the procedure of a deletion: dry run, holds, two
people, the independent scan.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from temporalio import activity

from activities.carried_out import carried_out
from activities.desk import Desk
from activities.runs import Runs
from connectors.contract import EndedRelation, SystemMisdeclared, SystemUnreachable
from rules import deadlines
from rules.calendars import zone
from rules.holds import held
from rules.outcome import outcome_of
from schemas.case import Status
from schemas.events import Event
from schemas.retention import EndedReport, RetentionSweep
from schemas.steps import CONCLUDE, SWEEP_ENDED, CompileReply, Recorded, SweepInput, SweepReport
from schemas.systems import Reach, SystemFacts
from storage import tables as t
from storage.case_step import CaseStep
from storage.holds import standing_holds
from storage.views import case_view

log = structlog.get_logger(__name__)


class Left(Enum):
    """Why no case was begun for somebody."""

    WAITING = "waiting"
    REFUSED_BEFORE = "refused_before"
    UNNAMED = "unnamed"


class TakesEnded(Protocol):
    """Writes the case of a relation that ended."""

    async def take(
        self, relation: EndedRelation, system: SystemFacts, batch: str, now: datetime, *,
        dry_run: bool,
    ) -> UUID | Left | None:  # fmt: skip
        """The new case, or why there is none; None for one that a dry run would begin."""


class EndedRelations:
    """Looks for relations that ended, in every system whose manifest says when they do."""

    def __init__(self, desk: Desk, runs: Runs, intake: TakesEnded) -> None:
        self._desk = desk
        self._runs = runs
        self._intake = intake

    @activity.defn(name=SWEEP_ENDED.name)
    async def sweep(self, sweep: SweepInput) -> SweepReport:
        """Once a day; the next batch. Safe to repeat: a person with an open case is passed over."""
        today = self._today(sweep.at)
        async with self._desk.case_file.reading.connect() as conn:
            mine = select(t.retention_sweeps.c.swept_on)
            if await conn.scalar(mine.where(t.retention_sweeps.c.swept_on == today)):
                return SweepReport()
        report = await self.look(sweep.at, dry_run=False)
        async with self._desk.case_file.engine.begin() as conn:
            row = {
                "swept_on": today, "at": sweep.at,
                "systems": [one.model_dump(mode="json") for one in report.systems],
            }  # fmt: skip
            await conn.execute(upsert(t.retention_sweeps).values(row).on_conflict_do_nothing())
        return SweepReport(ended=sum(one.taken for one in report.systems))

    async def look(self, at: datetime, *, dry_run: bool) -> RetentionSweep:
        """What every system tells; a dry run changes nothing."""
        today = self._today(at)
        systems = [f for f in self._desk.systems.facts if f.reach is Reach.SQL and f.ends]
        batch = f"R{today:%Y%m%d}"
        reports = [await self._of(facts, batch, at, dry_run=dry_run) for facts in systems]
        return RetentionSweep(swept_on=today, at=at, systems=tuple(reports))

    def _today(self, at: datetime) -> date:
        return at.astimezone(zone(self._desk.policy.calendar.zone)).date()

    async def _of(
        self, facts: SystemFacts, batch: str, at: datetime, *, dry_run: bool
    ) -> EndedReport:
        limit = self._desk.policy.retention.batch_limit + await self._open_here(facts.name)
        try:
            found = await self._desk.systems.connector(facts.name).ended(at, limit)
        except (SystemUnreachable, SystemMisdeclared) as error:
            log.warning("ended_relations_unknown", system=facts.name)
            return EndedReport(system=facts.name, trouble=str(error))
        taken, is_held, left = 0, 0, list[Left]()
        for relation in found:
            result = await self._intake.take(relation, facts, batch, at, dry_run=dry_run)
            if isinstance(result, Left):
                left.append(result)
                continue
            taken += 1
            is_held += await self._is_held(relation, facts, at)
            if result is not None:
                await self._runs.start_case(result)
        return EndedReport(
            system=facts.name, found=len(found), taken=taken, held=is_held,
            waiting=left.count(Left.WAITING), refused_before=left.count(Left.REFUSED_BEFORE),
            unnamed=left.count(Left.UNNAMED),
        )  # fmt: skip

    async def _open_here(self, system: str) -> int:
        """They are found again until they are decided, and must not keep others from the batch."""
        mine = t.cases.c.ended_in == system
        query = select(func.count()).where(mine, t.cases.c.status != Status.CLOSED)
        async with self._desk.case_file.reading.connect() as conn:
            return await conn.scalar(query) or 0

    async def _is_held(self, relation: EndedRelation, facts: SystemFacts, at: datetime) -> bool:
        hashes: Sequence[bytes] = self._desk.hashes(relation.person)
        async with self._desk.case_file.reading.connect() as conn:
            known = [hold for hold in await standing_holds(conn, hashes) if not hold.secret]
        covered = held(known, facts.name, facts.categories, at)
        return covered.everything or bool(covered.categories)

    @activity.defn(name=CONCLUDE.name)
    async def conclude(self, order: CompileReply) -> Recorded:
        """What the deletion came to, in place of a reply: nobody asked. Safe to repeat."""

        async def write(step: CaseStep) -> None:
            view = await case_view(step.conn, step.case)
            done = bool(await carried_out(step))
            outcome = outcome_of(view, refused=order.refused, limited=False, done=done)
            step.record(Event.CONCLUDED, outcome=outcome)
            step.set(outcome=outcome)
            step.set_clock(deadlines.stopped(step.clock, step.at))

        return await self._desk.record(order, write)
