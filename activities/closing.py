"""The end of a case: nothing stays open, and the ledger of inquiries learns how it ended."""

from sqlalchemy import delete

from rules.fees import ledger_outcome
from rules.outcome import NOT_INQUIRIES, closed_as
from rules.status import move
from schemas.case import Outcome, Status, SystemOutcome
from schemas.request import Kind
from storage import tables as t
from storage.case_step import CaseStep


async def ending_of(step: CaseStep) -> Outcome | None:
    """How the case is closed, by what its reply told and what came of it since."""
    told = Outcome(step.outcome) if step.outcome else None
    if told is not Outcome.FULFILLED or step.row["kind"] == Kind.ACCESS:
        return told  # access is answered when everybody has, or it says who has not
    parts = (await step.parts()).values()
    return closed_as(told, left_out=any(p["outcome"] == SystemOutcome.LEFT_OUT for p in parts))


async def close(step: CaseStep) -> None:
    """Move to closed. The outcome stands on the case row, or was set in this step."""
    step.move(Status.CLOSED, move(step.status, Status.CLOSED))
    step.end_tasks()
    if step.outcome is None:
        raise RuntimeError("a case is not closed without an outcome")
    await _tell_ledger(step, Outcome(step.outcome))
    step.set(closed_at=step.at, next_step_at=None)


async def _tell_ledger(step: CaseStep, outcome: Outcome) -> None:
    if outcome in NOT_INQUIRIES:
        await step.conn.execute(delete(t.inquiries).where(t.inquiries.c.case_id == step.case))
        return
    step.tell_ledger(outcome=ledger_outcome(outcome, await step.ground()))
