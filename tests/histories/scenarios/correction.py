"""Correction (Art. 16), with the restriction meanwhile (Art. 18(1)(a))."""

from connectors.contract import Found
from connectors.partner import Right
from schemas.case import Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.messages import Choice, CompleteTask, Decide, TakeBack, Withdraw
from schemas.partners import PartnerFault, RequestStatus
from tests.fakes import FakePartner, a_row
from tests.histories.scenarios.playing import a_partner, closed, scenario, sent
from tests.office import A_CORRECTION, Office, a_form


async def contested(office: Office, *names: str, **rows: str) -> str:
    """A correction that waits for the handler; both databases hold the old address."""
    for name in ("customers", "marketing"):
        email = rows.get(name, A_CORRECTION["old"])
        office.systems[name].holds = Found(rows=(a_row(email=email),))
    number = await office.receives(a_form("correct", scope=list(names) or ["register"]))
    await office.awaits(number, "decide")
    return number


async def corrected(office: Office, number: str) -> None:
    """Approved; the reply has left."""
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)


async def done_by_hand(office: Office, number: str, what: str, records: int = 0) -> None:
    """People do every open task of a kind."""
    view = await office.awaits(number, what)
    for task in [a.task for a in view.awaiting if a.what == what]:
        await office.act(number, CompleteTask, by="maija", task=task, records=records)


@scenario
async def correct_fulfilled(office: Office) -> str:
    """The archive answers after the reply."""
    number = await contested(office)
    await corrected(office, number)
    await done_by_hand(office, number, "correct_by_hand", records=1)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


def a_correcting_partner(office: Office) -> FakePartner:
    """It restricts, and may be sent a new address."""
    return a_partner(office, restricts=True, corrects=("user.contact.email",))


@scenario
async def correct_partner_answers_later(office: Office) -> str:
    """Restricted meanwhile; the correction is taken, and done after the reply."""
    partner = a_correcting_partner(office)
    number = await contested(office, "customers")
    await corrected(office, number)
    await office.reaches(number, Status.FOLLOWING_UP)
    partner.says = RequestStatus.COMPLETED
    done = await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)
    assert [order.right for order in partner.orders][:2] == [Right.RESTRICTION, Right.CORRECTION]
    return done


@scenario
async def correct_partner_told_before_it_lifts(office: Office) -> str:
    """It corrects at once, and ends its restriction after the person was told."""
    partner = a_correcting_partner(office)
    partner.says = RequestStatus.COMPLETED
    number = await contested(office, "customers")
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await office.sees(number, lambda v: v.system("partner").outcome is SystemOutcome.CORRECTED)
    await office.awaits(number, "send_reply")
    assert partner.orders[-1].right is Right.CORRECTION
    done = await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)
    assert partner.orders[-1].right is Right.RESTRICTION_LIFT
    return done


@scenario
async def correct_partner_told_in_part(office: Office) -> str:
    """What is disputed of it is a statement, by people; then the restriction ends there, too."""
    partner = a_correcting_partner(office)
    office.systems["customers"].holds = Found(rows=(a_row(email=A_CORRECTION["old"]),))
    another = A_CORRECTION | {"field": "user.contact.email", "old": "aino@third.example"}
    number = await office.receives(
        a_form("correct", scope=["customers"], corrections=[A_CORRECTION, another])
    )
    await office.awaits(number, "decide")
    await office.act(
        number, Decide, by="maija", choice=Choice.PARTIAL, ground=Ground.FACT_DISPUTED,
        disputed=(2,),
    )  # fmt: skip
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await done_by_hand(office, number, "add_statement_by_hand")
    partner.says = RequestStatus.COMPLETED
    done = await sent(office, number, LetterKind.SUPPLEMENT, Outcome.PARTIAL)
    assert partner.orders[-1].right is Right.RESTRICTION_LIFT
    return done


@scenario
async def correct_partner_told_by_people(office: Office) -> str:
    """It takes no requests of this kind."""
    a_correcting_partner(office).refuses = PartnerFault.UNSUPPORTED
    number = await contested(office, "customers")
    await corrected(office, number)
    await office.reaches(number, Status.FOLLOWING_UP)
    await done_by_hand(office, number, "correct_by_hand", records=1)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


@scenario
async def correct_told_before_it_is_lifted(office: Office) -> str:
    """The restriction ends once the reply has left; the archive answers later."""
    number = await contested(office)
    await corrected(office, number)
    await office.reaches(number, Status.FOLLOWING_UP)
    await done_by_hand(office, number, "correct_by_hand", 1)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


@scenario
async def correct_third_value(office: Office) -> str:
    """Neither the old nor the new one: a person looks and leaves it."""
    number = await contested(office, "customers", "marketing", marketing="aino@third.example")
    await corrected(office, number)
    await done_by_hand(office, number, "correction_differs")
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.PARTIAL)


@scenario
async def correct_disputed(office: Office) -> str:
    """The statement is added everywhere; then the restriction ends."""
    number = await contested(office)
    await office.act(number, Decide, by="maija", choice=Choice.REFUSE, ground=Ground.FACT_DISPUTED)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REFUSAL)
    await done_by_hand(office, number, "add_statement_by_hand")
    return await closed(office, number, Outcome.REFUSED)


@scenario
async def correct_refused_then_taken_back(office: Office) -> str:
    """Refused by the DPO, restricted again, corrected after all."""
    number = await contested(office, "customers", "marketing")
    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.UNFOUNDED)
    await office.awaits(number, "send_reply")
    await office.act(number, TakeBack, by="helena")
    await office.awaits(number, "decide")
    await corrected(office, number)
    return await closed(office, number, Outcome.FULFILLED)


@scenario
async def correct_withdrawn(office: Office) -> str:
    """The restriction ends."""
    number = await contested(office, "customers")
    await office.act(number, Withdraw, by="maija")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def correct_unreachable_then_back(office: Office) -> str:
    """Away when it is corrected; a supplement follows."""
    number = await contested(office, "customers")
    office.systems["customers"].away = True
    await corrected(office, number)
    await office.reaches(number, Status.FOLLOWING_UP)
    office.systems["customers"].away = False
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


@scenario
async def correct_nothing_held(office: Office) -> str:
    for name in ("customers", "marketing"):
        office.systems[name].holds = Found()
    number = await office.receives(a_form("correct", scope=["customers", "marketing"]))
    await office.awaits(number, "decide")
    await corrected(office, number)
    return await closed(office, number, Outcome.NOTHING_HELD)
