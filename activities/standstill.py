"""What an operator has stopped waits, in the procedures, until it may go on."""

from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.desk import Desk
from activities.system_steps import write_outcome
from schemas.case import SystemOutcome
from schemas.steps import AWAIT_RESUMED, SystemAnswer, SystemCall
from storage.case_step import CaseStep
from storage.standstills import stands_still

STOPPED: Final = "stopped by an operator: dsr resume"


async def is_stopped(desk: Desk, system: str) -> bool:
    """Whether nothing may be destroyed or changed in a system now."""
    async with desk.case_file.reading.connect() as conn:
        return await stands_still(conn, system)


async def stopped(step: CaseStep, call: SystemCall) -> None:
    """The case row says why nothing happens."""
    await write_outcome(step, call, SystemOutcome.PENDING, 0, STOPPED)


class StandstillActivities:
    """The wait for an operator."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=AWAIT_RESUMED.name)
    async def await_resumed(self, call: SystemCall) -> SystemAnswer:
        """Ends when the system may go on. Until then it looks again and again, without an event."""
        if await is_stopped(self._desk, call.system):
            raise ApplicationError(
                f"{call.system} is {STOPPED}",
                type="Stopped",
                next_retry_delay=self._desk.policy.pace.retry_first,
                category=ApplicationErrorCategory.BENIGN,
            )
        return SystemAnswer(system=call.system, outcome=SystemOutcome.PENDING)
