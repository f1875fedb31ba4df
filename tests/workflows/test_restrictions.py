"""Two cases of one person can restrict the same records: the last to end unmarks them (Art. 18)."""

from schemas.case import Ground, LetterKind, Status
from schemas.messages import Choice, Decide, FeeChoice, SettleFee, Withdraw
from tests.office import Office, a_form
from tests.workflows.test_correct import contested

HERE = ["customers"]


async def an_objection(office: Office) -> str:
    """To another purpose than marketing: the DPO weighs it, restricted meanwhile."""
    number = await office.receives(a_form("objection", scope=HERE, purposes=["customer_relations"]))
    await office.awaits(number, "decide")
    return number


async def contested_too(office: Office) -> str:
    """The same person's correction: her second inquiry within 12 months."""
    number = await office.receives(a_form("correct", scope=HERE))
    await office.awaits(number, "settle_fee")
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.WAIVE)
    await office.awaits(number, "decide")
    return number


async def refused(office: Office, number: str) -> None:
    """Our grounds override: Helena says so, and the letter leaves."""
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.COMPELLING_GROUNDS
    )
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    await office.reaches(number, Status.CLOSED)


async def test_the_end_of_one_restriction_leaves_what_another_case_restricts(office: Office):
    customers = office.systems["customers"]
    objection, correction = await an_objection(office), await contested_too(office)

    await office.act(correction, Withdraw, by="maija")
    await office.reaches(correction, Status.CLOSED)
    assert customers.restricted

    await refused(office, objection)
    assert not customers.restricted


async def test_an_objection_that_is_upheld_keeps_what_a_correction_would_let_go(office: Office):
    customers = office.systems["customers"]
    objection = await an_objection(office)
    await office.act(objection, Decide, by="helena", choice=Choice.APPROVE)
    await office.awaits(objection, "send_reply")
    await office.sends(objection, LetterKind.REPLY)
    await office.reaches(objection, Status.CLOSED)
    correction = await contested_too(office)

    await office.act(correction, Withdraw, by="maija")

    await office.reaches(correction, Status.CLOSED)
    assert customers.restricted


async def test_another_persons_case_keeps_nothing_restricted(office: Office):
    eero = {"name": "Eero", "identifiers": [{"type": "email", "value": "eero@example.fi"}]}
    await office.receives(a_form("objection", scope=HERE, purposes=["customer_relations"], of=eero))
    correction = await contested(office, scope=HERE)

    await office.act(correction, Withdraw, by="maija")

    await office.reaches(correction, Status.CLOSED)
    assert not office.systems["customers"].restricted
