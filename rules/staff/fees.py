"""The fee question and its answer (Art. 12(5)).

Each check gives the sentence that refuses the action, None if it can be taken.
"""

from datetime import datetime
from typing import Any

from schemas.case import CaseView, FeeState
from schemas.messages import AnswerFee, FeeChoice, SettleFee


def settle_fee(view: CaseView, action: SettleFee, _now: datetime, **_: Any) -> str | None:
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


def answer_fee(view: CaseView, _action: AnswerFee, _now: datetime, **_: Any) -> str | None:
    if view.fee.state is not FeeState.TOLD:
        return f"Not recorded: no amount has been told in {view.number}."
    return None
