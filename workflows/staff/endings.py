"""Ends that are no answer, the case answered again, and remarks."""

from temporalio import workflow

from workflows.case import Ended, Reclassified, Reopened
from workflows.staff.acting import Acting, text_part

with workflow.unsafe.imports_passed_through():
    from schemas import messages as m
    from schemas.case import CaseView, Outcome
    from schemas.events import Event, fact
    from schemas.steps import RECLASSIFY, Reclassification


class Endings(Acting):
    """Withdrawn, misdirected, merged by hand; reopened; noted."""

    @workflow.update
    async def withdraw(self, action: m.Withdraw) -> CaseView:
        """The subject withdraws, at any time before the reply has left."""
        return await self._act(action, self._withdraw)

    async def _withdraw(self, action: m.Withdraw) -> None:
        part = text_part("withdrawal", action)
        await self.record(
            fact(Event.WITHDRAWN),
            by=action.by,
            take_back=True,
            texts={part: action.reason} if action.reason else {},
        )
        self._interrupted_by(Ended(Outcome.WITHDRAWN))

    @workflow.update
    async def close_as(self, action: m.CloseAs) -> CaseView:
        """End what is no request, is meant for somebody else, or is a double found by hand."""
        return await self._act(action, self._close_as)

    async def _close_as(self, action: m.CloseAs) -> None:
        facts = (fact(Event.MERGED, into=action.into),) if action.ending == "merged" else ()
        part = text_part("ending", action)
        await self.record(
            *facts,
            by=action.by,
            take_back=True,
            link=action.into,
            texts={part: action.reason} if action.reason else {},
        )
        self._interrupted_by(Ended(Outcome(action.ending)))

    @workflow.update
    async def reassign(self, action: m.Reassign) -> CaseView:
        """Hand the case to another handler."""
        return await self._act(action, self._reassign)

    async def _reassign(self, action: m.Reassign) -> None:
        self._remarks += 1
        await self.record(
            fact(Event.REASSIGNED, to=action.to.account), by=action.by, assignee=action.to.account
        )

    @workflow.update
    async def reclassify(self, action: m.Reclassify) -> CaseView:
        """The request is of another kind: this run ends, the right one takes over."""
        return await self._act(action, self._reclassify)

    async def _reclassify(self, action: m.Reclassify) -> None:
        await self.undo()
        await self.step(
            RECLASSIFY,
            Reclassification(
                case=self.ref.case, at=workflow.now(), by=action.by, action=action.id,
                texts={text_part("reclassified", action): action.reason},
            ),
        )  # fmt: skip
        self._interrupted_by(Reclassified())

    @workflow.update
    async def reopen(self, action: m.Reopen) -> CaseView:
        """After a complaint, while a recipient still owes an answer: answer again."""
        return await self._act(action, self._reopen)

    async def _reopen(self, action: m.Reopen) -> None:
        await self.record(
            fact(Event.REOPENED),
            by=action.by,
            answer_again=True,
            texts={text_part("complaint", action): action.reason},
        )
        self._interrupted_by(Reopened())

    @workflow.update
    async def note(self, action: m.Note) -> CaseView:
        """A note for the file, sealed."""
        return await self._act(action, self._note)

    async def _note(self, action: m.Note) -> None:
        self._remarks += 1
        await self.record(
            fact(Event.NOTED), by=action.by, texts={text_part("note", action): action.text}
        )
