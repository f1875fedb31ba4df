"""Deletion (Art. 17): planned, approved by two people, erased system by system, each read again."""

from temporalio import workflow

from workflows.lifecycle import Lifecycle
from workflows.staff.acting import called_off

with workflow.unsafe.imports_passed_through():
    from schemas.case import ANSWERED, Outcome, Status, SystemOutcome
    from schemas.events import Event, fact
    from schemas.messages import Choice
    from schemas.retention import Origin
    from schemas.steps import (
        AWAIT_ACCESS,
        CONCLUDE,
        DELETE_REQUEST,
        OPEN_ACCESS,
        PARK,
        CaseRef,
        CompileReply,
        OpenTask,
        StepInput,
        SystemChange,
    )
    from schemas.systems import Duty, Reach, SystemPlan

ACCESS_FIRST = OpenTask(what="access_first", role="handler")


@workflow.defn(name=DELETE_REQUEST)
class DeleteRequest(Lifecycle):
    """What the law lets go is erased, the rest is kept with reason and date."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)
        self._went = True  # something, as far as we know
        if ref.released:  # two people approved what was kept, too, with its date
            self.chosen = self.seconded = Choice.APPROVE

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        """From receipt to close."""
        return await self.under_the_clock()

    async def procedure(self) -> None:
        """Art. 12 and 17, in the order of the law; what was kept goes later, by itself."""
        if not self._is_released():
            await self.admit()
            await self.plan_the_erasure()
            await self.two_people_decide()
        await self.carry_out()

    async def carry_out(self) -> None:
        """Every system erases what two people approved, and the person is told."""
        if not self._is_released():
            await self.let_access_go_first()
        while self.chosen is not Choice.REFUSE and not await self.erase_what_was_approved():
            await self.two_people_decide()
        if self._went or not self._looks_again():
            await self.reply(supplement=self._is_released())

    def _is_released(self) -> bool:
        return self.ref.released and not self.answering_again

    def _looks_again(self) -> bool:
        """The person knows that it is kept as long as the law obliges us, and reviewed."""
        return self._is_released() and self.ref.reviews and not self.ref.resumed

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

    async def let_access_go_first(self) -> None:
        """What the person asked to see is compiled before it is erased.

        A person can decide otherwise: by completing the task.
        """
        if self.chosen is Choice.REFUSE:
            return
        asked = StepInput(case=self.ref.case, at=workflow.now())
        waits_for = await self.step(OPEN_ACCESS, asked)
        if not waits_for.numbers:
            return
        await self.record(
            fact(Event.ERASURE_WAITS, numbers=", ".join(waits_for.numbers)), opens=(ACCESS_FIRST,)
        )
        compiled = workflow.start_activity(
            AWAIT_ACCESS.name,
            asked,
            result_type=AWAIT_ACCESS.gives,
            activity_id=f"{AWAIT_ACCESS.name}:{self.next_step()}",
            start_to_close_timeout=self.opened.pacing.step_timeout,
        )
        try:
            await self.until(
                lambda: compiled.done() or not self._access_goes_first(), summary="open access"
            )
        finally:
            compiled.cancel()
        await self.record(closes=(ACCESS_FIRST.what,))

    def _access_goes_first(self) -> bool:
        return any(awaited.what == ACCESS_FIRST.what for awaited in self.view.awaiting)

    async def erase_what_was_approved(self) -> bool:
        """Every system erases and is read again; recipients are told (Art. 19).

        False if more would have gone somewhere than was approved: then both decisions are void.
        """
        due = tuple(plan for plan in self.opened.plan if self._is_due(plan))
        asked = tuple(SystemChange(name=p.name, outcome=SystemOutcome.PENDING) for p in due)
        await self.record(move=Status.FULFILLING, systems=asked)
        self.systems.start(due, resumes=self._is_released())
        await self.until(self.systems.asked, summary="every system has erased or been told")
        if not self._has_changed():
            self._went = any(self._has_gone(plan.name) for plan in due)
            return True
        await self._decisions_are_void()
        return False

    def _has_gone(self, name: str) -> bool:
        """Or somebody has been told: only what is kept whole is as it was."""
        system = self.view.system(name)
        return system is None or system.outcome is not SystemOutcome.RETAINED or system.records > 0

    def _has_changed(self) -> bool:
        """Whether a system that was to erase found more than its plan said."""
        return any(system.outcome is SystemOutcome.FOUND for system in self.view.systems)

    async def _decisions_are_void(self) -> None:
        self.chosen = self.seconded = None
        told = self.told_to_destroy()
        await self.record(
            take_back=True, systems=called_off(told), closes=tuple(task.task for task in told)
        )

    def _is_due(self, plan: SystemPlan) -> bool:
        """Planned, or reached by people who have not been told yet; later, what was kept."""
        system = self.view.system(plan.name)
        if system is None or system.outcome in (SystemOutcome.LEFT_OUT, SystemOutcome.BY_HAND):
            return False
        if self._is_released():
            return system.outcome in (SystemOutcome.RETAINED, SystemOutcome.FOUND)
        done = (SystemOutcome.ERASED, SystemOutcome.RETAINED, SystemOutcome.NOTIFIED)
        return system.outcome not in done

    def owed(self) -> bool:
        """Also what came after the reply was written; a refusal owes nothing more."""
        return self.chosen is not Choice.REFUSE and (self.unsaid or super().owed())

    async def supplement(self, *, more: bool) -> None:  # noqa: ARG002
        """Once everybody has answered, the person is told of it."""
        if self.systems.answered():
            await self.reply(supplement=True)

    async def reply(self, *, supplement: bool = False) -> None:
        """Of a relation that ended by itself nobody asked, so nobody is answered."""
        if self.ref.origin is Origin.REQUEST:
            return await super().reply(supplement=supplement)
        refused = self.chosen is Choice.REFUSE
        await self.step(
            CONCLUDE, CompileReply(case=self.ref.case, at=workflow.now(), refused=refused)
        )
        return None

    def closes_with_the_reply(self) -> bool:
        """Not while something is kept that may go one day."""
        return super().closes_with_the_reply() and not self._keeps()

    async def close(self) -> None:
        """Or wait without a run: what is kept goes by itself once its time has come."""
        if not self._keeps():
            return await super().close()
        self.systems.stop()
        await self.step(PARK, StepInput(case=self.ref.case, at=workflow.now()))
        return None

    def _keeps(self) -> bool:
        kept = (s.outcome is SystemOutcome.RETAINED for s in self.view.systems)
        return self.chosen is not Choice.REFUSE and any(kept)
