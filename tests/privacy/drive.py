"""Every kind and every ending of a case, with marked data in every field and free text."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from schemas import messages as m
from schemas.case import Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.errors import DsrError
from schemas.lines import LEFT_ALONE
from tests.office import Office, now
from tests.privacy.marks import fields, mark, word
from tests.privacy.requests import (
    a_file,
    a_person,
    a_request,
    an_agent,
    an_order,
    by_email,
    chosen,
)
from tests.privacy.systems import GARBLED

Scenario = Callable[["Canary"], Awaitable[None]]

CARRIED_OUT_AT_ONCE: Final = ("objection", "consent")  # Art. 7(3), 21(3): who asks is settled after


@dataclass
class Canary:
    """One engine that is driven, and what it gave to people."""

    office: Office
    delivered: list[bytes] = field(default_factory=list)  # to handlers and subjects: marked
    told: list[str] = field(default_factory=list)  # errors: never marked

    async def to_decision(self, number: str, **review: Any) -> None:
        """Reviewed; waits for the approver."""
        await self.office.awaits(number, "review")
        await self.office.act(number, m.Review, by="maija", **review)
        await self.office.awaits(number, "decide")

    async def to_reply(self, number: str, **review: Any) -> None:
        """Decided; the reply waits in the outbox."""
        await self.to_decision(number, **review)
        await self.office.act(
            number, m.Decide, by="antti", choice=m.Choice.APPROVE, reason=mark("approval")
        )
        await self.office.awaits(number, "send_reply")

    async def hand_out(self, number: str, kind: LetterKind, package: bool = False) -> None:
        """The newest letter of a kind, or the package, leaves."""
        view = await self.office.client.show(number)
        letter = next(x for x in reversed(view.letters) if x.kind is kind)
        self.delivered.append(await self.office.client.letter(number, letter.id, by="maija"))
        if package:
            self.delivered.append(await self.office.client.package(number, by="maija"))

    async def ends(self, number: str, outcome: Outcome) -> None:
        """It is closed, or waits without a run until what it keeps may go, with this outcome."""
        view = await self.office.sees(number, lambda v: v.parked or v.status is Status.CLOSED)
        assert view.outcome is outcome, f"{number} ended as {view.outcome}"

    async def refuse(self, number: str, ground: Ground) -> None:
        """The DPO refuses; the refusal leaves; the case is closed."""
        await self.office.act(
            number, m.Decide, by="helena", choice=m.Choice.REFUSE, ground=ground,
            reason=mark("refusal"),
        )  # fmt: skip
        await self.office.awaits(number, "send_reply")
        await self.hand_out(number, LetterKind.REFUSAL)
        await self.ends(number, Outcome.REFUSED)

    async def answer_archive(self, number: str, system: str = "archive") -> None:
        """The manual task of a system is answered with a file."""
        view = await self.office.sees(number, lambda v: any(a.system == system for a in v.awaiting))
        task = next(a.task for a in view.awaiting if a.system == system)
        await self.office.client.complete_task(
            number, task, by="kalle", file=a_file("paper"), note=mark("tasknote")
        )


async def access_fulfilled_and_answered_again(canary: Canary) -> None:
    """With notes, a look at the findings, a file from the archive; then a complaint."""
    office = canary.office
    number = await office.receives(a_request("access", "customers", "archive"))
    await office.act(number, m.Note, by="maija", text=mark("note"))
    await office.act(number, m.Reassign, by="maija", to="maija")
    await canary.answer_archive(number)
    await canary.to_reply(number)
    found = await office.client.found(number, by="maija")
    canary.delivered += [f.model_dump_json().encode() for f in found.values()]
    await canary.hand_out(number, LetterKind.ACKNOWLEDGEMENT)
    await canary.hand_out(number, LetterKind.REPLY, package=True)
    await canary.ends(number, Outcome.FULFILLED)

    await office.act(number, m.Reopen, by="helena", reason=mark("complaint"))
    await canary.answer_archive(number)
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.REPLY, package=True)
    await canary.ends(number, Outcome.FULFILLED)


async def access_partial(canary: Canary) -> None:
    """Art. 15(4): an item is withheld, the decision states why."""
    number = await canary.office.receives(a_request("access", "customers", language="en"))
    item = m.Withheld(system="customers", item="2", code=Ground.RIGHTS_OF_OTHERS)
    await canary.to_reply(number, withhold=(item,))
    await canary.hand_out(number, LetterKind.REPLY)
    package = await canary.office.client.package(number, by="maija")
    assert {"value", "second", "other"} & fields(package) == {"value"}
    await canary.ends(number, Outcome.PARTIAL)


async def nothing_held(canary: Canary) -> None:
    """By two systems that know nobody."""
    number = await canary.office.receives(a_request("access", "empty"))
    await canary.office.awaits(number, "decide")
    await canary.office.act(number, m.Decide, by="antti", choice=m.Choice.APPROVE)
    await canary.office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await canary.ends(number, Outcome.NOTHING_HELD)


async def refused_early(canary: Canary) -> None:
    """Before the search ends, Art. 12(5)."""
    number = await canary.office.receives(a_request("access", "customers", "archive"))
    await canary.office.reaches(number, Status.SEARCHING)
    await canary.refuse(number, Ground.EXCESSIVE)


async def refused_late(canary: Canary) -> None:
    """When it was to be decided."""
    number = await canary.office.receives(a_request("access", language="sv"))
    await canary.to_decision(number)
    await canary.refuse(number, Ground.UNFOUNDED)


async def withdrawn(canary: Canary) -> None:
    """In the middle of the search."""
    number = await canary.office.receives(a_request("access", "archive"))
    await canary.office.reaches(number, Status.SEARCHING)
    await canary.office.act(number, m.Withdraw, by="maija", reason=mark("withdrawal"))
    await canary.ends(number, Outcome.WITHDRAWN)
    await canary.hand_out(number, LetterKind.CONFIRMATION)


async def withdrawn_before_the_reply(canary: Canary) -> None:
    """What was carried out at once is not asked for any more."""
    for kind in CARRIED_OUT_AT_ONCE:
        number = await canary.office.receives(by_email(kind, "marketing"))
        await canary.office.awaits(number, "send_reply")
        await canary.office.act(number, m.Withdraw, by="maija", reason=mark("withdrawal"))
        await canary.ends(number, Outcome.WITHDRAWN)
        await canary.hand_out(number, LetterKind.CONFIRMATION)


def ended_as(ending: str) -> Scenario:
    """A handler ends what is no request."""

    async def scenario(canary: Canary) -> None:
        for kind in ("access", "correct", "delete", *CARRIED_OUT_AT_ONCE):
            first, number = [
                await canary.office.receives(a_request(kind, "marketing", evidence={}))
                for _ in range(2)
            ]
            await canary.office.awaits(number, "verify_identity")
            into = {"into": first} if ending == "merged" else {}
            await canary.office.act(
                number, m.CloseAs, by="maija", ending=ending, reason=mark("ending"), **into
            )
            await canary.ends(number, Outcome(ending))
            await canary.hand_out(number, LetterKind.CONFIRMATION)

    return scenario


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


async def supplied_after_the_reply(canary: Canary) -> None:
    """The archive answers after the internal target: the request had come earlier than thought."""
    office = canary.office
    number = await office.receives(a_request("access", "customers", "archive"))
    await office.sees(number, lambda v: any(s.outcome is SystemOutcome.FOUND for s in v.systems))
    await office.act(
        number, m.CorrectReceipt, by="maija", received_at=now() - timedelta(days=22),
        reason=mark("correction"),
    )  # fmt: skip
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.REPLY, package=True)
    await office.reaches(number, Status.FOLLOWING_UP)
    await canary.answer_archive(number)
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.SUPPLEMENT, package=True)
    await canary.ends(number, Outcome.FULFILLED)


async def escalated_to_the_breach(canary: Canary) -> None:
    """Received long ago; answered late."""
    back = (now() - timedelta(days=45)).isoformat()
    number = await canary.office.receives(a_request("access", received_at=back))
    await canary.office.sees(number, lambda v: v.clock.state == "breached")
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.REPLY)
    await canary.ends(number, Outcome.FULFILLED)


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


async def systems_that_fail(canary: Canary) -> None:
    """Each fails with marked errors; a person leaves them out, or does it by hand."""
    office = canary.office
    failing = ("broken", "away", "misdeclared", *GARBLED)
    number = await office.receives(a_request("access", "customers", *failing, "ailing"))
    view = await office.sees(
        number, lambda v: sum(a.what == "resolve_system" for a in v.awaiting) == len(failing)
    )
    await office.sees(number, lambda v: v.system("ailing").reason == LEFT_ALONE)
    ways = ("leave-out", "retry", "leave-out", "by-hand", "leave-out", "leave-out")
    for system, how in zip(failing, ways, strict=True):
        await office.act(
            number, m.ResolveSystem, by="maija", system=system, how=how, reason=mark("resolution")
        )
    for system in ("away", "ailing"):
        await office.act(
            number, m.ResolveSystem, by="maija", system=system, how="leave-out",
            reason=mark("resolution"),
        )  # fmt: skip
    view = await office.awaits(number, "search_by_hand")
    task = next(a.task for a in view.awaiting if a.what == "search_by_hand")
    await office.client.complete_task(
        number, task, by="maija", file=a_file("byhand"), note=mark("tasknote")
    )
    await canary.to_reply(number)
    await canary.hand_out(number, LetterKind.REPLY, package=True)
    await canary.ends(number, Outcome.PARTIAL)


async def objection_to_marketing(canary: Canary) -> None:
    """Art. 21(3); a recipient is told by a task."""
    number = await canary.office.receives(
        by_email("objection", "customers", "marketing", "partner")
    )
    await canary.office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await canary.answer_archive(number, "partner")
    await canary.ends(number, Outcome.FULFILLED)


async def objection_where_systems_fail(canary: Canary) -> None:
    """What cannot be stopped is a task."""
    office = canary.office
    number = await office.receives(
        by_email("objection", "broken", "misdeclared", purposes=["surveys"])
    )
    await office.sees(number, lambda v: sum(a.what == "resolve_system" for a in v.awaiting) == 2)
    await canary.hand_out(number, LetterKind.ACKNOWLEDGEMENT)


async def carried_out_in_part(canary: Canary) -> None:
    """A system that fails is left out by a person."""
    office = canary.office
    for kind in CARRIED_OUT_AT_ONCE:
        number = await office.receives(by_email(kind, "marketing", "broken"))
        await office.awaits(number, "resolve_system")
        await office.act(
            number, m.ResolveSystem, by="maija", system="broken", how="leave-out",
            reason=mark("resolution"),
        )  # fmt: skip
        await office.awaits(number, "send_reply")
        await canary.hand_out(number, LetterKind.REPLY)
        await canary.ends(number, Outcome.PARTIAL)


async def carried_out_for_somebody_unknown(canary: Canary) -> None:
    """Art. 12(6): who asked stays in doubt."""
    office = canary.office
    for kind in CARRIED_OUT_AT_ONCE:
        number = await office.receives(a_request(kind, "marketing", evidence={}))
        await office.awaits(number, "verify_identity")
        await office.act(number, m.AskIdentity, by="maija", doubt=mark("doubt"))
        await canary.hand_out(number, LetterKind.IDENTITY)
        await canary.refuse(number, Ground.CANNOT_IDENTIFY)


async def chosen_anew(canary: Canary) -> None:
    """A consent is withdrawn before a system has taken it: the later choice stands."""
    office, person = canary.office, a_person()
    first = await office.receives(by_email("consent", "broken", of=person))
    await office.awaits(first, "resolve_system")
    form = by_email("consent", "broken", of=person)
    form["consent"]["given"] = False
    await office.receives(form)
    await office.act(
        first, m.ResolveSystem, by="maija", system="broken", how="retry", reason=mark("resolution")
    )
    await office.awaits(first, "send_reply")
    await canary.hand_out(first, LetterKind.REPLY)
    await canary.ends(first, Outcome.PARTIAL)


def objection_to_another_purpose(*, upheld: bool) -> Scenario:
    """Art. 21(1): balanced by the DPO."""

    async def scenario(canary: Canary) -> None:
        office = canary.office
        number = await office.receives(
            a_request("objection", "customers", purposes=["customer_relations"])
        )
        await office.awaits(number, "decide")
        if not upheld:
            return await canary.refuse(number, Ground.COMPELLING_GROUNDS)
        await office.act(
            number, m.Decide, by="helena", choice=m.Choice.APPROVE, reason=mark("approval")
        )
        await office.awaits(number, "send_reply")
        await canary.hand_out(number, LetterKind.REPLY)
        return await canary.ends(number, Outcome.FULFILLED)

    return scenario


def consent(*, given: bool) -> Scenario:
    """Art. 7."""

    async def scenario(canary: Canary) -> None:
        form = by_email("consent", "marketing")
        form["consent"]["given"] = given
        number = await canary.office.receives(form)
        await canary.office.awaits(number, "send_reply")
        await canary.hand_out(number, LetterKind.REPLY)
        await canary.ends(number, Outcome.FULFILLED)

    return scenario


async def held_by_order(canary: Canary) -> None:
    """A secret hold and one that is none: placed, refused, confirmed, reviewed, released."""
    client = canary.office.client
    dpo, approver = client.actor("helena"), client.actor("antti")
    order = an_order(a_person())
    for secret in (True, False):
        hold = await client.holds.place(order, dpo, secret=secret)
        await client.holds.confirm(hold.id, approver)
        (known,) = [h for h in await client.holds.known_to(dpo) if h.id == hold.id]
        assert fields(known.model_dump_json().encode()) == {"authority", "reference", "holdnote"}
        await client.holds.review(hold.id, dpo, now().date() + timedelta(days=30))
        if not secret:
            await client.holds.release(hold.id, dpo, mark("releasereason"))
    for wrong in ({"country": "US"}, {"systems": [word("system")]}, {mark("key"): "x"}):
        try:
            await client.holds.place(order | wrong, dpo)
        except DsrError as error:
            canary.told.append(f"{type(error).__module__}.{type(error).__name__}: {error}")
        else:
            raise AssertionError(f"taken: {[*wrong]}")


SCENARIOS: Final[dict[str, Scenario]] = {
    "access fulfilled and answered again": access_fulfilled_and_answered_again,
    "access partial": access_partial,
    "nothing held": nothing_held,
    "refused early": refused_early,
    "refused late": refused_late,
    "withdrawn": withdrawn,
    "withdrawn before the reply": withdrawn_before_the_reply,
    "not a request": ended_as("not_a_request"),
    "misdirected": ended_as("misdirected"),
    "merged": ended_as("merged"),
    "identity and clarification": identity_and_clarification_asked_and_answered,
    "identity never answered": identity_never_answered,
    "by an agent": by_an_agent,
    "fee accepted": fee("charge", "accept"),
    "fee and withdrawal": fee("charge", "withdraw"),
    "fee waived": fee("waive"),
    "fee refused": fee("refuse"),
    "supplement": supplied_after_the_reply,
    "breach": escalated_to_the_breach,
    "signal": decided_by_signal,
    "twice": submitted_twice,
    "doubtful match": a_match_that_a_person_chooses,
    "possibly the same person": possibly_the_same_person,
    "failing systems": systems_that_fail,
    "objection to marketing": objection_to_marketing,
    "objection, failing systems": objection_where_systems_fail,
    "partial": carried_out_in_part,
    "unidentified": carried_out_for_somebody_unknown,
    "objection upheld": objection_to_another_purpose(upheld=True),
    "objection refused": objection_to_another_purpose(upheld=False),
    "consent given": consent(given=True),
    "consent withdrawn": consent(given=False),
    "consent chosen anew": chosen_anew,
    "holds": held_by_order,
}

CONTROL: Final = (
    "access fulfilled and answered again", "withdrawn", "not a request",
    "identity and clarification", "fee accepted", "signal", "doubtful match",
    "possibly the same person", "failing systems", "objection to marketing",
    "a run that cannot begin", "erased, at the third try", "second decision refused",
    "corrected, at the second try",
)  # fmt: skip
"""Scenarios that together bring every mark that the control looks for."""

AT_ONCE: Final = 16  # scenarios beside one another: most of them wait


async def drive(canary: Canary, scenarios: dict[str, Scenario]) -> None:
    """All of them; a failure names its scenario."""
    window = asyncio.Semaphore(AT_ONCE)

    async def run(name: str, scenario: Scenario) -> None:
        async with window:
            try:
                await scenario(canary)
            except Exception as error:
                error.add_note(f"in the scenario: {name}")
                raise

    await asyncio.gather(*(run(name, scenario) for name, scenario in scenarios.items()))
