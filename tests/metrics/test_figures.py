"""The figures say what the case file says; what cannot be read lacks, and never stands at 0."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from starter.logs import configure
from starter.metrics.declared import DAYS_TO_ANSWER, OPEN
from starter.metrics.endpoint import Metrics, Source
from starter.metrics.sources import Read, Sample, checkpoint_file, ever, open_cases
from storage import standstills
from storage import tables as t
from storage.database import connect
from tests.office import LETTERS, Office, a_form, an_office, now
from tests.staff.cases import identifying


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path
) -> AsyncIterator[Office]:
    async with an_office(temporal, engine, tmp_path, letters=Letters(LETTERS)) as office:
        yield office


async def figures(read: Read) -> dict[tuple[str, ...], float]:
    """The values by name and labels."""
    return {(one.metric, *one.labels): one.value for one in await read()}


async def received_days_ago(office: Office, days: float) -> str:
    at = (now() - timedelta(days=days)).isoformat()
    return await identifying(office, received_at=at)


async def test_open_cases_are_counted_by_status_time_left_tasks_and_systems(
    office: Office, engine: AsyncEngine
):
    for days in (1, 40, 45):
        await received_days_ago(office, days)
    objecting = await office.receives(a_form("objection"))
    await office.awaits(objecting, "send_reply")
    await office.stops_work()
    soon = update(t.cases).where(t.cases.c.number == objecting)
    async with engine.begin() as conn:
        await conn.execute(soon.values(due_before=now() + timedelta(days=2)))
        await conn.execute(update(t.tasks).values(since=now() - timedelta(days=5)))

    told = await figures(open_cases(engine))

    assert told["dsr_cases_open", "identifying", "access"] == 3
    assert told["dsr_cases_overdue", "access"] == 2
    assert told["dsr_cases_due_soon", "objection"] == 1
    assert told["dsr_system_parts", "customers", "suppressed"] == 1
    assert told["dsr_tasks_waiting", "handler", "week"] >= 4
    assert told["dsr_steps_missed",] == 0
    async with engine.begin() as conn:
        await conn.execute(update(t.cases).values(next_step_at=now() - timedelta(minutes=6)))
    assert (await figures(open_cases(engine)))["dsr_steps_missed",] == 4


async def test_days_to_answer_and_breaches_are_of_all_cases_ever(
    office: Office, engine: AsyncEngine
):
    numbers = [await received_days_ago(office, 40) for _ in range(3)]
    await office.stops_work()
    c = t.cases.c
    async with engine.begin() as conn:
        for number, days in zip(numbers, (7, 31, 33), strict=True):
            answered = update(t.cases).where(c.number == number)
            after = c.received_at + timedelta(days=days)
            cause = "ours" if days > 31 else None
            await conn.execute(
                answered.values(
                    replied_at=after, status="closed", breached=days > 31, breach_cause=cause
                )
            )

    told = await figures(ever(engine))
    text = (await Metrics([Source("ever", ever(engine), 0)]).text()).decode()

    assert told["dsr_breaches", "ours"] == 1
    assert told["dsr_letters_waiting", "acknowledgement"] == 3
    named = DAYS_TO_ANSWER.name
    for edge, count in (("3.0", 0), ("7.0", 1), ("28.0", 1), ("31.0", 2), ("45.0", 3), ("+Inf", 3)):
        assert f'{named}_bucket{{kind="access",le="{edge}"}} {count}.0' in text
    assert f'{named}_sum{{kind="access"}} 71.0' in text


async def test_partners_stops_doubts_and_holds_are_counted_and_secret_holds_are_not(
    office: Office, engine: AsyncEngine
):
    number = await identifying(office)
    hold = {
        "state": "provisional", "hashes": [], "systems": [], "categories": [],
        "begins_on": now().date(), "review_on": now().date(), "review_at": now(),
        "placed_at": now(), "placed_by": "maija", "placed_by_person": "maija",
    }  # fmt: skip
    soon, later = now() + timedelta(hours=20), now() + timedelta(days=3)
    async with engine.begin() as conn:
        case = await conn.scalar(select(t.cases.c.id).where(t.cases.c.number == number))
        for duty, failures, settled in (("search", 2, None), ("erase", 3, None), ("x", 9, now())):
            await conn.execute(insert(t.dispatches).values(
                id=uuid4(), case_id=case, system="expert", duty=duty, failures=failures,
                settled_at=settled))  # fmt: skip
        for secret, lapses in ((False, soon), (False, later), (True, soon)):
            values = hold | {"id": uuid4(), "secret": secret, "lapses_at": lapses}
            await conn.execute(insert(t.holds).values(values))
        await conn.execute(insert(t.erasures).values(
            id=uuid4(), case_id=case, system="customers", key="k", hashes=[], intent_at=now(),
            bound_at=now() - timedelta(minutes=1)))  # fmt: skip
        stopped = now().replace(microsecond=0)
        await standstills.pause(conn, None, "root", stopped)

    told = await figures(open_cases(engine))

    assert told["dsr_partner_requests_open", "expert"] == 2
    assert told["dsr_partner_failures", "expert"] == 5
    assert told["dsr_holds_provisional",] == 2
    assert told["dsr_holds_lapsing",] == 1
    assert told["dsr_erasures_in_doubt",] == 1
    assert told["dsr_standstill_timestamp_seconds", "*"] == stopped.timestamp()


async def test_what_cannot_be_read_lacks_and_a_rule_can_see_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("starter.metrics.endpoint.AGAIN_SECONDS", 0)
    configure()
    away = connect("postgresql://127.0.0.1:1/dsr")
    metrics = Metrics([Source(OPEN, open_cases(away), 0)])

    await metrics.text()
    text = (await metrics.text()).decode().splitlines()

    assert 'dsr_source_answers{source="open"} 0.0' in text
    assert not [line for line in text if line.startswith(("dsr_cases", "dsr_holds"))]
    assert capfd.readouterr().err.count("figures_lack") == 1, "said once, not at each scrape"


async def test_what_takes_too_long_lacks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("starter.metrics.endpoint.READ_SECONDS", 0.05)

    async def hangs() -> Sequence[Sample]:
        await asyncio.Event().wait()
        return ()

    text = (await Metrics([Source("ever", hangs, 0)]).text()).decode()

    assert 'dsr_source_answers{source="ever"} 0.0' in text


async def test_whoever_scrapes_often_costs_the_database_nothing():
    times = 0

    async def read() -> Sequence[Sample]:
        nonlocal times
        times += 1
        return [Sample("dsr_steps_missed", (), 3.0)]

    metrics = Metrics([Source(OPEN, read, 60)])
    texts = await asyncio.gather(*(metrics.text() for _ in range(20)))

    assert times == 1
    assert all(b"dsr_steps_missed 3.0" in text for text in texts)


async def test_the_checkpoint_file_tells_when_it_last_grew(tmp_path: Path):
    file = tmp_path / "checkpoints"
    assert await checkpoint_file(file)() == []

    file.write_text("{}\n")
    (grew,) = await checkpoint_file(file)()

    assert grew.value == pytest.approx(now().timestamp(), abs=60)
