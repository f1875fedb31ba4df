"""Rows of legal holds and of erasures, and the sweep over the holds' dates.

Two things follow from here for whoever erases (`activities.erasing`) and for whoever places a hold
(`starter.holds`): an erasure is committed as an intent before it begins, and what has no outcome
is in doubt. Whether a hold is in force is a rule (`rules.holds`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    any_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from schemas.events import Event, Fact, fact
from schemas.holds import STANDING, Doubt, Hold, HoldState, HoldSweep
from schemas.systems import ERASE_BY_HAND
from storage import tables as t
from storage.audit import Audit
from storage.keyring import Keyring

SWEEP: Final = "sweep"
NOBODY: Final = (b"",)
"""In place of the hashes of a person who is not known any more."""


class Ending(StrEnum):
    """How a try to erase ended."""

    ERASED = "erased"
    UNTOUCHED = "untouched"  # rolled back, held, or nothing was there
    TOLD = "told"  # to people, who have not answered


# -- holds ---------------------------------------------------------------------------------------


async def write_hold(conn: AsyncConnection, keyring: Keyring, hold: Hold, order: bytes) -> None:
    """A new hold, with a key of its own under which its order is sealed."""
    row = hold.model_dump() | {"hashes": list(hold.hashes)}
    await conn.execute(insert(t.holds).values(row))
    await keyring.create(conn, hold.id)
    await seal_text(conn, keyring, hold.id, "order", order)


async def seal_text(
    conn: AsyncConnection, keyring: Keyring, hold: UUID, part: str, content: bytes
) -> None:
    """Keep a text under the hold's key; the same part again is replaced."""
    sealed = await keyring.seal(hold, part, content, conn)
    row = upsert(t.hold_texts).values(hold_id=hold, part=part, content=sealed)
    await conn.execute(
        row.on_conflict_do_update(
            index_elements=["hold_id", "part"], set_={"content": row.excluded.content}
        )
    )


async def unseal_text(
    conn: AsyncConnection, keyring: Keyring, hold: UUID, part: str
) -> bytes | None:
    """A sealed text of a hold, None if there is none under this name."""
    mine = (t.hold_texts.c.hold_id == hold) & (t.hold_texts.c.part == part)
    content = await conn.scalar(select(t.hold_texts.c.content).where(mine))
    return None if content is None else await keyring.unseal(hold, part, content, conn)


async def locked_hold(conn: AsyncConnection, hold: UUID) -> Hold | None:
    """A hold with its row locked, None if there is none."""
    query = select(t.holds).where(t.holds.c.id == hold).with_for_update()
    row = (await conn.execute(query)).mappings().one_or_none()
    return None if row is None else _hold(row)


async def change_hold(conn: AsyncConnection, hold: UUID, **columns: Any) -> None:
    """Change columns of a locked hold."""
    await conn.execute(update(t.holds).where(t.holds.c.id == hold).values(columns))


async def every_hold(conn: AsyncConnection) -> list[Hold]:
    """All holds that ever were, the newest first."""
    query = select(t.holds).order_by(t.holds.c.placed_at.desc(), t.holds.c.id)
    return [_hold(row) for row in (await conn.execute(query)).mappings()]


async def standing_holds(
    conn: AsyncConnection, hashes: Sequence[bytes] | None = None
) -> list[Hold]:
    """Holds that no one has ended: on a person and on everybody; None = on whomever."""
    query = select(t.holds).where(t.holds.c.state.in_(STANDING))
    if hashes is not None:
        on_person = t.holds.c.hashes.bool_op("&&")(list(hashes))
        query = query.where(or_(on_person, func.cardinality(t.holds.c.hashes) == 0))
    return [_hold(row) for row in (await conn.execute(query)).mappings()]


def _hold(row: RowMapping) -> Hold:
    return Hold.model_validate(dict(row))


# -- erasures ------------------------------------------------------------------------------------


async def intend(
    conn: AsyncConnection, case: UUID, system: str, key: str, hashes: Sequence[bytes],
    at: datetime, bound: timedelta, dispatch: UUID | None = None,
) -> UUID:  # fmt: skip
    """Write that an erasure may begin; commit it before it does. Each try is a row of its own.

    A second try must not end the row of a first one that may still be at work somewhere. The plan
    that stands goes with it: another one may stand when its end is looked for.
    `dispatch`: the request that tells a partner.
    """
    intent = uuid4()
    plan = select(t.sealed.c.content).where(
        t.sealed.c.case_id == case, t.sealed.c.part == f"plan:{system}"
    )
    await conn.execute(
        insert(t.erasures).values(
            id=intent, case_id=case, system=system, key=key, hashes=list(hashes), intent_at=at,
            bound_at=func.clock_timestamp() + bound, dispatch_id=dispatch,
            plan=plan.scalar_subquery(),
        )
    )  # fmt: skip
    return intent


async def note_kept(conn: AsyncConnection, intent: UUID, kept: Sequence[str]) -> None:
    """Write which categories this try leaves alone; commit it before anything is erased."""
    mine = update(t.erasures).where(t.erasures.c.id == intent)
    await conn.execute(mine.values(kept=list(kept)))


async def end_erasure(conn: AsyncConnection, intent: UUID, ending: Ending) -> bool:
    """Write how a try ended, once; False if that is known already."""
    mine = (t.erasures.c.id == intent) & t.erasures.c.ended_at.is_(None)
    done = update(t.erasures).where(mine)
    known = {"ended_at": func.clock_timestamp(), "outcome": ending, "plan": None}
    ended = await conn.execute(done.values(known))
    return ended.rowcount == 1


async def people_answered(
    conn: AsyncConnection, case: UUID, system: str, ending: Ending
) -> Doubt | None:
    """What people say that became of what they were told to destroy; None if nobody told them."""
    tries = t.erasures.c
    mine = (tries.case_id == case) & (tries.system == system) & (tries.outcome == Ending.TOLD)
    answered = update(t.erasures).where(mine)
    rows = await conn.execute(
        answered.values(outcome=ending, ended_at=func.clock_timestamp()).returning(t.erasures)
    )
    return next((_doubt(row) for row in rows.mappings()), None)


def called_back() -> ColumnElement[bool]:
    """Whether a row of `tasks` tells people to destroy what a standing hold now covers.

    It does not tell of which hold, or that it is one.
    """
    tries = t.erasures.c
    told = (tries.case_id == t.tasks.c.case_id) & (tries.system == t.tasks.c.system)
    is_to_destroy = t.tasks.c.what == ERASE_BY_HAND
    return is_to_destroy & exists().where(covered() & told & (tries.outcome == Ending.TOLD))


def covered() -> ColumnElement[bool]:
    """Whether a row of `holds` that nobody has ended is on what a row of `erasures` was about."""
    tries, holds = t.erasures.c, t.holds.c
    whom = holds.hashes.bool_op("&&")(tries.hashes) | (func.cardinality(holds.hashes) == 0)
    here = (func.cardinality(holds.systems) == 0) | (tries.system == any_(holds.systems))
    return holds.state.in_(STANDING) & whom & here


async def may_have_erased(
    conn: AsyncConnection, case: UUID, system: str, run: str, intent: UUID
) -> bool:
    """Whether a try of this run in this system, other than this one, erased or never told."""
    tries = t.erasures.c
    mine = tries.key.startswith(f"{run}/", autoescape=True)
    others = (tries.case_id == case) & (tries.system == system) & mine & (tries.id != intent)
    told_of_nothing = tries.outcome.is_distinct_from(Ending.UNTOUCHED)
    return bool(await conn.scalar(select(exists().where(others & told_of_nothing))))


async def erasures_on(conn: AsyncConnection, hold: Hold) -> Sequence[RowMapping]:
    """Every try to erase what is in the hold's scope: system, bound, end, outcome, kept.

    With it how the request stands that told a partner: what ends the one ends the other, and of
    two looks the second could see what the first did not.
    """
    d = t.dispatches.c
    request = select(t.erasures, d.stop_wanted_at, d.stop, d.settled_at)
    query = request.outerjoin(t.dispatches, d.id == t.erasures.c.dispatch_id)
    if hold.hashes:
        query = query.where(t.erasures.c.hashes.bool_op("&&")(list(hold.hashes)))
    if hold.systems:
        query = query.where(t.erasures.c.system.in_(hold.systems))
    return (await conn.execute(query)).mappings().all()


async def doubts(conn: AsyncConnection) -> list[Doubt]:
    """Tries whose transaction is over by now and that have not told how it ended."""
    over = t.erasures.c.ended_at.is_(None) & (t.erasures.c.bound_at < func.clock_timestamp())
    rows = await conn.execute(select(t.erasures).where(over).order_by(t.erasures.c.bound_at))
    return [_doubt(row) for row in rows.mappings()]


def _doubt(row: RowMapping) -> Doubt:
    return Doubt(
        id=row["id"], case=row["case_id"], system=row["system"], key=row["key"],
        hashes=tuple(row["hashes"]), intent_at=row["intent_at"], kept=tuple(row["kept"]),
        plan=row["plan"],
    )  # fmt: skip


async def forget_person(conn: AsyncConnection, case: UUID) -> None:
    """The purge of a case: whom its erasures concerned is known no longer."""
    await conn.execute(update(t.erasures).where(t.erasures.c.case_id == case).values(hashes=[]))


async def ended_holds(conn: AsyncConnection, before: datetime) -> list[UUID]:
    """Holds that ended before then, whose order can still be read."""
    readable = exists().where(
        t.case_keys.c.case_id == t.holds.c.id, t.case_keys.c.wrapped.is_not(None)
    )
    ended = select(t.holds.c.id).where(t.holds.c.state.not_in(STANDING), readable)
    return list(await conn.scalars(ended.where(t.holds.c.ended_at < before)))


async def forget_hold(
    conn: AsyncConnection, keyring: Keyring, hold: UUID, at: datetime
) -> Fact | None:
    """The purge of a hold that has ended: whose it was, who wanted it and why; None if it is done.

    An empty hash stays for a person: no hold on one person becomes a hold on everybody.
    """
    locked = await locked_hold(conn, hold)
    if locked is None or locked.state in STANDING or locked.hashes == NOBODY:
        return None
    await keyring.destroy(conn, hold, at)
    gone = await conn.execute(delete(t.hold_texts).where(t.hold_texts.c.hold_id == hold))
    await change_hold(conn, hold, hashes=list(NOBODY) if locked.hashes else [])
    return fact(Event.RETENTION_APPLIED, parts=gone.rowcount, hashes=len(locked.hashes))


# -- the sweep -----------------------------------------------------------------------------------


async def lapse_and_remind(
    engine: AsyncEngine, audit: Audit, policy_version: str, at: datetime
) -> HoldSweep:
    """End holds that nobody confirmed, or whose last day has passed; tell the DPO of reviews.

    Safe to repeat. Each hold is a transaction of its own: one that fails stops no other, and is
    raised when all were tried.
    """
    async with engine.connect() as conn:
        due = [hold.id for hold in await standing_holds(conn)]
    told: list[Event | None] = []
    failed: list[Exception] = []
    for hold in due:
        try:
            told.append(await _sweep_one(engine, audit, policy_version, hold, at))
        except Exception as error:  # raised below
            failed.append(error)
    if failed:
        raise failed[0]
    return HoldSweep(
        lapsed=told.count(Event.HOLD_LAPSED),
        expired=told.count(Event.HOLD_EXPIRED),
        review_due=told.count(Event.HOLD_REVIEW_DUE),
    )


async def _sweep_one(
    engine: AsyncEngine, audit: Audit, policy_version: str, hold_id: UUID, at: datetime
) -> Event | None:
    """What happened to a hold that is no secret; None also for a secret one."""
    async with engine.begin() as conn:
        hold = await locked_hold(conn, hold_id)
        if hold is None or hold.state not in STANDING:
            return None
        told = await conn.scalar(select(t.holds.c.review_told_at).where(t.holds.c.id == hold_id))
        change, happened = _due(hold, at, told=told is not None)
        if happened is None:
            return None
        await change_hold(conn, hold_id, **change)
        await audit.append(
            conn, hold_id, [happened], at=at, actor=SWEEP, policy_version=policy_version
        )
    return None if hold.secret else happened.event


def _due(hold: Hold, at: datetime, *, told: bool) -> tuple[dict[str, Any], Fact | None]:
    """The columns to change and what to record."""
    ended = {"ended_at": at, "ended_by": SWEEP}
    lapsed = hold.state is HoldState.PROVISIONAL and at >= hold.lapses_at
    if lapsed and (hold.ends_at is None or hold.lapses_at <= hold.ends_at):
        return {"state": HoldState.LAPSED, **ended}, fact(
            Event.HOLD_LAPSED, lapses_at=hold.lapses_at.isoformat()
        )
    if hold.ends_at is not None and at >= hold.ends_at:
        return {"state": HoldState.EXPIRED, **ended}, fact(
            Event.HOLD_EXPIRED, until_on=str(hold.until_on)
        )
    if at >= hold.review_at and not told:
        return {"review_told_at": at}, fact(Event.HOLD_REVIEW_DUE, review_on=str(hold.review_on))
    return {}, None
