"""Objection, Art. 21, and consent, Art. 7."""

from datetime import timedelta

import pytest

from connectors.partner import Right
from schemas.case import Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import RefusedByRule
from schemas.messages import (
    Choice,
    Decide,
    ResolveSystem,
    SystemResolution,
    VerifyIdentity,
    Withdraw,
)
from schemas.partners import RequestStatus
from tests.fakes import FakePartner, facts
from tests.office import Office, a_form, now


async def test_an_objection_to_marketing_is_stopped_before_anybody_decides(office: Office):
    """Art. 21(3): no decision, fee or match is waited for."""
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")

    assert office.systems["customers"].suppressed
    assert office.systems["marketing"].suppressed
    view = await office.client.show(number)
    assert all(s.outcome is SystemOutcome.SUPPRESSED for s in view.systems)
    assert all(s.lag_seconds is not None and s.lag_seconds < 60 for s in view.systems)
    await office.sends(number, LetterKind.REPLY)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED


async def test_marketing_stops_even_while_the_identity_is_open(office: Office):
    number = await office.receives(a_form("objection", channel="phone", evidence={}))
    await office.awaits(number, "verify_identity")

    view = await office.sees(
        number, lambda v: all(s.outcome is SystemOutcome.SUPPRESSED for s in v.systems)
    )

    assert view.status is Status.IDENTIFYING
    await office.act(number, VerifyIdentity, by="maija")
    await office.awaits(number, "send_reply")


async def test_there_is_nothing_to_decide_about_an_absolute_objection(office: Office):
    number = await office.receives(a_form("objection", channel="phone", evidence={}))
    await office.awaits(number, "verify_identity")

    with pytest.raises(RefusedByRule, match="Nothing to decide"):
        await office.act(number, Decide, by="helena", choice=Choice.APPROVE)


async def test_another_purpose_is_restricted_then_balanced_by_the_dpo(office: Office):
    """Art. 18(1)(d), 21(1)."""
    form = a_form("objection", purposes=["customer_relations"])
    number = await office.receives(form)
    await office.awaits(number, "decide")
    assert office.systems["customers"].restricted

    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.COMPELLING_GROUNDS,
        reason="open invoices",
    )  # fmt: skip

    await office.awaits(number, "send_reply")
    assert office.systems["customers"].restricted
    await office.sends(number, LetterKind.REFUSAL)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.REFUSED
    assert not office.systems["customers"].restricted


def a_partner(office: Office) -> FakePartner:
    """It stops marketing, and restricts what it holds of customers."""
    partner = FakePartner(
        facts(
            "partner", reach="http", register_part="customers", fields_sent=("email",),
            restricts=True, suppresses=("marketing",), purposes=("customer_relations",),
        )
    )  # fmt: skip
    office.systems.partners["partner"] = partner
    return partner


async def weighed(office: Office) -> str:
    """The DPO's to decide; restricted meanwhile, also at a partner."""
    number = await office.receives(
        a_form("objection", scope=["customers"], purposes=["customer_relations"])
    )
    await office.awaits(number, "decide")
    return number


async def test_a_withdrawn_objection_is_closed_once_a_partner_has_ended_its_restriction(
    office: Office,
):
    partner = a_partner(office)
    number = await weighed(office)

    await office.act(number, Withdraw, by="maija")

    await office.sees(number, lambda _: partner.orders[-1].right is Right.RESTRICTION_LIFT)
    view = await office.client.show(number)
    assert (view.status, view.system("partner").outcome) == (
        Status.DECIDING, SystemOutcome.NOTIFIED,
    )  # fmt: skip
    partner.says = RequestStatus.COMPLETED
    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.WITHDRAWN
    assert view.system("partner").outcome is SystemOutcome.RETAINED


async def test_a_partner_that_is_left_out_after_the_reply_makes_the_ending_a_partial_one(
    office: Office,
):
    """The person was told that it is told; that it does as it was told nobody can say."""
    a_partner(office)
    number = await office.receives(a_form("objection", scope=["customers"]))
    view = await office.awaits(number, "send_reply")
    assert (view.outcome, view.system("partner").outcome) == (
        Outcome.FULFILLED, SystemOutcome.NOTIFIED,
    )  # fmt: skip

    left_out = {"system": "partner", "how": SystemResolution.LEAVE_OUT, "reason": "it denies"}
    await office.act(number, ResolveSystem, by="maija", **left_out)
    await office.sends(number, LetterKind.REPLY)

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.PARTIAL
    (closed,) = [e for e in await office.client.timeline(number) if e.event == "closed"]
    assert "partial" in closed.text


async def test_a_partner_is_told_of_the_end_after_the_person(office: Office):
    """Art. 18(3)."""
    partner = a_partner(office)
    number = await weighed(office)
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.COMPELLING_GROUNDS
    )
    await office.awaits(number, "send_reply")
    assert [order.right for order in partner.orders] == [Right.RESTRICTION]

    await office.sends(number, LetterKind.REFUSAL)

    await office.sees(number, lambda _: partner.orders[-1].right is Right.RESTRICTION_LIFT)


async def test_an_upheld_objection_leaves_the_restriction(office: Office):
    number = await office.receives(a_form("objection", purposes=["customer_relations"]))
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)

    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED
    assert office.systems["customers"].restricted


async def test_consent_is_recorded_with_its_text_and_means(office: Office):
    """Art. 7(1)."""
    number = await office.receives(a_form("consent", channel="email", evidence={}))
    await office.awaits(number, "send_reply")

    (consent,) = office.systems["marketing"].consents

    assert (consent.given, consent.text_version, consent.means) == (True, "2026-1", "web_form")
    await office.sends(number, LetterKind.REPLY)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED


async def test_of_consent_and_objection_the_later_receipt_wins(office: Office):
    later = a_form("objection", channel="email", evidence={})
    number = await office.receives(later)
    await office.awaits(number, "send_reply")

    earlier = (now() - timedelta(days=2)).isoformat()
    number = await office.receives(
        a_form("consent", channel="email", evidence={}, received_at=earlier)
    )

    view = await office.awaits(number, "send_reply")
    assert office.systems["marketing"].consents == []
    assert view.system("marketing").outcome is SystemOutcome.LEFT_OUT  # type: ignore[union-attr]
