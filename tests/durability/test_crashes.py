"""A worker is killed by SIGKILL in the middle of a request; another one takes over.

The ending is the same as without the crash, and each effect is there once.
"""

import pytest

from schemas.case import LetterKind, Status
from schemas.messages import AskIdentity, Choice, Decide, Review, Withdraw
from tests.durability.crashes import STEP, SYSTEM, Crash, Playing, Story, crashes_in
from tests.durability.worker_that_dies import Point
from tests.office import Office, a_form

ACCESS = [
    *(Point("case.open", moment) for moment in STEP),  # the slowest first
    *(Point("system.search", moment) for moment in SYSTEM),
    *(Point("case.record", moment, "reviewed") for moment in STEP),
    *(Point("case.record", moment, "decided") for moment in STEP),
    *(Point("reply.compile", moment) for moment in STEP),
    *(Point("clock.letter_gone", moment) for moment in STEP),
]
QUESTION = [
    *(Point("letter.write", moment) for moment in STEP),
    *(Point("case.record", moment, "closed") for moment in STEP),
]
OBJECTION = [Point("system.suppress", moment) for moment in SYSTEM]


async def an_access_request(office: Office) -> str:
    """From receipt to close."""
    number = await office.receives(a_form())
    await office.awaits(number, "review")
    await office.rests(number)  # the last answer is on the row before the run has it
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.client.package(number, by="maija")
    await office.reaches(number, Status.CLOSED)
    return number


async def a_question(office: Office) -> str:
    """Who asks is not shown; the question gets a letter, and no answer but the withdrawal."""
    number = await office.receives(a_form(evidence={}))
    await office.awaits(number, "verify_identity")
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.act(number, Withdraw, by="maija")
    await office.reaches(number, Status.CLOSED)
    return number


async def an_objection(office: Office) -> str:
    """To marketing: nobody decides."""
    number = await office.receives(a_form("objection", channel="email", evidence={}))
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)
    return number


EVERY_CRASH = [
    *crashes_in(Story(an_access_request), ACCESS),
    *crashes_in(Story(a_question), QUESTION),
    *crashes_in(Story(an_objection), OBJECTION),
]


@pytest.mark.parametrize("crash", EVERY_CRASH, ids=str)
async def test_the_case_ends_as_if_nothing_had_happened_and_each_effect_is_there_once(
    crashes: Playing, crash: Crash
):
    crashed, undisturbed = await crashes.both(crash)

    assert crashed.returncode == -9
    assert undisturbed.status is Status.CLOSED
    assert crashed.result == undisturbed.outcome
    assert crashed.ending == undisturbed
    assert crashed.chain == []
