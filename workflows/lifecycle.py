"""What every procedure shares: from receipt to identity and fee, from decision to reply and close.

What can happen at any moment (withdrawal, an early refusal, a breach) lives here, not in an `if`
after each step of a procedure.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.case import Ended, Fault, Reclassified, Refused, Reopened, TakenBack
from workflows.clock import DeadlineClock
from workflows.resuming import Resuming

with workflow.unsafe.imports_passed_through():
    from rules.outcome import owing
    from rules.status import asks_about_fee
    from schemas.case import (
        Awaited,
        FeeState,
        IdentityState,
        LetterKind,
        Outcome,
        PauseReason,
        Status,
    )
    from schemas.events import Event, fact
    from schemas.messages import Choice
    from schemas.steps import (
        COMPILE_REPLY,
        WRITE_LETTER,
        CaseRef,
        CompileReply,
        FeeChange,
        OpenTask,
        WriteLetter,
    )


class Lifecycle(Resuming):
    """A case from receipt to close, under the law's clock."""

    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)
        self.answering_again = ref.reopened
        self.told = 0  # records that the last reply knew of
        self.unsaid = False  # the last reply names systems that had not answered

    # -- the frame -------------------------------------------------------------------------------

    async def under_the_clock(self) -> Outcome | None:
        """Run the procedure beside the time limit's clock, to the end.

        None: the case goes on in another run (of another kind, or once what is kept may go).
        """
        try:
            await self.open()
            clock = asyncio.create_task(DeadlineClock(self).run())
            main = asyncio.create_task(self._conduct())
            while not main.done():
                running = [task for task in (main, clock) if not task.done()]
                await workflow.wait(running, return_when=asyncio.FIRST_COMPLETED)
                if clock.done():
                    await clock
            await main
        except ActivityError as fault:
            # Ending the run would lose the case: a task that fails is seen, and mended by new code.
            raise Fault(f"a step cannot be repeated: {type(fault).__name__}") from fault
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.view.outcome if self.view.status is Status.CLOSED else None

    async def _conduct(self) -> None:
        """The procedure, then the follow-up; a person's action may end or turn it."""
        again: Callable[[], Awaitable[None]] = self.resume if self.ref.resumed else self.procedure
        while True:
            try:
                await again()
                await self.follow_up()
                return await self.close()
            except Refused:
                again = self._refuse_early
            except TakenBack:
                again = self.procedure
            except Reopened:
                self.answering_again, self.chosen = True, None
                again = self.procedure
            except Reclassified:
                return self.systems.stop()
            except Ended as end:
                return await self._end(end.args[0])

    # -- receipt, identity, fee ------------------------------------------------------------------

    async def admit(self) -> None:
        """Identify, merge, settle the fee question (law.md 2 and 3).

        The receipt was acknowledged when the case was opened. After a complaint all is settled.
        """
        if self.answering_again:
            return
        await self.identify()
        await self.merge()
        await self.settle_fee_question()

    async def identify(self) -> None:
        """Art. 12(6): straight on where the channel shows who asks, else a handler sees to it."""
        if self.view.identity.state is IdentityState.SUFFICIENT and not self.asked():
            return
        await self.stand(
            Status.IDENTIFYING, opens=(OpenTask(what="verify_identity", role="handler"),)
        )
        await self.wait_at(Status.IDENTIFYING, self._identified, "identity")

    def _identified(self) -> bool:
        return self.view.identity.state is IdentityState.SUFFICIENT

    async def merge(self) -> None:
        """The 12-month rule of policy `gdpr` answers a repetition with the first request."""
        first = self.view.fee.merge_into
        if first is not None:
            await self.record(fact(Event.MERGED, into=first), link=first)
            raise Ended(Outcome.MERGED)

    async def settle_fee_question(self) -> None:
        """Art. 12(5): a person decides."""
        if not asks_about_fee(self.ref.kind, self.view.fee.assessment) or self._fee_accepted():
            return
        if not (self.ref.resumed and self._fee_is_asked()):
            await self.stand(
                Status.QUOTING,
                fee=FeeChange(state=FeeState.QUESTION),
                opens=(OpenTask(what="settle_fee", role="approver"),),
            )
        await self.wait_at(Status.QUOTING, self._fee_settled, "fee question")
        if self.view.fee.state is FeeState.REFUSED:
            self.chosen = Choice.REFUSE
            raise Refused

    def _fee_is_asked(self) -> bool:
        """Before the run that asked was lost."""
        return self.view.fee.state in (FeeState.QUESTION, FeeState.TOLD)

    def _fee_accepted(self) -> bool:
        return self.view.fee.state in (FeeState.WAIVED, FeeState.ACCEPTED)

    def _fee_settled(self) -> bool:
        return self._fee_accepted() or self.view.fee.state is FeeState.REFUSED

    # -- waiting, with questions to the subject --------------------------------------------------

    async def wait_at(
        self, status: Status, ready: Callable[[], bool], summary: str,
        before: Callable[[], datetime] | None = None, then: Status | None = None,
    ) -> None:  # fmt: skip
        """Wait at a status until ready; while the subject is asked, the case stands there.

        `before` gives the recorded instant after which it goes on anyway, asked anew whenever the
        schedule moves. `then`: where the action that ends the wait may have moved the case.
        """
        while self.view.status is not then:
            asked = self.asked()
            await self.stand(asked or status)
            if ready() and asked in (None, status):
                return
            silence, revision = self._silence(), self.view.clock.revision
            limit = silence or (before() if before and not asked else None)
            in_time = await self.until(
                lambda asked=asked, silence=silence, revision=revision: (  # type: ignore[misc]
                    self.asked() is not asked
                    or self._silence() != silence
                    or self.view.clock.revision != revision
                    or (ready() and asked in (None, status))
                ),
                before=limit,
                summary=summary,
            )
            if not in_time and silence is None:
                return
            if not in_time:
                await self._tell_of_silence()

    def _silence(self) -> datetime | None:
        """When the silence of the subject becomes a task; None if it is one already."""
        silences = self.opened.silences
        limits = [a.since + getattr(silences, reason) for reason, a in self._unanswered().items()]
        return min(limits, default=None)

    def _unanswered(self) -> dict[str, Awaited]:
        """What the subject owes an answer to, and nobody has been told of yet, by reason."""
        told = {a.what.removesuffix("_unanswered") for a in self.view.awaiting}
        asked = {
            a.what.removeprefix("answer_"): a for a in self.view.awaiting if a.role == "subject"
        }
        return {reason: asked[reason] for reason in sorted(asked.keys() - told)}

    async def _tell_of_silence(self) -> None:
        """An unanswered question is a task for a person, never a refusal or a withdrawal."""
        for reason in self._unanswered():
            role = "dpo" if reason == PauseReason.IDENTITY else "handler"
            await self.record(
                fact(Event.ANSWER_OVERDUE, reason=reason, role=role),
                opens=(OpenTask(what=f"{reason}_unanswered", role=role),),
            )

    # -- decision and reply ----------------------------------------------------------------------

    async def answer(self, *, supplement: bool = False) -> None:
        """Decide and reply; a decision taken back before the reply left is decided again."""
        while True:
            try:
                await self.decide_or_wait()
                return await self.reply(supplement=supplement)
            except TakenBack:
                await self.stand(Status.DECIDING)

    async def _refuse_early(self) -> None:
        """Refused before its turn; taken back, the procedure goes on where it stood."""
        await self.decide_or_wait()
        if self.tells_before_lifting():
            await self.reply()
            return await self.undo()
        await self.undo()
        return await self.reply()

    async def decide_or_wait(self) -> None:
        """Wait for the approver's (or the DPO's) decision."""
        if self.chosen is not None:
            return await self.stand(Status.DECIDING)
        await self.stand(Status.DECIDING, opens=(self.decision_task(),))
        await self.until(lambda: self.chosen is not None, summary="decision")
        return None

    async def reply(self, *, supplement: bool = False) -> None:
        """Compile the reply and wait until it has left: only then is the person answered."""
        self.reply_left = False
        compiled = await self.step(
            COMPILE_REPLY,
            CompileReply(
                case=self.ref.case, at=workflow.now(), supplement=supplement,
                refused=self.chosen is Choice.REFUSE,
            ),
        )  # fmt: skip
        systems = compiled.view.systems
        self.told, self.unsaid = sum(s.records for s in systems), bool(owing(systems))
        await self.until(lambda: self.reply_left, summary="the reply leaves")

    # -- after the reply -------------------------------------------------------------------------

    async def follow_up(self) -> None:
        """A recipient's duty can outlive the reply (Art. 19); a late finding is sent after it."""
        while self.owed():
            await self.stand(Status.FOLLOWING_UP)
            await self.until(
                lambda: self.answered() or self.found() > self.told,
                summary="recipients still owe an answer",
            )
            more, self.told = self.found() > self.told, self.found()
            await self.supplement(more=more)

    def answered(self) -> bool:
        """Whether everybody whom the case waits for after the reply has answered."""
        return self.systems.answered()

    async def supplement(self, *, more: bool) -> None:
        """Send after what came late; only access owes the person that."""

    def found(self) -> int:
        """Records found so far."""
        return sum(s.records for s in self.view.systems)

    async def close(self) -> None:
        """Nobody owes anything any more. A reply that was the last of it closed the case itself."""
        self.systems.stop()
        if self.view.status is not Status.CLOSED:
            await self.record(fact(Event.CLOSED, outcome=self.view.outcome), move=Status.CLOSED)

    async def _end(self, outcome: Outcome) -> None:
        """End without an answer on the merits; the sender is told so."""
        self.systems.stop()
        await self.step(
            WRITE_LETTER,
            WriteLetter(
                case=self.ref.case, at=workflow.now(), kind=LetterKind.CONFIRMATION,
                facts={"ending": outcome},
            ),
        )  # fmt: skip
        await self.undo()
        await self.quietly_until(self.undone, summary="what was done meanwhile has ended")
        await self.record(fact(Event.CLOSED, outcome=outcome), move=Status.CLOSED, outcome=outcome)
