"""Deletions with marked data: every ending, both decisions, holds, plans that change, faults."""

from typing import Any, Final

from activities.recipients import escalate_overdue
from schemas import messages as m
from schemas.case import Ground, LetterKind, Outcome, Status
from storage.recipients import OVERDUE
from tests.office import now
from tests.privacy.drive import Canary, Scenario
from tests.privacy.marks import mark
from tests.privacy.refusals import refused
from tests.privacy.requests import a_file, a_person, a_request, an_order
from tests.privacy.systems import GARBLED, HELD, to_erase


async def planned(canary: Canary, *scope: str, **more: Any) -> str:
    """The plan waits for the first decision."""
    number = await canary.office.receives(a_request("delete", *scope, **more))
    await canary.office.awaits(number, "decide")
    return number


async def approved_once(canary: Canary, number: str) -> None:
    """By the approver; it waits for the second person."""
    await canary.office.act(
        number, m.Decide, by="antti", choice=m.Choice.APPROVE, reason=mark("approval")
    )
    await canary.office.awaits(number, "second_decision")


async def approved_by_two(canary: Canary, number: str) -> None:
    """What was planned goes."""
    await approved_once(canary, number)
    await canary.office.act(
        number, m.SecondDecision, by="helena", choice=m.Choice.APPROVE, reason=mark("seconding")
    )


async def answered(canary: Canary, number: str, outcome: Outcome) -> None:
    """The reply leaves; nobody owes anything."""
    await canary.office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await canary.ends(number, outcome)


async def erased_at_the_third_try(canary: Canary) -> None:
    """A system fails with a row in its error, then when it is read again: it has erased."""
    number = await planned(canary, "wavering")
    await approved_by_two(canary, number)
    await answered(canary, number, Outcome.FULFILLED)


async def told_to_people(canary: Canary) -> None:
    """Art. 19: the archive answers after the reply, a supplement tells it."""
    office = canary.office
    number = await planned(canary, "members", "archive")
    await approved_by_two(canary, number)
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await canary.answer_archive(number)
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


async def a_recipient_confirms_and_is_silent_then(canary: Canary) -> None:
    """Art. 19: that it was told is no answer; in the end the DPO is told that it owes one."""
    office = canary.office
    number = await planned(canary, "members", "guild")
    await approved_by_two(canary, number)
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await office.client.acknowledge(number, "guild", by="kalle")
    policy = office.desk.policy.recipients
    assert await escalate_overdue(office.desk, now() + policy.escalate_after) == 1
    await office.awaits(number, OVERDUE)
    await canary.answer_archive(number, "guild")
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


async def kept_by_law(canary: Canary) -> None:
    """Art. 17(3)(b)."""
    number = await planned(canary, "books", language="en")
    await approved_by_two(canary, number)
    await answered(canary, number, Outcome.PARTIAL)


def kept_by_a_hold(*, secret: bool) -> Scenario:
    """On everything of a person, and on a part of it; placed after the plan was made."""

    async def scenario(canary: Canary) -> None:
        dpo = canary.office.client.actor("helena")
        for more in ({}, {"categories": HELD[:1]}):
            person = a_person()
            number = await planned(canary, "held", of=person)
            await approved_once(canary, number)
            order = an_order(person, **more)
            await canary.office.client.holds.place(order, dpo, secret=secret)
            await canary.office.act(
                number, m.SecondDecision, by="helena", choice=m.Choice.APPROVE,
                reason=mark("seconding"),
            )  # fmt: skip
            await answered(canary, number, Outcome.PARTIAL)

    return scenario


async def planned_under_a_hold(canary: Canary) -> None:
    """The plan itself says that all is held."""
    person, dpo = a_person(), canary.office.client.actor("helena")
    await canary.office.client.holds.place(an_order(person), dpo)
    number = await planned(canary, "held", of=person)
    await approved_by_two(canary, number)
    await answered(canary, number, Outcome.PARTIAL)


async def refused_without_a_ground_to_erase(canary: Canary) -> None:
    """Art. 17(1)."""
    number = await planned(canary, "members", language="sv")
    await canary.refuse(number, Ground.NO_ERASURE_GROUND)


async def withdrawn_between_the_decisions(canary: Canary) -> None:
    """Nothing is erased."""
    number = await planned(canary, "members")
    await approved_once(canary, number)
    await canary.office.act(number, m.Withdraw, by="maija", reason=mark("withdrawal"))
    await canary.ends(number, Outcome.WITHDRAWN)
    await canary.hand_out(number, LetterKind.CONFIRMATION)


async def nothing_to_erase(canary: Canary) -> None:
    """The system knows nobody."""
    number = await planned(canary, "empty")
    await approved_by_two(canary, number)
    await answered(canary, number, Outcome.NOTHING_HELD)


async def second_decision_refused(canary: Canary) -> None:
    """By the same person, then of another plan: not taken. By another person: decided anew."""
    office = canary.office
    number = await planned(canary, "members")
    await approved_once(canary, number)
    for by, fields in (("antti", {}), ("helena", {"digest": mark("plan")})):
        second: dict[str, Any] = {"choice": m.Choice.APPROVE, "reason": mark("reason")}
        await refused(canary, office.act(number, m.SecondDecision, by=by, **second, **fields))
    await office.act(
        number, m.SecondDecision, by="helena", choice=m.Choice.REFUSE, reason=mark("secondrefusal")
    )
    await office.awaits(number, "decide")
    await approved_by_two(canary, number)
    await answered(canary, number, Outcome.FULFILLED)


async def more_than_was_approved(canary: Canary) -> None:
    """A record comes between the decisions: both are void."""
    number = await planned(canary, "growing")
    await approved_once(canary, number)
    canary.office.systems["growing"].holds = to_erase("3")
    await canary.office.act(
        number, m.SecondDecision, by="helena", choice=m.Choice.APPROVE, reason=mark("seconding")
    )
    await canary.office.awaits(number, "decide")
    await approved_by_two(canary, number)
    await answered(canary, number, Outcome.FULFILLED)


async def something_remains(canary: Canary) -> None:
    """The scan finds what the plan did not see: it is told, erased by hand, and told."""
    office = canary.office
    number = await planned(canary, "overlooking")
    await approved_by_two(canary, number)
    await office.awaits(number, "resolve_system")
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await office.act(
        number, m.ResolveSystem, by="maija", system="overlooking", how="by-hand",
        reason=mark("resolution"),
    )  # fmt: skip
    view = await office.awaits(number, "erase_by_hand")
    task = next(a.task for a in view.awaiting if a.what == "erase_by_hand")
    await office.client.complete_task(
        number, task, by="maija", file=a_file("proof"), note=mark("tasknote")
    )
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


async def systems_that_do_not_erase(canary: Canary) -> None:
    """They fail when they plan, or when they erase, with marked errors; each is left out."""
    office = canary.office
    unplanned = ("broken", "away", "misdeclared", *GARBLED)
    number = await office.receives(a_request("delete", "unerasable", *unplanned))
    await office.sees(
        number, lambda v: sum(a.what == "resolve_system" for a in v.awaiting) == len(unplanned)
    )
    for system in unplanned:
        await _left_out(canary, number, system)
    await office.awaits(number, "decide")
    await approved_by_two(canary, number)
    await office.awaits(number, "resolve_system")
    await office.awaits(number, "send_reply")  # the reply names it as one that has not answered
    await _left_out(canary, number, "unerasable")
    await canary.hand_out(number, LetterKind.REPLY)
    await office.sees(number, lambda v: v.letters[-1].kind is LetterKind.SUPPLEMENT)
    await canary.hand_out(number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.PARTIAL)


async def _left_out(canary: Canary, number: str, system: str) -> None:
    await canary.office.act(
        number, m.ResolveSystem, by="maija", system=system, how="leave-out",
        reason=mark("resolution"),
    )  # fmt: skip


DELETIONS: Final[dict[str, Scenario]] = {
    "erased, at the third try": erased_at_the_third_try,
    "erased, told to people": told_to_people,
    "a recipient that confirms and is silent": a_recipient_confirms_and_is_silent_then,
    "kept by law": kept_by_law,
    "kept by a hold": kept_by_a_hold(secret=False),
    "kept by a secret hold": kept_by_a_hold(secret=True),
    "planned under a hold": planned_under_a_hold,
    "deletion refused": refused_without_a_ground_to_erase,
    "deletion withdrawn": withdrawn_between_the_decisions,
    "nothing to erase": nothing_to_erase,
    "second decision refused": second_decision_refused,
    "more than was approved": more_than_was_approved,
    "something remains": something_remains,
    "systems that do not erase": systems_that_do_not_erase,
}
