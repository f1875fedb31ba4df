"""Cases of a partner with limits: what its own process saw of all of them together."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.common import WorkerDeploymentVersion
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import WorkerDeploymentConfig

from activities.letters import Letters
from rules.turns import CALLS_OF_A_TURN, share_of
from schemas.case import CaseView, SystemOutcome
from schemas.lines import LEFT_ALONE
from schemas.messages import ResolveSystem, SystemResolution
from schemas.systems import Duty, Limits
from storage import tables as t
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.office import AINO, POLICY, Office, a_form, an_office
from tests.partners.offices import EXPERT, OF_AINO, QUICK, comes_to, ids, outcome

NARROW = Limits(per_minute=12, at_once=2, pause_after=3)
WIDE = Limits(per_minute=600, at_once=8, pause_after=3)

ANOTHER = WorkerDeploymentConfig(
    version=WorkerDeploymentVersion("office", "another"), use_worker_versioning=False
)
"""Without a name of its own a second worker of one process is refused."""


def of_another(number: int) -> dict[str, object]:
    """Somebody else than before."""
    email = {"type": "email", "value": f"person{number}@example.fi"}
    return AINO | {"name": f"Person {number}", "identifiers": [email], "employer": "Esimerkki Oy"}


async def receives(office: Office, count: int, kind: str = "access") -> list[str]:
    return [await office.receives(a_form(kind, of=of_another(n))) for n in range(count)]


def has_been_told(view: CaseView) -> bool:
    return outcome(view) is not SystemOutcome.PENDING


def tasks_of_expert(view: CaseView) -> list[str]:
    return [task.what for task in view.awaiting if task.system == EXPERT]


async def test_calls_in_a_minute_and_at_a_time_hold_over_all_cases_and_waiting_is_no_failure(
    partner, office_with
):
    """Two workers; a turn is let through while the four calls that it may come to are free."""
    open_to_searches = share_of(NARROW, Duty.SEARCH, asking=True).per_minute
    process = partner("tarrying")
    office = await office_with(process, NARROW, tell_after_tries=1)
    async with office.new_worker(deployment_config=ANOTHER):
        numbers = await receives(office, 8)
        async with asyncio.timeout(office.patience):
            while len(process.calls()) <= open_to_searches - CALLS_OF_A_TURN:
                await asyncio.sleep(office.glance)
        before = len(process.calls())

        objection = await office.receives(a_form("objection", of=OF_AINO))
        view = await comes_to(office, objection, SystemOutcome.NOTIFIED)

    assert view.system(EXPERT).lag_seconds < 60, "what searches may not take is kept for it"
    assert before <= open_to_searches, "and no more, however many cases and workers"
    calls = process.calls()
    assert len(calls) <= NARROW.per_minute
    assert calls[-1][0] - calls[0][0] < 60, "all in one minute"
    assert max(beside for _, beside, _ in calls) <= NARROW.at_once
    views = [await office.client.show(number) for number in numbers]
    assert [tasks_of_expert(view) for view in views] == [[]] * 8
    waits = [view for view in views if not view.system(EXPERT).lag_seconds]
    assert waits, "some only waited for their turn"
    handle = await office.handle(waits[0].number)
    events = [event async for event in handle.fetch_history_events()]
    assert len(events) < 40, "waiting costs no event"


async def test_a_partner_that_fails_is_paused_told_once_and_asked_again_by_itself(
    partner, office_with
):
    process = partner("ailing")
    office = await office_with(process, WIDE)
    numbers = await receives(office, 4)

    for number in numbers:
        view = await comes_to(office, number, SystemOutcome.UNREACHABLE)
        assert view.system(EXPERT).reason == LEFT_ALONE
        await office.sees(number, lambda v: outcome(v, "customers") is SystemOutcome.FOUND)
    (pause,) = await office.client.pauses()
    assert (pause.system, pause.waiting) == (EXPERT, 4)
    (shown,) = (await office.client.overview()).left_alone
    assert (shown.system, shown.waiting) == (EXPERT, 4)
    process.heals()

    for number in numbers:
        view = await comes_to(office, number, SystemOutcome.FOUND)
        assert tasks_of_expert(view) == []
        entries = [entry.event for entry in await office.client.timeline(number)]
        assert entries.count("system_paused") == 1
        assert "system_unreachable" not in entries
    assert await office.client.pauses() == ()


async def test_nobody_calls_a_partner_that_is_paused_until_a_person_has_it_called(
    partner, office_with
):
    process = partner("ailing")
    office = await office_with(
        process, WIDE.model_copy(update={"pause_after": 1}),
        retry_first=timedelta(seconds=20), retry_most=timedelta(hours=1),
    )  # fmt: skip
    first = await receives(office, 3)
    for number in first:
        await comes_to(office, number, SystemOutcome.UNREACHABLE)
    before = len(process.calls())

    (later,) = await receives(office, 1, "objection")

    view = await comes_to(office, later, SystemOutcome.UNREACHABLE)
    assert view.system(EXPERT).reason == LEFT_ALONE
    assert len(process.calls()) == before
    process.heals()
    await office.client.standstills.resume(EXPERT, by="operator")
    assert await office.client.pauses() == ()
    now = await office.receives(a_form("objection", of=OF_AINO))
    await comes_to(office, now, SystemOutcome.NOTIFIED)


async def test_when_a_busy_partner_says_when_to_come_again_no_case_comes_before(
    partner, office_with
):
    """429 with Retry-After: 1, to the first; the others wait as if it had been said to them."""
    process = partner("busy")
    office = await office_with(process, WIDE.model_copy(update={"at_once": 2}))
    numbers = await receives(office, 2)

    for number in numbers:
        await comes_to(office, number, SystemOutcome.FOUND)

    asked, refused = set(), []
    posts = [at for at, _, method in process.calls() if method == "POST"]
    for at, request in zip(posts, ids(process), strict=True):
        refused += [] if request in asked else [at]  # it refuses each request once
        asked.add(request)
    assert len(refused) == 2
    for at in refused:
        assert not [other for other, _, _ in process.calls() if at < other < at + 1]


# -- databases --------------------------------------------------------------------------------


async def test_a_database_has_limits_only_if_its_manifest_says_so(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    """One without costs no statement; one with is left alone like a partner when it fails."""
    limited = FakeSystem(facts("plant", limits=WIDE), away=True)
    systems = FakeSystems(FakeSystem(facts("customers")), limited)
    policy = POLICY.model_copy(update={"pace": QUICK})
    async with an_office(temporal, engine, tmp_path, systems, policy, letters) as office:
        numbers = await receives(office, 2)
        for number in numbers:
            view = await office.sees(
                number, lambda v: outcome(v, "plant") is SystemOutcome.UNREACHABLE
            )
            assert view.system("plant").reason == LEFT_ALONE
        limited.away = False
        for number in numbers:
            await office.sees(number, lambda v: outcome(v, "plant") is SystemOutcome.FOUND)

    async with engine.connect() as conn:
        assert list(await conn.scalars(select(t.lines.c.system))) == ["plant"]


async def test_a_case_that_cannot_wait_does_without_a_system_that_is_left_alone(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    limited = FakeSystem(facts("plant", limits=WIDE.model_copy(update={"pause_after": 1})))
    limited.away = True
    systems = FakeSystems(FakeSystem(facts("customers")), limited)
    policy = POLICY.model_copy(update={"pace": QUICK})
    async with an_office(temporal, engine, tmp_path, systems, policy, letters) as office:
        number = await office.receives(a_form())
        await office.sees(number, lambda v: v.systems and v.system("plant").reason == LEFT_ALONE)

        await office.act(
            number, ResolveSystem, by="maija", system="plant", how=SystemResolution.LEAVE_OUT,
            reason="it is being moved",
        )  # fmt: skip

        await office.awaits(number, "review")
        assert outcome(await office.client.show(number), "plant") is SystemOutcome.LEFT_OUT
