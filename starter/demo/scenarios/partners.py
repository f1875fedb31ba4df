"""Access where partners behave badly: never a success by itself, and nobody else waits for them."""

from schemas.case import Status
from schemas.messages import SystemResolution
from starter.demo.office import Desk
from starter.demo.scenarios.playing import LETTER, scenario


@scenario
async def access_supplemented(desk: Desk) -> str:
    """A partner is silent beyond the internal target: answered without it, supplemented later."""
    number = await desk.submit("KAARINA", "access", days_ago=22, **LETTER)
    await desk.by_hand(number)
    await desk.review(number)
    await desk.decide(number)
    await desk.send(number)
    await desk.reaches(number, Status.FOLLOWING_UP)
    await desk.resolve(
        number, "order_partner", SystemResolution.BY_HAND, "Answers by telephone at last."
    )
    await desk.answer(number, order_partner="Two deliveries of 2024.")
    return number


@scenario
async def access_partner_silent(desk: Desk) -> str:
    """A partner takes the request and is silent: left out with the reason, the reply names it."""
    number = await desk.submit("PAAVO", "access", **LETTER)
    await desk.resolve(
        number, "order_partner", SystemResolution.LEAVE_OUT, "No answer by telephone either."
    )
    await desk.answer(number)
    return number


@scenario
async def access_partner_lies(desk: Desk) -> str:
    """It calls back that it is done, and says otherwise when asked: a person gets the answer."""
    number = await desk.submit("RIITTA", "access", **LETTER)
    await desk.resolve(
        number, "order_partner", SystemResolution.BY_HAND, "Asked its contact person by telephone."
    )
    await desk.answer(number, order_partner="One delivery of 2025.")
    return number
