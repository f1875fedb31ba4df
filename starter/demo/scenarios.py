"""The demonstration's requests, played as people play them. Expected: `expected.json`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from schemas.case import Ground, LetterKind, Status
from schemas.errors import CheckFailed
from schemas.messages import (
    AnswerFee,
    AskIdentity,
    Choice,
    CloseAs,
    Extend,
    FeeChoice,
    RecordAnswer,
    Reopen,
    SecondDecision,
    SettleFee,
    Withdraw,
    Withheld,
)
from schemas.request import Attachment, Kind, Subject
from starter.demo.office import LOOK, PATIENCE, Desk, subject
from starter.registers import DEMO_PEOPLE

Scenario = Callable[[Desk], Awaitable[str]]
SCENARIOS: Final[dict[str, Scenario]] = {}

LETTER: Final[dict[str, Any]] = {
    "channel": "letter", "evidence": {"signed": True, "envelope_mark": True},
}  # fmt: skip
VISIT: Final[dict[str, Any]] = {
    "channel": "in_person",
    "evidence": {"identification": {"kind": "passport", "checked_by": "customer service"}},
}


def scenario(play: Scenario) -> Scenario:
    """Register a scenario under its function's name; it returns the number that counts."""
    SCENARIOS[play.__name__] = play
    return play


@scenario
async def access_fulfilled(desk: Desk) -> str:
    """Held in seven registers and on paper; a signed letter, answered in Swedish."""
    number = await desk.submit("BIRGITTA", "access", **LETTER)
    await desk.answer(number, paper="Two contracts of 1998, folder 12.")
    return number


@scenario
async def access_nothing_held(desk: Desk) -> str:
    """Nothing anywhere: the reply says so."""
    number = await desk.submit("NIKLAS", "access", **LETTER)
    await desk.answer(number, reviewed=False)
    return number


@scenario
async def access_partial(desk: Desk) -> str:
    """A record tells of somebody else: withheld with its reason code, Art. 15(4)."""
    number = await desk.submit("TAUNO", "access", **VISIT)
    withheld = Withheld(system="customers", item="2", code=Ground.RIGHTS_OF_OTHERS)
    await desk.answer(number, withheld)
    return number


@scenario
async def access_refused_as_excessive(desk: Desk) -> str:
    """The DPO refuses, with ground and remedies, Art. 12(5)(b)."""
    number = await desk.submit("VEERA", "access", channel="web")
    await desk.awaits(number, "verify_identity")
    await desk.refuse(number, Ground.EXCESSIVE, "The twelfth request this month.")
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def access_by_an_agent(desk: Desk) -> str:
    """Somebody acts for the subject: the mandate is checked before anything is told."""
    agent = {"name": "Asianajaja Kaisa Ranta", "relation": "agent", "mandate": "Power of attorney"}
    number = await desk.submit("MATTI", "access", channel="email", submitter=agent)
    await desk.verify(number, how="power_of_attorney", mandate_checked=True)
    await desk.answer(number)
    return number


@scenario
async def access_identity_asked_and_answered(desk: Desk) -> str:
    """A reasonable doubt, asked promptly: the clock waits for the answer, Art. 12(6)."""
    number = await desk.submit("SEAN", "access", channel="email")
    await desk.awaits(number, "verify_identity")
    handler = desk.member("handler")
    await desk.client.act(number, AskIdentity, by=handler, doubt="Another address is on record.")
    await desk.send_letter(number, LetterKind.IDENTITY)
    await desk.client.act(number, RecordAnswer, by=handler)
    await desk.answer(number)
    return number


@scenario
async def access_identity_never_answered(desk: Desk) -> str:
    """Silence becomes a task for the DPO, who refuses: the person cannot be identified."""
    number = await desk.submit("ANH", "access", channel="phone")
    await desk.awaits(number, "verify_identity")
    await desk.client.act(
        number, AskIdentity, by=desk.member("handler"), doubt="A caller without any number."
    )
    await desk.awaits(number, "identity_unanswered")
    await desk.refuse(number, Ground.CANNOT_IDENTIFY)
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


async def _again(desk: Desk, who: str) -> str:
    """A second request within twelve months, under the register's notice."""
    first = await desk.submit(who, "access", **LETTER)
    await desk.reaches(first, Status.SEARCHING)
    await desk.client.act(first, Withdraw, by=desk.member("handler"))
    await desk.reaches(first, Status.CLOSED)
    second = await desk.submit(who, "access", message="Once more, please.", **LETTER)
    await desk.awaits(second, "settle_fee")
    return second


@scenario
async def access_chargeable_then_waived(desk: Desk) -> str:
    """The notice asks the fee question; a person waives it."""
    number = await _again(desk, "JUHANI")
    await desk.client.act(number, SettleFee, by=desk.member("approver"), choice=FeeChoice.WAIVE)
    await desk.answer(number)
    return number


@scenario
async def access_chargeable_then_withdrawn(desk: Desk) -> str:
    """The amount is told first; the subject withdraws."""
    number = await _again(desk, "ELLI")
    await desk.client.act(
        number, SettleFee, by=desk.member("approver"), choice=FeeChoice.CHARGE,
        reason="The same was answered last week.",
    )  # fmt: skip
    await desk.send_letter(number, LetterKind.FEE)
    await desk.client.act(number, AnswerFee, by=desk.member("handler"), choice="withdraw")
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def access_submitted_twice(desk: Desk) -> str:
    """The same submission again is answered with the first one's number."""
    key = "demo-submitted-twice"
    number = await desk.submit("LEENA", "access", idempotency_key=key, days_ago=1, **LETTER)
    again = await desk.submit("LEENA", "access", days_ago=0, **LETTER)
    if again != number:
        return again
    await desk.answer(number)
    return number


@scenario
async def access_extended(desk: Desk) -> str:
    """Two months more, valid because the notice left within the first, Art. 12(3)."""
    number = await desk.submit("ANNA_MAIJA", "access", days_ago=12, **LETTER)
    await desk.reaches(number, Status.SEARCHING)
    await desk.client.act(
        number, Extend, by=desk.member("dpo"), months=2, reason="Many visits to go through."
    )
    await desk.send_letter(number, LetterKind.EXTENSION)
    await desk.until(number, lambda view: view.clock.state == "extended", "extension counts")
    await desk.answer(number)
    return number


@scenario
async def access_approved_by_signal(desk: Desk) -> str:
    """A program approves: by the signal `decision`, ids and codes only."""
    number = await desk.submit("OLAVI", "access", **LETTER)
    await desk.by_hand(number)
    await desk.review(number)
    await desk.awaits(number, "decide")
    await desk.client.decide_without_waiting(
        number, by=desk.member("approver"), choice=Choice.APPROVE
    )
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def access_escalated_to_breach(desk: Desk) -> str:
    """Received six weeks ago: escalated to the breach at once, answered all the same."""
    number = await desk.submit("KHADIJAH", "access", channel="web", days_ago=42)
    await desk.until(number, lambda view: view.clock.escalation == "breach", "breach recorded")
    await desk.verify(number)
    await desk.answer(number)
    return number


@scenario
async def access_shared_address(desk: Desk) -> str:
    """A family's address: records that could be another person's are chosen by a person."""
    number = await desk.submit("ORJAN", "access", **LETTER)
    await desk.by_hand(number)
    await _nobody_is_chosen(desk, number)
    await desk.review(number)
    await desk.decide(number)
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def access_reopened_after_a_complaint(desk: Desk) -> str:
    """Answered again in a run of its own, on the same case."""
    number = await desk.submit("MATTI_THE_OTHER", "access", **LETTER)
    await desk.answer(number)
    await desk.client.act(
        number, Reopen, by=desk.member("dpo"), reason="The survey answers were missing."
    )
    await desk.reaches(number, Status.SEARCHING)
    await desk.answer(number)
    return number


@scenario
async def access_only_on_paper(desk: Desk) -> str:
    """Nothing in any database; the archivist hands in what lies on paper."""
    number = await desk.submit("HILKKA", "access", **VISIT)
    await desk.answer(number, paper="One letter of 2003.")
    return number


@scenario
async def access_misdirected(desk: Desk) -> str:
    """Meant for another company: closed by a handler, the sender is told."""
    number = await desk.submit("SOFIA", "access", channel="email", message="My bank account, ...")
    await desk.awaits(number, "verify_identity")
    await desk.client.act(number, CloseAs, by=desk.member("handler"), ending="misdirected")
    await desk.reaches(number, Status.CLOSED)
    return number


async def _told_and_closed(desk: Desk, number: str) -> str:
    """The reply leaves; recipients that are reached by hand answer after it."""
    await desk.send(number)
    await desk.until(
        number, lambda view: view.status in (Status.FOLLOWING_UP, Status.CLOSED), "replied"
    )
    await desk.by_hand(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def objection_to_marketing(desk: Desk) -> str:
    """Stopped everywhere within seconds, before anybody decides, Art. 21(3)."""
    number = await desk.submit("SAGA", "objection", channel="email", purposes=["marketing"])
    return await _told_and_closed(desk, number)


@scenario
async def objection_weighed(desk: Desk) -> str:
    """Another purpose: restricted at once, then weighed by the DPO, Art. 21(1)."""
    number = await desk.submit("EERO", "objection", purposes=["customer_relations"], **LETTER)
    await desk.awaits(number, "decide")
    await desk.refuse(number, Ground.LEGAL_CLAIMS, "An invoice is before the court.")
    return await _told_and_closed(desk, number)


@scenario
async def consent_given(desk: Desk) -> str:
    """Consent by web form, recorded with text version and means, Art. 7(1)."""
    consent = {"given": True, "text_version": "newsletter-2026-2", "means": "web_form"}
    number = await desk.submit(
        "OTSO", "consent", channel="web", purposes=["marketing"], consent=consent
    )
    await desk.verify(number)
    return await _told_and_closed(desk, number)


@scenario
async def consent_withdrawn(desk: Desk) -> str:
    """As easy as giving it, Art. 7(3)."""
    consent = {"given": False, "text_version": "newsletter-2026-2", "means": "email"}
    number = await desk.submit(
        "LUMI", "consent", channel="email", purposes=["marketing"], consent=consent
    )
    return await _told_and_closed(desk, number)


@scenario
async def correction_applied(desk: Desk) -> str:
    """A new number: restricted meanwhile, changed where the old one stands, recipients told."""
    new = {"field": "user.contact.phone_number", "old": "+358 40 555 0007",
           "new": "+358 40 555 0107"}  # fmt: skip
    number = await desk.submit("MIKKO", "correct", corrections=[new], **LETTER)
    await desk.decide(number, role="handler")
    await desk.send(number)
    await desk.reaches(number, Status.FOLLOWING_UP)
    await desk.by_hand(number)
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def correction_disputed(desk: Desk) -> str:
    """The handler disputes it: the person's statement is put beside the data, Art. 18(1)(a)."""
    name = {"field": "user.name", "new": "Åsa Lindström-Berg", "evidence": "I go by that name."}
    number = await desk.submit("ASA", "correct", scope=["marketing"], corrections=[name], **LETTER)
    reason = "No document shows another name."
    await desk.decide(number, Choice.REFUSE, Ground.FACT_DISPUTED, role="handler", reason=reason)
    return await _told_and_closed(desk, number)


@scenario
async def deletion_partial(desk: Desk) -> str:
    """Two people approve; the bookkeeping law keeps the invoices, Art. 17(3)(b), until a date."""
    number = await desk.submit("AINO", "delete", **LETTER)
    await _nobody_is_chosen(desk, number)  # her husband's, at the same address
    await desk.decide(number)
    await desk.awaits(number, "second_decision")
    await desk.client.act(number, SecondDecision, by=desk.member("dpo"), choice=Choice.APPROVE)
    await desk.send(number)
    await desk.until(number, lambda view: view.status is Status.FOLLOWING_UP, "replied")
    await desk.by_hand(number)
    await desk.send(number)
    await desk.until(number, lambda view: view.parked, "waits for its date")
    return number


@scenario
async def request_reclassified(desk: Desk) -> str:
    """Taken for access, a fee is asked about; the letter objects: the right procedure goes on."""
    number = await desk.submit("VEERA", "access", message="No more surveys, please.", **LETTER)
    await desk.awaits(number, "settle_fee")
    await desk.client.reclassify(
        number, to=Kind.OBJECTION, by=desk.member("handler"), reason="It says: no more surveys.",
        parts={"purposes": ["surveys"]},
    )  # fmt: skip
    return await _told_and_closed(desk, number)


# Relations that ended: nobody asks, the daily sweep begins these two by itself.


@scenario
async def relation_ended(desk: Desk) -> str:
    """Two people decide the batch, of which one is held; nobody is written to."""
    number, held = await _of_ended(desk, "MATTI_THE_OTHER"), await _of_ended(desk, "TAUNO")
    person = {"identifiers": subject(DEMO_PEOPLE["TAUNO"])["identifiers"]}
    order = {"authority": "Court", "reference": "L 27/1", "country": "FI", "person": person}
    dpo = desk.client.actor(desk.member("dpo"))
    await desk.client.holds.place(order, dpo)
    for what, role in (("decide", "approver"), ("second_decision", "dpo")):
        for one in (number, held):
            await desk.awaits(one, what)
        (batch,) = await desk.client.retention.batches()
        await desk.client.retention.decide(batch.batch, Choice.APPROVE, by=desk.member(role))
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def relation_ended_and_held(desk: Desk) -> str:
    """An order of a court keeps the data; the deletion goes on once it is released."""
    number = await _of_ended(desk, "TAUNO")
    await desk.until(number, lambda view: view.parked, "waits for the hold")
    return number


LAST: Final = ("request_reclassified", "relation_ended", "relation_ended_and_held")
"""Played when the others are over: these people ask for access before."""


async def _nobody_is_chosen(desk: Desk, number: str) -> None:
    """A handler has looked: the doubtful records are somebody else's."""
    view = await desk.awaits(number, "choose_match")
    for task in [a for a in view.awaiting if a.what == "choose_match"]:
        nobody = Attachment(
            name="choice.json", media_type="application/json", base64=b"eyJiZWxvbmdzIjogW119"
        )
        await desk.client.complete_task(number, task.task, by=desk.member("handler"), file=nobody)


async def _of_ended(desk: Desk, who: str) -> str:
    """The case that the sweep has begun for a person."""
    end = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
    while asyncio.get_running_loop().time() < end:
        known = Subject.model_validate(subject(DEMO_PEOPLE[who]))
        lines = await desk.client.cases(kind=Kind.DELETE, person=known)
        if lines:
            desk.progress.number = lines[0].number
            return lines[0].number
        await asyncio.sleep(LOOK)
    raise CheckFailed(f"The sweep of relations that ended began no case for {who}.")
