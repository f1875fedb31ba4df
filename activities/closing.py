"""The end of a case: nothing stays open, and the ledger of inquiries learns how it ended."""

from typing import Final

from sqlalchemy import Uuid, bindparam, delete, exists, select, update

from rules.fees import ledger_outcome
from rules.outcome import NOT_INQUIRIES, closed_as
from rules.status import move
from schemas.case import Ground, Outcome, Status, SystemOutcome
from schemas.request import Kind
from storage import tables as t
from storage.case_file import CaseStep

_CASE: Final = bindparam("case", type_=Uuid)
_TASKS_DONE: Final = (
    update(t.tasks)
    .where(t.tasks.c.case_id == _CASE, t.tasks.c.done_at.is_(None))
    .values(done_at=bindparam("at"), done_by=bindparam("by"))
)
_GROUND: Final = (
    select(t.decisions.c.ground)
    .where(t.decisions.c.case_id == _CASE, t.decisions.c.stands)
    .order_by(t.decisions.c.id.desc())
)
_TOLD: Final = (
    update(t.inquiries).where(t.inquiries.c.case_id == _CASE).values(outcome=bindparam("known"))
)

_LEFT_OUT: Final = select(
    exists().where(
        t.system_tasks.c.case_id == _CASE, t.system_tasks.c.outcome == SystemOutcome.LEFT_OUT
    )
)


async def ending_of(step: CaseStep) -> Outcome | None:
    """How the case is closed, by what its reply told and what came of it since."""
    told = Outcome(step.outcome) if step.outcome else None
    if told is not Outcome.FULFILLED or step.row["kind"] == Kind.ACCESS:
        return told  # access is answered when everybody has, or it says who has not
    left_out = await step.conn.scalar(_LEFT_OUT, {"case": step.case})
    return closed_as(told, left_out=bool(left_out))


async def close(step: CaseStep) -> None:
    """Move to closed. The outcome stands on the case row, or was set in this step."""
    step.move(Status.CLOSED, move(step.status, Status.CLOSED))
    await step.conn.execute(_TASKS_DONE, {"case": step.case, "at": step.at, "by": step.actor})
    if step.outcome is None:
        raise RuntimeError("a case is not closed without an outcome")
    await _tell_ledger(step, Outcome(step.outcome))
    step.set(closed_at=step.at, next_step_at=None)


async def _tell_ledger(step: CaseStep, outcome: Outcome) -> None:
    if outcome in NOT_INQUIRIES:
        await step.conn.execute(delete(t.inquiries).where(t.inquiries.c.case_id == step.case))
        return
    ground = await step.conn.scalar(_GROUND, {"case": step.case})
    known = ledger_outcome(outcome, Ground(ground) if ground else None)
    await step.conn.execute(_TOLD, {"case": step.case, "known": known})
