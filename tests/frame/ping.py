"""A workflow and activities that prove that a worker works."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

TAKES = timedelta(seconds=30)


@activity.defn(name="ping.slow")
async def slow(seconds: float) -> str:
    """Takes its time, as an activity that must finish before a worker stops."""
    print("activity", flush=True)
    await asyncio.sleep(seconds)
    return "done"


@activity.defn(name="ping.fail")
async def fail(text: str) -> None:
    """Fails with a text that may be anything."""
    activity.logger.warning("about %s", text)
    raise ApplicationError(text, non_retryable=True)


@workflow.defn(name="Ping")
class Ping:
    """One slow step."""

    @workflow.run
    async def run(self, seconds: float) -> str:
        """Wait for it."""
        return await workflow.execute_activity(slow, seconds, start_to_close_timeout=TAKES)


@workflow.defn(name="Complain")
class Complain:
    """One failing step, told in a log line."""

    @workflow.run
    async def run(self, text: str) -> None:
        """Fail with it."""
        workflow.logger.warning("about %s", text)
        await workflow.execute_activity(fail, text, start_to_close_timeout=TAKES)


@workflow.defn(name="Importer")
class Importer:
    """Code that reaches out of the sandbox."""

    @workflow.run
    async def run(self) -> None:
        """Import what was not passed through on purpose."""
        import structlog  # noqa: F401
