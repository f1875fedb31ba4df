"""Access (Art. 15): every declared system is searched, people review and decide, a package goes."""

from temporalio import workflow

from workflows.lifecycle import Lifecycle

with workflow.unsafe.imports_passed_through():
    from schemas.case import DecisionView, Outcome, Status, SystemOutcome
    from schemas.events import Event, fact
    from schemas.messages import Choice
    from schemas.steps import ACCESS_REQUEST, CaseRef, OpenTask
    from schemas.systems import Reach

REVIEW = OpenTask(what="review", role="handler")


@workflow.defn(name=ACCESS_REQUEST)
class AccessRequest(Lifecycle):
    """What is held on the person, faithful and intelligible, others' data redacted."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        """From receipt to close."""
        return await self.under_the_clock()

    async def procedure(self) -> None:
        """Art. 12 and 15, in the order of the law."""
        await self.admit()
        await self.search_every_system()
        await self.review_findings()
        await self.answer()

    async def go_on(self) -> None:
        """A search that was over is not begun again; who still owes an answer is asked on."""
        if self.view.status not in (Status.REVIEWING, Status.DECIDING):
            return await self.procedure()
        self.ask_those_who_owe()
        if self.view.status is Status.REVIEWING:
            await self.review_findings()
        return await self.answer(supplement=self.supplementing)

    async def search_every_system(self) -> None:
        """Until every system has answered, at most until the internal target."""
        await self.stand(Status.SEARCHING)
        self.systems.ask(self.opened.plan, None if self.opened.unattended else REVIEW)
        earliest = workflow.now() + self.opened.pacing.retry_most  # a target may have passed
        await self.wait_at(
            Status.SEARCHING,
            self.systems.answered,
            "search",
            before=lambda: max(self.view.clock.target_at, earliest),
            then=Status.REVIEWING,
        )
        if not self.systems.answered():
            owing = sum(1 for s in self.view.systems if s.outcome is SystemOutcome.PENDING)
            await self.record(fact(Event.SEARCH_CLOSED, unanswered=owing))

    async def review_findings(self) -> None:
        """A handler looks at what was found and withholds with a reason code (Art. 15(4))."""
        self.reviewed = False
        if not self.found() or self._goes_unattended():
            return
        await self.stand(Status.REVIEWING, opens=(REVIEW,))
        await self.wait_at(Status.REVIEWING, lambda: self.reviewed, "review", then=Status.DECIDING)

    def _goes_unattended(self) -> bool:
        """The policy lets a request go on whose findings give nothing to withhold.

        That is: no system gave a reason to look (others' data), and no person answered by file.
        """
        by_connector = {p.name for p in self.opened.plan if p.reach is Reach.SQL}
        return self.opened.unattended and all(
            s.outcome is SystemOutcome.NOTHING_HELD
            or (s.outcome is SystemOutcome.FOUND and s.reason is None and s.name in by_connector)
            for s in self.view.systems
        )

    async def decide_or_wait(self) -> None:
        """The approver decides, unless the policy lets this request go on unattended."""
        if self.chosen is None and not self.taken_back and self._goes_unattended():
            self.chosen = Choice.APPROVE
            decided = DecisionView(what="approve", by="policy", at=workflow.now())
            await self.stand(Status.DECIDING, decision=decided)
            return
        await super().decide_or_wait()

    def owed(self) -> bool:
        """Also what came after the reply was written; a refusal owes nothing more."""
        return self.chosen is not Choice.REFUSE and (self.unsaid or super().owed())

    async def supplement(self, *, more: bool) -> None:
        """The late answer is sent after the reply: reviewed and decided if it brought findings."""
        if more:
            self.chosen = None
            await self.review_findings()
        await self.answer(supplement=True)
