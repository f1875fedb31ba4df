"""Turns at a system with limits: who is not let through comes again, and that is no failure.

A try that only waited costs no history event, is no failure of the system, and does not count
among the tries after which staff are told: `activity.heartbeat` carries how many waited over to
the next try. A system that fails for all cases is paused (`storage.lines`): staff are told once,
by `dsr tasks`, and each case says it in a sentence.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import wraps
from typing import Final, Protocol, TypeVar
from uuid import uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.desk import Desk
from connectors.calls import Calls, counted
from connectors.contract import SystemUnreachable
from connectors.partner import PartnerAway, PartnerWrong
from rules.turns import CALLS_OF_A_TURN, OWED_AT_ONCE, Share, is_paused, share_of, wait_for_turn
from schemas.case import SystemOutcome
from schemas.errors import Unreachable
from schemas.lines import LEFT_ALONE
from schemas.partners import PartnerFault
from schemas.steps import SystemAnswer, SystemCall
from schemas.systems import Limits, Reach
from storage.lines import Turn, answered, failed, leave, line_of, take_turn

log = structlog.get_logger(__name__)

SOON: Final = timedelta(seconds=2)
SPREAD: Final = timedelta(seconds=10)
LEAST: Final = timedelta(milliseconds=50)
NO_BOUND: Final = Share(per_minute=1, at_once=1)

OF_THE_LINE: Final = frozenset({
    PartnerFault.ADDRESS, PartnerFault.REDIRECTED, PartnerFault.TOO_LARGE, PartnerFault.MALFORMED,
    PartnerFault.UNSIGNED,
})  # fmt: skip
"""Answers that cannot be used whatever was asked; another fault is one request's matter."""


class NotItsTurn(Exception):
    """Nothing was called, or in vain and everybody waits. `paused`: the system fails."""

    def __init__(self, wait: timedelta, *, paused: bool) -> None:
        super().__init__("not its turn")
        self.wait = wait
        self.paused = paused


# -- tries -----------------------------------------------------------------------------------------


def tries_so_far() -> int:
    """This try and those before it, without those that only waited."""
    return activity.info().attempt - _waited()


def _waited() -> int:
    details = activity.info().heartbeat_details
    return int(details[0]) if details else 0


def comes_again(wait: timedelta) -> ApplicationError:
    """It only waited: no error, no try."""
    activity.heartbeat(_waited() + 1)
    return ApplicationError(
        "not its turn yet", type="NotYet", next_retry_delay=wait,
        category=ApplicationErrorCategory.BENIGN,
    )  # fmt: skip


class _HasDesk(Protocol):
    _desk: Desk


Ending = Callable[[AsyncConnection, Turn, int], Awaitable[None]]
D = TypeVar("D", bound=_HasDesk)
Method = Callable[[D, SystemCall], Awaitable[SystemAnswer]]


def patient(method: Method[D]) -> Method[D]:
    """An activity that may have to wait for its turn, and gives up after the tries of the call."""

    @wraps(method)
    async def asked(self: D, call: SystemCall) -> SystemAnswer:
        if call.tries and tries_so_far() > call.tries:  # those before were cut off, one by one
            raise _given_up(TimeoutError())
        try:
            return await method(self, call)
        except NotItsTurn as busy:
            if busy.paused and not call.waits:
                return paused(call)
            raise comes_again(busy.wait) from None
        except Exception as error:
            if call.tries and tries_so_far() >= call.tries:
                raise _given_up(error) from None
            if isinstance(error, PartnerAway):
                raise _when_it_wished(error) from None
            raise

    return asked


def in_turn(method: Method[D]) -> Method[D]:
    """An activity that asks a database, all of it in its turn; of other systems it asks people."""

    @wraps(method)
    async def asked(self: D, call: SystemCall) -> SystemAnswer:
        if self._desk.facts(call.system).reach is not Reach.SQL:
            return await method(self, call)
        async with turn(self._desk, call, asking=True):
            return await method(self, call)

    return patient(asked)


def paused(call: SystemCall) -> SystemAnswer:
    """The case goes on without it; asked in vain, as nothing of it stands on the row."""
    return SystemAnswer(
        system=call.system, outcome=SystemOutcome.FAILED, reason=LEFT_ALONE, paused=True
    )


def _given_up(error: Exception) -> ApplicationError:
    return ApplicationError(
        f"asked in vain ({type(error).__name__})", type="GivenUp", non_retryable=True
    )


def _when_it_wished(away: PartnerAway) -> ApplicationError:
    """A partner that says when to come again is asked then."""
    return ApplicationError(str(away), type=type(away).__name__, next_retry_delay=away.retry_after)


# -- turns -----------------------------------------------------------------------------------------


@asynccontextmanager
async def turn(desk: Desk, call: SystemCall, *, asking: bool) -> AsyncIterator[None]:
    """Call the system inside. One without limits costs nothing here.

    Raises `NotItsTurn` before it, or in place of a failure while the system is paused for all.
    What else is raised inside is passed on.
    """
    limits = desk.facts(call.system).limits
    if limits is None:
        yield
        return
    taken = await _take(desk, call, limits, asking=asking)
    with counted() as calls:
        try:
            yield
        except (SystemUnreachable, PartnerWrong) as fault:
            await _tell(desk, taken, calls, limits, fault)
            raise
        except BaseException:
            with suppress(Unreachable):  # then it lapses by itself
                await _end(desk, taken, calls, leave)
            raise
    await _end(desk, taken, calls, answered if calls.made else leave)


async def _take(desk: Desk, call: SystemCall, limits: Limits, *, asking: bool) -> Turn:
    share = share_of(limits, call.duty, asking=asking)
    calls, lapse = min(CALLS_OF_A_TURN, share.per_minute), desk.policy.pace.system_timeout
    async with desk.case_file.engine.begin() as conn:
        taken = await take_turn(
            conn, call.system, uuid4(), calls=calls, per_minute=share.per_minute,
            at_once=share.at_once, lapse=lapse,
        )  # fmt: skip
    if taken is not None:
        return taken
    urgent = asking and call.duty in OWED_AT_ONCE
    raise await _not_its_turn(desk, call.system, share, calls, urgent=urgent)


async def _not_its_turn(
    desk: Desk, system: str, share: Share, calls: int, *, urgent: bool
) -> NotItsTurn:
    """When to come again: what is urgent as soon as it can, the others spread out."""
    pace = desk.policy.pace
    step, spread = min(pace.retry_first, SOON), timedelta(0)
    if not urgent:
        spread = min(pace.retry_first, SPREAD) * random.random()  # noqa: S311 -- no secret
    async with desk.case_file.reading.connect() as conn:
        line = await line_of(conn, system)
    wait = wait_for_turn(line, share, calls, step)
    return NotItsTurn(max(wait + spread, LEAST), paused=is_paused(line, pace.retry_most))


async def _tell(
    desk: Desk, taken: Turn, calls: Calls, limits: Limits, fault: SystemUnreachable | PartnerWrong
) -> None:
    """A failure of the system, unless the fault is this one request's. Raises `NotItsTurn`."""
    if isinstance(fault, PartnerWrong) and fault.fault not in OF_THE_LINE:
        return await _end(desk, taken, calls, answered if calls.made else leave)
    pace = desk.policy.pace
    async with desk.case_file.engine.begin() as conn:
        await failed(
            conn, taken, calls.made, pause_after=limits.pause_after, first=pace.retry_first,
            most=pace.retry_most, trouble=_trouble(fault),
            wished=fault.retry_after if isinstance(fault, PartnerAway) else None,
        )  # fmt: skip
        line = await line_of(conn, taken.system)
    if line.failing_since is not None:
        log.warning("system_paused", system=taken.system)
        wait = wait_for_turn(line, NO_BOUND, 0, pace.retry_first)
        raise NotItsTurn(wait, paused=True) from None
    return None


def _trouble(fault: SystemUnreachable | PartnerWrong) -> str:
    """For staff, in words of ours: a connector's own could hold more."""
    return fault.fault if isinstance(fault, PartnerWrong) else "it does not answer"


async def _end(desk: Desk, taken: Turn, calls: Calls, how: Ending) -> None:
    async with desk.case_file.engine.begin() as conn:
        await how(conn, taken, calls.made)
