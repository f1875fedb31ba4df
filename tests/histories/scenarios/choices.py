"""Objection (Art. 21) and consent (Art. 7): some decided by a person, most by nobody."""

from datetime import timedelta

from connectors.partner import Right
from schemas.case import Ground, LetterKind, Outcome, SystemOutcome
from schemas.messages import Choice, Decide, TakeBack, VerifyIdentity, Withdraw
from schemas.partners import RequestStatus
from tests.histories.scenarios.playing import a_partner, closed, scenario, sent
from tests.office import Office, a_form, now


@scenario
async def objection_absolute(office: Office) -> str:
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def objection_absolute_unidentified(office: Office) -> str:
    number = await office.receives(a_form("objection", channel="phone", evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, VerifyIdentity, by="maija")
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


async def a_weighed_objection(office: Office) -> str:
    """To another purpose: on the DPO's desk."""
    number = await office.receives(a_form("objection", purposes=["customer_relations"]))
    await office.awaits(number, "decide")
    return number


@scenario
async def objection_weighed_refused(office: Office) -> str:
    number = await a_weighed_objection(office)
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.COMPELLING_GROUNDS,
        reason="open invoices",
    )  # fmt: skip
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def objection_told_before_it_is_lifted(office: Office) -> str:
    """Refused, taken back and refused: restricted until the letter has left."""
    number = await a_weighed_objection(office)
    refusal = {"choice": Choice.REFUSE, "ground": Ground.COMPELLING_GROUNDS, "reason": "invoices"}
    await office.act(number, Decide, by="helena", **refusal)
    await office.awaits(number, "send_reply")
    await office.act(number, TakeBack, by="helena", reason="one more thought")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="helena", **refusal)
    await office.awaits(number, "send_reply")
    assert office.systems["customers"].restricted
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def objection_weighed_upheld(office: Office) -> str:
    number = await a_weighed_objection(office)
    await office.act(number, Decide, by="helena", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def objection_withdrawn(office: Office) -> str:
    number = await a_weighed_objection(office)
    await office.act(number, Withdraw, by="maija")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def objection_withdrawn_while_restricted_at_a_partner(office: Office) -> str:
    """Closed once the partner has ended its restriction, too."""
    partner = a_partner(office, restricts=True, purposes=("customer_relations",))
    number = await a_weighed_objection(office)
    await office.act(number, Withdraw, by="maija")
    await office.sees(number, lambda _: partner.orders[-1].right is Right.RESTRICTION_LIFT)
    partner.says = RequestStatus.COMPLETED
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def consent_given(office: Office) -> str:
    number = await office.receives(a_form("consent", channel="email", evidence={}))
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def consent_withdrawn(office: Office) -> str:
    taken = {"given": False, "text_version": "2026-1", "means": "web_form"}
    number = await office.receives(a_form("consent", channel="email", evidence={}, consent=taken))
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def consent_superseded(office: Office) -> str:
    """A later objection stands."""
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    earlier = (now() - timedelta(days=2)).isoformat()
    number = await office.receives(
        a_form("consent", channel="email", evidence={}, received_at=earlier)
    )
    view = await office.awaits(number, "send_reply")
    assert view.system("marketing").outcome is SystemOutcome.LEFT_OUT  # type: ignore[union-attr]
    return await sent(office, number, LetterKind.REPLY, Outcome.PARTIAL)
