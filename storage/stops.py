"""Requests to erase that a hold wants back from partners: written with the hold, until answered.

The row of the request is the outbox: whoever reaches the partner works it, once (`activities.
stopping`). Nothing on it tells of the hold.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.base import Model
from schemas.holds import Doubt, Hold, StopState
from schemas.partners import RequestStatus
from storage import tables as t
from storage.dispatches import heard
from storage.holds import Ending, covered, erasures_on

d, e = t.dispatches.c, t.erasures.c


class ToStop(Model):
    """A request that is to be taken back, unless nothing of it is `held` any more."""

    request: UUID
    system: str
    held: bool


async def want_stops(conn: AsyncConnection, hold: Hold, at: datetime) -> None:
    """Of what this hold covers, each request that was or may have been sent and is unanswered."""
    sent = {
        row["dispatch_id"]
        for row in await erasures_on(conn, hold)
        if row["dispatch_id"] is not None and row["outcome"] != Ending.UNTOUCHED
    }
    if sent:
        unanswered = d.id.in_(sent) & d.settled_at.is_(None) & d.stop_wanted_at.is_(None)
        await conn.execute(update(t.dispatches).where(unanswered).values(stop_wanted_at=at))


async def open_stops(conn: AsyncConnection, request: UUID | None = None) -> list[ToStop]:
    """Requests that are to be taken back and are not yet known to be: all, or this one.

    Without those of which is known by now that they have never reached the partner.
    """
    sent = exists().where(e.dispatch_id == d.id, e.outcome.is_distinct_from(Ending.UNTOUCHED))
    wanted = d.stop_wanted_at.is_not(None) & d.stop.is_(None) & d.settled_at.is_(None) & sent
    held = exists().where(e.dispatch_id == d.id, covered()).label("held")
    query = select(d.id.label("request"), d.system, held).where(wanted)
    query = query.order_by(d.stop_wanted_at, d.id)
    if request is not None:
        query = query.where(d.id == request)
    return [ToStop.model_validate(dict(row)) for row in (await conn.execute(query)).mappings()]


async def withdraw_stop(conn: AsyncConnection, request: UUID) -> None:
    """Nothing of it is held any more, and the partner has it: what two people approved goes on."""
    mine = (d.id == request) & d.stop.is_(None)
    await conn.execute(update(t.dispatches).where(mine).values(stop_wanted_at=None))


async def end_stop(conn: AsyncConnection, request: UUID, stop: StopState) -> Doubt | None:
    """Write how it ended, once, and with it what the tries to erase came to.

    What it was about, for whoever answers holds; None if it is known already. A try that is still
    under way finds itself ended: what it has sent was taken back, or was begun.
    """
    mine = (d.id == request) & d.stop.is_(None)
    if not (await conn.execute(update(t.dispatches).where(mine).values(stop=stop))).rowcount:
        return None
    if stop is StopState.TAKEN:
        await heard(conn, request, RequestStatus.CANCELLED)
    await conn.execute(update(t.dispatches).where(d.id == request).values(news=True))
    taken = stop is StopState.TAKEN
    which = e.outcome.is_distinct_from(Ending.UNTOUCHED) if taken else e.ended_at.is_(None)
    await conn.execute(
        update(t.erasures)
        .where(e.dispatch_id == request, which)
        .values(
            outcome=Ending.UNTOUCHED if taken else Ending.ERASED,
            ended_at=func.coalesce(e.ended_at, func.clock_timestamp()),
        )
    )
    return await _about(conn, request)


async def _about(conn: AsyncConnection, request: UUID) -> Doubt:
    rows = await conn.execute(select(t.erasures).where(e.dispatch_id == request))
    tries = rows.mappings().all()
    last = max(tries, key=lambda row: row["bound_at"])
    return Doubt(
        id=last["id"], case=last["case_id"], system=last["system"], key=last["key"],
        hashes=tuple(sorted({value for row in tries for value in row["hashes"]})),
        intent_at=last["intent_at"],
    )  # fmt: skip


async def was_taken_back(conn: AsyncConnection, request: UUID) -> bool:
    """Whether the partner gave this request back because of a hold."""
    taken = (d.id == request) & (d.stop == StopState.TAKEN)
    return bool(await conn.scalar(select(exists().where(taken))))


async def was_sent(conn: AsyncConnection, request: UUID) -> bool:
    """Whether a try has told the partner, and has not been taken back."""
    told = (e.dispatch_id == request) & (e.outcome == Ending.ERASED)
    return bool(await conn.scalar(select(exists().where(told))))


def stop_of(row: RowMapping) -> StopState | None:
    """How the stop of a try's request stands (`erasures_on`); None if nobody wants it back.

    A request that was answered before it was taken back was too late to be.
    """
    if row["stop_wanted_at"] is None:
        return None
    if row["stop"] is None:
        return StopState.IN_DOUBT if row["settled_at"] is None else StopState.TOO_LATE
    return StopState(row["stop"])
