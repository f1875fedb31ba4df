"""Consent (Art. 7): given or withdrawn, with text version and means; propagated at once."""

from temporalio import workflow

from workflows.lifecycle import Lifecycle

with workflow.unsafe.imports_passed_through():
    from schemas.case import Outcome, Status
    from schemas.messages import Choice
    from schemas.steps import CONSENT_REQUEST, CaseRef


@workflow.defn(name=CONSENT_REQUEST)
class ConsentRequest(Lifecycle):
    """To withdraw is as easy as to give (Art. 7(3))."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        """From receipt to close."""
        return await self.under_the_clock()

    async def procedure(self) -> None:
        """Propagated first; who asks is settled after it."""
        self.systems.ask(self.opened.plan)
        await self.admit()
        await self.stand(Status.FULFILLING)
        await self.until(self.systems.asked, summary="every system told")
        self.chosen = Choice.APPROVE
        await self.reply()
