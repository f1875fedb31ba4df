"""The schedule of the hourly sweep: made once, kept up to date by every worker that starts."""

from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from schemas.steps import HOURLY_SWEEP, TASK_QUEUE

SCHEDULE: Final = "dsr-hourly-sweep"


async def schedule_sweeps(client: Client, task_queue: str = TASK_QUEUE) -> None:
    """Have the sweep run now and every hour, one at a time; what was missed runs once.

    On the engine's own queue, whichever worker makes the schedule: one in a separated network
    serves another queue.
    """
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(HOURLY_SWEEP, id="dsr-sweep", task_queue=task_queue),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))]),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=1)
        ),
    )

    def current(_: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(SCHEDULE, schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(SCHEDULE).update(current)


async def sweep_now(client: Client) -> None:
    """The hourly sweep at once; while one is at work, nothing."""
    await client.get_schedule_handle(SCHEDULE).trigger()
