"""The next version of this program, as a developer writes it: see docs/deploying.md.

Before every reply a note is filed: a step more in procedures that are under way (a patch), and a
field more of an activity's argument (with a default).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from temporalio import activity, workflow

from workflows.access import AccessRequest
from workflows.consent import ConsentRequest
from workflows.correct import CorrectRequest
from workflows.delete import DeleteRequest
from workflows.lifecycle import Lifecycle
from workflows.objection import ObjectionRequest
from workflows.sweeps import HourlySweep

with workflow.unsafe.imports_passed_through():
    from activities.case_file import CaseFileActivities
    from activities.desk import Desk
    from schemas.case import Outcome
    from schemas.events import Event, fact
    from schemas.steps import (
        ACCESS_REQUEST,
        CONSENT_REQUEST,
        CORRECT_REQUEST,
        DELETE_REQUEST,
        OBJECTION_REQUEST,
        RECORD,
        CaseRef,
        Change,
        Recorded,
    )

PATCH: Final = "2027-01-note-before-reply"


class NextChange(Change):
    """A field more; a worker that does not know it ignores it, one that is not told it has it."""

    note: bool = False


class FilesNote(Lifecycle):
    """What every procedure shares, in the next version."""

    async def reply(self, *, supplement: bool = False) -> None:
        """As ever, and before it the note."""
        if workflow.patched(PATCH):
            await self.step(RECORD, NextChange(case=self.ref.case, at=workflow.now(), note=True))
        await super().reply(supplement=supplement)


class NextActivities(CaseFileActivities):
    """The activity that knows the field."""

    @activity.defn(name=RECORD.name)
    async def record(self, change: NextChange) -> Recorded:
        """Record facts, and the note if one is to be filed."""
        noted = (fact(Event.NOTED),) if change.note else ()
        return await super().record(change.model_copy(update={"facts": (*change.facts, *noted)}))


def next_activities(
    today: Sequence[Callable[..., Any]], desk: Desk
) -> Sequence[Callable[..., Any]]:
    """Today's, with the one that was changed in the place of its elder."""
    kept = [one for one in today if _name_of(one) != RECORD.name]
    return (*kept, NextActivities(desk).record)


def _name_of(one: Callable[..., Any]) -> str | None:
    defined: Any = vars(getattr(one, "__func__", one))["__temporal_activity_definition"]
    name: str | None = defined.name
    return name


@workflow.defn(name=ACCESS_REQUEST)
class NextAccess(FilesNote, AccessRequest):
    """Access in the next version."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        return await self.under_the_clock()


@workflow.defn(name=OBJECTION_REQUEST)
class NextObjection(FilesNote, ObjectionRequest):
    """Objection in the next version."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        return await self.under_the_clock()


@workflow.defn(name=CONSENT_REQUEST)
class NextConsent(FilesNote, ConsentRequest):
    """Consent in the next version."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        return await self.under_the_clock()


@workflow.defn(name=DELETE_REQUEST)
class NextDelete(FilesNote, DeleteRequest):
    """Deletion in the next version."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        return await self.under_the_clock()


@workflow.defn(name=CORRECT_REQUEST)
class NextCorrect(FilesNote, CorrectRequest):
    """Correction in the next version."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        return await self.under_the_clock()


@workflow.defn(name=CONSENT_REQUEST)
class Careless(NextConsent):
    """The same change of a procedure, without the patch."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        return await self.under_the_clock()

    async def reply(self, *, supplement: bool = False) -> None:
        await self.step(RECORD, NextChange(case=self.ref.case, at=workflow.now(), note=True))
        await Lifecycle.reply(self, supplement=supplement)


NEXT_WORKFLOWS: Final = (
    NextAccess, NextObjection, NextConsent, NextDelete, NextCorrect, HourlySweep,
)  # fmt: skip
CARELESS_WORKFLOWS: Final = (*(w for w in NEXT_WORKFLOWS if w is not NextConsent), Careless)
