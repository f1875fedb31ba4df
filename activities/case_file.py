"""The case row: opening a run, recording what happened, closing. Each is one transaction."""

from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from temporalio import activity

from activities import by_people
from activities.carried_out import carried_out
from activities.closing import close, ending_of
from activities.desk import Desk
from activities.replies import acknowledge
from rules.outcome import ended_as
from rules.status import admitted, move
from schemas.case import (
    FeeAssessment,
    FeeState,
    IdentityState,
    LetterKind,
    Outcome,
    Status,
)
from schemas.errors import RefusedByRule
from schemas.events import Event
from schemas.request import Kind
from schemas.steps import (
    OPEN,
    RECORD,
    Change,
    Opened,
    Opening,
    Pacing,
    Recorded,
    Silences,
)
from schemas.systems import concerned
from storage import tables as t
from storage.case_step import CaseStep
from storage.restrictions import restricts


class CaseFileActivities:
    """Steps on the case row."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=OPEN.name)
    async def open(self, opening: Opening) -> Opened:
        """Load the case and record which systems it concerns; acknowledge and admit it.

        One transaction: what needs no person costs no further step. Safe to repeat.
        """
        policy, form = self._desk.policy, await self._desk.form(opening.case)
        absolute = set(form.purposes) <= set(policy.absolute_purposes)
        here = tuple(f for f in self._desk.systems.facts if opening.only in (None, f.name))
        plan = concerned(
            here, form.kind, form.scope, form.purposes, absolute,
            tuple(c.field for c in form.corrections),
            restrict_contested=policy.correction.restrict_meanwhile,
        )  # fmt: skip

        async def write(step: CaseStep) -> None:
            step.concern(plan)
            if opening.acknowledge and not await _is_acknowledged(step):
                await acknowledge(self._desk, step, form)
            if opening.begins:
                _admit(step)

        recorded = await self._desk.record(opening, write)
        known = await _recalled(self._desk, opening.case) if opening.resumed else {}
        return Opened(
            view=recorded.view,
            entries=recorded.entries,
            plan=plan,
            absolute=form.kind is Kind.OBJECTION and absolute,
            has_submitter=form.submitter is not None,
            unattended=policy.access.unattended == "nothing_to_withhold",
            search_window=policy.access.search_window,
            max_extension_months=policy.time_limits.max_extension_months,
            max_age=policy.intake.max_age,
            corrections=len(form.corrections),
            **known,
            fee_cents=policy.fees.amount_cents,
            pacing=Pacing.model_validate(policy.pace, from_attributes=True),
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
        return await self._desk.record(change, partial(_apply, desk=self._desk, change=change))


async def _is_acknowledged(step: CaseStep) -> bool:
    """By a run before this one, which was lost or of another kind."""
    if step.row["run"] == 1:
        return False
    letters = (t.letters.c.case_id == step.case) & (t.letters.c.kind == LetterKind.ACKNOWLEDGEMENT)
    return bool(await step.conn.scalar(select(func.count()).where(letters)))


async def _recalled(desk: Desk, case: UUID) -> dict[str, Any]:
    """What a run that was lost knew and no view of the case tells."""
    void = (t.decisions.c.case_id == case) & ~t.decisions.c.stands
    async with desk.case_file.reading.connect() as conn:
        taken_back = bool(await conn.scalar(select(func.count()).where(void)))
        is_restricting = await restricts(conn, case)
    chosen = await desk.case_file.sealed_parts(case, "chosen:")
    items = {
        system: tuple(filter(None, text.decode().split(","))) for system, text in chosen.items()
    }
    return {"taken_back": taken_back, "chosen_items": items, "restricts": is_restricting}


async def _apply(step: CaseStep, desk: Desk, change: Change) -> None:
    _refuse_what_is_called_off(step, change)
    outcome = await _ending(step, change)
    for fact in change.facts:
        told = {"outcome": outcome} if outcome and fact.event is Event.CLOSED else {}
        step.record(fact.event, **fact.facts | told)
    if change.take_back:
        await step.take_back()
    if change.answer_again:
        await step.answer_again()
    for part, text in change.texts.items():
        await step.seal(part, text.encode())
    for upload, part in change.keeps.items():
        await step.keep(upload, part)
    _set_columns(step, change)
    if outcome is not None:
        step.set(outcome=outcome)
    for system in change.systems:
        await step.system(system)
    if change.decision is not None:
        step.decide(change.decision)
    await by_people.hear(desk, step, change)
    await step.close_tasks(*change.closes)
    await by_people.tell(desk, step, change)
    for task in change.opens:
        await step.open_task(task)
    if change.move is Status.CLOSED:
        await close(step)
    elif change.move not in (None, step.status):  # a system's answer may have moved it already
        step.move(change.move, move(step.status, change.move))


def _refuse_what_is_called_off(step: CaseStep, change: Change) -> None:
    """The run may not know yet that a task has ended: what it says of the system is of the past."""
    if change.done is not None and all(task.task != change.done for task in step.open_tasks):
        raise RefusedByRule(
            f"Not done: {change.done} has ended meanwhile, nobody is to do it any more. "
            f"See: dsr show {step.row['number']}"
        )


async def _ending(step: CaseStep, change: Change) -> Outcome | None:
    """How it ends; what was carried out before an end without an answer is not unsaid by that."""
    if change.outcome is not None:
        return ended_as(change.outcome, done=bool(await carried_out(step)))
    return await ending_of(step) if change.move is Status.CLOSED else None


def _set_columns(step: CaseStep, change: Change) -> None:
    columns: dict[str, Any] = {}
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


def _admit(step: CaseStep) -> None:
    """Where who asks is known and nothing has to be asked, the work begins at once."""
    to = admitted(
        Kind(step.row["kind"]), IdentityState(step.row["identity_state"]),
        FeeAssessment(step.row["fee_assessment"]), step.row["merge_into"],
    )  # fmt: skip
    if to is not None and step.status is Status.RECEIVED:
        step.move(to, move(step.status, to))
