"""What the scenarios share: policies, and the ways that more than one of them goes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from schemas.case import LetterKind, Outcome, Status
from schemas.messages import Choice, Decide, Review, Withheld
from schemas.policy import FeePolicyName, Policy
from tests.fakes import FakePartner, facts
from tests.office import POLICY, Office, a_form

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


async def looked_through(office: Office, number: str) -> None:
    """Looked through and approved."""
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)


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


def a_partner(office: Office, **more: Any) -> FakePartner:
    """One that takes every request and does nothing yet."""
    partner = FakePartner(
        facts("partner", reach="http", register_part="customers", fields_sent=("email",), **more)
    )
    office.systems.partners["partner"] = partner
    return partner


async def a_plan(office: Office) -> str:
    """A deletion whose plan waits for the first of two decisions."""
    number = await office.receives(a_form("delete"))
    await office.awaits(number, "decide")
    return number
