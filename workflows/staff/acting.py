"""How a message of staff is judged and taken: checked before it costs an event, then alone.

Handlers record facts and set what the procedure waits for; only the procedure moves the status.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.case import Case, Interrupt, reason_of
from workflows.systems import FanOut

with workflow.unsafe.imports_passed_through():
    from rules.staff import refusal
    from rules.staff.findings import Matched
    from rules.staff.questions import open_questions
    from schemas import messages as m
    from schemas.base import Model
    from schemas.case import (
        Awaited,
        CaseView,
        IdentityState,
        PauseReason,
        Status,
        SystemOutcome,
        TimelineEntry,
    )
    from schemas.events import Event, fact
    from schemas.request import Kind
    from schemas.staff import ENGINE, Actor
    from schemas.steps import CaseRef, OpenTask, SystemChange
    from schemas.systems import ERASE_BY_HAND


M = TypeVar("M", bound=m.StaffAction)
R = TypeVar("R", bound=Model)

MAX_REMARKS: Final = 200
"""Notes, reassignments, wrong signals and guessed tasks of one run: a decision must always fit into
Temporal's limits."""


class Acting(Case):
    """How an action is judged, and taken alone."""

    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)
        self.systems = FanOut(self)
        self.chosen: m.Choice | None = None
        self.seconded: m.Choice | None = None  # what the second person decided about a deletion
        self.taken_back = False  # then a person decides, whatever the policy lets go unattended
        self.reply_left = False
        self.reviewed = False
        self._matched: dict[str, Matched] = {}
        self._remarks = 0
        self._letters_gone: set[str] = set()
        self._signals: set[UUID] = set()
        self._acting = asyncio.Lock()

    # -- queries ---------------------------------------------------------------------------------

    @workflow.query
    def status(self) -> CaseView:
        """The case as last recorded by this run."""
        return self.view

    @workflow.query
    def timeline(self) -> list[TimelineEntry]:
        """What this run has recorded so far."""
        return self.entries

    # -- how the case stands ---------------------------------------------------------------------

    def asked(self) -> Status | None:
        """Where a case stands while the subject owes an answer."""
        questions = open_questions(self.view)
        doubtful = self.view.identity.state in (
            IdentityState.ASKED,
            IdentityState.NOT_ESTABLISHED,
        )
        if PauseReason.IDENTITY in questions or doubtful:
            return Status.IDENTIFYING
        return Status.CLARIFYING if PauseReason.CLARIFICATION in questions else None

    def owed(self) -> bool:
        """Whether somebody still owes an answer after the reply (Art. 19)."""
        return not self.systems.answered()

    def closes_with_the_reply(self) -> bool:
        """Whether nothing is left to do once the reply has left."""
        return not self.owed()

    async def undo(self) -> None:
        """What was done only until the decision ends; nothing in most kinds."""

    def tells_before_lifting(self) -> bool:
        """Whether a restriction ends only once the person has been told (Art. 18(3))."""
        return False

    def undone(self) -> bool:
        """Whether it has ended everywhere."""
        return True

    def told_to_destroy(self) -> tuple[Awaited, ...]:
        """Tasks by which people destroy what a deletion is about; they end with its approval."""
        return tuple(awaited for awaited in self.view.awaiting if awaited.what == ERASE_BY_HAND)

    def decider(self) -> str:
        """Who decides this kind."""
        return "approver"

    def decision_task(self) -> OpenTask:
        """What waits while the decision is due."""
        return OpenTask(what="decide", role=self.decider())

    def _turned(self) -> bool:
        """Whether a person has turned the procedure, which has not gone there yet."""
        return self.interrupt is not None or self.chosen is not None or self.asked() is not None

    # -- how an action is taken ------------------------------------------------------------------

    def refuses(self, action: m.StaffAction) -> str | None:
        """The sentence with which the action is refused now, None if it is taken."""
        if isinstance(action, m.Note | m.Reassign) and not self._has_room():
            return f"Not done: this run of {self.ref.number} has {MAX_REMARKS} notes already."
        if isinstance(action, m.Decide) and self.chosen is not None:
            return (
                f"Not decided: {self.ref.number} is decided already ({self.chosen}). Before the "
                f"reply leaves: dsr take-back {self.ref.number}"
            )
        if isinstance(action, m.CorrectReceipt) and self._is_too_old(action.received_at):
            days = self.opened.max_age.days
            return f"Not corrected: the receipt would lie more than {days} days back (policy)."
        most = self.opened.max_extension_months
        if isinstance(action, m.Extend) and action.months > most:
            return f"Not extended: the policy allows {most} month(s) at most."
        return refusal(
            self.view,
            action,
            workflow.now(),
            automatic=self.opened.absolute or self.ref.kind is Kind.CONSENT,
            has_submitter=self.opened.has_submitter,
            matched=self._matched,
            corrections=self.opened.corrections,
        )

    def _has_room(self) -> bool:
        """Whether one more remark leaves room for every decision."""
        return self._remarks < MAX_REMARKS

    def _is_too_old(self, received_at: datetime) -> bool:
        """As at intake; a case that grew old meanwhile keeps its own receipt within bounds."""
        return received_at < min(workflow.now() - self.opened.max_age, self.view.received_at)

    def _validate(self, action: m.StaffAction) -> None:
        """Before the update is accepted: a refusal here costs no event.

        While a step is being recorded the state is about to change: then the handler decides.
        """
        if not isinstance(action, m.StaffAction):  # null is decoded whatever the type
            raise ApplicationError("Not done: no action is given.", type="BadInput")
        if not self.is_settled or self._may_be_news(action):
            return
        if sentence := self.refuses(action):
            raise ApplicationError(sentence, type="RefusedByRule", non_retryable=True)

    def _may_be_news(self, action: m.StaffAction) -> bool:
        """Whether the action is about a task that a system's step has just opened on the row."""
        if not self.systems.trying() or not self._has_room():
            return False
        if isinstance(action, m.CompleteTask):
            return all(awaited.task != action.task for awaited in self.view.awaiting)
        return isinstance(action, m.Review) and self.view.status is Status.SEARCHING

    async def _act(self, action: M, do: Callable[[M], Awaitable[None]]) -> CaseView:
        """Take the action alone, on the state that it finds when its turn comes."""
        async with self._acting:
            await workflow.wait_condition(lambda: self.is_settled)
            news = self._may_be_news(action)
            if news:
                await self.record()  # nothing: it brings the case row as it stands
            if sentence := self.refuses(action):
                self._remarks += news  # it was none, and has cost events all the same
                raise ApplicationError(sentence, type="RefusedByRule", non_retryable=True)
            try:
                await do(action)
            except ActivityError as error:
                raise ApplicationError(
                    reason_of(error), type="RefusedByRule", non_retryable=True
                ) from error
        return self.view

    async def _ignore(self, why: str, by: Actor = ENGINE) -> None:
        """Record that a signal was not followed; bounded, as remarks are."""
        if self._has_room():
            self._remarks += 1
            await workflow.wait_condition(lambda: self.is_settled)
            await self.record(fact(Event.SIGNAL_IGNORED, why=why), by=by)

    def _interrupted_by(self, interrupt: Interrupt) -> None:
        self.interrupt = interrupt


def read(model: type[R], given: tuple[Any, ...]) -> R | None:
    """A signal's message, None if it is none: an error here would stop the run for ever."""
    try:
        (message,) = given
        return model.model_validate_json(json.dumps(message))
    except (TypeError, ValueError):  # the first of what is no JSON: bytes
        return None


def called_off(tasks: tuple[Awaited, ...]) -> tuple[SystemChange, ...]:
    """The systems of tasks that nobody is to do any more: as if they had not been asked."""
    return tuple(
        SystemChange(name=task.system, outcome=SystemOutcome.PENDING)
        for task in tasks
        if task.system is not None
    )


def text_part(what: str, action: m.StaffAction) -> str:
    """The sealed part in which an action's free text is kept."""
    return f"text:{what}:{action.id}"
