"""An action is judged by what the procedure knows; what the case row shows sooner is awaited."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from connectors.contract import Found, Person
from schemas.case import Status, SystemOutcome
from schemas.errors import RefusedByRule
from schemas.messages import Review
from schemas.steps import OpenTask, SystemChange
from tests.office import Office, a_form


@pytest.fixture
async def slow(office: Office) -> AsyncIterator[None]:
    """A system that is being asked for the whole time of the test."""
    done = asyncio.Event()

    async def find(person: Person) -> Found:
        await done.wait()
        return Found()

    office.systems["marketing"].find = find  # type: ignore[method-assign]
    yield
    done.set()


async def a_task_on_the_row(office: Office, number: str) -> str:
    """A task that a system's step has opened, and whose run has not been told of it yet."""
    case: UUID = await office.client._case(number)
    async with office.case_file.step(case, "ahead", office.client.now(), "engine") as step:
        return await step.open_task(
            OpenTask(what="search_by_hand", role="archivist", system="customers")
        )


@pytest.mark.usefixtures("slow")
async def test_a_task_is_completed_as_soon_as_the_case_row_shows_it(office: Office):
    number = await office.receives(a_form())
    await office.sees(number, lambda v: any(a.system == "archive" for a in v.awaiting))
    task = await a_task_on_the_row(office, number)

    view = await office.client.complete_task(number, task, by="kalle")

    assert task not in [a.task for a in view.awaiting]


@pytest.mark.usefixtures("slow")
async def test_a_task_that_there_is_not_is_refused_all_the_same(office: Office):
    number = await office.receives(a_form())
    await office.sees(number, lambda v: any(a.system == "archive" for a in v.awaiting))

    with pytest.raises(RefusedByRule, match="no such open task"):
        await office.client.complete_task(number, f"{number}-99", by="kalle")


@pytest.mark.usefixtures("slow")
async def test_findings_are_reviewed_as_soon_as_the_case_row_shows_that_all_have_answered(
    office: Office,
):
    number = await office.receives(a_form())
    await office.archive_answers(number)
    case: UUID = await office.client._case(number)
    async with office.case_file.step(case, "ahead", office.client.now(), "engine") as step:
        await step.system(SystemChange(name="marketing", outcome=SystemOutcome.FOUND, records=1))
        step.move(Status.REVIEWING, "every system has answered")
        await step.open_task(OpenTask(what="review", role="handler"))

    await office.act(number, Review, by="maija")

    await office.reaches(number, Status.DECIDING)


@pytest.mark.usefixtures("slow")
async def test_a_review_while_a_system_is_still_asked_is_refused_all_the_same(office: Office):
    number = await office.receives(a_form())
    await office.archive_answers(number)

    with pytest.raises(RefusedByRule, match="is searching"):
        await office.act(number, Review, by="maija")
