"""Runs that were lost, and what goes on from the row."""

from schemas.case import LetterKind, Outcome
from schemas.messages import Choice, Decide, SecondDecision
from tests.histories.scenarios.playing import a_plan, closed, decided, reviewed, scenario, sent
from tests.office import Office, a_form


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
