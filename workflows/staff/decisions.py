"""Review and decision, by update or by signal, and the decision taken back."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.case import Refused, TakenBack
from workflows.staff.acting import Acting, called_off, read, text_part

with workflow.unsafe.imports_passed_through():
    from schemas import messages as m
    from schemas.case import CaseView, DecisionView, Status
    from schemas.events import Event, fact
    from schemas.request import Kind


class Decisions(Acting):
    """What people decide about the request."""

    @workflow.update
    async def review(self, action: m.Review) -> CaseView:
        """What was found has been looked at; what is withheld, and why (Art. 15(4))."""
        return await self._act(action, self._review)

    async def _review(self, action: m.Review) -> None:
        facts = tuple(
            fact(Event.WITHHELD, system=w.system, item=w.item, code=w.code) for w in action.withhold
        )
        done = fact(Event.REVIEWED, withheld=len(action.withhold))
        # The decision is due now: said in the same step, which a step of its own would double.
        due: dict[str, Any] = (
            {} if self._turned() else {"move": Status.DECIDING, "opens": (self.decision_task(),)}
        )
        await self.record(
            *facts, done, by=action.by, withheld=action.withhold, closes=("review",), **due
        )
        self.reviewed = True

    @workflow.update
    async def decide(self, action: m.Decide) -> CaseView:
        """The decision; a refusal approves nothing and states its ground (Art. 12(4))."""
        return await self._act(action, self._decide)

    async def _decide(self, action: m.Decide) -> None:
        early = self.view.status is not Status.DECIDING
        texts = {text_part("decision", action): action.reason} if action.reason else {}
        if self.ref.kind is Kind.CORRECT:
            texts["disputed"] = ",".join(str(number) for number in sorted(set(action.disputed)))
        await self.record(
            fact(Event.DECIDED, choice=action.choice, ground=action.ground),
            by=action.by,
            decision=DecisionView(
                what=action.choice,
                by=action.by.account,
                at=workflow.now(),
                ground=action.ground,
                person=action.by.person,
            ),
            closes=("decide",),
            texts=texts,
        )
        self.chosen = action.choice
        if early:
            self._interrupted_by(Refused())

    @workflow.update
    async def second_decision(self, action: m.SecondDecision) -> CaseView:
        """The second of the two people whom a deletion needs (four eyes)."""
        return await self._act(action, self._second_decision)

    async def _second_decision(self, action: m.SecondDecision) -> None:
        approves = action.choice is m.Choice.APPROVE
        await self.record(
            fact(Event.SECOND_DECIDED, choice=action.choice),
            by=action.by,
            decision=DecisionView(
                what=f"second_{action.choice}", by=action.by.account, at=workflow.now(),
                person=action.by.person,
            )
            if approves
            else None,
            take_back=not approves,
            closes=("second_decision",),
            texts={text_part("second-decision", action): action.reason} if action.reason else {},
        )  # fmt: skip
        self.seconded = action.choice

    @workflow.signal
    async def decision(self, *given: Any) -> None:
        """The same for programs that cannot wait: ids and codes only; a wrong one is recorded."""
        signal = read(m.DecisionSignal, given)
        if signal is None:
            return await self._ignore("it cannot be read")
        if signal.id in self._signals:
            return None
        self._signals.add(signal.id)
        action = m.Decide.model_validate(signal, from_attributes=True)
        try:
            await self._act(action, self._decide)
        except ApplicationError as refused:
            await self._ignore(refused.message, signal.by)
        return None

    @workflow.update
    async def take_back(self, action: m.TakeBack) -> CaseView:
        """Take the decision back before the reply has left."""
        return await self._act(action, self._take_back)

    async def _take_back(self, action: m.TakeBack) -> None:
        part, told = text_part("take-back", action), self.told_to_destroy()
        await self.record(
            fact(Event.DECISION_TAKEN_BACK),
            by=action.by,
            take_back=True,
            systems=called_off(told),
            closes=("send_reply", *(task.task for task in told)),
            texts={part: action.reason} if action.reason else {},
        )
        self.chosen, self.taken_back = None, True
        self._interrupted_by(TakenBack())
