"""A crash between the case row and its run is mended: hourly, and by `dsr reconcile`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from activities.sweeps import SweepActivities
from schemas.case import Ground, LetterKind, Outcome, Status
from schemas.messages import Choice, Decide, Reopen
from schemas.request import Kind
from schemas.steps import WORKFLOW_OF, CaseRef, SweepInput, SweepReport, workflow_id
from tests.histories import KnownKeys
from tests.office import Office, a_form, an_office

AN_AGE = timedelta(minutes=2)
"""Longer than a case may stand between its row and its run."""


class Crash(Exception):
    """The process ends here."""


@contextmanager
def a_crash_instead_of(owner: object, what: str) -> Iterator[None]:
    """The process ends where it would do this."""

    async def crash(*_: object) -> None:
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, what, crash)
        with pytest.raises(Crash):
            yield


def sweeps(office: Office) -> SweepActivities:
    """The sweep's activities over this office."""
    log = Path("unused")
    return SweepActivities(office.desk, office.runs, office.secrets.signer, log)


async def reconcile(office: Office, after: timedelta = timedelta(0)) -> SweepReport:
    """The hourly reconciliation, so long after now."""
    return await sweeps(office).reconcile(SweepInput(at=office.client.now() + after))


async def taken_without_a_run(office: Office) -> str:
    """A request whose intake crashed after its transaction."""
    with a_crash_instead_of(office.client._runs, "start_case"):
        await office.receives(a_form())
    (line,) = await office.client.cases()
    return line.number


async def test_a_case_without_a_run_gets_one_and_its_record_says_so(office: Office):
    number = await taken_without_a_run(office)

    report = await reconcile(office, after=AN_AGE)

    assert report.restarted == (number,)
    await office.reaches(number, Status.SEARCHING)
    events = [entry.event for entry in await office.client.timeline(number)]
    assert events.count("reconciled") == 1


async def test_a_case_that_was_just_taken_in_may_still_be_on_its_way_to_its_run(office: Office):
    await taken_without_a_run(office)

    assert (await reconcile(office)).restarted == ()


async def test_reconciling_again_starts_nothing_twice(office: Office):
    number = await taken_without_a_run(office)
    await reconcile(office, after=AN_AGE)
    await office.reaches(number, Status.SEARCHING)

    assert (await reconcile(office, after=AN_AGE)).restarted == ()
    view = await office.client.show(number)
    assert [letter.kind for letter in view.letters] == [LetterKind.ACKNOWLEDGEMENT]


async def test_a_caller_who_repeats_after_the_crash_gets_the_number_and_the_run(office: Office):
    number = await taken_without_a_run(office)

    receipt = await office.submits(a_form())

    assert (receipt.number, receipt.created) == (number, False)
    await office.reaches(number, Status.SEARCHING)


async def test_a_reopening_that_crashed_before_its_run_is_mended(office: Office):
    number = await office.receives(a_form("consent", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)
    await (await office.handle(number)).result()
    with a_crash_instead_of(office.client._runs, "start_case"):
        await office.act(number, Reopen, by="helena", reason="a register was missing")

    report = await reconcile(office, after=AN_AGE)

    assert report.restarted == (number,)
    await office.awaits(number, "send_reply")


async def test_a_letter_that_left_untold_is_told_as_of_the_instant_at_which_it_left(office: Office):
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    with a_crash_instead_of(office.client._outbox._runs, "tell_letter"):
        await office.sends(number, LetterKind.REPLY)
    (left,) = [x.left_at for x in (await office.client.letters(number)) if x.left_at]
    assert (await office.client.show(number)).status is Status.REPLYING

    await reconcile(office, after=timedelta(minutes=30))

    view = await office.reaches(number, Status.CLOSED)
    assert view.clock.replied_at == left


async def test_a_letter_told_twice_counts_once(office: Office):
    number = await office.receives(a_form())
    await office.reaches(number, Status.SEARCHING)
    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.EXCESSIVE)
    await office.awaits(number, "send_reply")
    await office.rests(number)
    await office.stops_work()
    await office.sends(number, LetterKind.REFUSAL)
    await reconcile(office, after=AN_AGE)
    await reconcile(office, after=AN_AGE)

    await office.starts_work()

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.REFUSED
    events = [entry.event for entry in await office.client.timeline(number)]
    assert events.count("reply_left") == 1


@pytest.fixture
async def stray(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[tuple[Office, str]]:
    """A run whose case row is gone, as after the restore of an older backup."""
    async with an_office(temporal, engine, tmp_path, letters=letters, keys=KnownKeys) as office:
        await office.stops_work()
        case = uuid4()
        run = workflow_id(Kind.ACCESS, case)
        handle = await office.temporal.start_workflow(
            WORKFLOW_OF[Kind.ACCESS], CaseRef(case=case, number="2026-0815", kind=Kind.ACCESS),
            id=run, task_queue=office.queue,
        )  # fmt: skip
        yield office, run
        with suppress(RPCError):  # a test may have ended it
            await handle.terminate()


async def eventually(
    read: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], within: float = 15
) -> Any:
    """What is read as soon as it holds: visibility lags behind."""
    async with asyncio.timeout(within):
        seen = await read()
        while not holds(seen):
            await asyncio.sleep(0.1)
            seen = await read()
    return seen


async def test_a_run_without_a_case_is_reported_and_never_ended_by_itself(
    stray: tuple[Office, str],
):
    office, run = stray
    report = await eventually(lambda: reconcile(office), lambda seen: run in seen.orphans)

    assert report.orphans.count(run) == 1
    described = await office.temporal.get_workflow_handle(run).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING


async def test_a_run_without_a_case_ends_when_a_person_says_so(stray: tuple[Office, str]):
    office, run = stray
    await eventually(office.runs.orphans, lambda seen: run in seen)

    await office.runs.end(run)

    await eventually(office.runs.orphans, lambda seen: run not in seen)


async def test_a_request_that_comes_in_while_runs_are_listed_is_no_orphan(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    listed = office.temporal.list_workflows
    taken: list[str] = []

    async def all_runs() -> list[str]:
        return [run.id async for run in listed("ExecutionStatus = 'Running'")]

    async def a_request_comes_in(query: str) -> AsyncIterator[WorkflowExecution]:
        number = await office.receives(a_form())
        taken.append((await office.handle(number)).id)
        await eventually(all_runs, lambda seen: taken[0] in seen)
        async for run in listed(query):
            yield run

    monkeypatch.setattr(office.temporal, "list_workflows", a_request_comes_in)
    orphans = await office.runs.orphans()

    assert taken
    assert taken[0] not in orphans
