"""What a request is measured against: a workflow of the same shape that does nothing of ours."""

import asyncio

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import AsyncEngine

    from schemas.base import Model

NOTHING = "bench.nothing"
INSERT = "bench.insert"
TABLE = "create table if not exists bench (id bigint generated always as identity, note text)"


class Shape(Model):
    """Activities before, beside one another, and after; `activity` is what each of them does."""

    before: int
    beside: int
    after: int
    activity: str = NOTHING


@workflow.defn(name="Bench.Bare")
class Bare:
    """Runs activities of a shape, and nothing else."""

    @workflow.run
    async def run(self, shape: Shape) -> None:
        for _ in range(shape.before):
            await self._one(shape)
        await asyncio.gather(*(self._one(shape) for _ in range(shape.beside)))
        for _ in range(shape.after):
            await self._one(shape)

    async def _one(self, shape: Shape) -> None:
        await workflow.execute_activity(shape.activity, start_to_close_timeout=timedelta(minutes=1))


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
            await conn.execute(text("insert into bench (note) values ('done')"))
