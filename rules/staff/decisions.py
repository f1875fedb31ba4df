"""Decisions, by whom and on which grounds (law.md 4); taken back before the reply has left.

Each check gives the sentence that refuses the action, None if it can be taken.
"""

from datetime import datetime
from typing import Any, Final

from schemas.case import (
    REPLIES,
    CaseView,
    Ground,
    IdentityState,
    LetterState,
    Status,
    SystemOutcome,
)
from schemas.messages import Choice, Decide, SecondDecision, TakeBack
from schemas.request import Kind

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

_OWN_REQUEST: Final = "Not decided: nobody decides on their own request. Somebody else has to."


def decide(
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


def _other_plan(view: CaseView, digest: str | None) -> str | None:
    """An approval of a deletion names the plan that it approves."""
    if view.plan is None or digest == view.plan:
        return None
    return (
        f"Not decided: {view.number} has another plan by now, {view.plan}. Look at it: "
        f"dsr plan {view.number}"
    )


def second_decision(view: CaseView, action: SecondDecision, _now: datetime, **_: Any) -> str | None:
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


def take_back(
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
