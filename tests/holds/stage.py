"""Two actors, erase and place, who go on only when the play says so: a barrier before each step.

A step that waits for the other's lock is seen in the database, not by waiting a while: the stage
is still when whoever moves either stands at a barrier, is done, or waits for a lock.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.erasing import Erasing, Guard
from starter.holds import Holds
from tests.holds.deskwork import AINO, Register, Transaction

ERASE = ("intend", "look", "delete", "prove", "commit", "end")

WAITING = text(
    "select a.application_name from pg_locks l join pg_stat_activity a using (pid) "
    "where l.locktype = 'advisory' and not l.granted and a.datname = current_database()"
)


class Died(BaseException):
    """The process is gone: no `except` of ours sees it."""


@dataclass
class Actor:
    """One task with barriers."""

    task: asyncio.Task[Any] | None = None
    go: asyncio.Event = field(default_factory=asyncio.Event)
    at: str | None = None

    @property
    def moves(self) -> bool:
        """It neither stands at a barrier nor is done."""
        return self.at is None and self.task is not None and not self.task.done()


class Stage:
    """The barriers of one play. `faults`: what happens at a barrier of erase before its step."""

    def __init__(self, watch: AsyncConnection, waits: tuple[str, ...] = ("erase", "place")) -> None:
        self.actors = {"place": Actor(), "erase": Actor()}
        self.faults: dict[str, Callable[[], Awaitable[None]]] = {}
        self._watch = watch
        self._waits = waits

    async def barrier(self, name: str, step: str) -> None:
        """Stand here until the play goes on; a fault is a step of its own."""
        await self._stand(name, step)
        if name == "erase" and step in self.faults:
            await self.faults[step]()
            await self._stand(name, step)

    async def _stand(self, name: str, step: str) -> None:
        actor = self.actors[name]
        actor.at = step
        await actor.go.wait()
        actor.go.clear()

    async def plays(self, name: str, scene: Awaitable[Any]) -> None:
        """The actor comes to the first barrier."""
        self.actors[name].task = asyncio.ensure_future(scene)
        await self.still()

    @property
    def ready(self) -> list[str]:
        """Who stands at a barrier and could go on."""
        return [name for name, actor in self.actors.items() if actor.at is not None]

    async def advances(self, name: str) -> None:
        """One step, and whatever the other does because of it."""
        self.actors[name].at = None
        self.actors[name].go.set()
        await self.still()

    async def results(self) -> list[Any]:
        """What came of both, or their exceptions."""
        tasks = [actor.task for actor in self.actors.values() if actor.task is not None]
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def still(self) -> None:
        """Until whoever moves waits for a lock."""
        async with asyncio.timeout(20):
            while moving := {name for name, actor in self.actors.items() if actor.moves}:
                waiting = set(await self._watch.scalars(WAITING)) & set(self._waits)
                if moving <= waiting and all(self.actors[name].moves for name in moving):
                    return
                await asyncio.sleep(0)


class SteppedGuard(Guard):
    """Stops before each step."""

    stage: Stage
    pid: int

    async def _intend(self, *args: Any) -> Any:
        await self.stage.barrier("erase", "intend")
        return await super()._intend(*args)

    async def _look(self, *args: Any) -> Erasing:
        self.pid = await args[0].scalar(text("select pg_backend_pid()"))
        await self.stage.barrier("erase", "look")
        return await super()._look(*args)

    async def _end(self, *args: Any) -> None:
        await self.stage.barrier("erase", "end")
        await super()._end(*args)


class SteppedHolds(Holds):
    """Stops before each step."""

    stage: Stage

    async def _lock(self, *args: Any) -> None:
        await self.stage.barrier("place", "lock")
        await super()._lock(*args)

    async def _write(self, *args: Any) -> None:
        await self.stage.barrier("place", "write")
        await super()._write(*args)

    async def _answer(self, *args: Any) -> None:
        await self.stage.barrier("place", "answer")
        await super()._answer(*args)
        await self.stage.barrier("place", "commit")


@dataclass
class SteppedRegister(Register):
    """Its connector stops before each step."""

    stage: Stage | None = None

    async def erase(self, erasing: Erasing, email: str = AINO) -> None:
        assert self.stage is not None
        await self.stage.barrier("erase", "delete")
        async with Transaction(self, erasing) as transaction:
            await transaction.cover(email)
            await transaction.delete(email)
            await self.stage.barrier("erase", "prove")
            await erasing.prove()
            await self.stage.barrier("erase", "commit")
            await transaction.commit()


async def every_interleaving(play: Callable[["Choices"], Awaitable[None]]) -> int:
    """Play again and again, until every choice that there was has been made; how many plays."""
    choices, plays = Choices(), 0
    while True:
        await play(choices)
        plays += 1
        if not choices.another():
            return plays


class Choices:
    """Which actor goes on, at each point at which both could."""

    def __init__(self) -> None:
        self._made: list[tuple[list[str], int]] = []
        self._point = 0

    def choose(self, ready: list[str]) -> str:
        """As in the play before up to the last choice, which is another one; then the first."""
        if self._point == len(self._made):
            self._made.append((ready, 0))
        offered, chosen = self._made[self._point]
        assert offered == ready, "the same choices lead to the same play"
        self._point += 1
        return ready[chosen]

    def another(self) -> bool:
        """Prepare the next play; False if all were played."""
        self._point = 0
        while self._made:
            offered, chosen = self._made.pop()
            if chosen + 1 < len(offered):
                self._made.append((offered, chosen + 1))
                return True
        return False


@asynccontextmanager
async def watching(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that sees each moment anew."""
    async with engine.connect() as conn:
        yield await conn.execution_options(isolation_level="AUTOCOMMIT")
