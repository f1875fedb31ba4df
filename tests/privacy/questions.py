"""Marked data in what staff ask, choose and settle, and in what comes twice."""

from datetime import timedelta
from typing import Final

from schemas import messages as m
from schemas.case import Ground, LetterKind, Outcome, Status
from tests.office import now
from tests.privacy.drive import Canary, Scenario
from tests.privacy.marks import mark
from tests.privacy.requests import a_file, a_person, a_request, an_agent, chosen


async def identity_and_clarification_asked_and_answered(canary: Canary) -> None:
    """Both questions, both answers; the receipt is corrected; an extension is told."""
    office = canary.office
    number = await office.receives(a_request("access", "customers", evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, m.AskIdentity, by="maija", doubt=mark("doubt"))
    await office.act(number, m.AskClarification, by="maija", question=mark("question"))
    for kind in (LetterKind.IDENTITY, LetterKind.CLARIFICATION):
        await canary.hand_out(number, kind)
    for to in ("identity", "clarification"):
        await office.act(number, m.RecordAnswer, by="maija", to=to, text=mark("answer"))
    await office.act(
        number, m.CorrectReceipt, by="maija", received_at=now() - timedelta(days=2),
        reason=mark("correction"),
    )  # fmt: skip
    await office.act(number, m.Extend, by="helena", months=2, reason=mark("extension"))
    await canary.hand_out(number, LetterKind.EXTENSION)
    await office.sees(number, lambda v: v.clock.state == "extended")
    await canary.to_reply(number)
    await office.act(number, m.TakeBack, by="antti", reason=mark("takeback"))
    await office.awaits(number, "decide")
    await canary.refuse(number, Ground.UNFOUNDED)


async def identity_never_answered(canary: Canary) -> None:
    """Art. 12(6): a task for the DPO, who refuses."""
    office = canary.office
    number = await office.receives(a_request("access", evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, m.AskIdentity, by="maija", doubt=mark("doubt"))
    await office.awaits(number, "identity_unanswered")
    await canary.refuse(number, Ground.CANNOT_IDENTIFY)


async def by_an_agent(canary: Canary) -> None:
    """The mandate is checked first."""
    office = canary.office
    number = await office.receives(a_request("access", submitter=an_agent()))
    await office.awaits(number, "verify_identity")
    await office.act(number, m.VerifyIdentity, by="maija", mandate_checked=True)
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.REPLY, package=True)
    await canary.ends(number, Outcome.FULFILLED)


async def _with_a_fee_question(canary: Canary) -> str:
    person = a_person()
    first = await canary.office.receives(a_request("access", "archive", of=person))
    await canary.office.reaches(first, Status.SEARCHING)
    second = await canary.office.receives(
        a_request("access", "customers", of=person, message=mark("again"))
    )
    await canary.office.awaits(second, "settle_fee")
    return second


def fee(choice: str, answer: str | None = None) -> Scenario:
    """Art. 12(5): charged, waived or refused by a person."""

    async def scenario(canary: Canary) -> None:
        office = canary.office
        number = await _with_a_fee_question(canary)
        await office.act(number, m.SettleFee, by="helena", choice=choice, reason=mark("feereason"))
        if answer is not None:
            await canary.hand_out(number, LetterKind.FEE)
            await office.awaits(number, "fee_unanswered")
            await office.act(number, m.AnswerFee, by="maija", choice=answer)
        if choice == "refuse":
            await office.awaits(number, "send_reply")
            await canary.hand_out(number, LetterKind.REFUSAL)
            return await canary.ends(number, Outcome.REFUSED)
        if answer == "withdraw":
            return await canary.ends(number, Outcome.WITHDRAWN)
        return await canary.office.awaits(number, "review") and None

    return scenario


async def decided_by_signal(canary: Canary) -> None:
    """A wrong one and a malformed one before it."""
    office = canary.office
    number = await office.receives(a_request("access", "customers"))
    await office.client.decide_without_waiting(number, by="maija", choice=m.Choice.APPROVE)
    handle = await office.handle(number)
    await handle.signal("decision", {"id": mark("signal"), "choice": mark("signal")})
    await handle.signal("letter_left", mark("signal"))
    await canary.to_decision(number)
    await office.client.decide_without_waiting(number, by="antti", choice=m.Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await canary.ends(number, Outcome.FULFILLED)


async def submitted_twice(canary: Canary) -> None:
    """By key, and by content."""
    form = a_request("access", "archive")
    first = await canary.office.submits(form)
    by_key = await canary.office.submits(form)
    by_content = await canary.office.submits(form | {"idempotency_key": mark("key")})
    assert (by_key.number, by_content.number) == (first.number, first.number)


async def a_match_that_a_person_chooses(canary: Canary) -> None:
    """One of two records that could be somebody else's."""
    office = canary.office
    number = await office.receives(a_request("access", "doubtful"))
    view = await office.awaits(number, "choose_match")
    task = next(a.task for a in view.awaiting if a.what == "choose_match")
    await office.client.complete_task(
        number, task, by="maija", file=chosen("2"), note=mark("choicenote")
    )
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.REPLY, package=True)
    await canary.ends(number, Outcome.FULFILLED)


async def possibly_the_same_person(canary: Canary) -> None:
    """The same address under another name."""
    office = canary.office
    person = a_person()
    await office.receives(a_request("access", "archive", of=person))
    other = a_person() | {"identifiers": person["identifiers"][:1], "name": mark("namesake")}
    number = await office.receives(a_request("access", "archive", of=other))
    view = await office.awaits(number, "possibly_same_person")
    task = next(a.task for a in view.awaiting if a.what == "possibly_same_person")
    await office.client.complete_task(
        number, task, by="maija", file=a_file("proof"), note=mark("samenote")
    )


QUESTIONS: Final[dict[str, Scenario]] = {
    "identity and clarification": identity_and_clarification_asked_and_answered,
    "identity never answered": identity_never_answered,
    "by an agent": by_an_agent,
    "fee accepted": fee("charge", "accept"),
    "fee and withdrawal": fee("charge", "withdraw"),
    "fee waived": fee("waive"),
    "fee refused": fee("refuse"),
    "signal": decided_by_signal,
    "twice": submitted_twice,
    "doubtful match": a_match_that_a_person_chooses,
    "possibly the same person": possibly_the_same_person,
}
