"""A year of deletions and corrections: ladder, extension, holds longer than a run, the purge."""

from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.sweeps import SweepActivities
from connectors.contract import Found
from schemas.case import ClockState, LetterKind, Outcome, Status
from schemas.holds import HoldState
from schemas.messages import Choice, Decide, Extend
from schemas.steps import SweepInput
from tests.fakes import a_row
from tests.holds.deskwork import an_order
from tests.office import A_CORRECTION, Office, a_form
from tests.workflows.test_delete import approved_by_two
from tests.workflows.test_delete_later import HERE, ended, parked, resumes
from tests.workflows.test_year import fired

DAY = timedelta(days=1)
A_YEAR = 365 * DAY


def sweeps(office: Office) -> SweepActivities:
    return SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))


def now(office: Office) -> SweepInput:
    """The hourly sweep, at the office's own time."""
    return SweepInput(at=office.client.now())


async def undecided(office: Office, kind: str) -> str:
    office.systems["customers"].holds = Found(rows=(a_row(email=A_CORRECTION["old"]),))
    number = await office.receives(a_form(kind, scope=HERE))
    await office.awaits(number, "decide")
    return number


async def answered(office: Office, number: str) -> None:
    """Decided and carried out; the reply waits."""
    if (await office.client.show(number)).kind == "delete":
        return await approved_by_two(office, number)
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    return None


@pytest.mark.parametrize("kind", ["delete", "correct"])
async def test_nobody_decides_for_a_year_and_it_is_carried_out_all_the_same(
    office: Office, kind: str
):
    number = await undecided(office, kind)

    await office.passes(number, A_YEAR)

    await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)
    assert [f.step for f in await fired(office, number)] == ["handler", "approver", "dpo", "breach"]
    await answered(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    view = await office.reaches(number, Status.CLOSED)
    assert (view.outcome, view.clock.breach_causes) == (Outcome.FULFILLED, ("not_decided",))


@pytest.mark.parametrize("kind", ["delete", "correct"])
async def test_an_extension_gives_a_new_schedule_whose_steps_fire_again(office: Office, kind: str):
    number = await undecided(office, kind)
    ladder = (await office.client.show(number)).clock.ladder
    await office.passes_until(number, ladder[0].at)
    await office.sees(number, lambda v: v.clock.escalation == "handler")
    await office.act(number, Extend, by="helena", months=2, reason="many systems")
    await office.sends(number, LetterKind.EXTENSION)
    extended = await office.sees(number, lambda v: v.clock.state is ClockState.EXTENDED)

    await office.passes_until(number, extended.clock.ladder[0].at)

    await office.sees(number, lambda v: v.clock.next_step_at != extended.clock.next_step_at)
    assert [f.step for f in await fired(office, number)] == ["handler", "handler"]


async def held(office: Office, *, confirmed: bool) -> tuple[str, object]:
    """A deletion that a hold keeps whole: its run has ended."""
    dpo = office.client.actor("helena")
    hold = await office.client.holds.place(an_order(), dpo)
    if confirmed:
        await office.client.holds.confirm(hold.id, office.client.actor("antti"))
    return await parked(office), hold.id


async def test_what_a_hold_keeps_for_a_year_waits_without_a_run_and_goes_when_it_is_released(
    office: Office,
):
    dpo = office.client.actor("helena")
    number, _ = await held(office, confirmed=True)
    (hold,) = await office.client.holds.known_to(dpo)

    for _ in range(4):
        office.clock[0] += A_YEAR / 4
        assert (await sweeps(office).reconcile(now(office))).restarted == ()
        assert (await resumes(office)).resumed == ()
        handle = await office.handle(number)
        assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert len(office.systems["customers"].holds.rows) == 1

    await office.client.holds.release(hold.id, dpo, "the authority is done")
    assert (await resumes(office)).resumed == (number,)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


async def test_a_hold_that_nobody_confirms_lapses_loudly_after_three_working_days(office: Office):
    number, _ = await held(office, confirmed=False)
    dpo = office.client.actor("helena")
    (hold,) = await office.client.holds.known_to(dpo)
    assert (await sweeps(office).holds(now(office))).holds_ended == 0
    assert (await resumes(office)).resumed == ()

    office.clock[0] += hold.lapses_at - office.client.now()

    assert (await sweeps(office).holds(now(office))).holds_ended == 1
    (lapsed,) = await office.client.holds.known_to(dpo)
    assert lapsed.state is HoldState.LAPSED
    assert "It lapsed" in (lapsed.needs or "")
    assert (await resumes(office)).resumed == (number,)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


async def test_a_confirmed_hold_is_looked_at_again_every_six_months_and_holds_meanwhile(
    office: Office,
):
    await held(office, confirmed=True)
    dpo = office.client.actor("helena")
    due = []
    for _ in range(13):
        office.clock[0] += 30 * DAY
        due.append((await sweeps(office).holds(now(office))).holds_due)
        (hold,) = await office.client.holds.known_to(dpo)
        if due[-1]:
            until = office.client.now().date() + 150 * DAY
            await office.client.holds.review(hold.id, dpo, until)

    assert sum(due) == 2
    assert (await resumes(office)).resumed == ()


@pytest.mark.parametrize("kind", ["delete", "correct"])
async def test_after_the_policys_years_a_closed_case_is_purged(office: Office, kind: str):
    number = await undecided(office, kind)
    await answered(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)
    await (await office.handle(number)).result()

    purged = []
    for _ in range(7):
        office.clock[0] += A_YEAR / 2 + DAY
        purged.append((await sweeps(office).purge(now(office))).purged)

    assert purged == [0, 0, 0, 0, 0, 1, 0]
    assert (await office.client.show(number)).purged
