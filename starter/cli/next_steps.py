"""What a case waits for, and the command that does it."""

import asyncio
import time
from typing import TYPE_CHECKING, Final

from schemas.case import Awaited, CaseView, LetterKind, LetterState, Status, SystemOutcome
from schemas.request import Kind
from starter.cli.console import day

if TYPE_CHECKING:
    from starter.client import DsrClient

POLL_SECONDS: Final = 0.2

COMMANDS: Final = {
    "verify_identity": "dsr verify-identity {number} --as ACTOR",
    "answer_identity": "dsr record-answer {number} --to identity --as ACTOR",
    "answer_clarification": "dsr record-answer {number} --to clarification --as ACTOR",
    "settle_fee": "dsr settle-fee {number} charge|waive|refuse --as ACTOR",
    "answer_fee": "dsr answer-fee {number} accept|withdraw --as ACTOR",
    "review": "dsr found {number}, then dsr review {number} --as ACTOR",
    "decide": "dsr decide {number} approve|partial|refuse --as ACTOR",
    "second_decision": "dsr second-decision {number} approve|refuse --as ACTOR",
    "resolve_system": "dsr resolve-system {number} {system} retry|by-hand|leave-out --reason TEXT "
    "--as ACTOR",
    "recipients_overdue": "dsr recipients {number}",
    "correction_differs": "dsr found {number}, then dsr complete-task {number} {task} --records N "
    "--as ACTOR",
    "contest_by_hand": "dsr complete-task {number} {task} --records N --as ACTOR",
    "correct_by_hand": "dsr found {number}, then dsr complete-task {number} {task} --records N "
    "--as ACTOR",
    "add_statement_by_hand": "dsr found {number}, then dsr complete-task {number} {task} "
    "--as ACTOR",
    "choose_match": "dsr found {number}, then dsr complete-task {number} {task} --file F "
    "--as ACTOR",
    "search_by_hand": "dsr complete-task {number} {task} --file F --as ACTOR",
}
"""Of the tasks that end by an action of their own; the others by `complete-task`."""

COMPLETE: Final = "dsr complete-task {number} {task} --as ACTOR"

ANSWERS: Final = (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)


def is_notice(what: str) -> bool:
    """Tells somebody something; nothing waits for it."""
    return what == "breach" or what.startswith("escalated_to_")


def command_for(what: str, number: str, task: str, system: str | None) -> str:
    """The command that ends a task."""
    if what in ("send_reply", "send_extension"):
        return f"dsr letters {number}"
    if what.startswith("send_"):
        return f"dsr letter {number} {task} --out FILE"
    template = COMMANDS.get(what, COMPLETE)
    return template.format(number=number, task=task, system=system)


def awaited_command(view: CaseView, awaited: Awaited) -> str:
    """The same for one case, whose letters are known."""
    kinds = {"send_reply": ANSWERS, "send_extension": (LetterKind.EXTENSION,)}.get(awaited.what, ())
    if awaited.what == "decide" and view.kind is Kind.CORRECT:
        return f"dsr found {view.number}, then {command_for('decide', view.number, '', None)}"
    if awaited.what == "decide" and view.plan is not None:
        return f"dsr plan {view.number}, then dsr decide {view.number} approve|refuse --as ACTOR"
    for letter in view.letters:
        if letter.state is LetterState.READY and letter.kind in kinds:
            if view.kind is Kind.ACCESS and letter.kind in (
                LetterKind.REPLY,
                LetterKind.SUPPLEMENT,
            ):
                return f"dsr package {view.number} --out FILE"
            return f"dsr letter {view.number} {letter.id} --out FILE"
    return command_for(awaited.what, view.number, awaited.task, awaited.system)


def waits_for_a_person(view: CaseView) -> bool:
    """Whether nothing goes on by itself: closed, or everything left is somebody's task."""
    if view.status in (Status.CLOSED, Status.RECEIVED):
        return view.status is Status.CLOSED
    tasks = [a for a in view.awaiting if not is_notice(a.what)]
    theirs = {a.system for a in tasks}
    searching = view.status in (Status.SEARCHING, Status.FULFILLING)
    by_itself = searching and any(
        s.outcome is SystemOutcome.PENDING and s.name not in theirs for s in view.systems
    )
    return bool(tasks) and not by_itself


async def settled(client: "DsrClient", view: CaseView, seconds: float) -> CaseView:
    """The case once it waits for a person or is closed, or as it stands after these seconds."""
    until = time.monotonic() + seconds
    while not waits_for_a_person(view) and time.monotonic() < until:
        await asyncio.sleep(POLL_SECONDS)
        view = await client.show(view.number)
    return view


def standing(view: CaseView) -> str:
    """Where a case stands, when it is due and what comes next, in a line or two."""
    if view.status is Status.CLOSED:
        return f"{view.number} is closed: {view.outcome}."
    first = next((a for a in view.awaiting if not is_notice(a.what)), None)
    if first is None:
        comes = f"Next: dsr show {view.number}"
    elif first.role == "subject":
        comes = f"It waits for the subject; when the answer comes: {awaited_command(view, first)}"
    else:
        comes = f"Next, {first.role}: {awaited_command(view, first)}"
    return f"{view.number} is {view.status}, {due(view)}. {comes}"


def due(view: CaseView) -> str:
    """When a case is due, in words."""
    if view.clock.replied_at is not None:
        return "answered"
    if view.clock.due_date is None:
        return f"its clock suspended; act by the safe date, {day(view.clock.safe_date)}"
    return f"due {day(view.clock.due_date)}"
