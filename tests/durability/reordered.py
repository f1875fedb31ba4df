"""Procedures with two steps in the other order: what a careless change of the code would be."""

from temporalio import workflow

from workflows.access import AccessRequest
from workflows.consent import ConsentRequest
from workflows.correct import CorrectRequest
from workflows.delete import DeleteRequest
from workflows.objection import ObjectionRequest

with workflow.unsafe.imports_passed_through():
    from schemas.case import Outcome, Status
    from schemas.steps import (
        ACCESS_REQUEST,
        CONSENT_REQUEST,
        CORRECT_REQUEST,
        DELETE_REQUEST,
        OBJECTION_REQUEST,
        CaseRef,
    )


@workflow.defn(name=ACCESS_REQUEST)
class SearchedBeforeAdmitted(AccessRequest):
    """The search comes before it is settled who asks."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def procedure(self) -> None:
        await self.search_every_system()
        await self.admit()
        await self.review_findings()
        await self.answer()


@workflow.defn(name=ACCESS_REQUEST)
class RepliedBeforeDecided(AccessRequest):
    """The reply is compiled before anybody has decided."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def answer(self, *, supplement: bool = False) -> None:
        await self.reply(supplement=supplement)
        await self.decide_or_wait()


@workflow.defn(name=ACCESS_REQUEST)
class ClosedWithoutFollowUp(AccessRequest):
    """The case is closed although a recipient still owes an answer."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def follow_up(self) -> None:
        return


@workflow.defn(name=OBJECTION_REQUEST)
class AdmittedBeforeStopped(ObjectionRequest):
    """Marketing goes on until it is settled who asks."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def procedure(self) -> None:
        await self.admit()
        self.systems.start(self.opened.plan)
        await self.stand(Status.FULFILLING)
        await self.until(self.systems.asked, summary="every system asked")
        await self.answer()


@workflow.defn(name=CONSENT_REQUEST)
class RepliedBeforeRecorded(ConsentRequest):
    """The reply is compiled before any system was told."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def procedure(self) -> None:
        await self.admit()
        await self.stand(Status.FULFILLING)
        await self.reply()
        self.systems.start(self.opened.plan)


@workflow.defn(name=DELETE_REQUEST)
class ErasedBeforeTheSecondDecision(DeleteRequest):
    """One person's approval is enough to erase; the other is asked when all is gone."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def procedure(self) -> None:
        await self.admit()
        await self.plan_the_erasure()
        await self.decide_or_wait()
        await self.erase_what_was_approved()
        await self.two_people_decide()
        await self.reply()


@workflow.defn(name=DELETE_REQUEST)
class ApprovedBeforePlanned(DeleteRequest):
    """Two people approve before they can know what would go."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def procedure(self) -> None:
        await self.admit()
        await self.two_people_decide()
        await self.plan_the_erasure()
        await self.erase_what_was_approved()
        await self.reply()


@workflow.defn(name=CORRECT_REQUEST)
class CorrectedBeforeDecided(CorrectRequest):
    """Values are changed before a handler has decided."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def procedure(self) -> None:
        await self.admit()
        await self.restrict_while_contested()
        await self.carry_out()
        await self.decide_or_wait()
        await self.end_restriction()
        await self.reply()


@workflow.defn(name=CORRECT_REQUEST)
class DecidedBeforeRestricted(CorrectRequest):
    """The contested fact is used until somebody has decided."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        return await self.under_the_clock()

    async def procedure(self) -> None:
        await self.admit()
        await self.decide_or_wait()
        await self.restrict_while_contested()
        await self.carry_out()
        await self.end_restriction()
        await self.reply()
