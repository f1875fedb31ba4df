"""A worker of the next version beside the old one: requests that are open go on to their ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.testing import WorkflowEnvironment

from schemas.case import LetterKind, Outcome, Status
from schemas.events import Event
from schemas.messages import Choice, Decide, Review, SecondDecision, VerifyIdentity
from schemas.request import Kind
from storage.database import connect
from tests.durability.worker_that_dies import the_letters
from tests.office import Office, a_form, an_office
from tests.operation.crew import Crew, Place, Version, registers
from tests.operation.next_version import PATCH
from tests.postgres import Server

_PEOPLE = count(1)

FORMS: dict[Kind, dict[str, Any]] = {
    Kind.ACCESS: {},
    Kind.CORRECT: {},
    Kind.DELETE: {},
    Kind.OBJECTION: {"purposes": ["profiling"]},
    Kind.CONSENT: {"evidence": {}},
}
FIRST_WAIT = {Kind.ACCESS: "review", Kind.CONSENT: "verify_identity"}
"""What each waits for when it is open; the others for a decision."""


@dataclass
class Stage:
    """An office without workers of its own, and the crew that works for it."""

    office: Office
    crew: Crew

    async def opened(self, erases: str) -> dict[Kind, str]:
        """A request of every kind, of different people; each waits for a person.

        `erases`: the register that the deletion is about.
        """
        scopes = {kind: erases if kind is Kind.DELETE else "customers" for kind in FORMS}
        numbers = await asyncio.gather(*(self._opened(k, scope) for k, scope in scopes.items()))
        return dict(zip(FORMS, numbers, strict=True))

    async def _opened(self, kind: Kind, scope: str) -> str:
        somebody = {
            "name": f"Person {(n := next(_PEOPLE))}",
            "identifiers": [{"type": "customer_number", "value": f"{n}"}],
        }
        number = await self.office.receives(a_form(kind, of=somebody, scope=[scope], **FORMS[kind]))
        await self.office.awaits(number, FIRST_WAIT.get(kind, "decide"))
        return number

    async def decided(self, numbers: dict[Kind, str]) -> None:
        """Everybody does what is waited for; the replies are written."""
        await asyncio.gather(*(DECIDING[kind](self.office, n) for kind, n in numbers.items()))
        await asyncio.gather(*(self.office.awaits(n, "send_reply") for n in numbers.values()))

    async def sent(self, numbers: dict[Kind, str]) -> dict[Kind, Outcome | None]:
        """The replies leave and the cases close: with which outcomes."""
        await asyncio.gather(*(self.office.sends(n, LetterKind.REPLY) for n in numbers.values()))
        views = await asyncio.gather(
            *(self.office.reaches(n, Status.CLOSED) for n in numbers.values())
        )
        return {kind: view.outcome for kind, view in zip(numbers, views, strict=True)}

    async def history(self, number: str) -> list[HistoryEvent]:
        """The events of a case's run."""
        return list((await (await self.office.handle(number)).fetch_history()).events)

    async def is_troubled(self, number: str) -> bool:
        """Whether the server reports that a run's tasks fail again and again."""
        described = await (await self.office.handle(number)).describe()
        attributes = described.raw_description.workflow_execution_info.search_attributes
        return "TemporalReportedProblems" in attributes.indexed_fields

    async def notes(self, number: str) -> int:
        """How often the note was filed."""
        return sum(
            entry.event == Event.NOTED for entry in await self.office.client.timeline(number)
        )


async def _access(office: Office, number: str) -> None:
    await office.rests(number)
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)


async def _delete(office: Office, number: str) -> None:
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)


async def _correct(office: Office, number: str) -> None:
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)


async def _objection(office: Office, number: str) -> None:
    await office.act(number, Decide, by="helena", choice=Choice.APPROVE)


async def _consent(office: Office, number: str) -> None:
    await office.act(number, VerifyIdentity, by="maija")


DECIDING: dict[Kind, Callable[[Office, str], Awaitable[None]]] = {
    Kind.ACCESS: _access,
    Kind.CORRECT: _correct,
    Kind.DELETE: _delete,
    Kind.OBJECTION: _objection,
    Kind.CONSENT: _consent,
}


@pytest.fixture
async def stage(
    temporal: WorkflowEnvironment, migrated: Server, tmp_path: Path
) -> AsyncIterator[Stage]:
    """One engine; who works for it, says the test."""
    database = await migrated.create()
    engine = connect(migrated.url(database))
    address = temporal.client.service_client.config.target_host
    async with an_office(
        temporal, engine, tmp_path, systems=registers(), letters=the_letters(), working=False
    ) as office:
        office.patience = 120
        crew = Crew(Place(address, migrated.url(database), tmp_path, office.queue))
        try:
            yield Stage(office, crew)
        finally:
            crew.dismissed()
            await engine.dispose()
    await migrated.drop(database)


def failures(events: list[HistoryEvent]) -> list[str]:
    """Why workflow tasks failed."""
    failed = [e for e in events if e.HasField("workflow_task_failed_event_attributes")]
    return [e.workflow_task_failed_event_attributes.failure.message for e in failed]


def took_the_patch(events: list[HistoryEvent]) -> bool:
    """Whether the run went the new way."""
    return any(
        PATCH.encode() in payload.data
        for event in events
        for payloads in event.marker_recorded_event_attributes.details.values()
        for payload in payloads.payloads
    )


def who_worked(events: list[HistoryEvent]) -> set[str]:
    """The versions that did workflow tasks of a run."""
    done = (e.workflow_task_completed_event_attributes.identity for e in events)
    return set(done) - {""}


FULFILLED = dict.fromkeys(FORMS, Outcome.FULFILLED)


async def test_two_versions_beside_one_another_bring_every_kind_to_the_same_ending(stage: Stage):
    """Old beside waiting, then waiting beside next: no task of any run fails on either."""
    await stage.crew.joined_by(Version.TODAY)
    first = await stage.opened(erases="former")
    await stage.crew.joined_by(Version.WAITING)
    await stage.decided(first)
    left = await stage.crew.left_by(Version.TODAY)
    await stage.crew.joined_by(Version.NEXT)
    second = await stage.opened(erases="lapsed")
    await stage.decided(second)
    endings = await stage.sent(first), await stage.sent(second)

    runs = {n: await stage.history(n) for n in (*first.values(), *second.values())}
    took = {number: took_the_patch(events) for number, events in runs.items()}
    assert endings == (FULFILLED, FULFILLED)
    assert [failures(events) for events in runs.values()] == [[]] * len(runs)
    assert not any([await stage.is_troubled(number) for number in runs])
    assert left == 0
    assert not any(took[number] for number in first.values()), "their replies were written before"
    assert {n: await stage.notes(n) for n in runs} == {n: int(took[n]) for n in runs}
    worked = Counter(version for events in runs.values() for version in who_worked(events))
    assert worked.keys() == set(Version)


async def test_a_run_that_took_the_patch_fails_its_tasks_on_a_worker_that_does_not_know_it(
    stage: Stage,
):
    """Rolled back one version too far nothing moves and nothing is lost; one that waits goes on."""
    await stage.crew.joined_by(Version.NEXT)
    numbers = await stage.opened(erases="former")
    await stage.decided(numbers)
    await stage.crew.left_by(Version.NEXT)
    await stage.crew.joined_by(Version.TODAY)
    consent = numbers[Kind.CONSENT]
    await stage.office.sends(consent, LetterKind.REPLY)
    async with asyncio.timeout(120):
        while not failures(await stage.history(consent)):
            await asyncio.sleep(0.1)
    stuck = await stage.office.client.show(consent)
    await stage.crew.left_by(Version.TODAY)
    await stage.crew.joined_by(Version.WAITING)
    others = {kind: number for kind, number in numbers.items() if kind is not Kind.CONSENT}
    endings = await stage.sent(others)
    went_on = await stage.office.reaches(consent, Status.CLOSED)

    runs = {number: await stage.history(number) for number in numbers.values()}
    (why,) = failures(runs[consent])
    assert "Nondeterminism" in why or "[TMPRL1100]" in why
    assert stuck.status is not Status.CLOSED
    assert (went_on.outcome, endings) == (
        Outcome.FULFILLED,
        dict.fromkeys(others, Outcome.FULFILLED),
    )
    assert all(took_the_patch(events) for events in runs.values())
    assert [failures(runs[number]) for number in others.values()] == [[]] * len(others)
    assert [await stage.notes(number) for number in numbers.values()] == [1] * len(numbers)
