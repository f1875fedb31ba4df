"""One case of every kind and ending, driven over an office; each gives its number at its end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from activities.ended import EndedRelations
from activities.sweeps import SweepActivities
from connectors.contract import EndedRelation, Found, Identity, Person
from connectors.partner import Right
from schemas.case import (
    ClockState,
    ExtensionState,
    Ground,
    LetterKind,
    Outcome,
    Status,
    SystemOutcome,
)
from schemas.messages import (
    AnswerFee,
    AskClarification,
    AskIdentity,
    Choice,
    CloseAs,
    CompleteTask,
    CorrectReceipt,
    Decide,
    Extend,
    FeeChoice,
    Note,
    Reassign,
    RecordAnswer,
    Reopen,
    ResolveSystem,
    Review,
    SecondDecision,
    SettleFee,
    SystemResolution,
    TakeBack,
    VerifyIdentity,
    Withdraw,
    Withheld,
)
from schemas.partners import PartnerFault, RequestStatus
from schemas.policy import FeePolicyName, Policy
from schemas.request import Kind
from schemas.steps import SweepInput
from schemas.systems import Limits
from starter.ended import EndedIntake
from starter.holds import Holds
from tests.fakes import FakePartner, a_row, facts
from tests.holds.deskwork import RITVA, an_order
from tests.office import A_CORRECTION, POLICY, Office, a_form, now

QUICK = POLICY.model_copy(
    update={"pace": POLICY.pace.model_copy(update={"retry_most": timedelta(milliseconds=300)})}
)
IMPATIENT = QUICK.model_copy(
    update={"pace": QUICK.pace.model_copy(update={"partner_silence": timedelta(seconds=1)})}
)
GDPR = QUICK.model_copy(update={"fees": QUICK.fees.model_copy(update={"rule": FeePolicyName.GDPR})})

Scenario = Callable[[Office], Awaitable[str]]
SCENARIOS: dict[str, Scenario] = {}


def policy_of(name: str) -> Policy:
    """The policy under which a scenario is played."""
    if "partner" in name:
        return IMPATIENT
    return GDPR if name == "access-merged-by-rule" else QUICK


def scenario(play: Scenario) -> Scenario:
    """Known by its name: kind, then how it went."""
    SCENARIOS[play.__name__.replace("_", "-")] = play
    return play


async def reviewed(office: Office, number: str, *withhold: Withheld) -> None:
    """Searched, reviewed, on the approver's desk."""
    await office.archive_answers(number)
    await office.reaches(number, Status.REVIEWING)
    await office.act(number, Review, by="maija", withhold=withhold)
    await office.awaits(number, "decide")


async def decided(office: Office, number: str, *withhold: Withheld) -> None:
    """Up to a compiled reply."""
    await reviewed(office, number, *withhold)
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")


async def sent(office: Office, number: str, kind: LetterKind, outcome: Outcome) -> str:
    """The letter leaves and the case is closed with this outcome."""
    await office.awaits(number, "send_reply")
    await office.sends(number, kind)
    return await closed(office, number, outcome)


async def closed(office: Office, number: str, outcome: Outcome) -> str:
    """The case is closed with this outcome."""
    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is outcome, view.outcome
    return number


async def unidentified(office: Office, **more: Any) -> str:
    """An unsigned letter."""
    number = await office.receives(a_form(evidence={}, **more))
    await office.awaits(number, "verify_identity")
    return number


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


@scenario
async def access_supplement(office: Office) -> str:
    """The archive is silent until the internal target; its answer follows the reply."""
    back = (now() - timedelta(days=25)).isoformat()
    number = await office.receives(a_form(received_at=back))
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await office.archive_answers(number)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


@scenario
async def access_supplement_with_findings(office: Office) -> str:
    """The late answer brings findings: reviewed and decided again."""
    back = (now() - timedelta(days=25)).isoformat()
    number = await office.receives(a_form(received_at=back))
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    await office.archive_answers(number, records=1)
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


def a_partner(office: Office, **more: Any) -> FakePartner:
    """One that takes every request and does nothing yet."""
    partner = FakePartner(
        facts("partner", reach="http", register_part="customers", fields_sent=("email",), **more)
    )
    office.systems.partners["partner"] = partner
    return partner


async def has_fallen_silent(office: Office) -> str:
    number = await office.receives(a_form(scope=["customers"]))
    await office.sees(number, lambda v: v.systems and v.systems[-1].outcome is SystemOutcome.SILENT)
    return number


@scenario
async def access_partner_silent_then_answers(office: Office) -> str:
    """Asked once, told to staff once, heard on."""
    partner = a_partner(office)
    number = await has_fallen_silent(office)
    partner.says = RequestStatus.COMPLETED
    await looked_through(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_partner_left_out(office: Office) -> str:
    """Its request is taken back."""
    partner = a_partner(office)
    number = await has_fallen_silent(office)
    await office.act(
        number, ResolveSystem, by="maija", system="partner", how=SystemResolution.LEAVE_OUT,
        reason="no answer",
    )  # fmt: skip
    await looked_through(office, number)
    done = await sent(office, number, LetterKind.REPLY, Outcome.PARTIAL)
    assert partner.cancelled
    return done


async def looked_through(office: Office, number: str) -> None:
    """Looked through and approved."""
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)


@scenario
async def access_left_alone_then_back(office: Office) -> str:
    """A system fails for every case: no task of this one, and it is asked again by itself."""
    marketing = office.systems["marketing"]
    limits = Limits(pause_after=1)
    marketing.facts, marketing.away = marketing.facts.model_copy(update={"limits": limits}), True
    number = await office.receives(a_form())
    await office.sees(number, lambda v: v.system("marketing") and v.system("marketing").reason)
    marketing.away = False
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_unreachable_left_out(office: Office) -> str:
    office.systems["marketing"].away = True
    number = await office.receives(a_form())
    await office.awaits(number, "resolve_system")
    await office.act(
        number, ResolveSystem, by="maija", system="marketing", how=SystemResolution.LEAVE_OUT,
        reason="it was retired last year",
    )  # fmt: skip
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.PARTIAL)


@scenario
async def access_unreachable_then_back(office: Office) -> str:
    office.systems["marketing"].away = True
    number = await office.receives(a_form())
    await office.awaits(number, "resolve_system")
    office.systems["marketing"].away = False
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_away_for_days(office: Office) -> str:
    """Asked on by one activity while it is away; back, it answers that one."""
    office.systems["marketing"].away = True
    number = await office.receives(a_form())
    await office.awaits(number, "resolve_system")
    asked = office.systems["marketing"].asked
    for _ in range(3):
        await office.passes(number, timedelta(days=1))
    async with asyncio.timeout(office.patience):
        while office.systems["marketing"].asked == asked:
            await asyncio.sleep(office.glance)
    office.systems["marketing"].away = False
    await office.passes(number, timedelta(days=1, minutes=5))
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_doubtful_match(office: Office) -> str:
    office.systems["customers"].holds = Found(rows=(a_row("1"),), doubtful=(a_row("2"),))
    number = await office.receives(a_form())
    view = await office.awaits(number, "choose_match")
    task = next(a.task for a in view.awaiting if a.what == "choose_match")
    await office.act(number, CompleteTask, by="maija", task=task, items=("2",))
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


async def a_repetition(office: Office) -> str:
    """The same person within twelve months: the fee question."""
    first = await office.receives(a_form())
    await office.reaches(first, Status.SEARCHING)
    second = await office.receives(a_form(message="again, please"))
    await office.awaits(second, "settle_fee")
    return second


@scenario
async def access_fee_waived(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.WAIVE)
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_fee_accepted(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="repeated")
    await office.act(number, AnswerFee, by="maija", choice="accept")
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_fee_withdrawn(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="repeated")
    await office.act(number, AnswerFee, by="maija", choice="withdraw")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def access_fee_refused(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="helena", choice=FeeChoice.REFUSE, reason="tenth")
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def access_extended(office: Office) -> str:
    number = await unidentified(office)
    await office.act(number, Extend, by="helena", months=2, reason="many systems")
    await office.sends(number, LetterKind.EXTENSION)
    await office.sees(number, lambda v: v.clock.extension.state is ExtensionState.VALID)
    await office.act(number, VerifyIdentity, by="maija")
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_breached(office: Office) -> str:
    back = (now() - timedelta(days=45)).isoformat()
    number = await unidentified(office, received_at=back)
    await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)
    await office.act(number, VerifyIdentity, by="maija")
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_ladder_of_a_year(office: Office) -> str:
    """Silence for a year: every step of the ladder, the breach; then withdrawn."""
    number = await unidentified(office)
    await office.passes(number, timedelta(days=365))
    await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)
    await office.act(number, Withdraw, by="maija")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def access_receipt_corrected(office: Office) -> str:
    number = await unidentified(office)
    earlier = now() - timedelta(days=10)
    await office.act(number, CorrectReceipt, by="maija", received_at=earlier, reason="stamped late")
    await office.act(number, CloseAs, by="maija", ending="misdirected")
    return await closed(office, number, Outcome.MISDIRECTED)


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


@scenario
async def objection_absolute(office: Office) -> str:
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def objection_absolute_unidentified(office: Office) -> str:
    number = await office.receives(a_form("objection", channel="phone", evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, VerifyIdentity, by="maija")
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


async def a_weighed_objection(office: Office) -> str:
    """To another purpose: on the DPO's desk."""
    number = await office.receives(a_form("objection", purposes=["customer_relations"]))
    await office.awaits(number, "decide")
    return number


@scenario
async def objection_weighed_refused(office: Office) -> str:
    number = await a_weighed_objection(office)
    await office.act(
        number, Decide, by="helena", choice=Choice.REFUSE, ground=Ground.COMPELLING_GROUNDS,
        reason="open invoices",
    )  # fmt: skip
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def objection_told_before_it_is_lifted(office: Office) -> str:
    """Refused, taken back and refused: restricted until the letter has left."""
    number = await a_weighed_objection(office)
    refusal = {"choice": Choice.REFUSE, "ground": Ground.COMPELLING_GROUNDS, "reason": "invoices"}
    await office.act(number, Decide, by="helena", **refusal)
    await office.awaits(number, "send_reply")
    await office.act(number, TakeBack, by="helena", reason="one more thought")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="helena", **refusal)
    await office.awaits(number, "send_reply")
    assert office.systems["customers"].restricted
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def objection_weighed_upheld(office: Office) -> str:
    number = await a_weighed_objection(office)
    await office.act(number, Decide, by="helena", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def objection_withdrawn(office: Office) -> str:
    number = await a_weighed_objection(office)
    await office.act(number, Withdraw, by="maija")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def consent_given(office: Office) -> str:
    number = await office.receives(a_form("consent", channel="email", evidence={}))
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def consent_withdrawn(office: Office) -> str:
    taken = {"given": False, "text_version": "2026-1", "means": "web_form"}
    number = await office.receives(a_form("consent", channel="email", evidence={}, consent=taken))
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def consent_superseded(office: Office) -> str:
    """A later objection stands."""
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    earlier = (now() - timedelta(days=2)).isoformat()
    number = await office.receives(
        a_form("consent", channel="email", evidence={}, received_at=earlier)
    )
    view = await office.awaits(number, "send_reply")
    assert view.system("marketing").outcome is SystemOutcome.LEFT_OUT  # type: ignore[union-attr]
    return await sent(office, number, LetterKind.REPLY, Outcome.PARTIAL)


async def a_plan(office: Office) -> str:
    """A deletion whose plan waits for the first of two decisions."""
    number = await office.receives(a_form("delete"))
    await office.awaits(number, "decide")
    return number


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
    """A law keeps the customer's record, and no date says until when."""
    office.systems["customers"].kept_by_law = ("1",)
    number = await a_plan(office)
    return await erased(office, number, Outcome.PARTIAL)


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


async def parked(office: Office) -> str:
    """A law keeps the customer's record for two more years: the run ends, the case waits."""
    customers = office.systems["customers"]
    customers.kept_by_law = ("1",)
    customers.kept_until = now().date() + timedelta(days=800)
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
    return await parked(office)


@scenario
async def delete_goes_on_after_its_date(office: Office) -> str:
    number = await parked(office)
    office.systems["customers"].kept_by_law = ()
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    at = office.client.now() + timedelta(days=900)
    assert (await sweeps.resume(SweepInput(at=at))).resumed == (number,)
    return await sent(office, number, LetterKind.SUPPLEMENT, Outcome.FULFILLED)


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
    assert [order.right for order in partner.orders] == [Right.RESTRICTION, Right.CORRECTION]
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


async def lost(office: Office, number: str) -> None:
    """The run is gone; another one goes on from the row, whose history is kept."""
    await office.rests(number)
    await (await office.handle(number)).terminate()
    await office.runs.resume(await office.client._case(number), office.client.now())


@scenario
async def access_resumed_at_the_search(office: Office) -> str:
    number = await office.receives(a_form())
    await office.awaits(number, "search_by_hand")
    await lost(office, number)
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_resumed_at_the_decision(office: Office) -> str:
    number = await office.receives(a_form())
    await reviewed(office, number)
    await lost(office, number)
    await office.rests(number)
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def delete_resumed_between_two_decisions(office: Office) -> str:
    number = await a_plan(office)
    await office.act(number, Decide, by="helena", choice=Choice.APPROVE)
    await office.awaits(number, "second_decision")
    await lost(office, number)
    await office.rests(number)
    await office.act(number, SecondDecision, by="antti", choice=Choice.APPROVE)
    await office.archive_answers(number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def objection_resumed_with_its_reply_written(office: Office) -> str:
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    await lost(office, number)
    await office.rests(number)
    await office.sends(number, LetterKind.REPLY)
    return await closed(office, number, Outcome.FULFILLED)
