"""Steps of one case that wait for its row share a commit; each is still a step of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from schemas.case import SystemOutcome, TimelineEntry
from schemas.events import Event
from schemas.steps import SystemChange
from storage import tables as t
from storage.audit import entries
from storage.case_step import CaseStep
from storage.together import A_MOMENT, PATIENCE, Together
from storage.verify import chain_findings, chains_query, stored_chains
from tests.office import Office, a_form, an_office, now

Write = Callable[[CaseStep], Awaitable[int]]


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """An office in which nobody works: the steps are the test's."""
    async with an_office(temporal, engine, tmp_path, letters=letters, working=False) as office:
        yield office


async def searched(step: CaseStep) -> int:
    """A step that records one fact; the transaction that it is in."""
    if not step.repeated:
        step.record(Event.SEARCHED, system="customers")
    return int(await step.conn.scalar(text("select txid_current()")))


async def fails(step: CaseStep) -> int:
    """A step that cannot be written."""
    step.record(Event.SEARCHED, system="marketing")
    raise ValueError("no such record")


def answers(system: str, records: int) -> Write:
    """A step with which a search ends."""

    async def answer(step: CaseStep) -> int:
        outcome = SystemOutcome.FOUND
        change = SystemChange(name=system, outcome=outcome, records=records)
        await step.system_answered(change)
        return records

    return answer


class Steps:
    """Takes steps on one case."""

    def __init__(self, office: Office, case: UUID) -> None:
        self.office, self.case, self.together = office, case, Together()

    async def take(self, key: str, write: Write = searched, beside: int = 1) -> int:
        return await self.together.step(
            self.office.case_file, self.case, key, now(), "engine", write, beside=beside
        )

    async def recorded(self) -> list[TimelineEntry]:
        async with self.office.case_file.engine.connect() as conn:
            return [e for e in await entries(conn, self.case) if e.event == Event.SEARCHED]

    async def concerns(self, **outcomes: str) -> None:
        """The systems of the case, and where they stand."""
        async with self.office.case_file.engine.begin() as conn:
            rows = [
                {"case_id": self.case, "name": name, "position": n, "duty": "search",
                 "outcome": outcome, "since": now()}
                for n, (name, outcome) in enumerate(outcomes.items())
            ]  # fmt: skip
            await conn.execute(t.system_tasks.insert(), rows)

    async def systems(self) -> dict[str, tuple[str, int]]:
        """Outcome and records of each system."""
        view = await self.office.case_file.view(self.case)
        return {system.name: (system.outcome, system.records) for system in view.systems}

    async def revision(self) -> int:
        return (await self.office.case_file.view(self.case)).revision

    async def problems(self) -> list[str]:
        public = self.office.secrets.signer.public
        async with self.office.case_file.engine.connect() as conn:
            chains = stored_chains(conn, chains_query(self.case))
            return [p async for chain in chains for p in chain_findings(chain, public, {})]


@pytest.fixture
async def steps(office: Office) -> Steps:
    """Steps on a case that was just received."""
    return Steps(office, (await office.submits(a_form())).case)


async def test_steps_that_wait_for_one_another_share_a_commit(steps: Steps):
    transactions = await asyncio.gather(*(steps.take(f"search:{n}") for n in range(20)))

    assert len(set(transactions)) <= 2
    assert (len(await steps.recorded()), await steps.revision()) == (20, 20)
    assert await steps.problems() == []


async def test_a_step_that_cannot_be_written_stops_no_other(steps: Steps):
    results = await asyncio.gather(
        steps.take("search:1"), steps.take("search:2", fails), steps.take("search:3"),
        return_exceptions=True,
    )  # fmt: skip

    assert [type(result) for result in results] == [int, ValueError, int]
    assert len(await steps.recorded()) == 2
    assert await steps.problems() == []


async def test_a_step_that_is_repeated_changes_nothing(steps: Steps):
    await asyncio.gather(steps.take("search:1"), steps.take("search:1"), steps.take("search:2"))
    await steps.take("search:1")

    assert len(await steps.recorded()) == 2
    async with steps.office.case_file.engine.connect() as conn:
        mine = t.steps.c.case_id == steps.case
        assert await conn.scalar(select(func.count()).select_from(t.steps).where(mine)) == 2


async def test_a_step_that_is_given_up_while_it_waits_is_not_taken(steps: Steps):
    first = asyncio.create_task(steps.take("search:1"))
    waiting = asyncio.create_task(steps.take("search:2"))
    await asyncio.sleep(0)
    waiting.cancel()

    await first
    await steps.take("search:3")

    assert waiting.cancelled()
    assert len(await steps.recorded()) == 2


async def test_an_answer_waits_for_those_that_are_announced_and_shares_their_commit(steps: Steps):
    with steps.together.announced(steps.case):
        first = asyncio.create_task(steps.take("search:1"))
        await asyncio.wait([first], timeout=0.1)
        assert not first.done()
    second = await steps.take("search:2")

    assert await first == second


async def test_one_that_is_announced_and_does_not_come_holds_up_the_others_a_moment_only(
    steps: Steps,
):
    with steps.together.announced(steps.case):
        await asyncio.wait_for(steps.take("search:1"), 10 * PATIENCE)

    assert len(await steps.recorded()) == 1


async def test_answers_that_share_a_commit_change_each_its_system_but_never_what_was_left_out(
    steps: Steps,
):
    await steps.concerns(customers="pending", events="pending", marketing="left_out")

    await asyncio.gather(
        steps.take("search:1", answers("customers", 2)),
        steps.take("search:2", answers("events", 3)),
        steps.take("search:3", answers("marketing", 4)),
    )

    assert await steps.systems() == {
        "customers": ("found", 2), "events": ("found", 3), "marketing": ("left_out", 0)
    }  # fmt: skip


async def test_a_later_change_of_a_system_is_not_overwritten_by_its_answer(steps: Steps):
    await steps.concerns(customers="pending")

    async def answers_and_fails(step: CaseStep) -> int:
        await answers("customers", 2)(step)
        await step.system(SystemChange(name="customers", outcome=SystemOutcome.FAILED, records=0))
        return 0

    await steps.take("search:1", answers_and_fails)

    assert await steps.systems() == {"customers": ("failed", 0)}


async def test_those_of_a_fan_out_wait_for_as_many_as_were_asked_with_them(steps: Steps):
    """However they begin: they need not be announced yet."""
    first = asyncio.create_task(steps.take("search:1", beside=2))
    await asyncio.wait([first], timeout=A_MOMENT / 2)

    assert await steps.take("search:2", beside=2) == await first


async def test_one_of_a_fan_out_that_another_worker_has_is_not_waited_for(steps: Steps):
    await asyncio.wait_for(steps.take("search:1", beside=2), PATIENCE)

    assert len(await steps.recorded()) == 1
