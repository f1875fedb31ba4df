"""The form of a request that turns out to be of another kind, checked as at intake and sealed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from activities.desk import person_of
from activities.reclassification import NewForm
from schemas.errors import BadInput
from schemas.policy import Policy
from schemas.request import Kind, RequestForm
from starter.intake import Intake
from starter.submission import Submission
from storage.case_file import CaseFile

PARTS: Final = ("scope", "purposes", "consent", "corrections", "message")
"""What a form of another kind can say anew; who asked, when and how stays as it was received."""


class Reclassifying:
    """Makes the new form out of the old one."""

    def __init__(self, case_file: CaseFile, intake: Intake, policy: Policy) -> None:
        self._case_file = case_file
        self._intake = intake
        self._policy = policy

    async def seal(
        self, case: UUID, action: UUID, to: Kind, parts: Mapping[str, Any], by: str, at: datetime
    ) -> None:
        """On trial, under the action's id: the case takes it with the action. Raises `BadInput`."""
        if unknown := sorted(set(parts) - set(PARTS)):
            raise BadInput(
                f"Not reclassified: the file has {len(unknown)} key(s) that cannot be changed. "
                f"It may give: {', '.join(PARTS)}."
            )
        form = await self._form(case, to, parts)
        came = Submission(
            form, person_of(form.subject, self._policy), self._policy, self._case_file.keyring
        )
        new = NewForm(form=form, content=came.content.hex())
        async with self._case_file.step(case, f"upload:{action}", at, by) as step:
            if not step.repeated:
                await step.seal(f"reclassified:{action}", new.model_dump_json().encode())

    async def _form(self, case: UUID, to: Kind, parts: Mapping[str, Any]) -> RequestForm:
        content = await self._case_file.unseal(case, "form")
        if content is None:
            raise BadInput("Not reclassified: the case holds no form any more.")
        old = RequestForm.model_validate_json(content)
        left_out = {"kind", "purposes", "consent", "corrections"}
        kept = old.model_dump(mode="json", exclude=left_out, exclude_none=True)
        form = self._intake.parse(kept | {"kind": to} | dict(parts))
        self._intake.check_content(form)
        return form
