"""Marked data in requests for access, by how they end."""

from datetime import timedelta
from typing import Final

from schemas import messages as m
from schemas.case import Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.lines import LEFT_ALONE
from tests.office import now
from tests.privacy.drive import CARRIED_OUT_AT_ONCE, Canary, Scenario
from tests.privacy.marks import fields, mark
from tests.privacy.requests import a_file, a_request
from tests.privacy.systems import GARBLED


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


ENDINGS: Final[dict[str, Scenario]] = {
    "access fulfilled and answered again": access_fulfilled_and_answered_again,
    "access partial": access_partial,
    "nothing held": nothing_held,
    "refused early": refused_early,
    "refused late": refused_late,
    "withdrawn": withdrawn,
    "not a request": ended_as("not_a_request"),
    "misdirected": ended_as("misdirected"),
    "merged": ended_as("merged"),
    "supplement": supplied_after_the_reply,
    "breach": escalated_to_the_breach,
    "failing systems": systems_that_fail,
}
