"""What people do in a system's place, and about one that does not answer."""

from typing import Final

from temporalio import workflow

from workflows.staff.acting import Acting, text_part

with workflow.unsafe.imports_passed_through():
    from rules.staff.findings import Matched
    from schemas import messages as m
    from schemas.case import Awaited, CaseView, SystemOutcome
    from schemas.events import Event, Fact, fact
    from schemas.request import Kind
    from schemas.steps import OpenTask, SystemChange
    from schemas.systems import Duty


DONE_BY_HAND: Final = {
    Kind.ACCESS: (SystemOutcome.FOUND, SystemOutcome.NOTHING_HELD),
    Kind.OBJECTION: (SystemOutcome.SUPPRESSED, SystemOutcome.SUPPRESSED),
    Kind.CONSENT: (SystemOutcome.BY_HAND, SystemOutcome.BY_HAND),
    Kind.DELETE: (SystemOutcome.ERASED, SystemOutcome.NOTHING_HELD),
    Kind.CORRECT: (SystemOutcome.BY_HAND, SystemOutcome.NOTHING_HELD),
}
"""What a manual task that is done with records, or without any, makes of its system."""

LOOKED_AT: Final = (SystemOutcome.FOUND, SystemOutcome.NOTHING_HELD)
AS_IT_IS: Final = (SystemOutcome.RETAINED, SystemOutcome.RETAINED)
END_CONTEST_BY_HAND: Final = f"{Duty.END_CONTEST}_by_hand"
BY_TASK: Final = {
    "choose_match": LOOKED_AT,
    f"{Duty.PLAN_ERASURE}_by_hand": LOOKED_AT,  # nothing is erased yet
    f"{Duty.CONTEST}_by_hand": LOOKED_AT,
    f"{Duty.LIFT_RESTRICTION}_by_hand": AS_IT_IS,
    END_CONTEST_BY_HAND: AS_IT_IS,
    f"{Duty.ADD_STATEMENT}_by_hand": AS_IT_IS,
    "correction_differs": (SystemOutcome.BY_HAND, SystemOutcome.RETAINED),
}
"""The same of tasks that mean something else."""

LEFT_OUT: Final = {
    None: "left out by a person, with a reason on file",
    m.NotTold.IMPOSSIBLE: "impossible to tell, Art. 19; a person's reason is on file",
    m.NotTold.DISPROPORTIONATE: "disproportionate to tell, Art. 19; a person's reason is on file",
}
"""Of a system without which the case is answered."""


class Tasks(Acting):
    """Manual tasks, and systems that a person resolves."""

    @workflow.update
    async def complete_task(self, action: m.CompleteTask) -> CaseView:
        """A manual task is done; its file was sealed before."""
        return await self._act(action, self._complete_task)

    async def _complete_task(self, action: m.CompleteTask) -> None:
        task = next(a for a in self.view.awaiting if a.task == action.task)
        part = text_part("task", action)
        texts = {part: action.note} if action.note else {}
        systems: tuple[SystemChange, ...] = ()
        facts: tuple[Fact, ...] = ()
        of_old_kind = task.what == END_CONTEST_BY_HAND and self.ref.kind is not Kind.CORRECT
        if task.system is not None and not of_old_kind:
            change = self._answer_by_hand(task, task.system, action)
            if task.what == "choose_match":
                texts[f"chosen:{task.system}"] = ",".join(action.items)
                own = (change.records or 0) - len(action.items)
                self._matched[task.system] = Matched(own, action.items)
            systems = (change,)
            facts = (
                fact(
                    Event.SYSTEM_ANSWERED,
                    system=change.name,
                    outcome=change.outcome,
                    records=change.records,
                ),
            )
            if task.what == f"{Duty.ADD_STATEMENT}_by_hand":
                facts = (*facts, fact(Event.STATEMENT_ADDED, system=change.name))
        await self.record(
            *facts,
            by=action.by,
            closes=(task.task,),
            done=task.task,
            systems=systems,
            texts=texts,
            keeps={f"upload:{action.id}": f"file:{task.task}"} if action.has_file else {},
        )
        if task.system is not None and self._is_to_plan(task):
            self.systems.ask_again(task.system)

    def _is_to_plan(self, task: Awaited) -> bool:
        """Whose the records are is known: now a deletion can be planned there."""
        return task.what == "choose_match" and self.ref.kind is Kind.DELETE

    def _answer_by_hand(self, task: Awaited, name: str, action: m.CompleteTask) -> SystemChange:
        records = action.records or (1 if action.has_file else 0)
        some, none = BY_TASK.get(task.what, DONE_BY_HAND[self.ref.kind])
        outcome = some if records else none
        if action.left:
            outcome = SystemOutcome.RETAINED
        if task.what == "choose_match" or self.ref.kind is Kind.CORRECT:
            system = self.view.system(name)
            records += (system.records if system else 0) + len(action.items)
        if task.what == "choose_match":
            outcome = some if records else none
        if self._is_to_plan(task):
            outcome = SystemOutcome.PENDING
        if self.ref.kind is Kind.CORRECT and (self._has_more(task) or self.systems.hears(name)):
            outcome = SystemOutcome.PENDING
        return SystemChange(name=name, outcome=outcome, records=records)

    def _has_more(self, task: Awaited) -> bool:
        """Whether people have something else to do in the same system."""
        return any(a.system == task.system and a.task != task.task for a in self.view.awaiting)

    @workflow.update
    async def resolve_system(self, action: m.ResolveSystem) -> CaseView:
        """A person decides about a system that does not answer."""
        return await self._act(action, self._resolve_system)

    async def _resolve_system(self, action: m.ResolveSystem) -> None:
        name, how = action.system, action.how
        opens: tuple[OpenTask, ...] = ()
        outcome, reason = SystemOutcome.PENDING, None
        if how is m.SystemResolution.BY_HAND:
            opens = (OpenTask(what=f"{self._duty(name)}_by_hand", role="handler", system=name),)
        if how is m.SystemResolution.LEAVE_OUT:
            outcome, reason = SystemOutcome.LEFT_OUT, LEFT_OUT[action.because]
        open_tasks = tuple(a.task for a in self.view.awaiting if a.system == name)
        # before it is recorded: one more failure would undo the decision
        self.systems.leave(name, again=how is m.SystemResolution.RETRY)
        await self.record(
            fact(Event.SYSTEM_RESOLVED, system=name, how=how),
            by=action.by,
            systems=(SystemChange(name=name, outcome=outcome, reason=reason),),
            closes=open_tasks,
            opens=opens,
            texts={text_part(f"resolve-{name}", action): action.reason},
        )
        if how is m.SystemResolution.RETRY:
            self.systems.ask_again(name)

    def _duty(self, name: str) -> str:
        return self.systems.duty(name) or next(p.duty for p in self.opened.plan if p.name == name)
