"""What every procedure stands on: recorded steps, the case as last recorded, interruptible waits.

Workflow code computes no date and touches no data: it waits for recorded instants and calls steps.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy, SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from schemas.base import Model
    from schemas.case import CaseView, Status, SystemView, TimelineEntry
    from schemas.events import Fact
    from schemas.retention import Origin
    from schemas.staff import ENGINE, Actor
    from schemas.steps import (
        OPEN,
        RECORD,
        CaseRef,
        Change,
        Opened,
        Opening,
        OpenTask,
        Recorded,
        Step,
        SystemAnswer,
    )

A = TypeVar("A", bound=Model)
R = TypeVar("R", bound=Model)

STATUS: Final = SearchAttributeKey.for_keyword("DsrStatus")
DUE_AT: Final = SearchAttributeKey.for_datetime("DsrDueAt")
ESCALATION: Final = SearchAttributeKey.for_int("DsrEscalation")

NEVER_AGAIN: Final = ["RefusedByRule", "NotFromHere", "BadInput"]
"""Error types that a repetition cannot mend: a person has to read them."""

OPENING: Final = timedelta(seconds=30)
"""One try of the first step, before the policy's pace is known."""

BEGINNING: Final = Priority(priority_key=5)
GOING_ON: Final = Priority(priority_key=1)
"""Among steps that wait for a worker, one of a case already begun goes before the first of another
(a search between them): in a burst the oldest are answered first, and a person's action waits for
neither."""


class Interrupt(Exception):
    """Something that a person did ends the present wait; the procedure goes on elsewhere."""


class Ended(Interrupt):
    """The case ends without an answer on the merits: withdrawn, misdirected, merged, ..."""


class Refused(Interrupt):
    """The DPO refused before the decision's turn (Art. 11(2), 12(2), 12(5))."""


class TakenBack(Interrupt):
    """The decision was taken back before the reply left."""


class Reopened(Interrupt):
    """After a complaint, the case is answered again."""


class Reclassified(Interrupt):
    """The case is of another kind now: the run of that kind takes over."""


class Fault(Interrupt):
    """A part that runs beside the procedure failed: loud, and mended by newer code, never lost."""


class Case:
    """One run of one case."""

    def __init__(self, ref: CaseRef) -> None:
        self.ref = ref
        self.interrupt: Interrupt | None = None
        self.entries: list[TimelineEntry] = []
        self._view: CaseView | None = None
        self._opened: Opened | None = None
        self._steps = 0
        self._recording = 0
        self._published_in = 0
        self._goes_on: Callable[[], bool] | None = None  # what the procedure waits for
        self._answers: dict[str, SystemAnswer] = {}

    @property
    def view(self) -> CaseView:
        """The case as last recorded."""
        if self._view is None:
            raise ApplicationError("The case is being opened.", type="NotOpenedYet")
        return self._view

    @property
    def opened(self) -> Opened:
        """What was recorded at the start of this run."""
        if self._opened is None:
            raise ApplicationError("The case is being opened.", type="NotOpenedYet")
        return self._opened

    async def open(self) -> None:
        """Acknowledge and admit the case; what the configuration says of it goes into history."""
        goes_on = self.ref.reopened or self.ref.released
        self._opened = await self.step(
            OPEN,
            Opening(
                case=self.ref.case, at=workflow.now(), begins=not goes_on,
                acknowledge=not goes_on and self.ref.origin is Origin.REQUEST,
                only=self.ref.ended_in, resumed=self.ref.resumed,
            ),
        )  # fmt: skip

    @property
    def is_settled(self) -> bool:
        """Whether an action can be judged: nothing is being recorded, and the procedure waits.

        What an action just did may let the procedure go on: it goes first, then the next is judged.
        """
        going_on = self._goes_on is not None and self._goes_on()
        return self._opened is not None and self._recording == 0 and not going_on

    async def step(self, step: Step[A, R], change: A) -> R:
        """One recorded activity on the case row; repeated until it succeeds, as its key allows."""
        self._recording += 1
        try:
            return await self._step(step, change)
        finally:
            self._recording -= 1

    async def _step(self, step: Step[A, R], change: A) -> R:
        pace = self._opened.pacing if self._opened else None
        result: R = await workflow.execute_activity(
            step.name,
            change,
            result_type=step.gives,
            activity_id=f"{step.name}:{self.next_step()}",
            start_to_close_timeout=pace.step_timeout if pace else OPENING,
            priority=BEGINNING if step is OPEN else GOING_ON,
            retry_policy=RetryPolicy(
                initial_interval=pace.retry_first if pace else timedelta(seconds=1),
                maximum_interval=pace.retry_most if pace else timedelta(minutes=1),
                non_retryable_error_types=NEVER_AGAIN,
            ),
        )
        if isinstance(result, Recorded):
            self.adopt(result)
        return result

    def next_step(self) -> int:
        """Numbers the steps of this run: an activity id is the step's key against repetition."""
        self._steps += 1
        return self._steps

    async def record(self, *facts: Fact, by: Actor = ENGINE, **change: Any) -> None:
        """Record facts, and what they change on the case row (see `schemas.steps.Change`)."""
        at = workflow.now()
        await self.step(RECORD, Change(case=self.ref.case, at=at, by=by, facts=facts, **change))

    async def stand(
        self, status: Status, *, opens: tuple[OpenTask, ...] = (), **change: Any
    ) -> None:
        """Move to a status, and open tasks or change what belongs there; nothing if all is so."""
        if self.view.status is not status:
            await self.record(move=status, opens=opens, **change)
        elif change or not self._are_open(opens):
            await self.record(opens=opens, **change)

    def _are_open(self, tasks: tuple[OpenTask, ...]) -> bool:
        known = {(awaited.what, awaited.system) for awaited in self.view.awaiting}
        return all((task.what, task.system) in known for task in tasks)

    def adopt(self, recorded: Recorded) -> None:
        """Take over a newer state; results may arrive out of order."""
        self.entries.extend(recorded.entries)
        before = self._view
        if before is None or recorded.view.revision > before.revision:
            self._view = recorded.view
            for answer in self._answers.values():
                self._patch(answer)
            self._publish()

    def adopt_answer(self, answer: SystemAnswer) -> None:
        """Take over a system's answer, which the case row has already."""
        self._answers[answer.system] = answer
        self._patch(answer)
        self._publish(always=True)

    def _patch(self, answer: SystemAnswer) -> None:
        """Put an answer into the view, unless the view was read after it."""
        view = self.view
        if answer.revision <= view.revision:
            return
        others = tuple(a for a in view.awaiting if a.system != answer.system)
        systems = tuple(answered(s, answer) if s.name == answer.system else s for s in view.systems)
        self._view = view.model_copy(
            update={
                "systems": systems,
                "awaiting": (*others, *answer.opened),
                "status": answer.moved or view.status,
            }
        )

    def _publish(self, *, always: bool = False) -> None:
        """Keep the search attributes for operators; each change costs one event.

        `always`: also if nothing has changed, once per workflow task. One that answers of systems
        have changed must leave a command: replayed without any, it is taken together with the next
        one, and an update of that one before the answers (measured, temporalio 1.35).
        """
        shown, clock = workflow.info().typed_search_attributes, self.view.clock
        changes: list[SearchAttributeUpdate[Any]] = []
        if shown.get(STATUS) != self.view.status:
            changes.append(STATUS.value_set(self.view.status))
        due = clock.due_before_utc
        if shown.get(DUE_AT) != due:
            changes.append(DUE_AT.value_unset() if due is None else DUE_AT.value_set(due))
        if shown.get(ESCALATION) != clock.escalation.rank:
            changes.append(ESCALATION.value_set(clock.escalation.rank))
        task = workflow.info().get_current_history_length()
        if always and not changes and task != self._published_in:
            changes.append(STATUS.value_set(self.view.status))
        if changes:
            self._published_in = task
            workflow.upsert_search_attributes(changes)

    def check(self) -> None:
        """Raise what a person's action has made of this case meanwhile."""
        if self.interrupt is not None:
            interrupt, self.interrupt = self.interrupt, None
            raise interrupt

    async def until(
        self, ready: Callable[[], bool], *, before: datetime | None = None, summary: str
    ) -> bool:
        """Wait until ready; False if the instant `before` came first. Raises `Interrupt`."""
        self._goes_on = lambda: ready() or self.interrupt is not None
        try:
            reached = await self.quietly_until(self._goes_on, before=before, summary=summary)
        finally:
            self._goes_on = None
        self.check()
        return reached

    async def quietly_until(
        self, ready: Callable[[], bool], *, before: datetime | None = None, summary: str
    ) -> bool:
        """The same, without interrupts: for what runs beside the procedure."""
        if ready():
            return True
        timeout = None if before is None else before - workflow.now()
        if timeout is not None and timeout <= timedelta(0):
            return False
        try:
            await workflow.wait_condition(ready, timeout=timeout, timeout_summary=summary)
        except TimeoutError:
            return False
        return True


def answered(system: SystemView, answer: SystemAnswer) -> SystemView:
    """A system's part with its answer."""
    return system.model_copy(
        update={
            "outcome": answer.outcome,
            "records": answer.records,
            "reason": answer.reason,
            "since": answer.at or system.since,
            "lag_seconds": answer.lag_seconds,
            "plan": answer.plan,
        }
    )


def reason_of(error: ActivityError) -> str:
    """The sentence of a step that must not be repeated."""
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else "The step failed."
