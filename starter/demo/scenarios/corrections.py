"""Correction (Art. 16): applied, disputed, in part; and a request that is of another kind."""

from schemas.case import Ground, Status
from schemas.messages import Choice, Withdraw
from schemas.request import Kind
from starter.demo.office import Desk
from starter.demo.scenarios.playing import LETTER, scenario, told, told_and_closed


@scenario
async def correction_applied(desk: Desk) -> str:
    """A new number: restricted meanwhile, changed where the old one stands, recipients told."""
    new = {"field": "user.contact.phone_number", "old": desk.people["MIKKO"].phone,
           "new": "+358 40 557 0107"}  # fmt: skip
    number = await desk.submit("MIKKO", "correct", corrections=[new], **LETTER)
    await desk.decide(number, role="handler")
    await _told_with_a_supplement(desk, number)
    return number


async def _told_with_a_supplement(desk: Desk, number: str) -> None:
    """Recipients that people tell answer after the reply; then the person is told of the rest."""
    await told(desk, number)
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)


@scenario
async def correction_partial(desk: Desk) -> str:
    """Of two facts one is disputed: the other is corrected, the statement put beside the first."""
    corrections = [
        {"field": "user.name.last", "new": "Laukkanen-Holm", "evidence": "Marriage certificate."},
        {"field": "user.demographic.language", "new": "sv"},
    ]
    number = await desk.submit(
        "SIIRI", "correct", scope=["customers"], corrections=corrections, **LETTER
    )
    await desk.dispute(number, 2)
    await _told_with_a_supplement(desk, number)
    return number


@scenario
async def correction_disputed(desk: Desk) -> str:
    """The handler disputes it: the person's statement is put beside the data, Art. 18(1)(a)."""
    name = {"field": "user.name", "new": "Åsa Lindström-Berg", "evidence": "I go by that name."}
    number = await desk.submit("ASA", "correct", scope=["marketing"], corrections=[name], **LETTER)
    reason = "No document shows another name."
    await desk.decide(number, Choice.REFUSE, Ground.FACT_DISPUTED, role="handler", reason=reason)
    return await told_and_closed(desk, number)


@scenario
async def correction_nothing_held(desk: Desk) -> str:
    """Nobody here holds what is to be corrected: the reply says so."""
    new = {"field": "user.contact.email", "new": "pirkko@uusi.example"}
    number = await desk.submit("PIRKKO", "correct", corrections=[new], **LETTER)
    await desk.decide(number, role="handler")
    await _told_with_a_supplement(desk, number)
    return number


@scenario
async def correction_withdrawn(desk: Desk) -> str:
    """Withdrawn before it is decided: the restriction of the contested data ends."""
    new = {"field": "user.contact.phone_number", "old": desk.people["ILMARI"].phone,
           "new": "+358 40 557 0137"}  # fmt: skip
    number = await desk.submit("ILMARI", "correct", scope=["events"], corrections=[new], **LETTER)
    await desk.awaits(number, "decide")
    await desk.client.act(number, Withdraw, by=desk.member("handler"))
    await desk.reaches(number, Status.CLOSED)
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
    return await told_and_closed(desk, number)
