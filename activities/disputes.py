"""What a decision about a correction means for one system, and the tasks that people get of it."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from activities.desk import Desk
from activities.system_steps import lag_of, write_outcome
from connectors.contract import Correction
from schemas.case import SystemOutcome
from schemas.events import Event
from schemas.steps import OpenTask, SystemCall
from schemas.systems import Duty, SystemFacts
from storage.case_step import CaseStep

CONTEST_BY_HAND: Final = f"{Duty.CONTEST}_by_hand"
CORRECT_BY_HAND: Final = f"{Duty.CORRECT}_by_hand"
STATEMENT_BY_HAND: Final = f"{Duty.ADD_STATEMENT}_by_hand"
DIFFERS: Final = "correction_differs"


class Wanted(NamedTuple):
    """What a decision means for one system: what is corrected there, and whether a part is not."""

    approved: tuple[Correction, ...]
    disputed: bool

    @property
    def tasks(self) -> tuple[str, ...]:
        """What people do of it, where people do all of it."""
        corrects = (CORRECT_BY_HAND,) if self.approved else ()
        return (*corrects, STATEMENT_BY_HAND) if self.disputed else corrects


async def wanted_of(desk: Desk, call: SystemCall) -> Wanted:
    """The values that concern the system, as the decision left them."""
    form = await desk.form(call.case)
    numbers = await desk.case_file.unseal(call.case, "disputed") or b""
    disputed = numbers.decode().split(",")
    here, systems = desk.facts(call.system), desk.systems.facts
    asked = [
        (str(number) in disputed, Correction(field=c.field, old=c.old, new=c.new))
        for number, c in enumerate(form.corrections, 1)
        if here.holds(c.field, systems)
    ]
    return Wanted(
        approved=tuple(one for is_disputed, one in asked if not is_disputed),
        disputed=any(is_disputed for is_disputed, _ in asked),
    )


def as_sent(
    wanted: Wanted, here: SystemFacts, systems: Iterable[SystemFacts]
) -> tuple[Correction, ...] | None:
    """The approved values by data category; None if one of them may not be sent to this partner."""
    known = tuple(systems)
    categories = [here.sent_as(one.field, known) for one in wanted.approved]
    if not all(categories):
        return None
    return tuple(
        one.model_copy(update={"field": category})
        for one, category in zip(wanted.approved, categories, strict=True)
    )


async def ask_people(
    step: CaseStep, call: SystemCall, *, tasks: tuple[str, ...], role: str
) -> None:
    """People do it: told by a task, which is a dispatch and no success (Art. 19)."""
    await end_tasks(step, call)
    if not tasks:  # the manifest has changed since: nothing of it is held here any more
        return await write_outcome(step, call, SystemOutcome.NOTHING_HELD, 0)
    lag = await lag_of(step)
    await write_outcome(step, call, SystemOutcome.NOTIFIED, 0, lag_seconds=lag)
    step.record(Event.RECIPIENT_NOTIFIED, system=call.system, duty=call.duty, lag_seconds=lag)
    for what in tasks:
        await step.open_task(OpenTask(what=what, role=role, system=call.system))
    return None


async def lift_by_people(step: CaseStep, call: SystemCall, *, role: str) -> None:
    """What was not restricted yet need not be lifted: then its task ends."""
    if await step.close_tasks(CONTEST_BY_HAND, system=call.system):
        return await write_outcome(step, call, SystemOutcome.RETAINED, 0)
    return await ask_people(step, call, tasks=(f"{call.duty}_by_hand",), role=role)


async def end_tasks(step: CaseStep, call: SystemCall) -> None:
    """What an earlier decision, or the wait for one, asked of people here is over."""
    for what in (CONTEST_BY_HAND, CORRECT_BY_HAND, STATEMENT_BY_HAND, DIFFERS):
        await step.close_tasks(what, system=call.system)


def role_of(facts: SystemFacts) -> str:
    """Whose task it is."""
    return facts.role or "handler"
