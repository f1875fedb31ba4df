"""The fan-out: every system that a request concerns is asked, beside one another, until it answers.

One activity a system and try. A system that cannot be reached never blocks the others and never
counts as success: it becomes a task, and is tried again with growing waits, until it answers or a
person resolves it. What is still asked when a reply leaves is asked on while the case follows up.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows.case import Case, Fault

with workflow.unsafe.imports_passed_through():
    from rules.outcome import owing
    from schemas import steps
    from schemas.case import ANSWERED, Awaited, SystemOutcome
    from schemas.events import Event, Fact, fact
    from schemas.steps import OpenTask, Step, SystemAnswer, SystemCall, SystemChange
    from schemas.systems import Duty, Reach, SystemPlan

STEP_OF: Final[dict[Duty, Step[SystemCall, SystemAnswer]]] = {
    Duty.SEARCH: steps.SEARCH,
    Duty.SUPPRESS: steps.SUPPRESS,
    Duty.RESTRICT: steps.RESTRICT,
    Duty.LIFT_RESTRICTION: steps.LIFT_RESTRICTION,
    Duty.RECORD_CONSENT: steps.RECORD_CONSENT,
    Duty.PLAN_ERASURE: steps.PLAN_ERASURE,
    Duty.ERASE: steps.ERASE,
    Duty.CONTEST: steps.CONTEST,
    Duty.END_CONTEST: steps.END_CONTEST,
    Duty.CORRECT: steps.CORRECT,
    Duty.ADD_STATEMENT: steps.ADD_STATEMENT,
}

OF_CORRECTIONS: Final = (Duty.CONTEST, Duty.END_CONTEST, Duty.CORRECT, Duty.ADD_STATEMENT)

LONGEST_WAIT: Final = timedelta(days=1)

PATIENTLY: Final = "2026-11-asked-on-patiently"
"""Since then a system that staff know to be away is asked on by one activity, whose tries leave no
events. A round of its own for each try costs eleven: of many systems that are away for weeks they
reach Temporal's limit, which ends the run."""


class FanOut:
    """Asks the systems of one case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._plans: dict[str, SystemPlan] = {}
        self._taken: set[str] = set()  # partners that have the request: asked, not answered
        self._paused: set[str] = set()  # systems that fail for all cases: it is on the row
        self._leaving: list[asyncio.Task[None]] = []
        self._window: asyncio.Semaphore | None = None
        self._review: OpenTask | None = None
        self._resumes = False
        self._trying = 0

    def start(self, plans: tuple[SystemPlan, ...], *, resumes: bool = False) -> None:
        """Begin to ask; returns at once. `resumes`: what a deletion kept may go now."""
        self._resumes = resumes
        window = self._case.opened.search_window
        self._window = self._window or asyncio.Semaphore(window)
        here = Counter(plan.queue for plan in plans if plan.reach is Reach.SQL)
        for plan in plans:
            beside = min(here[plan.queue], window) if plan.reach is Reach.SQL else 1
            self._drop(plan.name)
            self._plans[plan.name] = plan
            self._taken.discard(plan.name)
            self._paused.discard(plan.name)
            self._asking[plan.name] = asyncio.create_task(self._ask(plan, self._window, beside))

    def ask(self, plans: tuple[SystemPlan, ...], review: OpenTask | None = None) -> None:
        """Begin to ask those that have not answered and that nobody is asking.

        `review`: what is due with the last answer, if anything was found (see `SystemCall`).
        """
        self._review = review
        view = self._case.view
        owes = {system.name for system in owing(view.systems)}
        owes -= {awaited.system for awaited in view.awaiting if self._is_with_people(awaited)}
        owes -= {name for name, task in self._asking.items() if not task.done()}
        self.start(tuple(plan for plan in plans if plan.name in owes))

    def _is_with_people(self, awaited: Awaited) -> bool:
        """Whether somebody does it by hand. What a lost run could not reach is asked again."""
        unreached = self._case.ref.resumed and awaited.what == "resolve_system"
        return awaited.system is not None and not unreached

    def duty(self, name: str) -> Duty | None:
        """What the system was asked last."""
        return self._plans[name].duty if name in self._plans else None

    def stop(self) -> None:
        """The case is over: nothing is asked any more."""
        for name in self._asking:
            self.leave(name)

    def leave(self, name: str, *, again: bool = False) -> None:
        """It is asked no more. A partner's request is taken back, unless it is sent `again`."""
        owes = name in self._taken and not self._asking[name].done()
        self._drop(name)
        if owes and not again:
            self._leaving.append(asyncio.create_task(self._take_back(self._plans[name])))

    def _drop(self, name: str) -> None:
        if name in self._asking:
            self._asking[name].cancel()

    async def _take_back(self, plan: SystemPlan) -> None:
        """Tried a few times: what is too late to take back is answered into the void."""
        tries = self._case.opened.pacing.tell_after_tries
        await self._call(plan, steps.TAKE_BACK, tries=tries, waits=True)

    def ask_again(self, name: str) -> None:
        """At once, as a person wished."""
        if name in self._plans:
            self.start((self._plans[name],))

    def asked(self) -> bool:
        """Whether every system has been asked once, with whatever result."""
        told = self._unreached() | self._taken
        return all(task.done() or name in told for name, task in self._asking.items())

    def trying(self) -> bool:
        """Whether an answer may stand on the case row that has not come back yet."""
        return self._trying > 0

    def hears(self, name: str) -> bool:
        """Whether a partner has the request and has not answered it."""
        return name in self._taken and not self._asking[name].done()

    def lifting(self) -> bool:
        """Whether a partner has been asked to end a restriction and has not answered."""
        asked = [name for name in self._asking if self.duty(name) is Duty.END_CONTEST]
        return any(self._plans[name].corrects and self.hears(name) for name in asked)

    def asking(self) -> bool:
        """Whether any system is still asked."""
        return any(not task.done() for task in self._asking.values())

    def answered(self) -> bool:
        """Whether no system owes an answer any more."""
        return not owing(self._case.view.systems)

    def _unreached(self) -> set[str]:
        told = (SystemOutcome.UNREACHABLE, SystemOutcome.FAILED)
        return {s.name for s in self._case.view.systems if s.outcome in told}

    async def _ask(self, plan: SystemPlan, window: asyncio.Semaphore, beside: int) -> None:
        try:
            await self._ask_until_answered(plan, window, beside)
        except Exception as error:
            self._case.interrupt = Fault(f"asking {plan.name} failed: {type(error).__name__}")

    async def _ask_until_answered(
        self, plan: SystemPlan, window: asyncio.Semaphore, beside: int
    ) -> None:
        wait, patiently = self._case.opened.pacing.retry_most, False
        while True:
            if patiently:
                answer = await self._call(
                    plan, _step_of(plan), first=wait, most=LONGEST_WAIT,
                    waits=plan.name in self._paused,
                )  # fmt: skip
            elif plan.name in self._paused:  # may take days: it takes no place of another system
                answer = await self._try(plan)
            else:
                async with window:
                    answer, beside = await self._try(plan, beside), 1  # again, it is alone
            if answer is not None and answer.paused:
                await self._tell_of_pause(plan, answer.reason)
                continue
            if answer is not None and answer.stopped:
                self._case.adopt_answer(answer)
                await self._until_resumed(plan)
                continue
            if answer is not None and answer.outcome is not SystemOutcome.FAILED:
                self._case.adopt_answer(answer)
                owes = answer.outcome not in ANSWERED and not answer.by_people
                if _is_partners(plan) and owes:
                    await self._hear(plan)
                return
            await self._tell(plan, answer)
            patiently = answer is None and workflow.patched(PATIENTLY)
            await workflow.sleep(wait, summary=f"{plan.name}: again")
            wait = min(wait * 2, LONGEST_WAIT)

    async def _try(self, plan: SystemPlan, beside: int = 1) -> SystemAnswer | None:
        """One round of tries; None if the system cannot be reached."""
        tries, waits = self._case.opened.pacing.tell_after_tries, plan.name in self._paused
        return await self._call(plan, _step_of(plan), tries=tries, waits=waits, beside=beside)

    async def _hear(self, plan: SystemPlan) -> None:
        """A partner answers in its own time; its silence becomes a task, and it is heard on."""
        self._taken.add(plan.name)
        pace = self._case.opened.pacing
        answer = await self._call(plan, steps.HEAR_PARTNER, within=pace.partner_silence)
        wait = pace.retry_most
        while answer is None or not answer.revision:
            await self._tell_of_partner(plan, answer)
            await workflow.sleep(wait, summary=f"{plan.name}: heard on")
            wait = min(wait * 2, LONGEST_WAIT)
            answer = await self._call(plan, steps.HEAR_PARTNER)
        self._case.adopt_answer(answer)
        if plan.duty is Duty.CORRECT and answer.outcome is SystemOutcome.PENDING:
            await self._until_stated(plan)

    async def _until_stated(self, plan: SystemPlan) -> None:
        """The partner has corrected its part; people put the statement beside what is disputed."""
        case = self._case
        await workflow.wait_condition(
            lambda: all(awaited.system != plan.name for awaited in case.view.awaiting)
        )
        await case.record(systems=(SystemChange(name=plan.name, outcome=SystemOutcome.RETAINED),))

    async def _call(
        self, plan: SystemPlan, step: Step[SystemCall, SystemAnswer], *, tries: int = 0,
        within: timedelta | None = None, waits: bool = False, first: timedelta | None = None,
        most: timedelta | None = None, beside: int = 1,
    ) -> SystemAnswer | None:  # fmt: skip
        """One activity; None if it gave up after its tries (0: never) or its time.

        Where a try may only wait for its turn, the activity counts its tries itself. `first` and
        `most`: the waits between its tries, else those of the policy.
        """
        counts_itself = plan.limited or _is_partners(plan)
        case, pace = self._case, self._case.opened.pacing
        self._trying += 1
        try:
            answer: SystemAnswer = await workflow.execute_activity(
                step.name,
                SystemCall(
                    case=case.ref.case,
                    at=workflow.now(),
                    system=plan.name,
                    duty=plan.duty,
                    review=self._review,
                    resumes=self._resumes,
                    restricts=plan.restricts,
                    tries=tries if counts_itself else 0,
                    beside=beside,
                    waits=waits,
                ),
                result_type=step.gives,
                activity_id=f"{step.name}:{plan.name}:{case.next_step()}",
                task_queue=plan.queue,
                start_to_close_timeout=pace.system_timeout,
                schedule_to_close_timeout=within,
                retry_policy=RetryPolicy(
                    initial_interval=first or pace.retry_first,
                    maximum_interval=most or pace.retry_most,
                    maximum_attempts=0 if counts_itself else tries,
                ),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error  # left to a person: not unreachable
            return None
        finally:
            self._trying -= 1
        return answer

    async def _until_resumed(self, plan: SystemPlan) -> None:
        """An operator has stopped what changes this system; looked at again without an event."""
        case, pace = self._case, self._case.opened.pacing
        try:
            await workflow.execute_activity(
                steps.AWAIT_RESUMED.name,
                SystemCall(case=case.ref.case, at=workflow.now(), system=plan.name, duty=plan.duty),
                result_type=steps.AWAIT_RESUMED.gives,
                activity_id=f"{steps.AWAIT_RESUMED.name}:{plan.name}:{case.next_step()}",
                start_to_close_timeout=pace.step_timeout,
                retry_policy=RetryPolicy(
                    initial_interval=pace.retry_first, maximum_interval=pace.retry_most
                ),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise asyncio.CancelledError from error
            raise

    async def _tell(self, plan: SystemPlan, answer: SystemAnswer | None) -> None:
        """A system was asked in vain."""
        tries = 1 if answer else self._case.opened.pacing.tell_after_tries
        outcome = SystemOutcome.UNREACHABLE if answer is None else SystemOutcome.FAILED
        reason = "cannot be reached" if answer is None else answer.reason
        happened = fact(Event.SYSTEM_UNREACHABLE, system=plan.name, tries=tries)
        if plan.reach is Reach.HTTP and answer is not None:
            happened = fact(Event.PARTNER_FAILED, system=plan.name, reason=reason)
        await self._to_staff(plan, outcome, reason, happened)

    async def _tell_of_pause(self, plan: SystemPlan, reason: str | None) -> None:
        """It fails for all cases; staff are told of that once, and not by a task of each case."""
        self._paused.add(plan.name)
        change = SystemChange(name=plan.name, outcome=SystemOutcome.UNREACHABLE, reason=reason)
        await self._case.record(fact(Event.SYSTEM_PAUSED, system=plan.name), systems=(change,))

    async def _tell_of_partner(self, plan: SystemPlan, answer: SystemAnswer | None) -> None:
        """A partner that took the request is silent, or answers what cannot be used."""
        days = self._case.opened.pacing.partner_silence.days or None
        reason = f"has not answered for {days} day(s)" if days else "has not answered"
        outcome = SystemOutcome.SILENT
        happened = fact(Event.PARTNER_SILENT, system=plan.name, days=days)
        if answer is not None:
            outcome, reason = answer.outcome, answer.reason or ""
            happened = fact(Event.PARTNER_FAILED, system=plan.name, reason=reason)
        await self._to_staff(plan, outcome, reason, happened)

    async def _to_staff(
        self, plan: SystemPlan, outcome: SystemOutcome, reason: str | None, happened: Fact
    ) -> None:
        """Staff see it in one sentence, once, and resolve it: retry, by hand, leave out."""
        system = self._case.view.system(plan.name)
        if system is not None and system.outcome is outcome:
            return
        await self._case.record(
            happened,
            systems=(SystemChange(name=plan.name, outcome=outcome, reason=reason),),
            opens=(OpenTask(what="resolve_system", role="handler", system=plan.name),),
        )


def _step_of(plan: SystemPlan) -> Step[SystemCall, SystemAnswer]:
    return steps.ASK_PARTNER if _is_partners(plan) else STEP_OF[plan.duty]


def _is_partners(plan: SystemPlan) -> bool:
    """What a partner is asked over HTTP; about other corrections, and statements, people talk."""
    by_people = () if plan.corrects else OF_CORRECTIONS
    return plan.reach is Reach.HTTP and plan.duty not in (*by_people, Duty.ADD_STATEMENT)
