"""Deletion (Art. 17): two people, what is kept, what comes between."""

from datetime import date, timedelta
from pathlib import Path

from activities.ended import EndedRelations
from activities.sweeps import SweepActivities
from connectors.contract import EndedRelation, Found, Identity, Person
from schemas.case import Ground, LetterKind, Outcome, Status
from schemas.messages import (
    Choice,
    CompleteTask,
    Decide,
    FeeChoice,
    SecondDecision,
    SettleFee,
    Withdraw,
)
from schemas.partners import RequestStatus
from schemas.request import Kind
from schemas.steps import SweepInput
from starter.ended import EndedIntake
from starter.holds import Holds
from tests.fakes import a_row, facts
from tests.histories.scenarios.playing import (
    a_partner,
    a_plan,
    closed,
    scenario,
    sent,
)
from tests.holds.deskwork import RITVA, an_order
from tests.office import POLICY, Office, a_form, now


async def first_approved(office: Office, number: str) -> None:
    """One of two people has approved what the plan names."""
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")


async def erased(office: Office, number: str, outcome: Outcome) -> str:
    """Two people approve; the archive answers after the reply, which is told after it."""
    await first_approved(office, number)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await office.archive_answers(number, records=1)
    return await sent(office, number, LetterKind.SUPPLEMENT, outcome)


@scenario
async def delete_fulfilled(office: Office) -> str:
    number = await a_plan(office)
    return await erased(office, number, Outcome.FULFILLED)


@scenario
async def delete_partial_kept(office: Office) -> str:
    """A law keeps the customer's record, and no date says until when.

    Such a case waits now; the saved history is of a worker that closed it.
    """
    return await parked(office, until=None)


@scenario
async def delete_partner_stopped_for_a_hold(office: Office) -> str:
    """It gives the request back; its part is kept, and the case waits without a run."""
    partner = a_partner(office)
    number = await office.receives(a_form("delete", scope=["customers"]))
    await office.awaits(number, "decide")
    await first_approved(office, number)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    holds = Holds(office.case_file, POLICY, ("partner",), office.client.now, office.systems.partner)
    await holds.place(an_order(systems=["partner"]), RITVA)
    partner.says = RequestStatus.CANCELLED
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    await office.sees(number, lambda view: view.parked)
    return number


async def parked(office: Office, until: date | None) -> str:
    """A law keeps the customer's record: the run ends, the case waits."""
    customers = office.systems["customers"]
    customers.kept_by_law, customers.kept_until = ("1",), until
    number = await office.receives(a_form("delete", scope=["customers"]))
    await office.awaits(number, "decide")
    await first_approved(office, number)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.sees(number, lambda view: view.parked)
    return number


@scenario
async def delete_waits_for_a_date(office: Office) -> str:
    return await parked(office, until=in_two_years())


@scenario
async def delete_goes_on_after_its_date(office: Office) -> str:
    number = await parked(office, until=in_two_years())
    office.systems["customers"].kept_by_law = ()
    await goes_on(office, number, timedelta(days=900))
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


@scenario
async def delete_looked_at_again(office: Office) -> str:
    """No date says until when, and nothing has changed: nobody is told."""
    number = await parked(office, until=None)
    before = (await office.client.show(number)).revision
    await goes_on(office, number, timedelta(days=185))
    await office.sees(number, lambda view: view.parked and view.revision > before + 1)
    return number


def in_two_years() -> date:
    """More or less."""
    return now().date() + timedelta(days=800)


async def goes_on(office: Office, number: str, after: timedelta) -> None:
    """The sweep starts a run, that much later."""
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    at = office.client.now() + after
    assert (await sweeps.resume(SweepInput(at=at))).resumed == (number,)


@scenario
async def delete_after_open_access(office: Office) -> str:
    """A person lets it go before the package that the same person asked for."""
    await office.awaits(await office.receives(a_form(scope=["customers"])), "review")
    number = await office.receives(a_form("delete", scope=["customers"]))
    await office.awaits(number, "settle_fee")
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.WAIVE)
    await office.awaits(number, "decide")
    await first_approved(office, number)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    view = await office.awaits(number, "access_first")
    task = next(a.task for a in view.awaiting if a.what == "access_first")
    await office.act(number, CompleteTask, by="maija", task=task)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def delete_stopped_and_resumed(office: Office) -> str:
    """An operator stops what cannot be undone, and lets it go on."""
    number = await office.receives(a_form("delete", scope=["customers"]))
    await office.awaits(number, "decide")
    await office.client.standstills.pause(None, by="os:operator")
    await first_approved(office, number)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.sees(number, lambda v: v.system("customers").reason is not None)
    await office.client.standstills.resume(None, by="os:operator")
    await office.passes(number, timedelta(hours=1))
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def delete_of_an_ended_relation(office: Office) -> str:
    """Nobody asked: two people decide, and nobody is written to."""
    relation = EndedRelation(
        person=Person(
            name="Aino Virtanen",
            identities=(Identity(type="email", value="aino.virtanen@example.fi"),),
        ),
        ended_on=date(2020, 1, 31),
    )
    customers = office.systems["customers"]
    customers.over, customers.facts = (relation,), facts("customers", ends=True)
    intake = EndedIntake(office.case_file, office.desk.policy)
    ended = EndedRelations(office.desk, office.runs, intake)
    await ended.sweep(SweepInput(at=office.client.now()))
    (line,) = await office.client.cases()
    await office.awaits(line.number, "decide")
    await first_approved(office, line.number)
    await office.act(line.number, SecondDecision, by="helena", choice=Choice.APPROVE)
    return await closed(office, line.number, Outcome.FULFILLED)


@scenario
async def delete_reclassified_from_access(office: Office) -> str:
    """The run of the kind that it turned out to be."""
    number = await office.receives(a_form(scope=["customers"]))
    await office.awaits(number, "review")
    await office.client.reclassify(number, to=Kind.DELETE, by="maija", reason="it says erase")
    await office.awaits(number, "decide")
    await first_approved(office, number)
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def delete_refused(office: Office) -> str:
    number = await a_plan(office)
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.NO_ERASURE_GROUND
    )
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def delete_withdrawn(office: Office) -> str:
    """Between the two decisions: nothing is erased."""
    number = await a_plan(office)
    await first_approved(office, number)
    await office.act(number, Withdraw, by="maija")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def delete_plan_changed(office: Office) -> str:
    """More came in between the decisions: both are void, and two people decide again."""
    number = await a_plan(office)
    await first_approved(office, number)
    office.systems["customers"].holds = Found(rows=(a_row("1"), a_row("2")))
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "decide")
    return await erased(office, number, Outcome.FULFILLED)


@scenario
async def delete_refused_after_a_part(office: Office) -> str:
    """One register has erased, more came into another: refused for the rest, the archive is off."""
    number = await a_plan(office)
    await first_approved(office, number)
    office.systems["marketing"].holds = Found(rows=(a_row("1"), a_row("2")))
    await office.act(number, SecondDecision, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.LEGAL_CLAIMS)
    return await sent(office, number, LetterKind.REFUSAL, Outcome.PARTIAL)


@scenario
async def delete_doubtful_match(office: Office) -> str:
    """A person says whose the records are; then the register is planned anew."""
    office.systems["customers"].holds = Found(rows=(a_row("1"),), doubtful=(a_row("2"),))
    number = await office.receives(a_form("delete"))
    view = await office.awaits(number, "choose_match")
    task = next(a.task for a in view.awaiting if a.what == "choose_match")
    await office.act(number, CompleteTask, by="maija", task=task, items=("2",))
    await office.awaits(number, "decide")
    return await erased(office, number, Outcome.FULFILLED)


@scenario
async def delete_second_refused(office: Office) -> str:
    """The second person says no: back to the first."""
    number = await a_plan(office)
    await first_approved(office, number)
    await office.act(number, SecondDecision, by="helena", choice=Choice.REFUSE)
    await office.awaits(number, "decide")
    return await erased(office, number, Outcome.FULFILLED)
