"""Who may do what when: every staff action is checked here, before it costs an event.

`refusal` gives None, or the sentence that the person reads: fact, rule, next step. It repeats no
word of the action but codes: what somebody typed could be a name.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from rules.staff import decisions, endings, fees, findings, questions, tasks, time
from rules.staff.findings import Matched
from schemas.case import CaseView, PauseReason, Status
from schemas.messages import (
    AnswerFee,
    AskClarification,
    AskIdentity,
    CloseAs,
    CompleteTask,
    CorrectReceipt,
    Decide,
    Extend,
    Note,
    Reassign,
    Reclassify,
    RecordAnswer,
    Reopen,
    ResolveSystem,
    Review,
    SecondDecision,
    SettleFee,
    StaffAction,
    TakeBack,
    VerifyIdentity,
    Withdraw,
)
from schemas.request import Kind
from schemas.retention import Origin

_BEFORE_DECISION: Final = (
    Status.RECEIVED, Status.IDENTIFYING, Status.CLARIFYING, Status.QUOTING, Status.SEARCHING,
    Status.REVIEWING,
)  # fmt: skip

_UNANSWERED: Final = (*_BEFORE_DECISION, Status.DECIDING, Status.FULFILLING, Status.REPLYING)

_OPEN: Final = (*_UNANSWERED, Status.FOLLOWING_UP)

PERMITTED: Final[dict[type[StaffAction], tuple[tuple[str, ...], tuple[Status, ...]]]] = {
    VerifyIdentity: (("handler", "dpo"), _BEFORE_DECISION),
    AskIdentity: (("handler", "dpo"), _BEFORE_DECISION),
    AskClarification: (("handler", "dpo"), _BEFORE_DECISION),
    RecordAnswer: (("handler", "dpo"), _UNANSWERED),
    SettleFee: (("approver", "dpo"), (Status.QUOTING,)),
    AnswerFee: (("handler", "dpo"), (Status.QUOTING,)),
    Review: (("handler", "dpo"), (Status.REVIEWING,)),
    Decide: (("approver", "dpo"), (*_BEFORE_DECISION, Status.DECIDING)),
    SecondDecision: (("approver", "dpo"), (Status.DECIDING,)),
    TakeBack: (("approver", "dpo"), (Status.REPLYING,)),
    Extend: (("dpo",), _UNANSWERED),
    CompleteTask: ((), _OPEN),
    ResolveSystem: (("handler", "dpo"), _OPEN),
    Withdraw: (("handler", "dpo"), _UNANSWERED),
    CloseAs: (("handler", "dpo"), _UNANSWERED),
    Reassign: (("handler", "approver", "dpo"), _OPEN),
    Reclassify: (("handler", "dpo"), _UNANSWERED),
    CorrectReceipt: (("handler", "dpo"), _UNANSWERED),
    Reopen: (("dpo",), (Status.FOLLOWING_UP, Status.CLOSED)),
    Note: ((), _OPEN),
}
"""Roles (any of them; empty: everybody in the directory) and statuses of each action."""

DECIDES: Final = {Kind.CORRECT: ("handler", "dpo")}
"""Who decides, and takes back, where it is not as above (law.md 4)."""

OF_A_PERSON: Final = (
    VerifyIdentity, AskIdentity, AskClarification, RecordAnswer, SettleFee, AnswerFee, Extend,
    Withdraw, CloseAs, Reclassify, CorrectReceipt,
)  # fmt: skip
"""Actions about somebody who asked: there is nobody where a relation ended by itself."""


def refusal(
    view: CaseView, action: StaffAction, now: datetime, *, automatic: bool, has_submitter: bool,
    matched: Mapping[str, Matched] = MappingProxyType({}), corrections: int = 0,
) -> str | None:  # fmt: skip
    """Why the action cannot be taken now; None if it can.

    `automatic`: nothing is decided by a person here (Art. 21(2)-(3), Art. 7). `matched`: systems
    whose doubtful records a person has looked through. `corrections`: how many are asked for.
    """
    if view.purged:
        return f"Not done: the content of {view.number} is purged; only its record is left."
    roles, statuses = PERMITTED[type(action)]
    if isinstance(action, Decide | TakeBack):
        roles = DECIDES.get(view.kind, roles)
    command = action.name.replace("_", "-")
    if roles and not action.by.may_be(*roles):
        return (
            f"Not done: {command} needs the role {' or '.join(roles)}, which "
            f"{action.by.account} does not have. See: dsr tasks"
        )
    if view.status not in statuses:
        return (
            f"Not done: {view.number} is {view.status}, and {command} is possible only while a "
            f"case is {', '.join(statuses)}. See: dsr show {view.number}"
        )
    if view.origin is Origin.RETENTION and isinstance(action, OF_A_PERSON):
        return (
            f"Not done: nobody asked for {view.number}, it deletes what an ended relation has "
            f"left. Decide about it: dsr retention decide {view.batch}"
        )
    check = _CHECKS.get(type(action))
    if check is None:
        return None
    return check(
        view, action, now, automatic=automatic, has_submitter=has_submitter, matched=matched,
        corrections=corrections,
    )  # fmt: skip


_CHECKS: Final[dict[type[StaffAction], Callable[..., str | None]]] = {
    VerifyIdentity: questions.verify_identity,
    AskIdentity: questions.ask(PauseReason.IDENTITY),
    AskClarification: questions.ask(PauseReason.CLARIFICATION),
    RecordAnswer: questions.record_answer,
    SettleFee: fees.settle_fee,
    AnswerFee: fees.answer_fee,
    Review: findings.review,
    Decide: decisions.decide,
    SecondDecision: decisions.second_decision,
    TakeBack: decisions.take_back,
    Extend: time.extend,
    CompleteTask: tasks.complete_task,
    ResolveSystem: tasks.resolve_system,
    Withdraw: endings.withdraw,
    CloseAs: endings.close_as,
    Reassign: tasks.reassign,
    Reclassify: endings.reclassify,
    CorrectReceipt: time.correct_receipt,
}
