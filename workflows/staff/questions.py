"""Who asks, and what for: identity and clarification (Art. 12(6), recital 63)."""

from temporalio import workflow

from workflows.staff.acting import Acting, text_part

with workflow.unsafe.imports_passed_through():
    from rules.staff.questions import open_questions
    from schemas import messages as m
    from schemas.case import CaseView, IdentityState, IdentityView, LetterKind, PauseReason
    from schemas.events import Event, fact
    from schemas.steps import RECOMPUTE, WRITE_LETTER, OpenTask, Recompute, WriteLetter


class Questions(Acting):
    """Questions to the subject, and the answers."""

    @workflow.update
    async def verify_identity(self, action: m.VerifyIdentity) -> CaseView:
        """Identity checked, how and by whom; never a copy of the document (law.md 3)."""
        return await self._act(action, self._verify_identity)

    async def _verify_identity(self, action: m.VerifyIdentity) -> None:
        facts = [fact(Event.IDENTITY_SUFFICIENT, how=action.how)]
        if self.opened.has_submitter:
            facts.append(fact(Event.MANDATE_CHECKED, relation="submitter"))
        if PauseReason.IDENTITY in open_questions(self.view):
            await self._close_pause(PauseReason.IDENTITY, action, None)
        await self.record(
            *facts,
            by=action.by,
            identity=IdentityView(state=IdentityState.SUFFICIENT, how=action.how),
            closes=("verify_identity", "identity_unanswered"),
        )

    @workflow.update
    async def ask_identity(self, action: m.AskIdentity) -> CaseView:
        """Ask on a reasonable doubt, which is recorded (Art. 12(6))."""
        return await self._act(action, self._ask_identity)

    async def _ask_identity(self, action: m.AskIdentity) -> None:
        await self._ask(PauseReason.IDENTITY, Event.IDENTITY_DOUBTED, action, action.doubt)
        await self.record(
            by=action.by,
            identity=IdentityView(state=IdentityState.ASKED),
            opens=(OpenTask(what="answer_identity", role="subject"),),
        )
        await self._letter(LetterKind.IDENTITY, action, "identity")

    @workflow.update
    async def ask_clarification(self, action: m.AskClarification) -> CaseView:
        """Ask what the request is about (recital 63)."""
        return await self._act(action, self._ask_clarification)

    async def _ask_clarification(self, action: m.AskClarification) -> None:
        await self._ask(
            PauseReason.CLARIFICATION, Event.CLARIFICATION_ASKED, action, action.question
        )
        await self.record(
            by=action.by, opens=(OpenTask(what="answer_clarification", role="subject"),)
        )
        await self._letter(LetterKind.CLARIFICATION, action, "clarification")

    async def _ask(
        self, reason: PauseReason, event: Event, action: m.StaffAction, text: str
    ) -> None:
        prompt = workflow.now() < self.view.clock.prompt_before_utc
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by, pause_opened=reason,
                facts=(fact(event, counted=prompt),),
                texts={text_part(reason, action): text},
            ),
        )  # fmt: skip

    async def _letter(self, kind: LetterKind, action: m.StaffAction, reason: str) -> None:
        await self.step(
            WRITE_LETTER,
            WriteLetter(
                case=self.ref.case, at=workflow.now(), by=action.by, kind=kind,
                text_part=text_part(reason, action),
            ),
        )  # fmt: skip

    @workflow.update
    async def record_answer(self, action: m.RecordAnswer) -> CaseView:
        """The subject's answer ends the pause on the local date of its arrival."""
        return await self._act(action, self._record_answer)

    async def _record_answer(self, action: m.RecordAnswer) -> None:
        asked = [q for q in open_questions(self.view) if q is not PauseReason.FEE]
        reason = action.to or asked[0]
        await self._close_pause(reason, action, action.text)
        closes = (f"answer_{reason}", f"{reason}_unanswered")
        if reason is not PauseReason.IDENTITY:
            await self.record(by=action.by, closes=closes)
        elif action.sufficient and not self._needs_a_mandate():
            await self.record(
                fact(Event.IDENTITY_SUFFICIENT, how="answer"),
                by=action.by,
                identity=IdentityView(state=IdentityState.SUFFICIENT, how="answer"),
                closes=(*closes, "verify_identity"),
            )
        else:
            await self.record(
                by=action.by,
                identity=IdentityView(state=IdentityState.NOT_ESTABLISHED),
                closes=closes,
                opens=(OpenTask(what="verify_identity", role="handler"),),
            )

    def _needs_a_mandate(self) -> bool:
        """Whether somebody acts for the subject: an answer shows who, and not that they may."""
        return self.opened.has_submitter and workflow.patched("an-answer-shows-no-mandate")

    async def _close_pause(
        self, reason: PauseReason, action: m.StaffAction, text: str | None
    ) -> None:
        arrived = action.answered_at if isinstance(action, m.RecordAnswer) else None
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by, pause_closed=reason,
                answered_at=arrived or workflow.now(),
                facts=(fact(Event.ANSWERED, reason=reason),),
                texts={text_part(f"answer-{reason}", action): text} if text else {},
            ),
        )  # fmt: skip
