"""The fee question (Art. 12(5)): a person settles it, the subject answers."""

from temporalio import workflow

from workflows.case import Ended
from workflows.staff.acting import Acting, text_part

with workflow.unsafe.imports_passed_through():
    from schemas import messages as m
    from schemas.case import CaseView, DecisionView, FeeState, Ground, LetterKind, Outcome
    from schemas.events import Event, fact
    from schemas.steps import WRITE_LETTER, FeeChange, OpenTask, WriteLetter


class Fees(Acting):
    """Never charged automatically."""

    @workflow.update
    async def settle_fee(self, action: m.SettleFee) -> CaseView:
        """Charge, waive or refuse as excessive: a person decides, with the grounds (Art. 12(5))."""
        return await self._act(action, self._settle_fee)

    async def _settle_fee(self, action: m.SettleFee) -> None:
        part = text_part("fee", action)
        state = {
            m.FeeChoice.CHARGE: FeeState.TOLD,
            m.FeeChoice.WAIVE: FeeState.WAIVED,
            m.FeeChoice.REFUSE: FeeState.REFUSED,
        }[action.choice]
        told = state is FeeState.TOLD
        amount = (action.amount or self.opened.fee_cents) if told else None
        opens = (OpenTask(what="answer_fee", role="subject"),) if told else ()
        refused = DecisionView(
            what=m.Choice.REFUSE, by=action.by.account, at=workflow.now(), ground=Ground.EXCESSIVE
        )
        await self.record(
            fact(Event.FEE_SETTLED, choice=action.choice, amount=amount),
            by=action.by,
            fee=FeeChange(state=state, amount=amount),
            decision=refused if state is FeeState.REFUSED else None,
            opens=opens,
            closes=("settle_fee", "answer_fee", "fee_unanswered"),
            texts={part: action.reason} if action.reason else {},
        )
        if told:
            await self.step(
                WRITE_LETTER,
                WriteLetter(
                    case=self.ref.case, at=workflow.now(), by=action.by, kind=LetterKind.FEE,
                    facts={"amount": self.view.fee.amount}, text_part=part,
                ),
            )  # fmt: skip

    @workflow.update
    async def answer_fee(self, action: m.AnswerFee) -> CaseView:
        """The subject accepts the amount, or withdraws."""
        return await self._act(action, self._answer_fee)

    async def _answer_fee(self, action: m.AnswerFee) -> None:
        accepted = action.choice == "accept"
        await self.record(
            fact(Event.FEE_ANSWERED, choice=action.choice),
            by=action.by,
            fee=FeeChange(state=FeeState.ACCEPTED if accepted else FeeState.WITHDRAWN),
            closes=("answer_fee", "fee_unanswered"),
        )
        if not accepted:
            self._interrupted_by(Ended(Outcome.WITHDRAWN))
