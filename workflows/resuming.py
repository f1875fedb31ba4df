"""After a run that was lost, or that knew another past than the case row, another one goes on.

The row is the truth: what it says is settled, decided or written stands and is not asked again.
What only the lost run knew is read from the row when this one opens, or asked again.
"""

from abc import ABC, abstractmethod

from temporalio import workflow

from workflows.case import Ended, Refused
from workflows.staff.everything import StaffActions

with workflow.unsafe.imports_passed_through():
    from rules.outcome import owing
    from rules.staff.findings import Matched
    from schemas.case import DecisionView, FeeState, Outcome, Status
    from schemas.messages import Choice


class Resuming(StaffActions, ABC):
    """How a run finds its place in a case that others have begun."""

    told: int  # records that the last reply knew of
    unsaid: bool  # the last reply names systems that had not answered

    @abstractmethod
    async def procedure(self) -> None:
        """What this kind does between receipt and reply."""

    async def resume(self) -> None:
        """Go on where the row stands, up to the end of the reply."""
        self.recall()
        if self.view.fee.state is FeeState.WITHDRAWN:
            raise Ended(Outcome.WITHDRAWN)
        if self.view.status in (Status.REPLYING, Status.FOLLOWING_UP):
            return await self._wait_for_what_is_written()
        if self.chosen is Choice.REFUSE:
            raise Refused
        return await self.go_on()

    async def go_on(self) -> None:
        """From a status before the reply. The beginning asks for nothing that is settled."""
        await self.procedure()

    async def _wait_for_what_is_written(self) -> None:
        self.told = sum(system.records for system in self.view.systems)
        self.unsaid = bool(owing(self.view.systems))
        if self.chosen is not Choice.REFUSE:
            self.ask_those_who_owe()
        if self.view.status is Status.REPLYING:
            await self.until(lambda: self.reply_left, summary="the reply leaves")

    def ask_those_who_owe(self) -> None:
        """Systems that nobody asks since the run was lost."""
        self.systems.ask(self.opened.plan)

    @property
    def supplementing(self) -> bool:
        """Whether the reply has left before: what follows is sent after it."""
        return not self.ref.reopened and self.view.clock.replied_at is not None

    def recall(self) -> None:
        """What people have decided, as far as it is about the answer that is due now."""
        self.taken_back = self.opened.taken_back
        for decision in self.view.decisions:
            if not self._is_answered(decision):
                self._recall_decision(decision.what)
        for name, items in self.opened.chosen_items.items():
            system = self.view.system(name)
            self._matched[name] = Matched((system.records if system else 0) - len(items), items)
        if self.chosen is None and self.view.status in (Status.REPLYING, Status.FOLLOWING_UP):
            self.chosen = Choice.APPROVE  # nobody decides an absolute objection, or a consent

    def _is_answered(self, decision: DecisionView) -> bool:
        """A supplement is decided anew."""
        replied_at = self.view.clock.replied_at
        following = self.view.status is Status.FOLLOWING_UP
        return replied_at is not None and not following and decision.at <= replied_at

    def _recall_decision(self, what: str) -> None:
        if what == f"second_{Choice.APPROVE}":
            self.seconded = Choice.APPROVE
        elif what in {*Choice}:
            self.chosen = Choice(what)
