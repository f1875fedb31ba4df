"""The hourly sweep: what no single case can see of itself. A stuck workflow fires no timers."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from schemas.steps import (
        HOURLY_SWEEP,
        SWEEP_CHECKPOINT,
        SWEEP_DEADLINES,
        SWEEP_DOUBTS,
        SWEEP_ENDED,
        SWEEP_HOLDS,
        SWEEP_PURGE,
        SWEEP_RECONCILE,
        SWEEP_RESUME,
        Step,
        SweepInput,
        SweepReport,
    )

PART_TAKES: Final = timedelta(minutes=30)
"""A part that has not succeeded by then is left to the next sweep."""


@workflow.defn(name=HOURLY_SWEEP)
class HourlySweep:
    """Started by a schedule; each part is safe to repeat."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    @workflow.run
    async def run(self) -> SweepReport:
        """Escalate what a workflow did not, start missing runs, end holds, sign, purge, resume.

        What is purged is witnessed by the next checkpoint. A part that is added comes last: a
        sweep that newer code finds under way goes on. A part that always fails keeps no other from
        being done; then the run fails, so that whoever watches the sweep's clock sees it.
        """
        deadlines = await self._sweep(SWEEP_DEADLINES)
        runs = await self._sweep(SWEEP_RECONCILE)
        holds = await self._sweep(SWEEP_HOLDS)
        checkpoint = await self._sweep(SWEEP_CHECKPOINT)
        purge = await self._sweep(SWEEP_PURGE)
        resumed = await self._sweep(SWEEP_RESUME)
        ended = await self._sweep(SWEEP_ENDED)
        doubts = [await self._resolve_doubts(queue) for queue in holds.in_doubt_elsewhere]
        if self._failed:
            raise ApplicationError(
                f"not done, the next sweep tries again: {', '.join(self._failed)}",
                type="SweepIncomplete",
            )
        return SweepReport(
            escalated=deadlines.escalated,
            stuck=deadlines.stuck,
            reminded=deadlines.reminded,
            overdue=deadlines.overdue,
            restarted=runs.restarted,
            orphans=runs.orphans,
            troubled=runs.troubled,
            holds_ended=holds.holds_ended,
            holds_due=holds.holds_due,
            doubts=holds.doubts + sum(doubts),
            resumed=resumed.resumed,
            ended=ended.ended,
            checkpoint=checkpoint.checkpoint,
            purged=purge.purged,
        )

    async def _resolve_doubts(self, queue: str) -> int:
        """By a worker of that network; if none is there, the next sweep tries again."""
        try:
            report: SweepReport = await workflow.execute_activity(
                SWEEP_DOUBTS.name,
                SweepInput(at=workflow.now()),
                result_type=SWEEP_DOUBTS.gives,
                activity_id=f"{SWEEP_DOUBTS.name}:{queue}",
                task_queue=queue,
                schedule_to_close_timeout=timedelta(minutes=5),
            )
        except ActivityError:
            return 0
        return report.doubts

    async def _sweep(self, step: Step[SweepInput, SweepReport]) -> SweepReport:
        try:
            result: SweepReport = await workflow.execute_activity(
                step.name,
                SweepInput(at=workflow.now()),
                result_type=step.gives,
                activity_id=step.name,
                start_to_close_timeout=timedelta(minutes=10),
                schedule_to_close_timeout=PART_TAKES,
                retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._failed.append(step.name)
            return SweepReport()
        return result
