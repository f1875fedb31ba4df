"""The law's clock of one case: fires each step of the ladder at its recorded instant.

One timer at a time, re-armed only when the schedule moves. The steps and their instants were
computed by `rules.escalation` and recorded; nothing is computed here.
"""

from temporalio import workflow

from workflows.case import Case

with workflow.unsafe.imports_passed_through():
    from rules.outcome import breach_cause
    from schemas.case import Escalation, LadderStep, Status
    from schemas.steps import FIRE, Fire


class DeadlineClock:
    """Runs beside the procedure until the reply has left."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def stopped(self) -> bool:
        """The reply has left or the case is closed (Art. 12(3): the duty is done)."""
        view = self._case.view
        return view.clock.replied_at is not None or view.status is Status.CLOSED

    def next_step(self) -> LadderStep | None:
        """The next step that has not fired."""
        return next(iter(self._case.view.clock.ladder), None)

    async def run(self) -> None:
        """Wait, fire, go on; start over whenever the recorded schedule has moved."""
        while not self.stopped():
            step = self.next_step()
            moved = await self._case.quietly_until(
                lambda armed=step: self.stopped() or self.next_step() != armed,  # type: ignore[misc]
                before=step.at if step else None,
                summary=f"time limit: {step.step}" if step else "no step left",
            )
            if step is not None and not moved:
                await self._fire(step)

    async def _fire(self, step: LadderStep) -> None:
        case = self._case
        view = case.view
        breach = step.step is Escalation.BREACH
        cause = breach_cause(view.status, view.clock) if breach else None
        await case.step(
            FIRE,
            Fire(
                case=case.ref.case, at=workflow.now(), step=step.step, cause=cause,
                revision=view.clock.revision,
            ),
        )  # fmt: skip
