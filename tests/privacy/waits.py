"""Marked data in what waits, stands still, turns out to be something else, or nobody asked for."""

from typing import Final

from activities.ended import EndedRelations
from activities.parking import ready_to_resume, resume
from connectors.contract import EndedRelation, Identity, Person
from schemas import messages as m
from schemas.case import LetterKind, Outcome
from schemas.request import Kind
from starter.ended import EndedIntake
from tests.fakes import FakeSystem, facts
from tests.office import now
from tests.privacy.deletions import answered, approved_by_two, approved_once, planned
from tests.privacy.drive import Canary, Scenario
from tests.privacy.marks import mark
from tests.privacy.requests import a_person, a_request, an_order
from tests.privacy.systems import to_erase


def ended_systems() -> tuple[FakeSystem, ...]:
    """A register whose relation with somebody is over; one that is stopped, one that is held."""
    gone = a_person()
    identities = tuple(Identity.model_validate(one) for one in gone["identifiers"])
    over = EndedRelation(person=Person(name=gone["name"], identities=identities), ended_on=_DAY)
    return (
        FakeSystem(facts("ended", ends=True), holds=to_erase(), over=(over,)),
        FakeSystem(facts("stopped"), holds=to_erase()),
        FakeSystem(facts("released"), holds=to_erase()),
    )


_DAY: Final = now().date().replace(year=2020, day=1)


async def a_relation_that_ended(canary: Canary) -> None:
    """A sweep begins it, this one or the engine's own; two people decide the batch."""
    office, retention = canary.office, canary.office.client.retention
    intake = EndedIntake(office.case_file, office.desk.policy)
    await EndedRelations(office.desk, office.runs, intake).look(now(), dry_run=False)
    (batch,) = await retention.batches()
    (number,) = [view.number for view in await retention._open(batch.batch)]
    await office.awaits(number, "decide")
    await retention.decide(batch.batch, m.Choice.APPROVE, by="antti")
    await office.awaits(number, "second_decision")
    await retention.decide(batch.batch, m.Choice.APPROVE, by="helena")
    await canary.ends(number, Outcome.FULFILLED)


async def taken_for_something_else(canary: Canary) -> None:
    """An access request turns out to be a deletion."""
    office = canary.office
    number = await office.receives(a_request("access", "archive"))
    await office.awaits(number, "search_by_hand")
    await office.client.reclassify(
        number, to=Kind.DELETE, by="maija", reason=mark("reason"),
        parts={"scope": ["members"], "message": mark("message")},
    )  # fmt: skip
    await office.awaits(number, "decide")
    await approved_by_two(canary, number)
    await answered(canary, number, Outcome.FULFILLED)


async def after_open_access(canary: Canary) -> None:
    """It waits for the person's package, until a handler lets it go first."""
    office, person = canary.office, a_person()
    access = await office.receives(a_request("access", "archive", of=person))
    await office.awaits(access, "search_by_hand")
    deletion = await office.receives(a_request("delete", "members", of=person))
    await office.awaits(deletion, "settle_fee")
    await office.act(
        deletion, m.SettleFee, by="antti", choice=m.FeeChoice.WAIVE, reason=mark("waiver")
    )
    await office.awaits(deletion, "decide")
    await approved_by_two(canary, deletion)
    view = await office.awaits(deletion, "access_first")
    task = next(a.task for a in view.awaiting if a.what == "access_first")
    await office.client.complete_task(deletion, task, by="maija", note=mark("tasknote"))
    await answered(canary, deletion, Outcome.FULFILLED)
    await office.act(access, m.Withdraw, by="maija", reason=mark("withdrawal"))


async def stopped_by_an_operator(canary: Canary) -> None:
    """Nothing goes until it is resumed."""
    number = await planned(canary, "stopped")
    stand = canary.office.client.standstills
    await stand.pause("stopped", by="os:operator")
    await approved_by_two(canary, number)
    await canary.office.sees(number, lambda v: v.systems[0].reason is not None)
    await stand.resume("stopped", by="os:operator")
    await answered(canary, number, Outcome.FULFILLED)


async def released_from_a_hold(canary: Canary) -> None:
    """What it kept goes by itself, and the person is told again."""
    office, person = canary.office, a_person()
    dpo = office.client.actor("helena")
    number = await planned(canary, "released", of=person)
    await approved_once(canary, number)
    hold = await office.client.holds.place(an_order(person), dpo, secret=True)
    await office.act(number, m.SecondDecision, by="helena", choice=m.Choice.APPROVE)
    await answered(canary, number, Outcome.PARTIAL)
    await office.client.holds.release(hold.id, dpo, mark("releasereason"))
    case = await office.client._case(number)
    while case in await ready_to_resume(office.desk, now()):
        await resume(office.desk.case_file, case, now())
        await office.runs.start_case(case)
    await office.awaits(number, "send_reply")
    await canary.hand_out(number, LetterKind.SUPPLEMENT)
    await canary.ends(number, Outcome.FULFILLED)


WAITS: Final[dict[str, Scenario]] = {
    "a relation that ended": a_relation_that_ended,
    "taken for something else": taken_for_something_else,
    "after open access": after_open_access,
    "stopped by an operator": stopped_by_an_operator,
    "released from a hold": released_from_a_hold,
}
