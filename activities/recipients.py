"""Recipients that have to be told (Art. 19): the list of a case, and who is told of silence.

A duty that outlives the reply is followed up by rows and an hourly sweep: no restart loses it.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.desk import Desk
from activities.letter_content import RecipientList
from activities.letter_frame import about_case, frame
from rules.recipients import is_overdue, is_recipient, ledger
from schemas.case import ANSWERED, Status
from schemas.events import Event
from schemas.policy import Policy
from schemas.recipients import RecipientLedger, RecipientLine, RecipientState
from schemas.request import RequestForm
from schemas.steps import OpenTask
from schemas.systems import SystemFacts
from storage import tables as t
from storage.case_step import CaseStep
from storage.recipients import OVERDUE, Owing, owing_after_the_reply, recipient_rows


async def recipients_of(
    conn: AsyncConnection, case: UUID, systems: Iterable[SystemFacts]
) -> RecipientLedger:
    """The ledger of one case, as its rows stand in this transaction."""
    rows = await recipient_rows(conn, case)
    return RecipientLedger(number=rows.number, recipients=ledger(rows, systems))


async def to_tell(step: CaseStep, systems: Iterable[SystemFacts]) -> tuple[RecipientLine, ...]:
    """What a letter says of recipients: nothing of what there is nothing to tell about."""
    known = await recipients_of(step.conn, step.case, systems)
    return tuple(line for line in known.recipients if line.state is not RecipientState.NOT_DUE)


async def list_letter(
    step: CaseStep, form: RequestForm, policy: Policy, systems: Iterable[SystemFacts]
) -> RecipientList:
    """The list that the subject may ask for."""
    values = frame(policy, step.at, form) | about_case(step)
    return RecipientList(**values, recipients=await to_tell(step, systems))


async def escalate_overdue(desk: Desk, now: datetime) -> int:
    """Tell the DPO of recipients that have not answered for the policy's time; of how many.

    Safe to repeat. The task ends by itself once everybody of its case has answered.
    """
    names = [facts.name for facts in desk.systems.facts if is_recipient(facts)]
    async with desk.case_file.reading.connect() as conn:
        owing = await owing_after_the_reply(conn, names)
        answered = await _told_of_no_longer(conn, {one.case for one in owing})
    overdue: dict[UUID, list[Owing]] = {}
    for one in owing:
        times = (one.told_at, one.replied_at, one.escalated_at, now)
        if is_overdue(*times, desk.policy.recipients):
            overdue.setdefault(one.case, []).append(one)
    for case, silent in overdue.items():
        await _tell_the_dpo(desk, case, silent, now)
    for case in answered:
        async with desk.case_file.step(case, f"overdue:{now.isoformat()}", now, "sweep") as step:
            await step.close_tasks(OVERDUE)
    return sum(map(len, overdue.values()))


async def _told_of_no_longer(conn: AsyncConnection, owing: set[UUID]) -> list[UUID]:
    open_tasks = select(t.tasks.c.case_id).where(
        t.tasks.c.what == OVERDUE, t.tasks.c.done_at.is_(None)
    )
    return [case for case in await conn.scalars(open_tasks) if case not in owing]


async def _tell_the_dpo(desk: Desk, case: UUID, silent: list[Owing], now: datetime) -> None:
    key = f"overdue:{now.isoformat()}"
    async with desk.case_file.step(case, key, now, "sweep") as step:
        if step.repeated or step.status is Status.CLOSED:
            return
        still = await _owe(step)
        for one in silent:
            if one.system in still:
                step.record(Event.RECIPIENT_OVERDUE, system=one.system)
        if still:
            await step.open_task(OpenTask(what=OVERDUE, role="dpo"))


async def _owe(step: CaseStep) -> set[str]:
    s = t.system_tasks.c
    owing = select(s.name).where(s.case_id == step.case, s.outcome.not_in(ANSWERED))
    return set(await step.conn.scalars(owing))
