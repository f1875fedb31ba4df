"""Deletion (Art. 17): planned, approved by two people, erased system by system, each read again."""

from temporalio import workflow

from workflows.lifecycle import Lifecycle

with workflow.unsafe.imports_passed_through():
    from schemas.case import ANSWERED, Outcome, Status, SystemOutcome
    from schemas.messages import Choice
    from schemas.steps import DELETE_REQUEST, CaseRef, OpenTask, SystemChange
    from schemas.systems import Duty, Reach, SystemPlan


@workflow.defn(name=DELETE_REQUEST)
class DeleteRequest(Lifecycle):
    """What the law lets go is erased, the rest is kept with reason and date."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome:
        """From receipt to close."""
        return await self.under_the_clock()

    async def procedure(self) -> None:
        """Art. 12 and 17, in the order of the law."""
        await self.admit()
        await self.plan_the_erasure()
        await self.two_people_decide()
        await self.carry_out()

    async def carry_out(self) -> None:
        """Every system erases what two people approved, and the person is told."""
        while self.chosen is not Choice.REFUSE and not await self.erase_what_was_approved():
            await self.two_people_decide()
        await self.reply()

    async def go_on(self) -> None:
        """A plan that stands is not made again, and what two people approved of it stands.

        Unless more would have gone somewhere than they approved, and nobody had said so yet.
        """
        if self.view.status not in (Status.DECIDING, Status.FULFILLING):
            return await self.procedure()
        if self.view.status is Status.FULFILLING and self._has_changed():
            await self._decisions_are_void()
        if self.view.status is Status.DECIDING or self.seconded is None:
            await self.two_people_decide()
        return await self.carry_out()

    async def plan_the_erasure(self) -> None:
        """A dry run of every database: what would go, what stays and why. Nobody is told yet."""
        await self.stand(Status.SEARCHING)
        self.systems.start(
            tuple(
                plan.model_copy(update={"duty": Duty.PLAN_ERASURE})
                for plan in self._by_connector()
                if not self._has_a_plan(plan)
            )
        )
        await self.wait_at(Status.SEARCHING, self._is_planned, "dry run")

    def _by_connector(self) -> tuple[SystemPlan, ...]:
        return tuple(plan for plan in self.opened.plan if plan.reach is Reach.SQL)

    def _is_planned(self) -> bool:
        return all(self._has_a_plan(plan) for plan in self._by_connector())

    def _has_a_plan(self, plan: SystemPlan) -> bool:
        """Or a person has taken the system over."""
        system = self.view.system(plan.name)
        return system is not None and (system.plan is not None or system.outcome in ANSWERED)

    async def two_people_decide(self) -> None:
        """Four eyes: two different people approve the same plan; one can refuse it."""
        await self.decide_or_wait()
        while self.chosen is not Choice.REFUSE and self.seconded is not Choice.APPROVE:
            self.seconded = None
            await self.stand(
                Status.DECIDING, opens=(OpenTask(what="second_decision", role="approver"),)
            )
            await self.until(lambda: self.seconded is not None, summary="second decision")
            if self.seconded is Choice.REFUSE:
                self.chosen = None
                await self.decide_or_wait()

    async def erase_what_was_approved(self) -> bool:
        """Every system erases and is read again; recipients are told (Art. 19).

        False if more would have gone somewhere than was approved: then both decisions are void.
        """
        due = tuple(plan for plan in self.opened.plan if self._is_due(plan))
        asked = tuple(SystemChange(name=p.name, outcome=SystemOutcome.PENDING) for p in due)
        await self.record(move=Status.FULFILLING, systems=asked)
        self.systems.start(due)
        await self.until(self.systems.asked, summary="every system has erased or been told")
        if not self._has_changed():
            return True
        await self._decisions_are_void()
        return False

    def _has_changed(self) -> bool:
        """Whether a system that was to erase found more than its plan said."""
        return any(system.outcome is SystemOutcome.FOUND for system in self.view.systems)

    async def _decisions_are_void(self) -> None:
        self.chosen = self.seconded = None
        await self.record(take_back=True)

    def _is_due(self, plan: SystemPlan) -> bool:
        """Planned, or reached by people who have not been told yet."""
        system = self.view.system(plan.name)
        if system is None or system.outcome is SystemOutcome.LEFT_OUT:
            return False
        done = (SystemOutcome.ERASED, SystemOutcome.RETAINED, SystemOutcome.NOTIFIED)
        return system.outcome not in (*done, SystemOutcome.BY_HAND)

    def owed(self) -> bool:
        """Also what came after the reply was written; a refusal owes nothing more."""
        return self.chosen is not Choice.REFUSE and (self.unsaid or super().owed())

    async def supplement(self, *, more: bool) -> None:  # noqa: ARG002
        """Once everybody has answered, the person is told of it."""
        if self.systems.answered():
            await self.reply(supplement=True)
