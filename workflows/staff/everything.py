"""Every message of staff and programs, with its check before acceptance."""

from typing import Any

from temporalio import workflow

from workflows.staff.acting import Acting
from workflows.staff.decisions import Decisions
from workflows.staff.endings import Endings
from workflows.staff.fees import Fees
from workflows.staff.limits import Limits
from workflows.staff.questions import Questions
from workflows.staff.tasks import Tasks

with workflow.unsafe.imports_passed_through():
    from schemas import messages as m


class StaffActions(Questions, Fees, Decisions, Limits, Tasks, Endings):
    """Updates, signals and queries that every kind has."""


def _check_before_acceptance(update: Any) -> None:
    """Give an update the common validator, with its own argument type as the SDK wants it."""

    def validate(self: Acting, action: m.StaffAction) -> None:
        self._validate(action)

    validate.__annotations__ = {"action": update.__annotations__["action"]}
    update.validator(validate)


for _action in m.ACTIONS:
    _check_before_acceptance(getattr(StaffActions, _action.name))
