"""What staff look at in a case file. Personal data: every look is audited."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from connectors.contract import Corrected, ErasurePlan, Found
from schemas.base import Model
from schemas.events import Event
from schemas.request import Attachment, RequestForm
from starter.asked import CorrectionsAsked
from starter.handed_in import HandedIn
from storage.case_file import CaseFile

M = TypeVar("M", bound=Model)


class Looks:
    """Opens what is sealed, for the account `by`, who is named in the record of the case."""

    def __init__(
        self, case_file: CaseFile, handed_in: HandedIn, now: Callable[[], datetime]
    ) -> None:
        self._case_file = case_file
        self._handed_in = handed_in
        self._now = now

    async def found(self, case: UUID, by: str) -> dict[str, Found]:
        """What was found, per system, with the files by which people answered."""
        await self._record(case, "found", by)
        found = await self._per_system(case, "found:", Found)
        for system, file in await self._handed_in.of_case(case):
            known = found.get(system, Found())
            found[system] = known.model_copy(update={"files": (*known.files, file.name)})
        return found

    async def corrections(self, case: UUID, by: str) -> CorrectionsAsked:
        """What a correction asks for, and what came of it."""
        await self._record(case, "corrections", by)
        form = RequestForm.model_validate_json(await self._case_file.unseal(case, "form") or b"{}")
        done = await self._per_system(case, "corrected:", Corrected)
        return CorrectionsAsked(asked=form.corrections, message=form.message, done=done)

    async def plan(self, case: UUID, by: str) -> dict[str, ErasurePlan]:
        """What a deletion would erase and keep, per system."""
        await self._record(case, "plan", by)
        return await self._per_system(case, "plan:", ErasurePlan)

    async def files(self, case: UUID, by: str) -> list[tuple[str, Attachment]]:
        """Files with which people answered, each with its system."""
        await self._record(case, "files", by)
        return await self._handed_in.of_case(case)

    async def _record(self, case: UUID, part: str, by: str) -> None:
        async with self._case_file.step(case, f"look:{uuid4()}", self._now(), by) as step:
            step.record(Event.LOOKED, part=part)

    async def _per_system(self, case: UUID, prefix: str, model: type[M]) -> dict[str, M]:
        parts = await self._case_file.sealed_parts(case, prefix)
        return {name: model.model_validate_json(content) for name, content in parts.items()}
