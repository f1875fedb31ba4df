"""Who may do what when: every staff action is checked here, before it costs an event.

`refusal` gives None, or the sentence that the person reads: fact, rule, next step. It repeats no
word of the action but codes: what somebody typed could be a name.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas.case import (
    ANSWERED,
    CaseView,
    ExtensionState,
    FeeState,
    Ground,
    IdentityState,
    LetterKind,
    LetterState,
    PauseReason,
    Status,
    SystemOutcome,
)
from schemas.messages import (
    AnswerFee,
    AskClarification,
    AskIdentity,
    Choice,
    CloseAs,
    CompleteTask,
    CorrectReceipt,
    Decide,
    Extend,
    FeeChoice,
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
    SystemResolution,
    TakeBack,
    VerifyIdentity,
    Withdraw,
)
from schemas.request import Kind
from schemas.retention import Origin
from schemas.systems import ERASE_BY_HAND

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

EARLY_GROUNDS: Final = (Ground.CANNOT_IDENTIFY, Ground.UNFOUNDED, Ground.EXCESSIVE)
"""Refusals that the DPO may decide before the search, Art. 11(2), 12(2), 12(5)."""

GROUNDS_OF: Final = {
    Kind.ACCESS: EARLY_GROUNDS,
    Kind.OBJECTION: (*EARLY_GROUNDS, Ground.COMPELLING_GROUNDS, Ground.LEGAL_CLAIMS),
    Kind.CONSENT: EARLY_GROUNDS,
    Kind.CORRECT: (*EARLY_GROUNDS, Ground.FACT_DISPUTED),
    Kind.DELETE: (
        *EARLY_GROUNDS,
        Ground.NO_ERASURE_GROUND,
        Ground.LEGAL_OBLIGATION,
        Ground.LEGAL_CLAIMS,
        Ground.LEGAL_HOLD,
    ),
}
"""Grounds on which each kind can be refused as a whole (law.md 4)."""

REPLIES: Final = (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)
"""Letters that answer."""

_ITEM: Final = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)

WITHHOLDING: Final = (Ground.RIGHTS_OF_OTHERS, Ground.LEGAL_CLAIMS)


class Matched(NamedTuple):
    """A system whose doubtful records a person looked through: the sure ones, and those chosen.

    Items are numbered from 1, the doubtful ones after the person's own.
    """

    own: int
    chosen: tuple[str, ...]

    def has(self, item: str) -> bool:
        """Whether this is an item of the person."""
        return item in self.chosen or (_ITEM.fullmatch(item) is not None and int(item) <= self.own)


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


def open_questions(view: CaseView) -> tuple[PauseReason, ...]:
    """What the subject has been asked and has not answered."""
    return tuple(p.reason for p in view.clock.pauses if p.answered_at is None)


def _verify_identity(
    view: CaseView, action: VerifyIdentity, _now: datetime, *, has_submitter: bool, **_: Any
) -> str | None:
    if view.identity.state is IdentityState.SUFFICIENT:
        return f"Nothing to do: the identity of {view.number} is sufficient already."
    if has_submitter and not action.mandate_checked:
        return (
            "Not done: somebody acts for the subject. Check the mandate, then: "
            f"dsr verify-identity {view.number} --mandate-checked --as {action.by.account}"
        )
    return None


def _ask(reason: PauseReason) -> Callable[..., str | None]:
    def check(view: CaseView, _action: StaffAction, _now: datetime, **_: Any) -> str | None:
        if reason in open_questions(view):
            return (
                f"Not asked: a question of {reason} is open since before. When it is answered: "
                f"dsr record-answer {view.number}"
            )
        return None

    return check


def _record_answer(view: CaseView, action: RecordAnswer, now: datetime, **_: Any) -> str | None:
    asked = [q for q in open_questions(view) if q is not PauseReason.FEE]
    if not asked:
        return f"Not recorded: {view.number} has no open question. See: dsr show {view.number}"
    if action.to is None and len(asked) > 1:
        return (
            "Not recorded: two questions are open. Say which: --to identity or --to clarification"
        )
    if action.to is not None and action.to not in asked:
        return f"Not recorded: no question of {action.to} is open. Open: {', '.join(asked)}."
    if action.answered_at is not None and action.answered_at > now:
        return "Not recorded: the answer would have arrived in the future."
    reason = action.to or asked[0]
    since = next(
        p.asked_at for p in view.clock.pauses if p.reason == reason and p.answered_at is None
    )
    if action.answered_at is not None and action.answered_at < since:
        return "Not recorded: the answer would have arrived before the question was asked."
    return None


def _settle_fee(view: CaseView, action: SettleFee, _now: datetime, **_: Any) -> str | None:
    if view.fee.state not in (FeeState.QUESTION, FeeState.TOLD):
        return f"Not done: {view.number} has no open fee question (it is {view.fee.state})."
    if action.choice is FeeChoice.CHARGE and view.fee.state is FeeState.TOLD:
        return "Not done: the amount has been told already; it can be waived."
    if action.choice is not FeeChoice.WAIVE and action.reason is None:
        return (
            "Not done: the burden of proof is the controller's, Art. 12(5). State the grounds: "
            "--reason TEXT"
        )
    if action.choice is FeeChoice.REFUSE and not action.by.may_be("dpo"):
        return "Not done: a refusal as excessive is decided by the dpo, Art. 12(5)."
    return None


def _answer_fee(view: CaseView, _action: AnswerFee, _now: datetime, **_: Any) -> str | None:
    if view.fee.state is not FeeState.TOLD:
        return f"Not recorded: no amount has been told in {view.number}."
    return None


def _review(
    view: CaseView, action: Review, _now: datetime, *, matched: Mapping[str, Matched], **_: Any
) -> str | None:
    named = [(item.system, item.item) for item in action.withhold]
    if len(set(named)) < len(named):
        return "Not reviewed: an item is named twice. Name each once, with one reason code."
    for item in action.withhold:
        system = view.system(item.system)
        if system is None:
            return f"Not reviewed: no such system. {_systems_of(view)}"
        if not matched.get(item.system, Matched(system.records, ())).has(item.item):
            return (
                f"Not reviewed: {system.name} has no such item ({system.records} found, counted "
                f"from 1). See: dsr found {view.number}"
            )
        if item.code not in WITHHOLDING:
            return f"Not reviewed: items are withheld for {' or '.join(WITHHOLDING)}, Art. 15(4)."
    return None


def _decide(
    view: CaseView, action: Decide, _now: datetime, *, automatic: bool, corrections: int, **_: Any
) -> str | None:
    if action.by.is_subject:
        return _OWN_REQUEST
    if action.disputed and (view.kind is not Kind.CORRECT or action.choice is not Choice.PARTIAL):
        return "Not decided: --disputed belongs to a correction that is approved in part."
    if action.choice is not Choice.REFUSE:
        if automatic:
            return f"Nothing to decide: {view.kind} of these purposes is carried out as asked."
        if view.status is not Status.DECIDING:
            return f"Not decided: {view.number} is {view.status}. Before the decision: dsr tasks"
        if view.plan is not None and action.choice is Choice.PARTIAL:
            return (
                "Not decided: a deletion is approved as planned; what has to stay is kept by the "
                "manifests and by holds. Approve, or refuse."
            )
        if action.choice is Choice.PARTIAL and action.ground is None:
            return "Not decided: a partial no states its ground: --ground CODE, Art. 12(4)."
        if view.kind is Kind.CORRECT and action.choice is Choice.PARTIAL:
            return _partly_corrected(view, action, corrections)
        return _other_plan(view, action.digest)
    return _decide_refusal(view, action, automatic=automatic)


def _partly_corrected(view: CaseView, action: Decide, corrections: int) -> str | None:
    """Which values are disputed is said by their numbers; one at least is corrected."""
    disputed = set(action.disputed)
    if action.ground is not Ground.FACT_DISPUTED:
        return "Not decided: a correction is approved in part for fact_disputed only."
    if not disputed or not disputed < set(range(1, corrections + 1)):
        return (
            f"Not decided: name what is disputed of 1 to {corrections}, not all of it: "
            f"--disputed N. See: dsr found {view.number}"
        )
    return None


_OWN_REQUEST: Final = "Not decided: nobody decides on their own request. Somebody else has to."


def _other_plan(view: CaseView, digest: str | None) -> str | None:
    """An approval of a deletion names the plan that it approves."""
    if view.plan is None or digest == view.plan:
        return None
    return (
        f"Not decided: {view.number} has another plan by now, {view.plan}. Look at it: "
        f"dsr plan {view.number}"
    )


def _second_decision(
    view: CaseView, action: SecondDecision, _now: datetime, **_: Any
) -> str | None:
    """Deleting needs two different people: four eyes."""
    first = next((d for d in reversed(view.decisions) if d.what != Choice.REFUSE), None)
    if all(a.what != "second_decision" for a in view.awaiting) or first is None:
        return f"Not decided: {view.number} waits for no second decision. See: dsr tasks"
    if action.by.is_subject:
        return _OWN_REQUEST
    if action.by.person == first.person:
        return "Not decided: the second decision is another person's, also with another account."
    return None if action.choice is Choice.REFUSE else _other_plan(view, action.digest)


def _decide_refusal(view: CaseView, action: Decide, *, automatic: bool) -> str | None:
    allowed = GROUNDS_OF.get(view.kind, EARLY_GROUNDS)
    if action.ground is None:
        return f"Not decided: a refusal states its ground, Art. 12(4): --ground {'|'.join(allowed)}"
    if action.ground is Ground.RIGHTS_OF_OTHERS and view.kind is Kind.ACCESS:
        return (
            "Not decided: rights of others never refuse access as a whole, Art. 15(4). Withhold "
            f"items: dsr review {view.number} --withhold SYSTEM:ITEM:rights_of_others"
        )
    if action.ground not in allowed:
        return (
            f"Not decided: {view.kind} cannot be refused for {action.ground}: {', '.join(allowed)}."
        )
    if automatic and action.ground is not Ground.CANNOT_IDENTIFY:
        return "Not decided: this objection or consent is absolute, Art. 21(2)-(3) and Art. 7."
    if action.ground is Ground.FACT_DISPUTED and view.status is not Status.DECIDING:
        return (
            f"Not decided: {view.number} is {view.status}. What the systems hold is looked at "
            "before a fact is disputed: dsr tasks"
        )
    if action.ground is not Ground.FACT_DISPUTED and not action.by.may_be("dpo"):
        return f"Not decided: a refusal for {action.ground} is decided by the dpo."
    if action.ground is Ground.CANNOT_IDENTIFY and view.identity.state is IdentityState.SUFFICIENT:
        return "Not decided: the identity is recorded as sufficient."
    return None


def _take_back(
    view: CaseView, _action: TakeBack, _now: datetime, *, automatic: bool, **_: Any
) -> str | None:
    """What the database says of a letter that is being fetched at this moment comes on top."""
    gone = (SystemOutcome.ERASED, SystemOutcome.RETAINED)
    if view.kind is Kind.DELETE and any(s.outcome in gone for s in view.systems):
        return f"Not taken back: {view.number} has been carried out; what is erased stays erased."
    if view.kind is Kind.CORRECT and _is_corrected(view):
        return (
            f"Not taken back: {view.number} has been carried out; what is corrected stays "
            "corrected. Wrong after all: a new request, or dsr reopen once the reply has left."
        )
    if automatic and not view.decisions:
        return f"Nothing to take back: {view.kind} of these purposes was carried out as asked."
    if any(x.kind in REPLIES and x.state is LetterState.READY for x in view.letters):
        return None
    return (
        f"Not taken back: the reply of {view.number} has left. To answer again after a complaint: "
        f"dsr reopen {view.number}"
    )


def _is_corrected(view: CaseView) -> bool:
    """Whether an approved correction was applied anywhere, also only in part."""
    if not view.decisions or view.decisions[-1].what == Choice.REFUSE:
        return False
    done = (SystemOutcome.CORRECTED, SystemOutcome.BY_HAND)
    return any(
        s.outcome in done or (s.outcome is SystemOutcome.PENDING and s.records)
        for s in view.systems
    )


def _extend(view: CaseView, _action: Extend, now: datetime, **_: Any) -> str | None:
    clock = view.clock
    if clock.replied_at is not None:
        return f"Not extended: the reply of {view.number} has left."
    if clock.extension is not None and clock.extension.state is not ExtensionState.VOID:
        return f"Not extended: {view.number} has an extension already; there is one at most."
    if clock.extension is not None or now >= clock.notice_due_before_utc:
        return (
            f"Not extended: the notice had to leave by {clock.notice_due_date}, Art. 12(3). "
            f"{view.number} stays due on {clock.due_date}. See: dsr show {view.number}"
        )
    return None


def _complete_task(view: CaseView, action: CompleteTask, _now: datetime, **_: Any) -> str | None:
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


def _resolve_system(view: CaseView, action: ResolveSystem, _now: datetime, **_: Any) -> str | None:
    system = view.system(action.system)
    if system is None:
        return f"Not resolved: no such system. {_systems_of(view)}"
    if action.because is not None and action.how is not SystemResolution.LEAVE_OUT:
        return "Not resolved: --because belongs to leave-out."
    if system.outcome in ANSWERED:
        return f"Nothing to resolve: {system.name} has answered ({system.outcome})."
    return None


def _systems_of(view: CaseView) -> str:
    return f"{view.number} has: {', '.join(s.name for s in view.systems)}."


def _close_as(view: CaseView, action: CloseAs, _now: datetime, **_: Any) -> str | None:
    if action.ending == "merged" and (action.into is None or action.into == view.number):
        return "Not closed: name the case that it is merged into: --into NUMBER"
    if action.ending != "merged" and action.into is not None:
        return f"Not closed: --into belongs to merged, not to {action.ending}."
    if view.clock.replied_at is not None:
        return f"Not closed: the reply of {view.number} has left, so it was a request."
    return None


def _reassign(_view: CaseView, action: Reassign, _now: datetime, **_: Any) -> str | None:
    if not action.to.may_be("handler", "dpo"):
        return f"Not handed over: {action.to.account} is no handler."
    return None


_CHANGED: Final = (SystemOutcome.ERASED, SystemOutcome.CORRECTED, SystemOutcome.RETAINED)


def _reclassify(view: CaseView, action: Reclassify, _now: datetime, **_: Any) -> str | None:
    if action.to is view.kind:
        return f"Nothing to do: {view.number} is of the kind {view.kind} already."
    changing = view.kind in (Kind.DELETE, Kind.CORRECT)
    being_done = view.status in (Status.FULFILLING, Status.REPLYING)
    if changing and (being_done or any(s.outcome in _CHANGED for s in view.systems)):
        return (
            f"Not reclassified: {view.number} is being carried out or was; what is done stays "
            "done. The other request is a case of its own: dsr submit"
        )
    return None


def _correct_receipt(
    _view: CaseView, action: CorrectReceipt, now: datetime, **_: Any
) -> str | None:
    if action.received_at > now:
        return "Not corrected: the receipt would lie in the future."
    return None


def _withdraw(view: CaseView, _action: Withdraw, _now: datetime, **_: Any) -> str | None:
    if view.clock.replied_at is not None:
        return f"Not withdrawn: the reply of {view.number} has left."
    return None


_CHECKS: Final[dict[type[StaffAction], Callable[..., str | None]]] = {
    VerifyIdentity: _verify_identity,
    AskIdentity: _ask(PauseReason.IDENTITY),
    AskClarification: _ask(PauseReason.CLARIFICATION),
    RecordAnswer: _record_answer,
    SettleFee: _settle_fee,
    AnswerFee: _answer_fee,
    Review: _review,
    Decide: _decide,
    SecondDecision: _second_decision,
    TakeBack: _take_back,
    Extend: _extend,
    CompleteTask: _complete_task,
    ResolveSystem: _resolve_system,
    Withdraw: _withdraw,
    CloseAs: _close_as,
    Reassign: _reassign,
    Reclassify: _reclassify,
    CorrectReceipt: _correct_receipt,
}
