"""The time limit is extended, or its beginning corrected (Art. 12(3)).

Each check gives the sentence that refuses the action, None if it can be taken.
"""

from datetime import datetime
from typing import Any

from schemas.case import CaseView, ExtensionState
from schemas.messages import CorrectReceipt, Extend


def extend(view: CaseView, _action: Extend, now: datetime, **_: Any) -> str | None:
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


def correct_receipt(_view: CaseView, action: CorrectReceipt, now: datetime, **_: Any) -> str | None:
    if action.received_at > now:
        return "Not corrected: the receipt would lie in the future."
    return None
