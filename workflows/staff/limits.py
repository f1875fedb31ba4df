"""What moves the time limit: an extension, a corrected receipt, letters that leave."""

from typing import Any

from temporalio import workflow

from workflows.staff.acting import Acting, read, text_part

with workflow.unsafe.imports_passed_through():
    from schemas import messages as m
    from schemas.case import REPLIES, CaseView, LetterKind, LetterState, Status
    from schemas.events import Event, fact
    from schemas.steps import (
        LETTER_GONE,
        RECOMPUTE,
        WRITE_LETTER,
        LetterGone,
        OpenTask,
        Recompute,
        WriteLetter,
    )


class Limits(Acting):
    """Art. 12(3): the dates, and what has left."""

    @workflow.update
    async def extend(self, action: m.Extend) -> CaseView:
        """Decide an extension; it counts once its notice has left in time (Art. 12(3))."""
        return await self._act(action, self._extend)

    async def _extend(self, action: m.Extend) -> None:
        part = text_part("extension", action)
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by,
                extension_decided=action.months, texts={part: action.reason},
                facts=(fact(Event.EXTENSION_DECIDED, months=action.months),),
            ),
        )  # fmt: skip
        await self.step(
            WRITE_LETTER,
            WriteLetter(
                case=self.ref.case, at=workflow.now(), by=action.by, kind=LetterKind.EXTENSION,
                facts={"months": action.months}, text_part=part,
            ),
        )  # fmt: skip
        await self.record(opens=(OpenTask(what="send_extension", role="handler"),))

    @workflow.update
    async def correct_receipt(self, action: m.CorrectReceipt) -> CaseView:
        """The receipt was recorded wrongly: a new schedule."""
        return await self._act(action, self._correct_receipt)

    async def _correct_receipt(self, action: m.CorrectReceipt) -> None:
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by,
                received_at=action.received_at,
                texts={text_part("receipt", action): action.reason},
            ),
        )  # fmt: skip

    @workflow.signal
    async def letter_left(self, *given: Any) -> None:
        """A letter was handed over: a reply stops the clock, a notice makes an extension count.

        Only the fetch lets a letter leave: a signal that the case row does not bear out is no news.
        """
        gone = read(m.LetterLeft, given)
        if gone is None or gone.letter in self._letters_gone:
            return
        async with self._acting:
            await workflow.wait_condition(lambda: self.is_settled)
            if gone.letter in self._letters_gone:
                return
            answers = self._is_the_answer(gone)
            awaited = answers and self.view.status is Status.REPLYING and self.interrupt is None
            await self.step(
                LETTER_GONE,
                LetterGone(
                    case=self.ref.case, at=workflow.now(), letter=gone.letter, kind=gone.kind,
                    left_at=gone.at, closes=awaited and self.closes_with_the_reply(),
                ),
            )  # fmt: skip
            if not self._has_left(gone):
                await self._ignore("that letter has not left so")
                return
            self._letters_gone.add(gone.letter)
        self.reply_left = self.reply_left or answers

    def _is_the_answer(self, gone: m.LetterLeft) -> bool:
        """Whether it is an answer, and not one that left before the one that is due."""
        return gone.kind in REPLIES and not any(
            letter.kind in REPLIES and letter.state is LetterState.READY
            for letter in self.view.letters
            if letter.id != gone.letter
        )

    def _has_left(self, gone: m.LetterLeft) -> bool:
        """Whether the case row says so too."""
        return any(
            (letter.id, letter.kind, letter.left_at) == (gone.letter, gone.kind, gone.at)
            for letter in self.view.letters
        )
