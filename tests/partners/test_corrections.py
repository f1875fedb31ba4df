"""Corrections at a partner (Art. 16, 18, 19): sent where it may be, by people otherwise."""

import json
from typing import Any

import pytest

from schemas.case import CaseView, Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.messages import Choice, Decide, Withdraw
from schemas.recipients import RecipientState
from schemas.systems import Duty
from tests.fakes import facts
from tests.office import A_CORRECTION, Office, a_form
from tests.partners.offices import EXPERT, OF_AINO, comes_to, dispatches, outcome
from tests.partners.processes import DOMAIN, PartnerProcess, partner_facts

A_PHONE = {"field": "phone", "old": "015 111", "new": "015 222"}


def sent(process: PartnerProcess) -> list[tuple[str, dict[str, Any]]]:
    """Kind and extension of every request that the partner was sent."""
    bodies = [json.loads(body) for body in process.received()]
    return [(b["subject_request_type"], b["extensions"][DOMAIN]) for b in bodies]


async def contested(office: Office, **more: Any) -> str:
    number = await office.receives(a_form("correct", of=OF_AINO, **more))
    await office.awaits(number, "decide")
    return number


async def states(office: Office, number: str) -> dict[Duty, RecipientState]:
    """What the ledger says of each duty of the partner."""
    ledger = await office.client.recipients(number)
    return {line.duty: line.state for line in ledger.recipients}


async def done_by_hand(office: Office, number: str, what: str, records: int = 1) -> None:
    view = await office.sees(
        number, lambda v: any((a.what, a.system) == (what, EXPERT) for a in v.awaiting)
    )
    task = next(a.task for a in view.awaiting if (a.what, a.system) == (what, EXPERT))
    await office.client.complete_task(number, task, by="maija", records=records)


async def told_and_closed(office: Office, number: str) -> CaseView:
    """The reply leaves, and a supplement if the partner answered after the reply was written."""
    await office.sends(number, LetterKind.REPLY)
    view = await office.sees(
        number,
        lambda v: v.status is Status.CLOSED or v.letters[-1].kind is LetterKind.SUPPLEMENT,
    )
    if view.status is not Status.CLOSED:
        await office.sends(number, LetterKind.SUPPLEMENT)
    return await office.reaches(number, Status.CLOSED)


async def test_a_contested_fact_is_restricted_at_the_partner_and_corrected_after_the_decision(
    partner, office_with
):
    """Art. 18(1)(a), then Art. 16; the restriction ends once the person is told, Art. 18(3)."""
    process = partner("prompt")
    office = await office_with(process)
    number = await contested(office)
    await comes_to(office, number, SystemOutcome.FOUND)
    assert sent(process) == [
        ("restriction", {"subject": {"name": "Aino Virtanen", "employer": "Esimerkki Oy"}})
    ]

    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await comes_to(office, number, SystemOutcome.CORRECTED)

    kind, extension = sent(process)[-1]
    assert kind == "correction"
    assert extension["corrections"] == [
        {"field": "user.contact.email", "old": A_CORRECTION["old"], "new": A_CORRECTION["new"]}
    ]
    assert extension["ends_restriction"] is False
    assert (await office.awaits(number, "send_reply")).outcome is Outcome.FULFILLED
    assert len(sent(process)) == 2
    view = await told_and_closed(office, number)
    assert [kind for kind, _ in sent(process)] == ["restriction", "correction", "restriction_lift"]
    assert (outcome(view), view.system(EXPERT).records) == (SystemOutcome.CORRECTED, 1)
    assert view.outcome is Outcome.FULFILLED
    assert await states(office, number) == dict.fromkeys(
        (Duty.CORRECT, Duty.CONTEST, Duty.END_CONTEST), RecipientState.DONE
    )


async def test_a_partner_that_has_begun_a_correction_is_acknowledged_and_waited_for(
    partner, office_with
):
    office = await office_with(partner("begun"))
    number = await contested(office)
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)

    view = await office.reaches(number, Status.FOLLOWING_UP)

    assert outcome(view) is SystemOutcome.NOTIFIED
    while not [r for r in await dispatches(office.case_file.engine) if r["duty"] == "correct"
               and r["state"]]:  # fmt: skip
        await office.sees(number, lambda _: True)
    assert (await states(office, number))[Duty.CORRECT] is RecipientState.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("denying", "the partner denies the request"),
        ("partial", "the partner did a part only"),
    ],
)
async def test_a_correction_that_is_denied_or_done_in_part_goes_to_a_person(
    partner, office_with, behaviour: str, reason: str
):
    office = await office_with(partner(behaviour))
    number = await contested(office)
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)

    view = await office.sees(
        number, lambda v: outcome(v) is SystemOutcome.FAILED and v.status is Status.REPLYING
    )

    assert view.system(EXPERT).reason == reason
    assert "resolve_system" in [a.what for a in view.awaiting]
    assert (await states(office, number))[Duty.CORRECT] is RecipientState.FAILED


async def test_a_partner_that_takes_no_corrections_is_told_by_people(partner, office_with):
    """Its discovery names neither restriction nor correction."""
    process = partner("plain")
    office = await office_with(process)
    number = await contested(office)
    view = await office.awaits(number, "contest_by_hand")
    assert outcome(view) is SystemOutcome.NOTIFIED

    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await done_by_hand(office, number, "correct_by_hand")

    await comes_to(office, number, SystemOutcome.BY_HAND)
    assert process.received() == []
    assert await states(office, number) == {
        Duty.CORRECT: RecipientState.DONE, Duty.CONTEST: RecipientState.NOT_DUE,
    }  # fmt: skip


async def test_what_the_manifest_does_not_allow_is_not_sent_and_told_by_people(
    partner, office_with
):
    """Art. 5(1)(c): the manifest names the address only."""
    process = partner("prompt")
    office = await office_with(process)
    number = await contested(office, corrections=[A_CORRECTION, A_PHONE])
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)

    await office.awaits(number, "correct_by_hand")

    assert [kind for kind, _ in sent(process)] == []


async def test_of_a_correction_approved_in_part_the_rest_is_a_statement_and_the_restriction_ends(
    partner, office_with
):
    """Art. 16: the person's statement is put beside what stays disputed; then Art. 18(3)."""
    process = partner("prompt")
    office = await office_with(process)
    another = A_CORRECTION | {"field": "user.contact.email", "old": "aino@third.example"}
    number = await contested(office, corrections=[A_CORRECTION, another])
    await office.act(
        number, Decide, by="maija", choice=Choice.PARTIAL, ground=Ground.FACT_DISPUTED,
        disputed=(2,), reason="the second one is shown by the contract",
    )  # fmt: skip
    await done_by_hand(office, number, "add_statement_by_hand", records=0)
    await done_elsewhere(office, number)

    await comes_to(office, number, SystemOutcome.RETAINED)
    await office.sends(number, LetterKind.REPLY)
    kinds = [kind for kind, _ in sent(process)]
    assert kinds[:2] == ["restriction", "correction"]
    correction = sent(process)[1][1]
    assert len(correction["corrections"]) == 1
    assert correction["ends_restriction"] is False
    while len(sent(process)) < 3:
        await office.sees(number, lambda _: True)
    assert sent(process)[2][0] == "restriction_lift"


async def done_elsewhere(office: Office, number: str) -> None:
    """The same statement in the register of our own."""
    view = await office.client.show(number)
    for task in [a for a in view.awaiting if a.system == "customers"]:
        await office.client.complete_task(number, task.task, by="maija")


async def test_a_correction_that_is_withdrawn_ends_the_restriction_at_the_partner(
    partner, office_with
):
    process = partner("prompt")
    office = await office_with(process)
    number = await contested(office)
    await comes_to(office, number, SystemOutcome.FOUND)

    await office.act(number, Withdraw, by="maija")

    await office.reaches(number, Status.CLOSED)
    assert [kind for kind, _ in sent(process)] == ["restriction", "restriction_lift"]


def test_a_value_of_several_categories_is_not_sent():
    """A part of it might not be for this partner."""
    here = partner_facts(corrects=("user.contact",))
    names = {
        "address": ("user.contact.address", "user.name"),
        "phone": ("user.contact.phone_number",),
    }
    systems = (facts("customers", fields=names), here)

    assert here.sent_as("phone", systems) == "user.contact.phone_number"
    assert here.sent_as("address", systems) is None
    assert here.sent_as("shoe_size", systems) is None
    assert partner_facts().sent_as("phone", systems) is None
