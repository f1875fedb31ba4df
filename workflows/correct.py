"""Correction (Art. 16): restricted while contested, decided by a handler, applied everywhere."""

from typing import Final

from temporalio import workflow

from workflows.lifecycle import Lifecycle

with workflow.unsafe.imports_passed_through():
    from schemas.case import ANSWERED, Ground, Outcome, Status, SystemOutcome
    from schemas.events import Event, fact
    from schemas.messages import Choice
    from schemas.steps import CORRECT_REQUEST, CaseRef, SystemChange
    from schemas.systems import Duty, Reach, SystemPlan

DONE: Final = (
    SystemOutcome.NOTHING_HELD, SystemOutcome.CORRECTED, SystemOutcome.BY_HAND,
    SystemOutcome.LEFT_OUT,
)  # fmt: skip
"""Outcomes after which a decision has nothing to do in a system."""


@workflow.defn(name=CORRECT_REQUEST)
class CorrectRequest(Lifecycle):
    """What is wrong is corrected; of what stays disputed the person's statement is kept with it."""

    @workflow.init
    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)
        self.contested = False  # processing may be restricted by this request
        self.lifted: set[str] = set()  # and is no more in these systems

    @workflow.run
    async def run(self, _ref: CaseRef) -> Outcome | None:
        """From receipt to close."""
        return await self.under_the_clock()

    async def procedure(self) -> None:
        """Art. 12, 16, 18 and 19, in the order of the law."""
        await self.admit()
        await self.restrict_while_contested()
        await self.decide_or_wait()
        await self.carry_out()
        if not self.tells_before_lifting():  # cases that came here before
            await self.end_restriction()
            return await self.reply()
        await self.reply()
        if self._is_refused():
            return await self.undo()
        return await self.end_restriction()

    def recall(self) -> None:
        """What is restricted for this case stays so until its person is told."""
        super().recall()
        self.contested = self.opened.restricts

    def tells_before_lifting(self) -> bool:
        """Art. 18(3)."""
        return workflow.patched("told-before-lifted")

    def tells_before_partners_lift(self) -> bool:
        """The same of partners that are sent a correction."""
        return workflow.patched("told-before-partners-lift")

    def decider(self) -> str:
        """A dispute of fact is the handler's (law.md 4)."""
        return "handler"

    # -- until the decision ----------------------------------------------------------------------

    async def restrict_while_contested(self) -> None:
        """What the systems hold, restricted meanwhile (Art. 18(1)(a)); at most until the target."""
        due = tuple(plan for plan in self.opened.plan if self._is_to_contest(plan))
        if not due:
            return
        self.contested = True
        self.lifted -= {plan.name for plan in due}
        await self.stand(Status.SEARCHING)
        self.systems.start(tuple(p.model_copy(update={"duty": Duty.CONTEST}) for p in due))
        earliest = workflow.now() + self.opened.pacing.retry_most  # a target may have passed
        await self.wait_at(
            Status.SEARCHING, self._is_looked_at, "what is held",
            before=lambda: max(self.view.clock.target_at, earliest),
        )  # fmt: skip
        if not self._is_looked_at():
            await self.record(fact(Event.SEARCH_CLOSED, unanswered=len(self._unseen())))

    def _is_to_contest(self, plan: SystemPlan) -> bool:
        """Not looked at yet, or looked at and let go again."""
        system = self.view.system(plan.name)
        if system is None or system.outcome is SystemOutcome.LEFT_OUT:
            return False
        if plan.reach is not Reach.SQL and not plan.restricts:
            return False  # people are asked once it is decided
        return not self.contested or system.outcome is SystemOutcome.PENDING

    def _is_looked_at(self) -> bool:
        return not self._unseen()

    def _unseen(self) -> tuple[str, ...]:
        """Systems with a connector of which nobody knows yet what they hold."""
        by_connector = {plan.name for plan in self.opened.plan if plan.reach is Reach.SQL}
        seen = (*ANSWERED, SystemOutcome.NOTIFIED)
        return tuple(
            s.name for s in self.view.systems if s.name in by_connector and s.outcome not in seen
        )

    # -- the decision carried out ----------------------------------------------------------------

    async def carry_out(self) -> None:
        """Corrected where the decision approves it; where it disputes, the statement is added."""
        if self._is_refused():
            return None if self.tells_before_lifting() else await self.undo()
        duty = Duty.ADD_STATEMENT if self.chosen is Choice.REFUSE else Duty.CORRECT
        due = tuple(
            plan.model_copy(update={"duty": duty, "restricts": self._lifts_with_it(plan)})
            for plan in self.opened.plan
            if (system := self.view.system(plan.name)) and system.outcome not in DONE
        )
        return await self._start(due, Status.FULFILLING)

    def _lifts_with_it(self, plan: SystemPlan) -> bool:
        """Whether the correction ends the restriction, too: in cases that came here before."""
        if not plan.restricts:
            return False
        if plan.corrects:
            return not self.tells_before_partners_lift()
        return not self.tells_before_lifting()

    async def _start(self, due: tuple[SystemPlan, ...], at: Status) -> None:
        asked = tuple(SystemChange(name=p.name, outcome=SystemOutcome.PENDING) for p in due)
        await self.record(move=at, systems=asked)
        self.systems.start(due)
        await self.until(self.systems.asked, summary="every system has been asked")

    def _is_refused(self) -> bool:
        """On a ground that leaves nothing to do; a disputed fact leaves the statement."""
        ground = self.view.decisions[-1].ground if self.view.decisions else None
        return self.chosen is Choice.REFUSE and ground is not Ground.FACT_DISPUTED

    # -- the end of the restriction --------------------------------------------------------------

    async def end_restriction(self) -> None:
        """Art. 18(3): told, wherever nobody has anything left to do about the data.

        People end it with what they do.
        """
        if self.tells_before_lifting():
            return await self._end_where_told()
        if not self.contested or not self.systems.answered():
            return None
        self.contested = False
        self._lift(tuple(plan for plan in self.opened.plan if self._has_rest(plan)))
        await self.until(self.systems.asked, summary="restrictions ended")
        return None

    async def _end_where_told(self) -> None:
        if not self.contested:
            return
        self.contested = not self.systems.answered()
        due = tuple(plan for plan in self.opened.plan if self._is_over(plan))
        if due:
            self.lifted |= {plan.name for plan in due}
            self._lift(due)
            await self.until(self.systems.asked, summary="restrictions ended")

    def _is_over(self, plan: SystemPlan) -> bool:
        if plan.name in self.lifted:
            return False
        if plan.corrects:
            return self._has_rest(plan) or self._was_sent(plan)
        system = self.view.system(plan.name)
        answered = system is not None and system.outcome in ANSWERED
        return plan.reach is Reach.SQL and answered

    def _was_sent(self, plan: SystemPlan) -> bool:
        """Whether a partner has done a correction that did not end its restriction with it."""
        system = self.view.system(plan.name)
        done = system is not None and system.outcome in (
            SystemOutcome.CORRECTED, SystemOutcome.NOTHING_HELD,
        )  # fmt: skip
        looked = self.systems.duty(plan.name) is Duty.CONTEST  # and held nothing
        return done and not looked and self.tells_before_partners_lift()

    def _has_rest(self, plan: SystemPlan) -> bool:
        """Whether people saw to what the connector could not do: its restriction stands still.

        Who told a partner by hand has told it of the end of its restriction, too.
        """
        system = self.view.system(plan.name)
        rest = [SystemOutcome.FOUND, SystemOutcome.RETAINED]
        if plan.reach is Reach.SQL:
            rest.append(SystemOutcome.BY_HAND)
        restricted = plan.reach is Reach.SQL or plan.corrects
        return restricted and system is not None and system.outcome in rest

    async def undo(self) -> None:
        """Refused as a whole, or ended without an answer: nothing is contested any more."""
        if self.contested:
            self.contested = False
            self._lift(self.opened.plan)
            await self.quietly_until(self.systems.asked, summary="restrictions ended")

    def undone(self) -> bool:
        """Whether the restriction has ended everywhere, also where people end it."""
        by_hand = f"{Duty.END_CONTEST}_by_hand"
        return not self.systems.asking() and all(a.what != by_hand for a in self.view.awaiting)

    def _lift(self, plans: tuple[SystemPlan, ...]) -> None:
        """A system that a person has left out is not asked for anything any more."""
        out = {s.name for s in self.view.systems if s.outcome is SystemOutcome.LEFT_OUT}
        self.systems.start(
            tuple(
                plan.model_copy(update={"duty": Duty.END_CONTEST})
                for plan in plans
                if plan.restricts and plan.name not in out
            )
        )

    # -- after the reply -------------------------------------------------------------------------

    def owed(self) -> bool:
        """Also the end of a restriction, and what came after the reply was written."""
        if self.chosen is Choice.REFUSE:
            return self.contested or not self.answered()
        return self.contested or self.unsaid or super().owed()

    def answered(self) -> bool:
        """After a refusal as a whole only the end of the restriction is waited for."""
        return self.undone() if self._is_refused() else super().answered()

    async def supplement(self, *, more: bool) -> None:  # noqa: ARG002
        """Once everybody has answered, the restriction ends and the person is told of the rest."""
        if not self.answered():
            return
        matched = tuple(p for p in self.opened.plan if self._is_matched_late(p))
        if matched:
            await self._start(matched, Status.FOLLOWING_UP)
            if not self.answered():
                return
        if not self.tells_before_lifting():
            await self._end_also_at_partners()
        if self.chosen is not Choice.REFUSE and self.unsaid:
            await self.reply(supplement=True)
        if self.tells_before_lifting():
            await self._end_also_at_partners()

    async def _end_also_at_partners(self) -> None:
        await self.end_restriction()
        if self.systems.lifting():
            await self.until(lambda: not self.systems.lifting(), summary="partners end it, too")

    def _is_matched_late(self, plan: SystemPlan) -> bool:
        """A person has said after the reply which records are meant."""
        system = self.view.system(plan.name)
        approved = self.chosen is not Choice.REFUSE
        return approved and system is not None and system.outcome is SystemOutcome.FOUND
