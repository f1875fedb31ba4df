"""Access to systems that are silent, away or not sure."""

import asyncio
from datetime import timedelta

from connectors.contract import Found
from schemas.case import LetterKind, Outcome, SystemOutcome
from schemas.messages import CompleteTask, ResolveSystem, SystemResolution
from schemas.partners import RequestStatus
from schemas.systems import Limits
from tests.fakes import a_row
from tests.histories.scenarios.playing import a_partner, decided, looked_through, scenario, sent
from tests.office import Office, a_form


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
