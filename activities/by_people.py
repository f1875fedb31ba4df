"""People who destroy: told under the guard of holds, and heard; a hold that came later calls back.

To tell them is the point of no return, as the dispatch is with a partner: what they have done
nobody can see or take back. Until they answer, what was to go is in doubt.
"""

from datetime import timedelta
from typing import Final

from activities.desk import Desk, step_key
from activities.erasing import Guard, Wanted, answer_holds, is_held
from activities.system_steps import answer_of, handed_over, held_back, keep_whole
from schemas.case import SystemOutcome
from schemas.errors import RefusedByRule
from schemas.holds import Held
from schemas.request import Kind
from schemas.steps import Change, SystemAnswer, SystemCall, SystemChange
from schemas.systems import ERASE_BY_HAND
from storage.case_step import CaseStep
from storage.holds import Ending, end_erasure, intend, people_answered
from storage.locks import lock_to_erase
from storage.persons import hashes_of

LEFT: Final = "left as it is: called back"


async def hand_over(desk: Desk, call: SystemCall) -> SystemAnswer:
    """Tell people to destroy, unless a hold is on the person, on the system or on a category.

    Safe to repeat. The task is ours: it is there if, and only if, the guard's transaction is.
    """
    facts, person = desk.facts(call.system), await desk.person(call.case)
    wanted = Wanted(
        case=call.case, system=call.system, at=call.at, key=step_key(),
        categories=facts.categories, hashes=tuple(desk.hashes(person)), by_people=True,
    )  # fmt: skip
    guard = Guard(desk.case_file, desk.policy.holds.erase_within)
    async with guard.erasing(wanted) as erasing, erasing.step(call.by.account) as step:
        if not step.repeated:
            if _keeps(erasing.held):
                await held_back(step, call, held=erasing.held)
            else:
                role = facts.role or "handler"
                await handed_over(step, call, role=role, outcome=SystemOutcome.NOTIFIED)
                erasing.people_are_told()
        return await answer_of(step, call)


async def tell(desk: Desk, step: CaseStep, change: Change) -> None:
    """A person has people destroy in a connector's or a partner's place: not what is held.

    Under the locks of person and system, which are not waited for: this step holds the case row.
    Raises `LockBusy` (again, later), and `RefusedByRule` without a word of a hold.
    """
    for name in (task.system for task in change.opens if task.what == ERASE_BY_HAND):
        if name is not None:
            await _tell(desk, step, name)


async def _tell(desk: Desk, step: CaseStep, name: str) -> None:
    hashes = await hashes_of(step.conn, step.case)
    await lock_to_erase(step.conn, hashes, (name,), timedelta(0))
    if _keeps(await is_held(step.conn, hashes, name, desk.facts(name).categories, step.at)):
        raise RefusedByRule(
            f"Not told: what is in {name} has to stay for now. It waits by itself: "
            f"dsr resolve-system {step.row['number']} {name} retry"
        )
    told = await intend(
        step.conn, step.case, name, step.key, hashes, step.at, timedelta(0)
    )  # fmt: skip
    await end_erasure(step.conn, told, Ending.TOLD)


async def hear(desk: Desk, step: CaseStep, change: Change) -> None:
    """What people answer about a task to destroy; every hold that it concerns has it on record.

    Raises `RefusedByRule` for an answer that something was left which nothing keeps.
    """
    if step.row["kind"] != Kind.DELETE:
        return
    answered = {
        task.system for task in step.open_tasks
        if task.what == ERASE_BY_HAND and task.task in change.closes
    }  # fmt: skip
    for system in change.systems:
        if system.name in answered and system.outcome is not SystemOutcome.PENDING:
            await _hear(desk, step, system)


async def _hear(desk: Desk, step: CaseStep, system: SystemChange) -> None:
    if system.outcome is SystemOutcome.RETAINED:
        await _left(desk, step, system)
    ending = Ending.ERASED if system.records else Ending.UNTOUCHED
    doubt = await people_answered(step.conn, step.case, system.name, ending)
    if doubt is not None:
        await answer_holds(step.conn, desk.case_file, doubt, step.at)


async def _left(desk: Desk, step: CaseStep, system: SystemChange) -> None:
    """They were called back: it waits, as if nobody had been told, until the hold has ended."""
    hashes, facts = await hashes_of(step.conn, step.case), desk.facts(system.name)
    held = await is_held(step.conn, hashes, system.name, facts.categories, step.at)
    if not _keeps(held):
        raise RefusedByRule(
            f"Not done: nothing keeps what is in {system.name} any more. Have it destroyed, then "
            "complete the task without --left."
        )
    await keep_whole(step, system.name, held)
    await step.system(system.model_copy(update={"reason": LEFT}), held=True)


def _keeps(held: Held) -> bool:
    return held.everything or bool(held.categories)
