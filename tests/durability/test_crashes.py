"""A worker is killed by SIGKILL in the middle of a request; another one takes over.

The ending is the same as without the crash, and each effect is there once.
"""

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, select
from temporalio.testing import WorkflowEnvironment

from schemas.case import LetterKind, Outcome, Status
from schemas.messages import AskIdentity, Choice, Decide, Review, Withdraw
from storage import tables as t
from storage.database import connect
from storage.verify import chain_findings, chains_query, stored_chains
from tests.durability.register import make_register, the_register, writes
from tests.durability.worker_that_dies import (
    FALLS_BACK,
    IMPATIENT,
    Moment,
    Point,
    Post,
    main,
    the_letters,
)
from tests.office import Office, a_form, an_office
from tests.postgres import Server

PATIENCE = 75.0
"""Seconds for one wait; the first try of `case.open` alone is given up after 30."""

AT_ONCE = 4

STEP = (Moment.BEFORE, Moment.UNCOMMITTED, Moment.COMMITTED)
SYSTEM = (Moment.BEFORE, Moment.OUTSIDE, Moment.UNCOMMITTED, Moment.COMMITTED)

ACCESS = [
    *(Point("case.open", moment) for moment in STEP),  # the slowest first
    *(Point("system.search", moment) for moment in SYSTEM),
    *(Point("case.record", moment, "reviewed") for moment in STEP),
    *(Point("case.record", moment, "decided") for moment in STEP),
    *(Point("reply.compile", moment) for moment in STEP),
    *(Point("clock.letter_gone", moment) for moment in STEP),
]
QUESTION = [
    *(Point("letter.write", moment) for moment in STEP),
    *(Point("case.record", moment, "closed") for moment in STEP),
]
OBJECTION = [Point("system.suppress", moment) for moment in SYSTEM]


async def an_access_request(office: Office) -> str:
    """From receipt to close."""
    number = await office.receives(a_form())
    await office.awaits(number, "review")
    await office.rests(number)  # the last answer is on the row before the run has it
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.client.package(number, by="maija")
    await office.reaches(number, Status.CLOSED)
    return number


async def a_question(office: Office) -> str:
    """Who asks is not shown; the question gets a letter, and no answer but the withdrawal."""
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.act(number, Withdraw, by="maija")
    await office.reaches(number, Status.CLOSED)
    return number


async def an_objection(office: Office) -> str:
    """To marketing: nobody decides."""
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)
    return number


Story = Callable[[Office], Awaitable[str]]


def story_of(point: Point) -> Story:
    """The request in which the point is reached."""
    if point in QUESTION:
        return a_question
    return an_objection if point in OBJECTION else an_access_request


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
    writes: Counter[str]


async def ending(office: Office, number: str, register: str) -> Ending:
    """Read it from the database and from the register."""
    view = await office.client.show(number)
    case = await office.client._case(number)

    async def rows(table: Table, order: str) -> list[Any]:
        async with office.case_file.engine.connect() as conn:
            mine = select(table).where(table.c.case_id == case).order_by(table.c[order])
            return list((await conn.execute(mine)).all())

    async with office.case_file.engine.connect() as conn:
        suppressions = len((await conn.execute(select(t.suppressions))).all())
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
        writes=Counter(await writes(register)),
    )


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
    env: WorkflowEnvironment, server: Server, folder: Path
) -> AsyncIterator[tuple[Post, Office]]:
    """An office without a worker, over databases of its own."""
    database, register = await server.create(), await server.create("template1")
    await make_register(server.url(register))
    engine, systems = connect(server.url(database)), the_register(server.url(register))
    try:
        async with an_office(
            env, engine, folder, systems=systems, policy=IMPATIENT, letters=the_letters(),
            working=False,
        ) as office:  # fmt: skip
            office.patience = PATIENCE
            address = env.client.service_client.config.target_host
            yield (
                Post(address, server.url(database), server.url(register), folder, office.queue),
                office,
            )
    finally:
        await systems.close()
        await engine.dispose()
        await server.drop(database)
        await server.drop(register)


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
        async with self._room, a_post(self._env, self._server, self._place()) as (post, office):
            await office.starts_work()
            return await ending(office, await story(office), post.register)

    async def at(self, point: Point) -> Crashed:
        """The story with a worker that is killed there, and another one after it."""
        async with self._room, a_post(self._env, self._server, self._place()) as (post, office):
            worker = self._processes.Process(target=main, args=(post, point), daemon=True)
            await asyncio.to_thread(worker.start)
            played = asyncio.create_task(_played(story_of(point), office))
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
            seen = await ending(office, number, post.register)
            return Crashed(worker.exitcode, result, seen, await _chain_problems(office))

    def _place(self) -> Path:
        place = self._folder / str(len(list(self._folder.iterdir())))
        place.mkdir()
        return place


async def _played(story: Story, office: Office) -> str:
    return await story(office)


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


@pytest.fixture(scope="module")
async def crashes(
    request: pytest.FixtureRequest, temporal: WorkflowEnvironment, migrated: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[dict[Any, "asyncio.Task[Any]"]]:  # fmt: skip
    """All stories that this run of the tests asks for, side by side."""
    stage = Crashes(temporal, migrated, tmp_path_factory.mktemp("crashes"))
    wanted = [
        item.callspec.params["point"]
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
    ]
    playing: dict[Any, asyncio.Task[Any]] = {
        point: asyncio.create_task(stage.at(point)) for point in wanted
    }
    for story in {story_of(point) for point in wanted}:
        playing[story] = asyncio.create_task(stage.undisturbed(story))
    yield playing
    for task in playing.values():
        task.cancel()
    await asyncio.gather(*playing.values(), return_exceptions=True)


@pytest.mark.parametrize("point", [*ACCESS, *QUESTION, *OBJECTION], ids=str)
async def test_the_case_ends_as_if_nothing_had_happened_and_each_effect_is_there_once(
    crashes: dict[Any, "asyncio.Task[Any]"], point: Point
):
    crashed: Crashed = await crashes[point]
    undisturbed: Ending = await crashes[story_of(point)]

    assert crashed.returncode == -9
    assert undisturbed.status is Status.CLOSED
    assert crashed.result == undisturbed.outcome
    assert crashed.ending == undisturbed
    assert crashed.chain == []
