"""Marked data in objections (Art. 21) and consents (Art. 7)."""

from typing import Final

from schemas import messages as m
from schemas.case import Ground, LetterKind, Outcome
from tests.privacy.drive import CARRIED_OUT_AT_ONCE, Canary, Scenario
from tests.privacy.marks import mark
from tests.privacy.requests import a_person, a_request, by_email


async def withdrawn_before_the_reply(canary: Canary) -> None:
    """What was carried out at once is not asked for any more."""
    for kind in CARRIED_OUT_AT_ONCE:
        number = await canary.office.receives(by_email(kind, "marketing"))
        await canary.office.awaits(number, "send_reply")
        await canary.office.act(number, m.Withdraw, by="maija", reason=mark("withdrawal"))
        await canary.ends(number, Outcome.WITHDRAWN)
        await canary.hand_out(number, LetterKind.CONFIRMATION)


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


CHOICES: Final[dict[str, Scenario]] = {
    "withdrawn before the reply": withdrawn_before_the_reply,
    "objection to marketing": objection_to_marketing,
    "objection, failing systems": objection_where_systems_fail,
    "partial": carried_out_in_part,
    "unidentified": carried_out_for_somebody_unknown,
    "consent chosen anew": chosen_anew,
    "objection upheld": objection_to_another_purpose(upheld=True),
    "objection refused": objection_to_another_purpose(upheld=False),
    "consent given": consent(given=True),
    "consent withdrawn": consent(given=False),
}
