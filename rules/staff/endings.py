"""Endings without an answer on the merits, and a request of another kind.

Each check gives the sentence that refuses the action, None if it can be taken.
"""

from datetime import datetime
from typing import Any, Final

from schemas.case import CaseView, Status, SystemOutcome
from schemas.messages import CloseAs, Reclassify, Withdraw
from schemas.request import Kind

_CHANGED: Final = (SystemOutcome.ERASED, SystemOutcome.CORRECTED, SystemOutcome.RETAINED)


def close_as(view: CaseView, action: CloseAs, _now: datetime, **_: Any) -> str | None:
    if action.ending == "merged" and (action.into is None or action.into == view.number):
        return "Not closed: name the case that it is merged into: --into NUMBER"
    if action.ending != "merged" and action.into is not None:
        return f"Not closed: --into belongs to merged, not to {action.ending}."
    if view.clock.replied_at is not None:
        return f"Not closed: the reply of {view.number} has left, so it was a request."
    return None


def reclassify(view: CaseView, action: Reclassify, _now: datetime, **_: Any) -> str | None:
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


def withdraw(view: CaseView, _action: Withdraw, _now: datetime, **_: Any) -> str | None:
    if view.clock.replied_at is not None:
        return f"Not withdrawn: the reply of {view.number} has left."
    return None
