"""Access (Art. 15): every ending that it can have, and what comes on the way to it."""

from schemas.case import Ground, LetterKind, Status
from schemas.messages import (
    AnswerFee,
    AskIdentity,
    Choice,
    CloseAs,
    Extend,
    FeeChoice,
    RecordAnswer,
    Reopen,
    SettleFee,
    SystemResolution,
    Withdraw,
    Withheld,
)
from starter.demo.office import Desk
from starter.demo.scenarios.playing import LETTER, VISIT, nobody_is_chosen, scenario


@scenario
async def access_fulfilled(desk: Desk) -> str:
    """Held in six registers, by three partners and on paper: one of them fails, one takes time."""
    number = await desk.submit("BIRGITTA", "access", **LETTER)
    await desk.answer(number, paper="Two contracts of 1998, folder 12.")
    await desk.package_holds(number, "order_partner", "newsletter_delivery", "training_expert")
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
    await nobody_is_chosen(desk, number)
    await desk.answer(number)
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
    """No e-mail address, so the newsletter processor is looked at by hand; the rest is on paper."""
    number = await desk.submit("HILKKA", "access", **VISIT)
    await desk.resolve(
        number, "newsletter_delivery", SystemResolution.BY_HAND, "Looked up by name in its console."
    )
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


@scenario
async def access_merged_by_hand(desk: Desk) -> str:
    """Written twice in other words: the notice would ask a fee; a handler merges the second."""
    first = await desk.submit("TOIVO", "access", **LETTER)
    await desk.reaches(first, Status.SEARCHING)
    number = await desk.submit("TOIVO", "access", message="As I wrote, my data, please.", **LETTER)
    await desk.awaits(number, "settle_fee")
    await desk.client.act(number, CloseAs, by=desk.member("handler"), ending="merged", into=first)
    await desk.reaches(number, Status.CLOSED)
    await desk.answer(first)
    return number


@scenario
async def access_not_a_request(desk: Desk) -> str:
    """An e-mail that asks for nothing: closed by a handler, who says so to the sender."""
    number = await desk.submit("ALMA", "access", channel="email", message="Thanks for the tour!")
    await desk.awaits(number, "verify_identity")
    await desk.client.act(number, CloseAs, by=desk.member("handler"), ending="not_a_request")
    await desk.reaches(number, Status.CLOSED)
    return number
