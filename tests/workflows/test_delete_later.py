"""What a deletion waits for: an open access request first, then what it keeps, without a run."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.sweeps import SweepActivities
from rules.calendars import local_date
from rules.holds import latest_review
from schemas.case import CaseView, LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import RefusedByRule
from schemas.messages import (
    Choice,
    Decide,
    FeeChoice,
    Note,
    Reopen,
    Review,
    SettleFee,
    Withdraw,
)
from schemas.steps import SweepInput, SweepReport
from tests.holds.deskwork import an_order
from tests.office import POLICY, Office, a_form, now
from tests.workflows.test_delete import approved_by_two, planned

HERE = ["customers"]
A_YEAR = timedelta(days=365)
HALF_A_YEAR = timedelta(days=185)


def in_six_months() -> date:
    """When what has no date is looked at again."""
    return latest_review(local_date(now(), POLICY.calendar), POLICY)


async def resumes(office: Office, after: timedelta = timedelta(0)) -> SweepReport:
    """The hourly sweep, that much later."""
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    return await sweeps.resume(SweepInput(at=office.client.now() + after))


async def kept_until_next_year(office: Office) -> str:
    """A deletion that has answered: its only record is kept by law for a year."""
    customers = office.systems["customers"]
    customers.kept_by_law = ("1",)
    customers.kept_until = now().date() + A_YEAR
    return await parked(office)


async def parked(office: Office) -> str:
    """A deletion that has answered and waits without a run."""
    return await carried_out(office, await planned(office, scope=HERE))


async def carried_out(office: Office, number: str) -> str:
    """Approved; the reply has left; the case waits without a run."""
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)
    await (await office.handle(number)).result()  # the run ends a moment after the row waits
    return number


async def ended(office: Office, number: str) -> CaseView:
    """Erased at last, and told."""
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    return await office.reaches(number, Status.CLOSED)


async def test_what_is_kept_waits_without_a_run_and_is_not_taken_for_a_lost_one(office: Office):
    number = await kept_until_next_year(office)

    view = await office.client.show(number)
    assert (view.status, view.outcome) == (Status.FOLLOWING_UP, Outcome.PARTIAL)
    assert view.resumes_on == now().date() + A_YEAR + timedelta(days=1)
    handle = await office.handle(number)
    await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert await office.runs.missing(office.client.now() + A_YEAR) == []


async def test_after_its_date_the_rest_is_erased_by_itself_and_the_person_told_again(
    office: Office,
):
    """Two people approved the date with the plan; nobody is asked again."""
    number = await kept_until_next_year(office)
    customers = office.systems["customers"]
    assert (await resumes(office, A_YEAR)).resumed == ()
    assert len(customers.holds.rows) == 1
    customers.kept_by_law = ()

    assert (await resumes(office, A_YEAR + timedelta(days=1))).resumed == (number,)
    assert (await resumes(office, A_YEAR + timedelta(days=1))).resumed == ()

    view = await ended(office, number)
    assert customers.holds.rows == ()
    assert (view.outcome, view.parked, view.resumes_on) == (Outcome.FULFILLED, False, None)
    assert [s.outcome for s in view.systems] == [SystemOutcome.ERASED]


@pytest.mark.parametrize("secret", [False, True])
async def test_released_a_hold_lets_the_deletion_go_on(office: Office, secret: bool):
    dpo = office.client.actor("helena")
    number = await planned(office, scope=HERE)
    hold = await office.client.holds.place(an_order(), dpo, secret=secret)
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    view = await office.sees(number, lambda view: view.parked)
    assert (view.outcome, view.resumes_on) == (Outcome.PARTIAL, in_six_months() if secret else None)
    assert (await resumes(office)).resumed == ()

    await office.client.holds.release(hold.id, dpo, "the authority is done")
    assert (await resumes(office)).resumed == (number,)

    assert (await ended(office, number)).outcome is Outcome.FULFILLED
    assert office.systems["customers"].holds.rows == ()


async def test_a_register_that_is_declared_no_longer_stops_no_other_deletion(office: Office):
    dpo = office.client.actor("helena")
    number = await planned(office, scope=HERE)
    hold = await office.client.holds.place(an_order(), dpo)
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)
    await office.client.holds.release(hold.id, dpo, "the authority is done")
    customers = office.systems.by_name.pop("customers")

    assert (await resumes(office)).resumed == ()

    office.systems.by_name["customers"] = customers
    assert (await resumes(office)).resumed == (number,)


async def test_under_two_holds_it_goes_on_when_both_are_released(office: Office):
    dpo = office.client.actor("helena")
    number = await planned(office, scope=HERE)
    holds = [await office.client.holds.place(an_order(), dpo) for _ in range(2)]
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)

    await office.client.holds.release(holds[0].id, dpo, "the first authority is done")
    assert (await resumes(office)).resumed == ()
    assert len(office.systems["customers"].holds.rows) == 1

    await office.client.holds.release(holds[1].id, dpo, "the second, too")
    assert (await resumes(office)).resumed == (number,)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


async def test_what_came_in_meanwhile_is_decided_anew(office: Office):
    """The approval covers what it named, also a year later."""
    number = await kept_until_next_year(office)
    customers = office.systems["customers"]
    customers.kept_by_law = ()
    (row,) = customers.holds.rows
    another = row.model_copy(update={"item": "2", "key": {"id": 2}})
    customers.holds = customers.holds.model_copy(update={"rows": (row, another)})

    await resumes(office, 2 * A_YEAR)

    view = await office.awaits(number, "decide")
    assert view.decisions == ()
    assert len(customers.holds.rows) == 2
    await approved_by_two(office, number)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


async def test_what_no_date_keeps_is_looked_at_again_and_nobody_is_told_that_it_stays(
    office: Office,
):
    """The reply says that it is reviewed; a register may know the date by then."""
    office.systems["customers"].kept_by_law = ("1",)
    number = await parked(office)
    before = await office.client.show(number)
    assert before.resumes_on == in_six_months()
    assert (await resumes(office)).resumed == ()

    assert (await resumes(office, HALF_A_YEAR)).resumed == (number,)

    view = await office.sees(number, lambda v: v.parked and v.revision > before.revision + 1)
    assert (view.status, view.outcome) == (Status.FOLLOWING_UP, Outcome.PARTIAL)
    assert (view.resumes_on, view.letters) == (before.resumes_on, before.letters)


async def test_what_a_law_keeps_no_longer_goes_then_and_the_person_is_told(office: Office):
    customers = office.systems["customers"]
    customers.kept_by_law = ("1",)
    number = await parked(office)
    customers.kept_by_law = ()

    assert (await resumes(office, HALF_A_YEAR)).resumed == (number,)

    assert (await ended(office, number)).outcome is Outcome.FULFILLED
    assert customers.holds.rows == ()


async def test_an_earlier_date_than_the_next_look_goes_first_and_is_told(office: Office):
    """What is still kept then has its reason said anew."""
    customers = office.systems["customers"]
    customers.kept_by_law, customers.kept_until = ("1",), now().date() + timedelta(days=30)
    office.systems["marketing"].kept_by_law = ("1",)
    number = await planned(office, scope=["customers", "marketing"])
    await approved_by_two(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    view = await office.sees(number, lambda view: view.parked)
    assert view.resumes_on == now().date() + timedelta(days=31)

    await resumes(office, timedelta(days=31))

    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.sees(number, lambda view: view.parked)).outcome is Outcome.PARTIAL


async def test_while_it_waits_only_a_complaint_opens_it_again(office: Office):
    number = await kept_until_next_year(office)
    with pytest.raises(RefusedByRule, match="goes on by itself"):
        await office.act(number, Note, by="maija", text="anything")

    await office.act(number, Reopen, by="helena", reason="a complaint")

    view = await office.awaits(number, "decide")
    assert not view.parked
    assert (await resumes(office, 2 * A_YEAR)).resumed == ()


# -- two rights at once --------------------------------------------------------------------------


async def both(office: Office) -> tuple[str, str]:
    """An access request that waits for its review, and the same person's deletion, planned."""
    access = await office.receives(a_form("access", scope=HERE))
    await office.awaits(access, "review")
    deletion = await office.receives(a_form("delete", scope=HERE))
    await office.awaits(deletion, "settle_fee")  # the second inquiry within 12 months
    await office.act(deletion, SettleFee, by="antti", choice=FeeChoice.WAIVE)
    await office.awaits(deletion, "decide")
    return access, deletion


async def test_what_the_person_asked_to_see_is_compiled_before_it_is_erased(office: Office):
    access, deletion = await both(office)

    await approved_by_two(office, deletion)

    view = await office.awaits(deletion, "access_first")
    assert view.status is Status.DECIDING
    assert len(office.systems["customers"].holds.rows) == 1
    await office.act(access, Review, by="maija")
    await office.act(access, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(access, "send_reply")
    await office.passes(deletion, timedelta(hours=2))
    await office.awaits(deletion, "send_reply")
    assert office.systems["customers"].holds.rows == ()


async def test_a_person_can_let_the_deletion_go_first(office: Office):
    _, deletion = await both(office)
    await approved_by_two(office, deletion)
    view = await office.awaits(deletion, "access_first")
    task = next(a.task for a in view.awaiting if a.what == "access_first")

    await office.client.complete_task(deletion, task, by="maija", note="the person wants it so")

    await office.awaits(deletion, "send_reply")
    assert office.systems["customers"].holds.rows == ()


async def test_withdrawn_while_it_waits_for_the_package_it_erases_nothing(office: Office):
    _, deletion = await both(office)
    await approved_by_two(office, deletion)
    await office.awaits(deletion, "access_first")

    await office.act(deletion, Withdraw, by="maija")

    assert (await office.reaches(deletion, Status.CLOSED)).outcome is Outcome.WITHDRAWN
    assert len(office.systems["customers"].holds.rows) == 1


async def test_somebody_elses_access_request_delays_nothing(office: Office):
    other = {"name": "Aino Virtanen", "identifiers": [{"type": "email", "value": "av@example.fi"}]}
    access = await office.receives(a_form("access", scope=HERE, of=other))
    await office.awaits(access, "review")
    deletion = await planned(office, scope=HERE)

    await approved_by_two(office, deletion)

    await office.awaits(deletion, "send_reply")
