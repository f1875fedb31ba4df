"""What a request is measured against: a workflow of the same shape that does nothing of ours."""

import asyncio

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import AsyncEngine

    from schemas.base import Model
    from workflows.case import STATUS

NOTHING = "bench.nothing"
INSERT = "bench.insert"
TABLE = "create table if not exists bench (id bigint generated always as identity, run text)"
A_MONTH = timedelta(days=30)


class Shape(Model):
    """Activities before, beside one another, and after; `activity` is what each of them does.

    And what else a history has: timers that never fire, changes of search attributes, and signals
    of a client, which the run waits for before its last activity.
    """

    before: int
    beside: int
    after: int
    timers: int = 0
    upserts: int = 0
    signals: int = 0
    activity: str = NOTHING

    @property
    def awaited_after(self) -> int:
        """So many activities are done when the run waits for its signals."""
        return self.before + self.beside + self.after - 1


@workflow.defn(name="Bench.Bare")
class Bare:
    """Takes the steps of a shape, and nothing else."""

    def __init__(self) -> None:
        self._signals = 0
        self._upserts = 0

    @workflow.run
    async def run(self, shape: Shape) -> None:
        for _ in range(shape.before):
            await self._one(shape, shape.upserts)
        timers = [
            asyncio.create_task(asyncio.sleep(A_MONTH.total_seconds())) for _ in range(shape.timers)
        ]
        told_later = shape.upserts - shape.after
        await asyncio.gather(*(self._one(shape, told_later) for _ in range(shape.beside)))
        for left in reversed(range(shape.after)):
            if not left:
                await workflow.wait_condition(lambda: self._signals >= shape.signals)
            await self._one(shape, shape.upserts)
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)

    @workflow.signal
    def go_on(self) -> None:
        """A client has done its part."""
        self._signals += 1

    async def _one(self, shape: Shape, upserts: int) -> None:
        """One activity; then a change of search attributes, unless there were so many."""
        await workflow.execute_activity(shape.activity, start_to_close_timeout=timedelta(minutes=1))
        if self._upserts < upserts:
            self._upserts += 1
            workflow.upsert_search_attributes([STATUS.value_set(f"bare-{self._upserts}")])


class BareActivities:
    """Nothing, or one committed row."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    @activity.defn(name=NOTHING)
    async def nothing(self) -> None:
        """A durable step without an effect."""

    @activity.defn(name=INSERT)
    async def insert(self) -> None:
        """A durable step with the smallest durable effect."""
        async with self._database.begin() as conn:
            run = activity.info().workflow_id
            await conn.execute(text("insert into bench (run) values (:run)"), {"run": run})
