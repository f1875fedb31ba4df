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
from typing import Any, Final

from temporalio import activity
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities import erasing, replies
from activities.erasing import Guard
from activities.letters import Letters
from connectors.sql.connector import SqlConnector
from connectors.sql.erase import Eraser
from schemas.policy import Policy
from schemas.steps import Change, SystemCall
from storage.case_file import Sitting
from storage.database import connect
from tests.durability.register import Registers
from tests.office import LETTERS, POLICY, an_office


class Moment(StrEnum):
    """When, within one activity."""

    BEFORE = "before its effect"
    INTENDING = "after its intent is written, before that is committed"
    INTENDED = "after its intent is committed"
    APPLIED = "after the rows went, before the proof"
    PROVED = "after the proof, before the commit outside"
    OUTSIDE = "after its effect outside, before our transaction"
    READ_AGAIN = "after the system was read again, before our transaction"
    SUPPRESSED = "after the suppression entry, before the letter"
    UNCOMMITTED = "after its effect, before its commit"
    COMMITTED = "after its commit, before the answer"


@dataclass(frozen=True)
class Point:
    """A named point: the activity, the moment, what it is about (a move, an event, a system)."""

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
        if isinstance(argument, SystemCall):
            about.add(argument.system)
        return step == self.step and self.about in about


@dataclass(frozen=True)
class Post:
    """Where a worker works."""

    temporal: str
    database: str
    register: str
    folder: Path
    queue: str
    registers: Registers


IMPATIENT: Policy = POLICY.model_copy(
    update={
        "pace": POLICY.pace.model_copy(
            update={
                "step_timeout": timedelta(seconds=3),
                "system_timeout": timedelta(seconds=3),
                "tell_after_tries": 10,
            }
        ),
        "holds": POLICY.holds.model_copy(update={"erase_within": timedelta(seconds=3)}),
    }
)
"""A lost try is seen soon, and what was in doubt can be read soon."""

FALLS_BACK = {"sticky_queue_schedule_to_start_timeout": timedelta(milliseconds=500)}
"""So soon a task that waits for a dead worker's cache goes to another one."""

PLACES: Final[tuple[tuple[Any, str, Moment], ...]] = (
    (SqlConnector, "find", Moment.OUTSIDE),
    (SqlConnector, "suppress", Moment.OUTSIDE),
    (erasing, "intend", Moment.INTENDING),
    (Guard, "_intend", Moment.INTENDED),
    (Eraser, "_apply", Moment.APPLIED),
    (Eraser, "erase", Moment.PROVED),
    (SqlConnector, "erase", Moment.OUTSIDE),
    (SqlConnector, "remains", Moment.READ_AGAIN),
    (replies, "choose", Moment.SUPPRESSED),
    (Sitting, "write", Moment.UNCOMMITTED),
)
"""What is just done at a moment: the process dies when it returns."""

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
    async def do(*arguments: Any, **named: Any) -> Any:
        result = await done(*arguments, **named)
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
    systems: Any = post.registers.systems(post.register)
    async with an_office(
        server, engine, post.folder, systems=systems, policy=IMPATIENT, letters=the_letters(),
        queue=post.queue, working=False,
    ) as office:  # fmt: skip
        await office.new_worker(interceptors=[Killer(point)], **FALLS_BACK).run()


def main(post: Post, point: Point) -> None:
    """The process."""
    for owner, name, moment in PLACES:
        setattr(owner, name, _deadly(getattr(owner, name), moment))
    asyncio.run(work(post, point))


the_letters()
