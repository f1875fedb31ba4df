"""Access (Art. 15), by how it ends."""

from datetime import timedelta

from connectors.contract import Found
from schemas.case import Ground, LetterKind, Outcome, Status
from schemas.messages import (
    AskClarification,
    AskIdentity,
    Choice,
    CloseAs,
    Decide,
    Note,
    Reassign,
    RecordAnswer,
    Reopen,
    TakeBack,
    VerifyIdentity,
    Withdraw,
    Withheld,
)
from tests.histories.scenarios.playing import (
    closed,
    decided,
    looked_through,
    reviewed,
    scenario,
    sent,
    unidentified,
)
from tests.office import Office, a_form, now


@scenario
async def access_fulfilled(office: Office) -> str:
    number = await office.receives(a_form())
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_partial_withheld(office: Office) -> str:
    number = await office.receives(a_form())
    await decided(
        office, number, Withheld(system="customers", item="1", code=Ground.RIGHTS_OF_OTHERS)
    )
    return await sent(office, number, LetterKind.REPLY, Outcome.PARTIAL)


@scenario
async def access_nothing_held(office: Office) -> str:
    for name in ("customers", "marketing"):
        office.systems[name].holds = Found()
    number = await office.receives(a_form())
    await office.archive_answers(number)
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.REPLY, Outcome.NOTHING_HELD)


@scenario
async def access_refused_early(office: Office) -> str:
    number = await office.receives(a_form())
    await office.reaches(number, Status.SEARCHING)
    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.EXCESSIVE)
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def access_refused_unidentified(office: Office) -> str:
    number = await unidentified(office)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.act(number, RecordAnswer, by="maija", sufficient=False)
    await office.awaits(number, "verify_identity")
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.CANNOT_IDENTIFY
    )
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def access_withdrawn(office: Office) -> str:
    number = await office.receives(a_form())
    await reviewed(office, number)
    await office.act(number, Withdraw, by="maija")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def access_agent_answered(office: Office) -> str:
    """An agent answers and shows the mandate; a forged leaving of the reply is not followed."""
    agent = {"name": "Olli Agentti", "relation": "agent", "mandate": "power of attorney"}
    number = await unidentified(office, submitter=agent)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.act(number, RecordAnswer, by="maija")
    await office.act(number, VerifyIdentity, by="maija", mandate_checked=True)
    await decided(office, number)
    view = await office.awaits(number, "send_reply")
    forged = {"letter": view.letters[-1].id, "kind": "reply", "at": now(), "by": "x"}
    await (await office.handle(number)).signal("letter_left", forged)
    await office.act(number, Note, by="maija", text="called back")
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_asked_and_answered(office: Office) -> str:
    """Identity and scope asked, both answered; remarks on the way; decided by the signal."""
    number = await unidentified(office)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.act(number, AskClarification, by="maija", question="which orders?")
    await office.act(number, RecordAnswer, by="maija", to="clarification", text="the last")
    await office.act(number, RecordAnswer, by="maija", to="identity")
    await office.act(number, Note, by="maija", text="called back")
    await office.act(number, Reassign, by="maija", to="helena")
    await reviewed(office, number)
    await office.client.decide_without_waiting(number, by="maija", choice=Choice.APPROVE)
    await office.client.decide_without_waiting(number, by="antti", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_taken_back(office: Office) -> str:
    number = await office.receives(a_form())
    await decided(office, number)
    await office.act(number, TakeBack, by="antti")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_reopened(office: Office) -> str:
    """The history is that of the second run."""
    number = await office.receives(a_form())
    await decided(office, number)
    await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)
    await office.act(number, Reopen, by="helena", reason="a register was missing")
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


async def answered_without_the_archive(office: Office) -> str:
    """The archive is silent until the internal target: the reply has left without its part."""
    back = (now() - timedelta(days=25)).isoformat()
    number = await office.receives(a_form(received_at=back))
    await looked_through(office, number)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    return number


@scenario
async def access_supplement(office: Office) -> str:
    """The archive's answer follows the reply."""
    number = await answered_without_the_archive(office)
    await office.archive_answers(number)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


@scenario
async def access_supplement_with_findings(office: Office) -> str:
    """The late answer brings findings: reviewed and decided again."""
    number = await answered_without_the_archive(office)
    await office.archive_answers(number, records=1)
    await looked_through(office, number)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


@scenario
async def access_not_a_request(office: Office) -> str:
    number = await unidentified(office)
    await office.act(number, CloseAs, by="maija", ending="not_a_request", reason="an order")
    return await closed(office, number, Outcome.NOT_A_REQUEST)


@scenario
async def access_merged_by_hand(office: Office) -> str:
    first = await office.receives(a_form())
    number = await office.receives(a_form(evidence={}, message="by another channel"))
    await office.awaits(number, "verify_identity")
    await office.act(number, CloseAs, by="maija", ending="merged", into=first)
    return await closed(office, number, Outcome.MERGED)


@scenario
async def access_merged_by_rule(office: Office) -> str:
    """Policy `gdpr`: a repetition is answered with the first request while that is open."""
    first = await office.receives(a_form())
    await office.reaches(first, Status.SEARCHING)
    number = await office.receives(a_form(message="again, please"))
    return await closed(office, number, Outcome.MERGED)
