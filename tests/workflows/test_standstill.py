"""An operator stops what cannot be undone; reading goes on, and what waits goes on by itself."""

from datetime import timedelta

import pytest

from schemas.case import Status, SystemOutcome
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import ResolveSystem, SystemResolution
from tests.office import Office, a_form
from tests.workflows.test_delete import approved_by_two, planned

HERE = ["customers"]


async def waiting(office: Office, system: str | None) -> str:
    """A deletion that two people approved while this was stopped."""
    number = await planned(office, scope=HERE)
    await office.client.standstills.pause(system, by="os:operator")
    await approved_by_two(office, number)
    await office.sees(number, lambda v: v.system("customers").reason is not None)
    return number


@pytest.mark.parametrize("system", [None, "customers"])
async def test_nothing_is_erased_until_it_is_resumed_and_then_by_itself(
    office: Office, system: str | None
):
    number = await waiting(office, system)
    view = await office.client.show(number)
    assert view.status is Status.FULFILLING
    part = view.system("customers")
    assert part is not None
    assert (part.outcome, part.reason) == (
        SystemOutcome.PENDING, "stopped by an operator: dsr resume",
    )  # fmt: skip
    assert len(office.systems["customers"].holds.rows) == 1

    await office.client.standstills.resume(system, by="os:operator")
    await office.passes(number, timedelta(hours=1))

    await office.awaits(number, "send_reply")
    assert office.systems["customers"].holds.rows == ()


async def test_one_system_that_stands_still_does_not_stop_the_others(office: Office):
    await office.client.standstills.pause("marketing", by="os:operator")
    number = await planned(office, scope=HERE)

    await approved_by_two(office, number)

    await office.awaits(number, "send_reply")


async def test_nobody_is_told_to_destroy_until_it_is_resumed(office: Office):
    await office.client.standstills.pause("archive", by="os:operator")
    number = await planned(office, scope=["archive"])

    await approved_by_two(office, number)

    view = await office.sees(number, lambda v: v.system("archive").reason is not None)
    assert all(awaited.system is None for awaited in view.awaiting)
    (one,) = await office.client.standstills.standing()
    assert (one.waiting, one.with_people) == ((number,), ())

    await office.client.standstills.resume("archive", by="os:operator")
    await office.passes(number, timedelta(hours=1))

    view = await office.awaits(number, "erase_by_hand")
    task = next(a.task for a in view.awaiting if a.what == "erase_by_hand")
    await office.client.standstills.pause(None, by="os:operator")
    (one,) = await office.client.standstills.standing()
    assert one.with_people == (task,)


async def test_searching_goes_on(office: Office):
    await office.client.standstills.pause(None, by="os:operator")

    number = await office.receives(a_form("access", scope=HERE))

    await office.awaits(number, "review")


async def test_a_person_can_take_a_system_over_meanwhile(office: Office):
    number = await waiting(office, None)

    await office.act(
        number, ResolveSystem, by="maija", system="customers", how=SystemResolution.LEAVE_OUT,
        reason="it is being moved",
    )  # fmt: skip

    await office.awaits(number, "send_reply")
    assert len(office.systems["customers"].holds.rows) == 1


async def test_what_stands_still_is_told_and_ends_once(office: Office):
    stand = office.client.standstills
    await stand.pause("customers", by="os:operator")
    with pytest.raises(RefusedByRule, match="already"):
        await stand.pause("customers", by="os:operator")
    (one,) = await stand.standing()
    assert (one.system, one.by) == ("customers", "os:operator")
    with pytest.raises(RefusedByRule, match="By itself stands still: customers"):
        await stand.resume(None, by="os:operator")

    await stand.resume("customers", by="os:operator")

    assert await stand.standing() == []
    with pytest.raises(RefusedByRule, match="Nothing to resume"):
        await stand.resume("customers", by="os:operator")
    with pytest.raises(BadInput, match="no such system"):
        await stand.pause("nowhere", by="os:operator")
