"""A worker process that is killed, by a real SIGKILL on itself, at one named point of its work.

It serves an office's queue as any worker does, until it comes there.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.letters import Letters
from connectors.sql.connector import SqlConnector
from schemas.policy import Policy
from schemas.steps import Change
from storage.case_file import Sitting
from storage.database import connect
from tests.durability.register import the_register
from tests.office import LETTERS, POLICY, an_office


class Moment(StrEnum):
    """When, within one activity."""

    BEFORE = "before its effect"
    OUTSIDE = "after its effect outside, before our transaction"
    UNCOMMITTED = "after its effect, before its commit"
    COMMITTED = "after its commit, before the answer"


@dataclass(frozen=True)
class Point:
    """A named point: the activity, the moment, and what it is about (a move, an event)."""

    step: str
    moment: Moment
    about: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.step, self.about, f"killed {self.moment}") if part)

    def is_at(self, step: str, argument: Any) -> bool:
        """Whether this activity is the one."""
        about = {""}
        if isinstance(argument, Change):
            about |= {str(argument.move), *(fact.event for fact in argument.facts)}
        return step == self.step and self.about in about


@dataclass(frozen=True)
class Post:
    """Where a worker works."""

    temporal: str
    database: str
    register: str
    folder: Path
    queue: str


IMPATIENT: Policy = POLICY.model_copy(
    update={
        "pace": POLICY.pace.model_copy(
            update={"step_timeout": timedelta(seconds=3), "system_timeout": timedelta(seconds=3)}
        )
    }
)
"""A lost try is seen soon."""

FALLS_BACK = {"sticky_queue_schedule_to_start_timeout": timedelta(milliseconds=500)}
"""So soon a task that waits for a dead worker's cache goes to another one."""

_letters: Letters | None = None
_armed: ContextVar[Moment | None] = ContextVar("armed", default=None)


def the_letters() -> Letters:
    """Loaded once, before the processes part."""
    global _letters
    _letters = _letters or Letters(LETTERS)
    return _letters


def _die_if(moment: Moment) -> None:
    if _armed.get() is moment:
        os.kill(os.getpid(), signal.SIGKILL)


class Killer(Interceptor):
    """Arms the point when its activity begins."""

    def __init__(self, point: Point) -> None:
        self._point = point

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Stand before every activity."""
        return _Armed(next, self._point)


class _Armed(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, point: Point) -> None:
        super().__init__(next)
        self._point = point

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if self._point.is_at(activity.info().activity_type, input.args[0]):
            _armed.set(self._point.moment)
        _die_if(Moment.BEFORE)
        result = await super().execute_activity(input)
        _die_if(Moment.COMMITTED)
        return result


def _deadly(done: Callable[..., Awaitable[Any]], moment: Moment) -> Callable[..., Awaitable[Any]]:
    async def do(*arguments: Any) -> Any:
        result = await done(*arguments)
        _die_if(moment)
        return result

    return do


class Server:
    """Temporal as an office wants it."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def connect_client(self, data_converter: DataConverter) -> Client:
        """A client of its own."""
        return await Client.connect(self._address, data_converter=data_converter)


async def work(post: Post, point: Point) -> None:
    """Work until the point is reached."""
    engine, server = connect(post.database), Server(post.temporal)
    async with an_office(
        server, engine, post.folder, systems=the_register(post.register), policy=IMPATIENT,
        letters=the_letters(), queue=post.queue, working=False,
    ) as office:  # fmt: skip
        await office.new_worker(interceptors=[Killer(point)], **FALLS_BACK).run()


def main(post: Post, point: Point) -> None:
    """The process."""
    Sitting.write = _deadly(Sitting.write, Moment.UNCOMMITTED)  # type: ignore[method-assign]
    for effect in ("find", "suppress"):
        setattr(SqlConnector, effect, _deadly(getattr(SqlConnector, effect), Moment.OUTSIDE))
    asyncio.run(work(post, point))


the_letters()
