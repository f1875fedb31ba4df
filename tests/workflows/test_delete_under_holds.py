"""A hold may name somebody by what the request does not have: the registers tell that it is one."""

from schemas.case import LetterKind, Outcome, SystemOutcome
from tests.fakes import a_row
from tests.holds.deskwork import BY_PHONE, PHONE, an_order
from tests.office import Office
from tests.workflows.test_delete import approved_by_two, planned
from tests.workflows.test_delete_later import ended, resumes

BOTH = ["customers", "marketing"]


def knows_her_phone(office: Office) -> None:
    """One register holds the e-mail address of the request and the number of the hold."""
    customers = office.systems["customers"]
    rows = (a_row("1", email="aino.virtanen@example.fi", phone=PHONE),)
    customers.holds = customers.holds.model_copy(update={"rows": rows})


async def test_a_hold_that_names_a_person_by_what_only_a_register_knows_holds_everywhere(
    office: Office,
):
    knows_her_phone(office)
    dpo = office.client.actor("helena")
    hold = await office.client.holds.place(an_order(person=BY_PHONE), dpo)
    number = await planned(office, scope=BOTH)
    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")

    assert [s.outcome for s in view.systems] == [SystemOutcome.RETAINED] * 2
    assert [len(office.systems[name].holds.rows) for name in BOTH] == [1, 1]
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)
    assert (await resumes(office)).resumed == ()

    await office.client.holds.release(hold.id, dpo, "the authority is done")
    assert (await resumes(office)).resumed == (number,)
    assert (await ended(office, number)).outcome is Outcome.FULFILLED


async def test_what_a_register_learns_after_the_plan_is_looked_for_before_anything_goes(
    office: Office,
):
    number = await planned(office, scope=["customers"])
    dpo = office.client.actor("helena")
    await office.client.holds.place(an_order(person=BY_PHONE), dpo)
    knows_her_phone(office)

    await approved_by_two(office, number)

    view = await office.awaits(number, "send_reply")
    assert [s.outcome for s in view.systems] == [SystemOutcome.RETAINED]
    assert len(office.systems["customers"].holds.rows) == 1
