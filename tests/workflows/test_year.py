"""The law's clock over a year: summer time, pauses, an extension, silence, workers that leave."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from rules.calendars import add_months, forward
from schemas.case import ClockState, Escalation, ExtensionState, LetterKind, Outcome, Status
from schemas.messages import (
    AskClarification,
    AskIdentity,
    Extend,
    RecordAnswer,
    VerifyIdentity,
    Withdraw,
)
from storage import tables as t
from tests.office import POLICY, Office, a_form

HELSINKI = ZoneInfo(POLICY.calendar.zone)
DAY = timedelta(days=1)
FIRED = "timer_fired_event_attributes"


@dataclass(frozen=True)
class Fired:
    """A step of the ladder, as recorded."""

    step: str
    at: datetime

    @property
    def local(self) -> datetime:
        """On the controller's clock."""
        return self.at.astimezone(HELSINKI)


async def fired(office: Office, number: str) -> list[Fired]:
    """The steps that have fired, in order."""
    case = await office.client._case(number)
    query = select(t.escalations).where(t.escalations.c.case_id == case)
    async with office.case_file.engine.connect() as conn:
        rows = (await conn.execute(query.order_by(t.escalations.c.fired_at))).all()
    return [Fired(row.step, row.fired_at) for row in rows]


def last_sunday(year: int, month: int) -> date:
    """The day on which the clocks of the Union change."""
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return next(day for n in range(1, 8) if (day := first_of_next - n * DAY).weekday() == 6)


def next_change(month: int, after: date) -> date:
    """The coming change of the clocks in that month, more than a month and a half ahead."""
    return next(
        day for year in range(after.year, after.year + 3)
        if (day := last_sunday(year, month)) > after + 45 * DAY
    )  # fmt: skip


async def received_on(office: Office, day: date) -> str:
    """An unsigned letter that comes in on a day to come, at noon; its run lives then, too."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=HELSINKI)
    ahead = noon - office.client.now()
    office.clock[0] += ahead
    number = await office.receives(a_form(evidence={}, received_at=office.client.now().isoformat()))
    await office.awaits(number, "verify_identity")
    await office.skipper.fast_forward(await office.handle(number), ahead)
    return number


@pytest.mark.parametrize("month", [3, 10])
async def test_the_ladder_keeps_nine_oclock_when_the_clocks_change(office: Office, month: int):
    change = next_change(month, office.client.now().date())
    number = await received_on(office, add_months(change + 5 * DAY, -1))
    ladder = (await office.client.show(number)).clock.ladder

    for step in ladder[:3]:
        await office.passes_until(number, step.at)
        await office.sees(number, lambda v, s=step: v.clock.escalation is s.step)

    steps = await fired(office, number)
    assert [(f.local.hour, f.local.minute) for f in steps] == [(9, 0)] * 3
    assert steps[0].local.date() < change < steps[2].local.date()
    assert steps[0].at.astimezone(UTC).hour != steps[2].at.astimezone(UTC).hour


async def test_of_two_pauses_that_overlap_each_day_counts_once(office: Office):
    """Calendar days in (asked, answered] by local date, union of overlapping intervals."""
    number = await office.receives(a_form(evidence={}))
    before = (await office.awaits(number, "verify_identity")).clock
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.passes(number, DAY)
    await office.act(number, AskClarification, by="maija", question="which orders?")
    await office.passes(number, 3 * DAY)
    await office.act(number, RecordAnswer, by="maija", to="identity")
    suspended = (await office.client.show(number)).clock
    await office.passes(number, 2 * DAY)

    await office.act(number, RecordAnswer, by="maija", to="clarification")

    clock = (await office.reaches(number, Status.SEARCHING)).clock
    nominal = add_months(before.receipt_date, 1)
    assert (suspended.state, suspended.due_date) == (ClockState.SUSPENDED, None)
    assert all(pause.counted for pause in clock.pauses)
    assert clock.due_date == forward(nominal + 6 * DAY, POLICY.calendar)
    assert (clock.safe_date, clock.revision) == (before.safe_date, before.revision)


async def test_an_extension_and_a_pause_both_move_the_due_date_and_only_one_the_ladder(
    office: Office,
):
    number = await office.receives(a_form(evidence={}))
    before = (await office.awaits(number, "verify_identity")).clock
    await office.act(number, Extend, by="helena", months=2, reason="many systems")
    await office.sends(number, LetterKind.EXTENSION)
    extended = await office.sees(number, lambda v: v.clock.extension.state is ExtensionState.VALID)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.passes(number, 5 * DAY)

    await office.act(number, RecordAnswer, by="maija")

    clock = (await office.reaches(number, Status.SEARCHING)).clock
    calendar = POLICY.calendar
    assert clock.due_date == forward(add_months(before.receipt_date, 3) + 5 * DAY, calendar)
    assert clock.refusal_due_date == forward(add_months(before.receipt_date, 1) + 5 * DAY, calendar)
    assert extended.clock.safe_date > before.safe_date
    assert (clock.safe_date, clock.revision) == (extended.clock.safe_date, before.revision + 1)


async def test_the_steps_of_an_extended_schedule_fire_again(office: Office):
    number = await office.receives(a_form(evidence={}))
    clock = (await office.awaits(number, "verify_identity")).clock
    await office.passes_until(number, clock.ladder[0].at)
    await office.sees(number, lambda v: v.clock.escalation is Escalation.HANDLER)
    await office.act(number, Extend, by="helena", months=2, reason="many systems")
    await office.sends(number, LetterKind.EXTENSION)
    await office.sees(number, lambda v: v.clock.state is ClockState.EXTENDED)

    await office.passes(number, timedelta(days=365))

    await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)
    steps = [f.step for f in await fired(office, number)]
    assert steps == ["handler", "handler", "approver", "dpo", "breach"]


async def test_a_withdrawal_after_a_year_of_silence_closes_the_case_and_keeps_the_breach(
    office: Office,
):
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    await office.passes(number, timedelta(days=365))
    await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)

    await office.act(number, Withdraw, by="maija")

    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.WITHDRAWN
    assert view.clock.breach_causes == ("identity_not_established",)
    assert view.awaiting == ()
    assert view.letters[-1].kind is LetterKind.CONFIRMATION


async def test_timers_survive_the_worker_that_set_them(office: Office):
    number = await office.receives(a_form(evidence={}))
    clock = (await office.awaits(number, "verify_identity")).clock
    await office.rests(number)
    await office.stops_work()

    await office.starts_work()
    await office.passes_until(number, clock.ladder[0].at)

    await office.sees(number, lambda v: v.clock.escalation is Escalation.HANDLER)
    (step,) = await fired(office, number)
    assert timedelta(0) <= step.at - clock.ladder[0].at < timedelta(minutes=5)


async def a_timer_has_fired(office: Office, number: str) -> None:
    """And nobody was there to see it."""
    handle = await office.handle(number)
    async with asyncio.timeout(30):
        history = await handle.fetch_history()
        while not any(event.HasField(FIRED) for event in history.events):
            await asyncio.sleep(0.1)
            history = await handle.fetch_history()


async def test_what_came_due_while_no_worker_ran_is_done_when_one_comes_back(office: Office):
    number = await office.receives(a_form(evidence={}))
    clock = (await office.awaits(number, "verify_identity")).clock
    await office.rests(number)
    await office.stops_work()
    passing = asyncio.create_task(office.passes_until(number, clock.ladder[0].at))
    await a_timer_has_fired(office, number)

    await office.starts_work()

    await asyncio.wait_for(passing, 30)
    await office.sees(number, lambda v: v.clock.escalation is Escalation.HANDLER)
    await office.act(number, VerifyIdentity, by="maija")
    await office.reaches(number, Status.SEARCHING)
    assert [f.step for f in await fired(office, number)] == ["handler"]
