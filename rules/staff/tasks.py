"""Tasks of people, and systems that do not answer.

Each check gives the sentence that refuses the action, None if it can be taken.
"""

from datetime import datetime
from typing import Any, Final

from schemas.case import ANSWERED, CaseView
from schemas.messages import CompleteTask, Reassign, ResolveSystem, SystemResolution
from schemas.systems import ERASE_BY_HAND

COMMAND_OF: Final = {
    "verify_identity": "verify-identity",
    "settle_fee": "settle-fee",
    "answer_fee": "answer-fee",
    "answer_identity": "record-answer",
    "answer_clarification": "record-answer",
    "review": "review",
    "decide": "decide",
    "second_decision": "second-decision",
    "resolve_system": "resolve-system",
    "recipients_overdue": "recipients",
    "send_reply": "letters",
    "send_extension": "letters",
}
"""Tasks that end by an action of their own, never by complete-task."""


def complete_task(view: CaseView, action: CompleteTask, _now: datetime, **_: Any) -> str | None:
    task = next((a for a in view.awaiting if a.task == action.task), None)
    if task is None:
        return f"Not done: {view.number} has no such open task. See: dsr tasks"
    if not action.by.may_be(task.role, "handler", "dpo"):
        return f"Not done: {task.task} is for the role {task.role}."
    if command := COMMAND_OF.get(task.what):
        return f"Not done: {task.task} is done by: dsr {command} {view.number}"
    if action.left and task.what != ERASE_BY_HAND:
        return f"Not done: {task.task} is no task to destroy; nothing is left by it."
    return None


def resolve_system(view: CaseView, action: ResolveSystem, _now: datetime, **_: Any) -> str | None:
    system = view.system(action.system)
    if system is None:
        return f"Not resolved: no such system. {systems_of(view)}"
    if action.because is not None and action.how is not SystemResolution.LEAVE_OUT:
        return "Not resolved: --because belongs to leave-out."
    if system.outcome in ANSWERED:
        return f"Nothing to resolve: {system.name} has answered ({system.outcome})."
    return None


def reassign(_view: CaseView, action: Reassign, _now: datetime, **_: Any) -> str | None:
    if not action.to.may_be("handler", "dpo"):
        return f"Not handed over: {action.to.account} is no handler."
    return None


def systems_of(view: CaseView) -> str:
    """The systems of the case, for who has named another."""
    return f"{view.number} has: {', '.join(s.name for s in view.systems)}."
