"""How scenarios are registered, and what several of them do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from schemas.case import Status
from schemas.errors import CheckFailed
from schemas.request import Attachment, Kind, Subject
from starter.demo.office import LOOK, PATIENCE, Desk

Scenario = Callable[[Desk], Awaitable[str]]
SCENARIOS: Final[dict[str, Scenario]] = {}

LETTER: Final[dict[str, Any]] = {
    "channel": "letter", "evidence": {"signed": True, "envelope_mark": True},
}  # fmt: skip
VISIT: Final[dict[str, Any]] = {
    "channel": "in_person",
    "evidence": {"identification": {"kind": "passport", "checked_by": "customer service"}},
}


def scenario(play: Scenario) -> Scenario:
    """Register a scenario under its function's name; it returns the number that counts."""
    SCENARIOS[play.__name__] = play
    return play


async def told(desk: Desk, number: str) -> None:
    """The reply leaves; recipients that are reached by hand answer after it."""
    await desk.send(number)
    await desk.until(
        number, lambda view: view.status in (Status.FOLLOWING_UP, Status.CLOSED), "replied"
    )
    await desk.by_hand(number)


async def told_and_closed(desk: Desk, number: str) -> str:
    """The same, and nobody owes anything any more."""
    await told(desk, number)
    await desk.reaches(number, Status.CLOSED)
    return number


async def of_ended(desk: Desk, who: str) -> str:
    """The case that the sweep has begun for a person."""
    end = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
    while asyncio.get_running_loop().time() < end:
        known = Subject.model_validate(desk.subject(who))
        lines = await desk.client.cases(kind=Kind.DELETE, person=known)
        if lines:
            desk.progress.number = lines[0].number
            return lines[0].number
        await asyncio.sleep(LOOK)
    raise CheckFailed(f"The sweep of relations that ended began no case for {who}.")


async def nobody_is_chosen(desk: Desk, number: str) -> None:
    """A handler has looked: the doubtful records are somebody else's."""
    view = await desk.awaits(number, "choose_match")
    for task in [a for a in view.awaiting if a.what == "choose_match"]:
        nobody = Attachment(
            name="choice.json", media_type="application/json", base64=b"eyJiZWxvbmdzIjogW119"
        )
        await desk.client.complete_task(number, task.task, by=desk.member("handler"), file=nobody)
