"""What people do in a system's place, and about one that does not answer."""

from typing import Final

from temporalio import workflow

from workflows.staff.acting import Acting, text_part

with workflow.unsafe.imports_passed_through():
    from rules.staff import Matched
    from schemas import messages as m
    from schemas.case import CaseView, SystemOutcome
    from schemas.events import Event, Fact, fact
    from schemas.request import Kind
    from schemas.steps import OpenTask, SystemChange
    from schemas.systems import Duty


DONE_BY_HAND: Final = {
    Kind.ACCESS: (SystemOutcome.FOUND, SystemOutcome.NOTHING_HELD),
    Kind.OBJECTION: (SystemOutcome.SUPPRESSED, SystemOutcome.SUPPRESSED),
    Kind.CONSENT: (SystemOutcome.BY_HAND, SystemOutcome.BY_HAND),
    Kind.DELETE: (SystemOutcome.ERASED, SystemOutcome.NOTHING_HELD),
}
"""What a manual task that is done with records, or without any, makes of its system."""


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
        if task.system is not None:
            change = self._answer_by_hand(task.what, task.system, action)
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
        await self.record(
            *facts,
            by=action.by,
            closes=(task.task,),
            systems=systems,
            texts=texts,
            keeps={f"upload:{action.id}": f"file:{task.task}"} if action.has_file else {},
        )

    def _answer_by_hand(self, what: str, name: str, action: m.CompleteTask) -> SystemChange:
        records = action.records or (1 if action.has_file else 0)
        if what == "choose_match":
            system = self.view.system(name)
            records = (system.records if system else 0) + len(action.items)
        some, none = DONE_BY_HAND[self.ref.kind]
        if what == f"{Duty.PLAN_ERASURE}_by_hand":  # looked at, nothing erased yet
            some, none = SystemOutcome.FOUND, SystemOutcome.NOTHING_HELD
        if what == f"{Duty.LIFT_RESTRICTION}_by_hand":
            some = none = SystemOutcome.RETAINED
        return SystemChange(name=name, outcome=some if records else none, records=records)

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
            outcome, reason = SystemOutcome.LEFT_OUT, "left out by a person, with a reason on file"
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
