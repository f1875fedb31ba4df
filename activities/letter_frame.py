"""What every letter says of who writes to whom, and about which request."""

from datetime import datetime
from typing import Any

from activities.letter_content import Party
from schemas.policy import Policy
from schemas.request import Kind, RequestForm
from storage.case_step import CaseStep


def frame(policy: Policy, at: datetime, form: RequestForm) -> dict[str, Any]:
    """Controller and addressee."""
    subject = Party(name=form.subject.name, address=form.subject.address)
    return {
        "controller": policy.controller,
        "zone": policy.calendar.zone,
        "written_at": at,
        "subject": subject,
        "submitter": Party(name=form.submitter.name) if form.submitter else None,
    }


def about_case(step: CaseStep) -> dict[str, Any]:
    """The request that a letter is about."""
    return {
        "number": step.row["number"],
        "request": Kind(step.row["kind"]),
        "received_at": step.row["received_at"],
    }
