"""The case row: opening a run, recording what happened, closing. Each is one transaction."""

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from temporalio import activity

from activities.desk import Desk, step_key
from rules.fees import ledger_outcome
from rules.outcome import NOT_INQUIRIES
from rules.status import move
from schemas.case import FeeState, Ground, Outcome, Status
from schemas.events import Event
from schemas.request import Kind
from schemas.steps import (
    OPEN,
    RECORD,
    Change,
    Opened,
    Pacing,
    Recorded,
    Silences,
    StepInput,
)
from schemas.systems import SystemPlan, concerned
from storage import tables as t
from storage.case_file import CaseStep


class CaseFileActivities:
    """Steps on the case row."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=OPEN.name)
    async def open(self, opening: StepInput) -> Opened:
        """Load the case, and record which systems it concerns. Safe to repeat."""
        policy, case_file = self._desk.policy, self._desk.case_file
        async with case_file.step(opening.case, step_key(), opening.at, opening.by.account) as step:
            absolute = set(step.row["purposes"]) <= set(policy.absolute_purposes)
            plan = concerned(
                self._desk.systems.facts,
                Kind(step.row["kind"]),
                tuple(step.row["scope"]),
                tuple(step.row["purposes"]),
                absolute,
            )
            await _plan_systems(step, plan)
        recorded = await case_file.recorded(step)
        return Opened(
            view=recorded.view,
            entries=recorded.entries,
            plan=plan,
            absolute=step.row["kind"] == Kind.OBJECTION and absolute,
            has_submitter=step.row["has_submitter"],
            merge_into=step.row["merge_into"],
            unattended=policy.access.unattended == "nothing_to_withhold",
            search_window=policy.access.search_window,
            max_extension_months=policy.time_limits.max_extension_months,
            max_age=policy.intake.max_age,
            fee_cents=policy.fees.amount_cents,
            pacing=Pacing(
                retry_first=policy.pace.retry_first,
                retry_most=policy.pace.retry_most,
                step_timeout=policy.pace.step_timeout,
                system_timeout=policy.pace.system_timeout,
            ),
            silences=Silences(
                identity=policy.identity.silence,
                clarification=policy.clarification.silence,
                fee=policy.fees.silence,
            ),
        )

    @activity.defn(name=RECORD.name)
    async def record(self, change: Change) -> Recorded:
        """Record facts and what they change on the case row. Safe to repeat.

        Raises `RefusedByRule` where the database decides a race (a reply that has just left).
        """
        case_file = self._desk.case_file
        async with case_file.step(change.case, step_key(), change.at, change.by.account) as step:
            if not step.repeated:
                await self._apply(step, change)
        return await case_file.recorded(step)

    async def _apply(self, step: CaseStep, change: Change) -> None:
        for fact in change.facts:
            step.record(fact.event, **fact.facts)
        if change.take_back:
            await step.take_back()
        if change.answer_again:
            await step.answer_again()
        for part, text in change.texts.items():
            await step.seal(part, text.encode())
        for upload, part in change.keeps.items():
            await step.keep(upload, part)
        self._set_columns(step, change)
        for system in change.systems:
            await step.system(system)
        if change.decision is not None:
            await step.decide(change.decision)
        for name in change.closes:
            await step.close_tasks(name)
        for task in change.opens:
            await step.open_task(task)
        if change.move is not None:
            step.move(change.move, move(step.status, change.move))
            if change.move is Status.CLOSED:
                await _close(step)

    def _set_columns(self, step: CaseStep, change: Change) -> None:
        columns: dict[str, Any] = {}
        if change.outcome is not None:
            columns["outcome"] = change.outcome
        if change.identity is not None:
            columns |= {
                "identity_state": change.identity.state,
                "identity_how": change.identity.how,
            }
        if change.fee is not None:
            columns |= {"fee_state": change.fee.state}
            if change.fee.state is FeeState.TOLD:
                columns["fee_amount"] = change.fee.amount
            if change.fee.state is FeeState.QUESTION:
                step.record(Event.FEE_QUESTION, assessment=step.row["fee_assessment"])
        if change.withheld is not None:
            columns["withheld"] = [w.model_dump(mode="json") for w in change.withheld]
        if change.assignee is not None:
            columns["assignee"] = change.assignee
        if change.link is not None:
            columns["linked"] = sorted({*step.row["linked"], change.link})
        step.set(**columns)


async def _plan_systems(step: CaseStep, plan: tuple[SystemPlan, ...]) -> None:
    rows = [
        {"case_id": step.case, "name": p.name, "position": n, "duty": p.duty,
         "outcome": "pending", "since": step.at}
        for n, p in enumerate(plan)
    ]  # fmt: skip
    if rows:
        await step.conn.execute(upsert(t.system_tasks).values(rows).on_conflict_do_nothing())


async def _close(step: CaseStep) -> None:
    """Nothing stays open on a closed case; the ledger learns how it ended."""
    tasks = (
        update(t.tasks)
        .where(t.tasks.c.case_id == step.case, t.tasks.c.done_at.is_(None))
        .values(done_at=step.at, done_by=step.actor)
    )
    await step.conn.execute(tasks)
    if step.outcome is None:
        raise RuntimeError("a case is not closed without an outcome")
    outcome = Outcome(step.outcome)
    ground = await step.conn.scalar(
        select(t.decisions.c.ground)
        .where(t.decisions.c.case_id == step.case, t.decisions.c.stands)
        .order_by(t.decisions.c.id.desc())
    )
    mine = t.inquiries.c.case_id == step.case
    if outcome in NOT_INQUIRIES:
        await step.conn.execute(delete(t.inquiries).where(mine))
    else:
        known = ledger_outcome(outcome, Ground(ground) if ground else None)
        await step.conn.execute(update(t.inquiries).where(mine).values(outcome=known))
    step.set(closed_at=step.at, next_step_at=None)
