"""What every step on one system's part of a case does: its outcome, its task, its answer."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Uuid, bindparam, func, select

from connectors.contract import Found, Kept
from schemas.case import Status, SystemOutcome
from schemas.events import Event
from schemas.holds import Held
from schemas.steps import OpenTask, SystemAnswer, SystemCall, SystemChange
from schemas.systems import Duty
from storage import tables as t
from storage.case_step import CaseStep
from storage.views import awaited, open_tasks_of

Write = Callable[[CaseStep, SystemCall], Awaitable[None]]
"""What one step puts on the case row and on record."""

KEPT: Final = TypeAdapter(tuple[Kept, ...])

_ANSWER: Final = (
    select(t.system_tasks, open_tasks_of(t.system_tasks.c.case_id))
    .where(t.system_tasks.c.case_id == bindparam("case", type_=Uuid))
    .where(t.system_tasks.c.name == bindparam("system"))
)


async def handed_over(
    step: CaseStep, call: SystemCall, *, role: str, outcome: SystemOutcome
) -> None:
    if call.duty is Duty.LIFT_RESTRICTION and await _undone(step, call.system):
        return await write_outcome(step, call, SystemOutcome.RETAINED, 0)
    lag = await lag_of(step)
    await write_outcome(step, call, outcome, 0, lag_seconds=lag)
    step.record(Event.RECIPIENT_NOTIFIED, system=call.system, duty=call.duty, lag_seconds=lag)
    await step.open_task(OpenTask(what=f"{call.duty}_by_hand", role=role, system=call.system))
    return None


async def _undone(step: CaseStep, system: str) -> bool:
    """Whether the restriction by hand was not done yet: then its task ends, nothing is to lift."""
    return await step.close_tasks(f"{Duty.RESTRICT}_by_hand", system=system) > 0


async def held_back(step: CaseStep, call: SystemCall, *, held: Held) -> None:
    """A hold: partner or people are not told to erase, or a partner has given the request back."""
    await keep_whole(step, call.system, held)
    reason = "1 record(s) kept" if held.secret else "not told to erase"
    await write_outcome(step, call, SystemOutcome.RETAINED, 0, reason, held=True)


async def keep_whole(step: CaseStep, system: str, held: Held) -> None:
    """For the letter: a part that we cannot see is kept; as one record, nobody counted."""
    reason = "legal_obligation" if held.secret else "legal_hold"
    kept = (Kept(schema_name="", table=system, records=1, reason=reason),)
    await step.seal(f"kept:{system}", KEPT.dump_json(kept))
    step.record(Event.RETAINED, system=system, records=1, reason=reason)


def misdeclared(call: SystemCall) -> SystemAnswer:
    """The reason stands in the case row and in letters: never a connector's own words."""
    reason = f"not as its manifest says: dsr systems check {call.system}"
    return SystemAnswer(system=call.system, outcome=SystemOutcome.FAILED, reason=reason)


async def keep_found(
    step: CaseStep, call: SystemCall, *, found: Found, remark: str | None = None
) -> None:
    """Seal what was found. A doubtful match keeps the system pending until a person has chosen."""
    outcome = SystemOutcome.FOUND if found.rows else SystemOutcome.NOTHING_HELD
    others, doubtful = len(found.third_party), len(found.doubtful)
    reason = f"{others} record(s) tell of other people" if others else remark
    if doubtful:
        outcome = SystemOutcome.PENDING
        reason = f"{doubtful} record(s) could be another person's"
    await step.seal(f"found:{call.system}", found.model_dump_json().encode())
    await write_answer(step, call, outcome, len(found.rows), reason)
    step.record(Event.SEARCHED, system=call.system, outcome=outcome, records=len(found.rows))
    if doubtful:
        step.record(Event.MATCH_DOUBTFUL, system=call.system, count=doubtful)
        await step.open_task(OpenTask(what="choose_match", role="handler", system=call.system))


async def write_answer(
    step: CaseStep, call: SystemCall, outcome: SystemOutcome, records: int, reason: str | None
) -> None:
    """As `write_outcome`; the answers of searches that end together are one statement."""
    change = SystemChange(name=call.system, outcome=outcome, records=records, reason=reason)
    await step.system_answered(change)
    await step.close_tasks("resolve_system", system=call.system)


async def write_outcome(
    step: CaseStep, call: SystemCall, outcome: SystemOutcome, records: int | None,
    reason: str | None = None, **columns: Any,
) -> None:  # fmt: skip
    """`records` None: as many as before."""
    change = SystemChange(name=call.system, outcome=outcome, records=records, reason=reason)
    await step.system(change, **columns)
    await step.close_tasks("resolve_system", system=call.system)


async def written_once(step: CaseStep, call: SystemCall, write: Write) -> SystemAnswer:
    """Unless the step is repeated; the answer is the same."""
    if not step.repeated:
        await write(step, call)
    return await answer_of(step, call)


async def answer_of(step: CaseStep, call: SystemCall) -> SystemAnswer:
    """The answer as the case row has it after this step."""
    tasks, row = step.open_tasks, step.answered.get(call.system)
    if row is None:  # repeated, or left out by a person meanwhile
        found = await step.conn.execute(_ANSWER, {"case": step.case, "system": call.system})
        row = dict(found.mappings().one())
        tasks = tuple(awaited(task) for task in row["open_tasks"])
    reviewing = step.status is Status.REVIEWING
    return SystemAnswer(
        system=call.system, outcome=row["outcome"], records=row["records"], reason=row["reason"],
        at=row["since"], lag_seconds=row["lag_seconds"], plan=row["plan"],
        opened=tuple(
            task for task in tasks
            if task.system == call.system or (reviewing and task.what == "review")
        ),
        moved=Status.REVIEWING if reviewing else None,
        revision=step.revision,
    )  # fmt: skip


async def lag_of(step: CaseStep) -> float:
    """Seconds from intake to now by the database's clock: a measurement, not a rule."""
    since = func.extract("epoch", func.clock_timestamp() - step.row["registered_at"])
    return round(float(await step.conn.scalar(select(since)) or 0), 3)
