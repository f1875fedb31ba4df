"""The end of a case: nothing stays open, and the ledger of inquiries learns how it ended."""

from sqlalchemy import delete, select, update

from rules.fees import ledger_outcome
from rules.outcome import NOT_INQUIRIES
from rules.status import move
from schemas.case import Ground, Outcome, Status
from storage import tables as t
from storage.case_file import CaseStep


async def close(step: CaseStep) -> None:
    """Move to closed. The outcome stands on the case row, or was set in this step."""
    step.move(Status.CLOSED, move(step.status, Status.CLOSED))
    tasks = (
        update(t.tasks)
        .where(t.tasks.c.case_id == step.case, t.tasks.c.done_at.is_(None))
        .values(done_at=step.at, done_by=step.actor)
    )
    await step.conn.execute(tasks)
    if step.outcome is None:
        raise RuntimeError("a case is not closed without an outcome")
    await _tell_ledger(step, Outcome(step.outcome))
    step.set(closed_at=step.at, next_step_at=None)


async def _tell_ledger(step: CaseStep, outcome: Outcome) -> None:
    mine = t.inquiries.c.case_id == step.case
    if outcome in NOT_INQUIRIES:
        await step.conn.execute(delete(t.inquiries).where(mine))
        return
    ground = await step.conn.scalar(
        select(t.decisions.c.ground)
        .where(t.decisions.c.case_id == step.case, t.decisions.c.stands)
        .order_by(t.decisions.c.id.desc())
    )
    known = ledger_outcome(outcome, Ground(ground) if ground else None)
    await step.conn.execute(update(t.inquiries).where(mine).values(outcome=known))
