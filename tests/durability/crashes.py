"""A worker is killed by SIGKILL in the middle of a request; another one takes over.

Here is how such a story is played and what its ending is; the stories stand with their tests.
"""

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select, update
from temporalio.testing import WorkflowEnvironment

from activities.sweeps import SweepActivities
from schemas.case import Outcome, Status
from schemas.policy import Policy
from schemas.steps import SweepInput
from storage import tables as t
from storage.database import connect
from storage.verify import chain_findings, chains_query, stored_chains
from tests.durability.register import MARKETING, Registers
from tests.durability.worker_that_dies import (
    FALLS_BACK,
    IMPATIENT,
    Moment,
    Point,
    Post,
    main,
    the_letters,
)
from tests.office import Office, an_office
from tests.postgres import Server

PATIENCE = 75.0
"""Seconds for one wait; the first try of `case.open` alone is given up after 30."""

GLANCE = 0.2
"""Seconds between two looks: several stories go on at once, and mostly wait."""

AT_ONCE = 4

STEP = (Moment.BEFORE, Moment.UNCOMMITTED, Moment.COMMITTED)
SYSTEM = (Moment.BEFORE, Moment.OUTSIDE, Moment.UNCOMMITTED, Moment.COMMITTED)


@dataclass(frozen=True)
class Story:
    """A request from its receipt to its end, and the registers it is about."""

    play: Callable[[Office], Awaitable[str]]
    registers: Registers = MARKETING


@dataclass(frozen=True)
class Crash:
    """A worker that is killed at a point of a story."""

    story: Story
    point: Point

    def __str__(self) -> str:
        return str(self.point)


def crashes_in(story: Story, points: Sequence[Point]) -> list[Crash]:
    """One crash at each of these points."""
    return [Crash(story, point) for point in points]


@dataclass(frozen=True)
class Ending:
    """What is there at the end, counted: everything that must be there once."""

    status: Status
    outcome: Outcome | None
    letters: list[tuple[str, str, bool]]
    decisions: list[tuple[str, str]]
    systems: list[tuple[str, str, int]]
    tasks: list[tuple[str, str, bool]]
    audit: Counter[tuple[str, str]]
    steps: Counter[str]
    sealed: list[str]
    suppressions: int
    inquiries: list[str]
    erased: frozenset[str]
    in_doubt: int
    writes: Counter[str]


async def ending(office: Office, number: str, post: Post) -> Ending:
    """Read it from the database and from the register, once no try to erase is in doubt."""
    await resolved(office)
    view = await office.client.show(number)
    case = await office.client._case(number)

    async def rows(table: Table, order: str) -> list[Any]:
        async with office.case_file.engine.connect() as conn:
            mine = select(table).where(table.c.case_id == case).order_by(table.c[order])
            return list((await conn.execute(mine)).all())

    async with office.case_file.engine.connect() as conn:
        suppressions = len((await conn.execute(select(t.suppressions))).all())
        tries = (await conn.execute(select(t.erasures))).all()
    return Ending(
        status=view.status,
        outcome=view.outcome,
        letters=[(x.kind, x.state, x.has_package) for x in await rows(t.letters, "id")],
        decisions=[(x.what, x.by) for x in await rows(t.decisions, "id")],
        systems=[(x.name, x.outcome, x.records) for x in await rows(t.system_tasks, "name")],
        tasks=[(x.what, x.role, x.done_at is not None) for x in await rows(t.tasks, "id")],
        audit=Counter((x.event, x.actor) for x in await rows(t.audit, "seq")),
        steps=Counter(_what(x.key) for x in await rows(t.steps, "key")),
        sealed=[_what(x.part) for x in await rows(t.sealed, "part")],
        suppressions=suppressions,
        inquiries=[x.outcome for x in await rows(t.inquiries, "seq")],
        erased=frozenset(x.system for x in tries if x.outcome == "erased"),
        in_doubt=sum(x.ended_at is None for x in tries),
        writes=Counter(await post.registers.writes(post.register)),
    )


async def resolved(office: Office) -> None:
    """The sweep reads again what a dead worker left in doubt; its time is over, it is dead."""
    async with office.case_file.engine.begin() as conn:
        await conn.execute(update(t.erasures).values(bound_at=func.clock_timestamp()))
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    await sweeps.holds(SweepInput(at=office.client.now()))


def _what(key: str) -> str:
    """A step's key or a sealed part without its ids: `case.record:7`, `text:decision`."""
    name = key.rpartition("/")[2]
    head, _, tail = name.rpartition(":")
    return head if _is_id(tail) else name


def _is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


@asynccontextmanager
async def a_post(
    env: WorkflowEnvironment, server: Server, folder: Path, registers: Registers,
    outside: Server | None = None, policy: Policy = IMPATIENT,
) -> AsyncIterator[tuple[Post, Office]]:  # fmt: skip
    """An office without a worker, over databases of its own. `outside`: where the registers are."""
    outside = outside or server
    database, register = await server.create(), await outside.create("template1")
    await registers.make(outside.url(register))
    engine, systems = connect(server.url(database)), registers.systems(outside.url(register))
    try:
        async with an_office(
            env, engine, folder, systems=systems, policy=policy, letters=the_letters(),
            working=False,
        ) as office:  # fmt: skip
            office.patience, office.glance = PATIENCE, GLANCE
            address = env.client.service_client.config.target_host
            urls = server.url(database), outside.url(register)
            yield Post(address, *urls, folder, office.queue, registers), office
    finally:
        await systems.close()
        await engine.dispose()
        await server.drop(database)
        await outside.drop(register)


@dataclass(frozen=True)
class Crashed:
    """How the worker ended, and the case after another one took over."""

    returncode: int | None
    result: str
    ending: Ending
    chain: list[str]


class Crashes:
    """Plays stories with and without a crash, some at a time."""

    def __init__(self, env: WorkflowEnvironment, server: Server, folder: Path) -> None:
        self._env = env
        self._server = server
        self._folder = folder
        self._room = asyncio.Semaphore(AT_ONCE)
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["tests.durability.worker_that_dies"])

    async def undisturbed(self, story: Story) -> Ending:
        """The story with one worker from beginning to end."""
        async with self._room, self._post(story) as (post, office):
            await office.starts_work()
            return await ending(office, await story.play(office), post)

    async def at(self, crash: Crash) -> Crashed:
        """The story with a worker that is killed there, and another one after it."""
        async with self._room, self._post(crash.story) as (post, office):
            worker = self._processes.Process(target=main, args=(post, crash.point), daemon=True)
            await asyncio.to_thread(worker.start)
            played = asyncio.create_task(_played(crash.story, office))
            try:
                await _ended(worker, played)
                await office.starts_work(**FALLS_BACK)
                number = await asyncio.wait_for(played, 2 * PATIENCE)
            finally:
                played.cancel()
                worker.kill()
                await asyncio.to_thread(worker.join, 10)
            handle = await office.handle(number)
            result = await asyncio.wait_for(handle.result(), PATIENCE)
            seen = await ending(office, number, post)
            return Crashed(worker.exitcode, result, seen, await _chain_problems(office))

    def _post(self, story: Story) -> AbstractAsyncContextManager[tuple[Post, Office]]:
        place = self._folder / str(len(list(self._folder.iterdir())))
        place.mkdir()
        return a_post(self._env, self._server, place, story.registers)


async def _played(story: Story, office: Office) -> str:
    return await story.play(office)


async def _ended(worker: BaseProcess, played: "asyncio.Task[str]") -> None:
    """Wait until the worker is dead; a story that fails is told at once."""
    dead = asyncio.create_task(asyncio.to_thread(worker.join, PATIENCE))
    await asyncio.wait({dead, played}, return_when=asyncio.FIRST_COMPLETED)
    if played.done():
        await played
        await asyncio.wait({dead}, timeout=5)  # the row is closed a moment before the last point
    alive = worker.exitcode is None
    worker.kill()
    await dead
    assert not alive, "the story ended, and the worker was not killed: no such point"


async def _chain_problems(office: Office) -> list[str]:
    async with office.case_file.engine.connect() as conn:
        return [
            problem
            async for chain in stored_chains(conn, chains_query())
            for problem in chain_findings(chain, office.secrets.signer.public, {})
        ]


class Playing:
    """All stories that a module's tests ask for, side by side."""

    def __init__(self, stage: Crashes, wanted: Sequence[Crash]) -> None:
        self._stage = stage
        self._undisturbed = {
            story: asyncio.create_task(stage.undisturbed(story))
            for story in {crash.story for crash in wanted}
        }
        self._crashed = {crash: asyncio.create_task(stage.at(crash)) for crash in wanted}

    async def both(self, crash: Crash) -> tuple[Crashed, Ending]:
        """The story with the crash, and its ending without."""
        return await self._crashed[crash], await self.undisturbed(crash.story)

    async def undisturbed(self, story: Story) -> Ending:
        """Its ending without a crash."""
        if story not in self._undisturbed:
            self._undisturbed[story] = asyncio.create_task(self._stage.undisturbed(story))
        return await self._undisturbed[story]

    async def stop(self) -> None:
        """What nobody waits for any more is given up."""
        tasks = [*self._crashed.values(), *self._undisturbed.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
