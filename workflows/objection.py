"""Objection (Art. 21): marketing and surveys stop at once; other purposes a person weighs."""

from typing import Final

from temporalio import workflow

from workflows.lifecycle import Lifecycle

with workflow.unsafe.imports_passed_through():
    from schemas.case import Outcome, Status, SystemOutcome
    from schemas.messages import Choice
    from schemas.steps import OBJECTION_REQUEST, CaseRef
    from schemas.systems import Duty

LIFT_BY_HAND: Final = f"{Duty.LIFT_RESTRICTION}_by_hand"


@workflow.defn(name=OBJECTION_REQUEST)
class ObjectionRequest(Lifecycle):
    """Processing for a purpose stops; for marketing and surveys without any condition."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)
        self.lifted = False
        self.ends = False  # and the case does, once that is done everywhere

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        """From receipt to close."""
        return await self.under_the_clock()

    async def procedure(self) -> None:
        """The immediate duty first; who asks is settled after it (Art. 21(3), Art. 18(1)(d))."""
        await self.restrict_again()
        self.systems.ask(self.opened.plan)
        await self.admit()
        await self.stand(Status.FULFILLING)
        await self.until(self.systems.asked, summary="every system asked")
        if self.opened.absolute:
            self.chosen = Choice.APPROVE
            return await self.reply()
        return await self.answer()

    async def go_on(self) -> None:
        """What was stopped or restricted stays so; the weighing goes on."""
        if self.view.status is not Status.DECIDING:
            return await self.procedure()
        self.ask_those_who_owe()
        return await self.answer()

    def recall(self) -> None:
        """What is restricted for this case stays so until its person is told of the refusal."""
        super().recall()
        if not self.tells_before_lifting():  # cases that came here before
            refused = self.chosen is Choice.REFUSE and self.view.status is Status.REPLYING
            self.lifted = refused and not self.opened.absolute

    def tells_before_lifting(self) -> bool:
        """Art. 18(3)."""
        return not self.opened.absolute and workflow.patched("refusal-told-before-lifted")

    def decider(self) -> str:
        """A balancing of interests is decided by the DPO (law.md 4)."""
        return "dpo"

    async def decide_or_wait(self) -> None:
        """Balanced by a person; processing stays restricted only if the objection is upheld."""
        await self.restrict_again()
        await super().decide_or_wait()
        if self._is_to_lift() and not self.tells_before_lifting():
            await self.lift_restrictions()

    def _is_to_lift(self) -> bool:
        """Our grounds override (Art. 21(1)), and what was restricted meanwhile still is."""
        return self.chosen is Choice.REFUSE and not self.opened.absolute and not self.lifted

    async def restrict_again(self) -> None:
        """A refusal that is taken back: the objection is weighed anew, restricted meanwhile."""
        if self.lifted:
            self.lifted = False
            self.systems.start(self.opened.plan)
            await self.until(self.systems.asked, summary="restricted again")

    async def lift_restrictions(self) -> None:
        """Wherever a run before this one has not ended it."""
        plans = tuple(
            plan.model_copy(update={"duty": Duty.LIFT_RESTRICTION})
            for plan in self.opened.plan
            if not self._is_lifted(plan.name)
        )
        self.lifted = True
        self.systems.start(plans)
        await self.quietly_until(self.systems.asked, summary="restrictions lifted")

    def _is_lifted(self, name: str) -> bool:
        system = self.view.system(name)
        retained = system is not None and system.outcome is SystemOutcome.RETAINED
        return retained or any(
            awaited.what == LIFT_BY_HAND and awaited.system == name
            for awaited in self.view.awaiting
        )

    def owed(self) -> bool:
        """Also the end of the restriction, once the person has been told (Art. 18(3))."""
        return self._is_to_lift() or super().owed()

    def answered(self) -> bool:
        """Nobody's answer is waited for before it ends."""
        return self._is_to_lift() or super().answered()

    async def supplement(self, *, more: bool) -> None:  # noqa: ARG002
        """The refusal has left: the restriction ends."""
        if self._is_to_lift():
            await self.lift_restrictions()

    async def undo(self) -> None:
        """It ends without a balance: nothing is restricted for it any more."""
        if not self.opened.absolute and not self.lifted:
            self.ends = workflow.patched("ends-once-lifted-everywhere")
            await self.lift_restrictions()

    def undone(self) -> bool:
        """Also at partners, and where people end it."""
        by_hand = any(awaited.what == LIFT_BY_HAND for awaited in self.view.awaiting)
        return not self.ends or not (by_hand or self.systems.asking())
