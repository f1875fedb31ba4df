"""Temporal is restored without the case database: the copy of its file is put back."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import WorkflowExecutionStatus

from activities.differences import How
from activities.letters import Letters
from schemas.case import Outcome
from tests.durability.restoring import Stage, access, found, goes_to_its_end, goes_until, reconciled
from tests.office import Office, an_office
from tests.temporal import start_temporal


@asynccontextmanager
async def on_a_file(
    file: Path, engine: AsyncEngine, folder: Path, letters: Letters, queue: str
) -> AsyncIterator[Office]:
    """An office whose Temporal keeps its state in a file."""
    env = await start_temporal(file)
    try:
        async with an_office(env, engine, folder, letters=letters, queue=queue) as office:
            yield office
    finally:
        await env.shutdown()


Work = Callable[[Office, str], Awaitable[Any]]


@asynccontextmanager
async def an_older_temporal(
    engine: AsyncEngine, folder: Path, letters: Letters, stage: Stage, work: Work
) -> AsyncIterator[tuple[Office, str]]:
    """Its file is copied when a case has come to a stage; work goes on; the copy is put back."""
    file, queue = folder / "temporal.db", f"older-{folder.name}"
    async with on_a_file(file, engine, folder, letters, queue) as office:
        number = await stage(office)
        await office.rests(number)
    shutil.copy(file, folder / "copy.db")
    async with on_a_file(file, engine, folder, letters, queue) as office:
        await work(office, number)
        await office.rests(number)
    shutil.copy(folder / "copy.db", file)
    async with on_a_file(file, engine, folder, letters, queue) as office:
        yield office, number


async def test_a_run_that_is_behind_its_row_is_ended_and_the_case_goes_on_from_the_row(
    engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> None:
    """Left alone it would take what people do for repetitions of what the row has."""

    async def reviewed(office: Office, number: str) -> None:
        await goes_until(office, number, "decide")

    older = an_older_temporal(engine, tmp_path, letters, access("search_by_hand"), reviewed)
    async with older as (office, number):
        (behind,) = await found(office)
        assert (behind.how, behind.findings) == (How.BEHIND, ())
        assert (await reconciled(office))["resumed"] == [number]

        assert await goes_to_its_end(office, number) == ["decide", "send_reply"]


async def test_an_old_run_of_a_case_that_was_closed_meanwhile_is_ended(
    engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> None:
    older = an_older_temporal(engine, tmp_path, letters, access("decide"), goes_to_its_end)
    async with older as (office, number):
        run = await office.handle(number)
        while not (differing := await found(office)):
            continue  # visibility lags behind
        assert [(d.how, d.goes_on) for d in differing] == [(How.BEHIND, False)]
        await reconciled(office)

        assert (await run.describe()).status is WorkflowExecutionStatus.TERMINATED
        assert (await office.client.show(number)).outcome is Outcome.FULFILLED
