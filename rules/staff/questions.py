"""Questions to the subject, and who they are (Art. 12(6), recital 63).

Each check gives the sentence that refuses the action, None if it can be taken.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from schemas.case import CaseView, IdentityState, PauseReason
from schemas.messages import RecordAnswer, StaffAction, VerifyIdentity


def open_questions(view: CaseView) -> tuple[PauseReason, ...]:
    """What the subject has been asked and has not answered."""
    return tuple(p.reason for p in view.clock.pauses if p.answered_at is None)


def verify_identity(
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


def ask(reason: PauseReason) -> Callable[..., str | None]:
    def check(view: CaseView, _action: StaffAction, _now: datetime, **_: Any) -> str | None:
        if reason in open_questions(view):
            return (
                f"Not asked: a question of {reason} is open since before. When it is answered: "
                f"dsr record-answer {view.number}"
            )
        return None

    return check


def record_answer(view: CaseView, action: RecordAnswer, now: datetime, **_: Any) -> str | None:
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
