"""Actions on a case whose run has ended: of all of them only an opening again is taken."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from activities.runs import Runs
from rules.staff import refusal
from rules.status import begins_with, move
from schemas.case import CaseView
from schemas.errors import RefusedByRule
from schemas.events import Event
from schemas.messages import Reopen, StaffAction
from schemas.request import Kind
from storage.case_file import CaseFile


class Reopening:
    """Opens cases again. `now` gives business time."""

    def __init__(self, case_file: CaseFile, runs: Runs, now: Callable[[], datetime]) -> None:
        self._case_file = case_file
        self._runs = runs
        self._now = now

    async def is_done(self, case: UUID, action: Reopen) -> bool:
        """Whether this very opening was taken before."""
        return await self._case_file.is_done(case, _key(action))

    async def take(self, case: UUID, action: StaffAction) -> CaseView:
        """Open the case again. Raises `RefusedByRule`, for any other action with what to do."""
        view = await self._case_file.view(case)
        sentence = refusal(view, action, self._now(), automatic=False, has_submitter=False)
        if sentence:
            raise RefusedByRule(sentence)
        if view.parked and not isinstance(action, Reopen):
            raise RefusedByRule(
                f"Not done: {view.number} is answered and goes on by itself once what it keeps "
                f"may go. To answer it again after a complaint: dsr reopen {view.number}"
            )
        if not isinstance(action, Reopen):
            raise RefusedByRule(
                f"Not done: the run of {view.number} is missing. Mend it: dsr reconcile"
            )
        await self._reopen(case, action)
        return await self._case_file.view(case)

    async def _reopen(self, case: UUID, action: Reopen) -> None:
        """The case is answered again by a run of its own; dates stay as recorded."""
        key, by = _key(action), action.by.account
        try:
            async with self._case_file.step(case, key, self._now(), by) as step:
                if not step.repeated:
                    step.record(Event.REOPENED)
                    await step.seal(f"text:complaint:{action.id}", action.reason.encode())
                    to = begins_with(Kind(step.row["kind"]))
                    step.move(to, move(step.status, to))
                    await step.answer_again()
                    step.set(
                        run=step.row["run"] + 1, reopened=True, resumed=False, released=False,
                        closed_at=None, parked_at=None, resumes_on=None,
                    )  # fmt: skip
        except IntegrityError:
            raise RefusedByRule(
                "Not opened again: the same request of this person is open under another number. "
                "See: dsr list"
            ) from None
        await self._runs.start_case(case)


def _key(action: Reopen) -> str:
    """Of the step: one for each action, whichever run takes it."""
    return f"reopen:{action.id}"
