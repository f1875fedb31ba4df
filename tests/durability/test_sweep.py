"""The hourly sweep sees what a stuck workflow cannot: it fires no timers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    WorkflowFailureError,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, WorkflowEnvironment
from temporalio.worker import Worker

from activities.everything import system_activities
from activities.letters import Letters
from activities.sweeps import SweepActivities
from connectors.contract import Found, FoundRow
from schemas import steps
from schemas.case import Clock, ClockState, Escalation
from schemas.holds import Held, HoldState
from schemas.steps import HOURLY_SWEEP, Step, SweepInput, SweepReport
from starter.sandbox import sandbox
from starter.schedules import SCHEDULE, schedule_sweeps
from storage import tables as t
from storage.holds import intend, note_kept
from storage.verify import verify
from tests.fakes import FakeSystem, FakeSystems, a_row, facts
from tests.office import AINO, NAMED, Office, a_form, an_office
from workflows.sweeps import HourlySweep

AN_ORDER = {
    "authority": "District Court", "reference": "R 1/2026", "country": "FI",
    "person": {"identifiers": AINO["identifiers"]},
}  # fmt: skip

LATE = timedelta(minutes=6)
"""After a step's instant a workflow that is alive has fired it."""


async def sweep(office: Office, at: datetime) -> SweepReport:
    """The sweep over due dates, at a business time."""
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    return await sweeps.deadlines(SweepInput(at=at))


async def waiting(office: Office) -> tuple[str, Clock]:
    """A case that waits for a handler, with its clock; then its worker is gone."""
    number = await office.receives(a_form(evidence={}))
    view = await office.awaits(number, "verify_identity")
    await office.rests(number)
    await office.stops_work()
    return number, view.clock


async def escalations(office: Office, number: str) -> list[str]:
    """Who fired what there was to fire."""
    entries = await office.client.timeline(number)
    return [entry.actor for entry in entries if entry.event in ("escalated", "breached")]


async def test_a_stuck_case_is_escalated_by_the_sweep_and_reported(office: Office):
    number, clock = await waiting(office)

    report = await sweep(office, clock.ladder[0].at + LATE)

    assert (report.stuck, report.escalated) == ((number,), (number,))
    view = await office.client.show(number)
    assert view.clock.escalation is Escalation.HANDLER
    assert "escalated_to_handler" in [a.what for a in view.awaiting]


async def test_a_run_that_was_ended_before_its_case_is_reported(office: Office):
    """By somebody's hand in Temporal: its case stands still, and nothing else would say so."""
    number, _ = await waiting(office)
    handle = await office.handle(number)
    await handle.terminate("by a slip of the hand")
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))

    report = await sweeps.reconcile(SweepInput(at=office.client.now() + timedelta(hours=1)))

    assert (report.restarted, handle.id in report.troubled) == ((), True)


async def test_a_step_whose_time_has_just_come_is_left_to_its_workflow(office: Office):
    _, clock = await waiting(office)

    report = await sweep(office, clock.ladder[0].at + timedelta(minutes=4))

    assert (report.stuck, report.escalated) == ((), ())


async def test_the_sweep_escalates_each_step_once(office: Office):
    number, clock = await waiting(office)

    for step in (*clock.ladder, clock.ladder[-1]):
        await sweep(office, step.at + LATE)

    assert await escalations(office, number) == ["sweep"] * 4
    view = await office.client.show(number)
    assert view.clock.state is ClockState.BREACHED
    assert view.clock.breach_causes == ("identity_not_established",)


async def test_a_sweep_that_was_missed_for_long_makes_up_for_every_step(office: Office):
    number, clock = await waiting(office)

    report = await sweep(office, clock.ladder[-1].at + timedelta(days=3))

    assert report.escalated == (number,)
    assert await escalations(office, number) == ["sweep"] * 4


async def test_a_worker_that_comes_back_does_not_fire_again_what_the_sweep_has_fired(
    office: Office,
):
    number, clock = await waiting(office)
    first, second = clock.ladder[:2]
    await sweep(office, first.at + LATE)

    await office.starts_work()
    await office.passes_until(number, second.at)

    await office.sees(number, lambda view: view.clock.escalation is Escalation.APPROVER)
    assert await escalations(office, number) == ["sweep", "engine"]


async def test_a_case_whose_workflow_is_alive_is_left_alone(office: Office):
    number = await office.receives(a_form(evidence={}))
    clock = (await office.awaits(number, "verify_identity")).clock
    await office.passes_until(number, clock.ladder[0].at)
    await office.sees(number, lambda view: view.clock.escalation is Escalation.HANDLER)

    report = await sweep(office, clock.ladder[0].at + LATE)

    assert (report.stuck, report.escalated) == ((), ())


async def test_an_old_task_is_reminded_once_in_each_span_of_the_policy(office: Office):
    await waiting(office)
    span = office.desk.policy.pace.task_reminder
    start = office.client.now()

    reminded = [
        (await sweep(office, start + after)).reminded
        for after in (span / 2, span * 1.1, span * 1.2, span * 2.2)
    ]

    assert reminded == [0, 1, 0, 1]


@pytest.fixture
async def deserted(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """An office without workers for its cases; the sweep has a queue and a worker of its own."""
    async with (
        an_office(temporal, engine, tmp_path, letters=letters, working=False) as office,
        office.new_worker(task_queue=f"{office.queue}-sweep"),
    ):
        yield office


@pytest.fixture
async def schedule(deserted: Office) -> AsyncIterator[ScheduleHandle]:
    """The schedule, as the first worker of an engine makes it; gone after the test."""
    await schedule_sweeps(deserted.temporal, f"{deserted.queue}-sweep")
    handle = deserted.temporal.get_schedule_handle(SCHEDULE)
    yield handle
    await handle.delete()


async def swept(office: Office, schedule: ScheduleHandle, run: int) -> SweepReport:
    """What the run-th sweep of the schedule reported."""
    async with asyncio.timeout(30):
        while len(actions := (await schedule.describe()).info.recent_actions) < run:
            await asyncio.sleep(0.1)
        started: Any = actions[run - 1].action
        assert isinstance(started, ScheduleActionExecutionStartWorkflow)
        handle = office.temporal.get_workflow_handle(
            started.workflow_id, run_id=started.first_execution_run_id, result_type=SweepReport
        )
        return await handle.result()


async def test_the_schedule_sweeps_at_once_and_whenever_it_is_due(
    deserted: Office, schedule: ScheduleHandle, tmp_path: Path
):
    """End to end: a stuck case escalated, a missing run started, a checkpoint signed."""
    first = await swept(deserted, schedule, 1)
    assert (first.stuck, first.checkpoint) == ((), 1)
    deserted.clock[0] = -timedelta(minutes=10)
    back = (deserted.client.now() - timedelta(days=45)).isoformat()
    number = await deserted.receives(a_form(received_at=back))

    await schedule.trigger()
    second = await swept(deserted, schedule, 2)

    assert (second.stuck, second.escalated) == ((number,), (number,))
    assert second.checkpoint == 2
    assert (await deserted.client.show(number)).clock.state is ClockState.BREACHED
    async with deserted.case_file.engine.connect() as conn:
        report = await verify(conn, tmp_path / "checkpoints.jsonl", deserted.secrets.signer.public)
    assert report.ok


async def test_a_later_worker_brings_the_schedule_up_to_date(
    deserted: Office, schedule: ScheduleHandle
):
    await schedule_sweeps(deserted.temporal, "another-queue")

    told = (await schedule.describe()).schedule
    assert isinstance(told.action, ScheduleActionStartWorkflow)
    assert told.action.task_queue == "another-queue"
    assert [each.every for each in told.spec.intervals] == [timedelta(hours=1)]


async def test_a_hold_that_nobody_confirmed_lapses_by_the_sweep(office: Office):
    dpo = office.client.actor("helena")
    hold = await office.client.holds.place(AN_ORDER, dpo)
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))

    early = await sweeps.holds(SweepInput(at=hold.lapses_at - LATE))
    late = await sweeps.holds(SweepInput(at=hold.lapses_at + LATE))

    assert (early.holds_ended, late.holds_ended) == (0, 1)
    (known,) = await office.client.holds.known_to(dpo)
    assert known.state is HoldState.LAPSED


async def test_what_is_in_doubt_in_a_separated_network_is_read_again_by_a_worker_there(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
):
    """The engine's own worker has neither socket nor credentials of that system."""
    apart = f"apart-{uuid4()}"
    systems = FakeSystems(FakeSystem(facts("shop", queue=apart)))
    async with an_office(temporal, engine, tmp_path, systems, letters=letters) as office:
        case = await office.client._case(await office.receives(a_form("delete")))
        await in_doubt(office, case, "shop")
        sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
        seen = await sweeps.holds(SweepInput(at=office.client.now()))
        assert (seen.doubts, seen.in_doubt_elsewhere) == (0, (apart,))

        asked = system_activities(office.desk)
        async with office.new_worker(task_queue=apart, workflows=(), activities=asked):
            report: SweepReport = await office.temporal.execute_workflow(
                HOURLY_SWEEP, id=f"sweep-{apart}", task_queue=office.queue, result_type=SweepReport
            )

    assert report.doubts == 1
    async with engine.connect() as conn:
        assert await conn.scalar(select(t.erasures.c.outcome)) == "untouched"


async def test_what_a_hold_kept_from_an_erasure_in_doubt_does_not_show_it_undone(office: Office):
    """It is there however that erasure ended: else what is gone would be called protected."""
    rows = (of("user.name", "1"), of("user.financial", "2"))
    case = await waits_for_two(office, *rows)
    await in_doubt(office, case, "customers", kept=["user.financial"])
    office.systems["customers"].holds = Found(rows=rows[1:])

    assert await read_again(office) == "erased"


async def test_an_erasure_in_doubt_that_a_hold_left_nothing_to_destroy_has_destroyed_nothing(
    office: Office,
):
    case = await waits_for_two(office, of("user.financial"))
    await in_doubt(office, case, "customers", kept=["user.financial"])

    assert await read_again(office) == "untouched"


async def test_what_the_law_kept_when_an_erasure_began_does_not_show_it_undone(office: Office):
    """A machine's clock is past its last day by then: that erasure went by its own instant."""
    customers, today = office.systems["customers"], office.client.now().date()
    customers.kept_by_law, customers.kept_until = ("2",), today
    case = await waits_for_two(office, a_row("1"), a_row("2"))
    customers.kept_until = today - timedelta(days=1)
    office.clock[0] -= timedelta(days=2)
    await in_doubt(office, case, "customers")
    customers.holds = Found(rows=(a_row("2"),))

    assert await read_again(office) == "erased"


async def test_what_came_after_an_erasure_in_doubt_does_not_show_it_undone(office: Office):
    case = await waits_for_two(office)
    await in_doubt(office, case, "customers")
    office.systems["customers"].holds = Found(rows=(a_row("2"),))

    assert await read_again(office) == "erased"


async def test_nor_when_it_has_been_planned_since(office: Office):
    """The next try found more than was approved: the plan that stands is not the one of before."""
    case = await waits_for_two(office)
    await in_doubt(office, case, "customers")
    customers = office.systems["customers"]
    customers.holds = Found(rows=(a_row("2"),))
    plan = customers._plan(office.client.now(), Held(), ())
    async with office.case_file.step(case, "changed", office.client.now(), "engine") as step:
        await step.seal("plan:customers", plan.model_dump_json().encode())

    assert await read_again(office) == "erased"


async def test_an_erasure_in_doubt_is_looked_for_in_rows_that_no_longer_name_the_person(
    office: Office,
):
    """Whatever a register has made of what was to go: else it would be called gone."""
    case = await waits_for_two(office)
    await in_doubt(office, case, "customers")
    office.systems["customers"].holds = Found(doubtful=(a_row("1"),))

    assert await read_again(office) == "untouched"


async def test_nor_is_one_that_was_to_destroy_nothing_called_done(office: Office):
    case = await waits_for_two(office)
    customers = office.systems["customers"]
    customers.holds = Found()
    async with office.case_file.step(case, "nothing", office.client.now(), "engine") as step:
        await step.seal("plan:customers", b"{}")
    await in_doubt(office, case, "customers")

    assert await read_again(office) == "untouched"


def of(category: str, item: str = "1") -> FoundRow:
    """A record of one category."""
    return a_row(item).model_copy(update={"categories": {"id": (category,)}})


async def waits_for_two(office: Office, *rows: FoundRow) -> UUID:
    """A deletion that nobody has decided; then its worker is gone."""
    office.systems["customers"].holds = Found(rows=rows or (a_row("1"),))
    number = await office.receives(a_form("delete", scope=["customers"]))
    await office.awaits(number, "decide")
    await office.rests(number)
    await office.stops_work()
    return await office.client._case(number)


async def read_again(office: Office) -> str | None:
    """How the sweep finds that the only erasure has ended."""
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    await sweeps.holds(SweepInput(at=office.client.now()))
    async with office.case_file.engine.connect() as conn:
        return await conn.scalar(select(t.erasures.c.outcome))


async def in_doubt(office: Office, case: UUID, system: str, kept: Sequence[str] = ()) -> None:
    """An erasure whose bound has passed, and whose end nobody told."""
    at = office.client.now() - timedelta(hours=1)
    async with office.case_file.engine.begin() as conn:
        intent = await intend(conn, case, system, "erase", [], at, -timedelta(seconds=1))
        await note_kept(conn, intent, kept)


async def test_a_part_that_always_fails_keeps_no_other_from_being_done(
    temporal: WorkflowEnvironment,
):
    """The run fails in the end, so that whoever watches the sweep's clock sees it."""
    done: list[str] = []

    def part(step: Step[SweepInput, SweepReport]) -> Any:
        @activity.defn(name=step.name)
        async def carry_out(_sweep: SweepInput) -> SweepReport:
            if step is steps.SWEEP_RECONCILE:
                raise RuntimeError
            done.append(step.name)
            return SweepReport()

        return carry_out

    parts = [
        steps.SWEEP_DEADLINES, steps.SWEEP_RECONCILE, steps.SWEEP_HOLDS, steps.SWEEP_CHECKPOINT,
        steps.SWEEP_PURGE, steps.SWEEP_RESUME, steps.SWEEP_ENDED,
    ]  # fmt: skip
    plain = await temporal.connect_client(data_converter=pydantic_data_converter)
    client, queue = TimeSkipper(plain).client, f"sweep-{uuid4()}"
    async with Worker(
        client, task_queue=queue, workflows=[HourlySweep], activities=[part(one) for one in parts],
        workflow_runner=sandbox(), deployment_config=NAMED,
    ):  # fmt: skip
        with pytest.raises(WorkflowFailureError):
            await client.execute_workflow(HOURLY_SWEEP, id=queue, task_queue=queue)

    assert done == [one.name for one in parts if one is not steps.SWEEP_RECONCILE]
