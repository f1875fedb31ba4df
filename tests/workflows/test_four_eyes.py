"""Two people decide a deletion: who they may be, when one leaves, is absent, or is the subject."""

from datetime import timedelta

import pytest

from schemas.case import Escalation, Status
from schemas.errors import RefusedByRule
from schemas.messages import Choice, Decide, SecondDecision
from schemas.staff import StaffDirectory, StaffMember
from tests.office import AINO, STAFF, Office
from tests.workflows.test_delete import planned

HERE = ["customers"]


def staff(office: Office, *members: StaffMember) -> None:
    """The directory as it stands from now on, with the handler and the archivist."""
    others = tuple(m for m in STAFF.members if m.person in ("maija", "kalle"))
    office.client._actions._staff = StaffDirectory(members=(*others, *members))


def an_approver(person: str, *accounts: str, **more: object) -> StaffMember:
    known = {"person": person, "accounts": accounts or (person,), "roles": ("approver",)}
    return StaffMember.model_validate(known | more)


DPO = StaffMember(person="helena", accounts=("helena",), roles=("dpo",))


async def first(office: Office, number: str, by: str = "antti") -> None:
    await office.act(number, Decide, by=by, choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")


async def test_who_is_the_subject_gives_neither_decision(office: Office):
    own = tuple(one["value"] for one in AINO["identifiers"])
    staff(office, an_approver("aino", subject_identifiers=own), an_approver("antti"), DPO)
    number = await planned(office, scope=HERE)

    with pytest.raises(RefusedByRule, match="own request"):
        await office.act(number, Decide, by="aino", choice=Choice.APPROVE)
    await first(office, number)
    with pytest.raises(RefusedByRule, match="own request"):
        await office.act(number, SecondDecision, by="aino", choice=Choice.APPROVE)

    assert len(office.systems["customers"].holds.rows) == 1


async def test_two_accounts_of_one_person_are_one_person(office: Office):
    staff(office, an_approver("antti", "antti", "antti.admin"), DPO)
    number = await planned(office, scope=HERE)
    await first(office, number)

    with pytest.raises(RefusedByRule, match="another person's"):
        await office.act(number, SecondDecision, by="antti.admin", choice=Choice.APPROVE)

    assert len(office.systems["customers"].holds.rows) == 1


async def test_the_decision_of_somebody_who_leaves_stands_and_they_give_no_other(office: Office):
    number = await planned(office, scope=HERE)
    await first(office, number)
    staff(office, DPO)

    with pytest.raises(RefusedByRule, match="not in the staff directory"):
        await office.act(number, SecondDecision, by="antti", choice=Choice.APPROVE)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)

    await office.awaits(number, "send_reply")
    assert office.systems["customers"].holds.rows == ()


async def test_where_the_only_approver_is_absent_it_is_escalated_and_nothing_goes(office: Office):
    """Nobody else may give the second decision: time brings it to the DPO, never a deletion."""
    staff(office, an_approver("antti"))
    number = await planned(office, scope=HERE)
    await first(office, number)

    await office.passes(number, timedelta(days=35))

    view = await office.sees(number, lambda v: v.clock.escalation is Escalation.BREACH)
    assert view.status is Status.DECIDING
    assert any(a.what == "second_decision" for a in view.awaiting)
    assert len(office.systems["customers"].holds.rows) == 1
    staff(office, an_approver("antti"), DPO)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
