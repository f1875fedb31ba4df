"""The way to a system with limits: who may call it now, for all workers together.

One row a system, one statement to take a turn: of two workers that want it the second waits for
the first's commit and sees what it took. The clock is the database's, and real: what a partner
bears in a minute has nothing to do with the time of cases. A turn lapses by itself, so that a
worker that died holds none.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    DateTime,
    Integer,
    Interval,
    Text,
    TextClause,
    bindparam,
    func,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.base import Instant, Model
from schemas.case import ANSWERED, Status
from schemas.lines import Line, Pause
from storage import tables as t

_TYPES: Final[dict[str, Any]] = {
    "system": Text, "turn": Text, "taken": DateTime(timezone=True), "calls": Integer,
    "made": Integer, "per_minute": Integer, "at_once": Integer, "pause_after": Integer,
    "trouble": Text, "lapse": Interval, "wished": Interval, "most": Interval, "first": Interval,
}  # fmt: skip


def _sql(statement: str) -> TextClause:
    named = (name for name in _TYPES if f":{name}" in statement)
    return text(statement).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in named))


_LATELY: Final = """array(select at from unnest(line.calls) at
    where at > clock_timestamp() - interval '1 minute')"""
_UNDER_WAY: Final = """(select coalesce(jsonb_object_agg(turn.key, turn.value), '{}')
    from jsonb_each(line.turns) turn
    where (turn.value #>> '{}')::timestamptz > clock_timestamp())"""
_COUNT: Final = f"(select count(*) from jsonb_object_keys({_UNDER_WAY}))"

_TAKE: Final = _sql(f"""
insert into dsr.lines as line (system, calls, turns) values (
    :system, array_fill(clock_timestamp(), array[:calls]),
    jsonb_build_object(:turn, clock_timestamp() + :lapse))
on conflict (system) do update set
    calls = {_LATELY} || excluded.calls, turns = {_UNDER_WAY} || excluded.turns
where coalesce(line.paused_until <= clock_timestamp(), true)
    and (line.failing_since is null or {_COUNT} = 0)
    and cardinality({_LATELY}) + :calls <= :per_minute and {_COUNT} < :at_once
returning calls[cardinality(calls)]
""")

_GIVE_BACK: Final = """turns = turns - :turn,
    calls = array_remove(calls, :taken) || array_fill(:taken, array[:made])"""

_LEAVE: Final = _sql(f"update dsr.lines set {_GIVE_BACK} where system = :system")

_ANSWERED: Final = _sql(f"""
update dsr.lines set {_GIVE_BACK}, failures = 0, paused_until = null,
    failing_since = null, trouble = null
where system = :system
""")

_PAUSED: Final = "coalesce(paused_until > clock_timestamp(), false)"
_TOO_MANY: Final = "failures + 1 >= :pause_after"
_FAILED: Final = _sql(f"""
update dsr.lines set {_GIVE_BACK}, trouble = :trouble,
    failures = case when {_PAUSED} then failures else failures + 1 end,
    failing_since = case when not {_PAUSED} and {_TOO_MANY}
        then coalesce(failing_since, clock_timestamp()) else failing_since end,
    paused_until = case
        when {_PAUSED} then greatest(paused_until, clock_timestamp() + :wished)
        when {_TOO_MANY} then clock_timestamp() + coalesce(
            :wished, least(:most, :first * power(2, least(failures + 1 - :pause_after, 20))))
        else clock_timestamp() + :wished end
where system = :system
""")


class Turn(Model):
    """A turn that was taken."""

    id: UUID
    system: str
    taken_at: Instant


async def take_turn(
    conn: AsyncConnection, system: str, turn: UUID, *, calls: int, per_minute: int, at_once: int,
    lapse: timedelta,
) -> Turn | None:  # fmt: skip
    """A turn of so many calls; None if it is not the time. It lapses by itself after `lapse`."""
    taken = await conn.scalar(_TAKE, {
        "system": system, "turn": str(turn), "calls": calls, "lapse": lapse,
        "per_minute": per_minute, "at_once": at_once,
    })  # fmt: skip
    return None if taken is None else Turn(id=turn, system=system, taken_at=taken)


async def leave(conn: AsyncConnection, turn: Turn, made: int) -> None:
    """It ended without telling whether the system is well. `made`: calls that it came to."""
    await conn.execute(_LEAVE, _given_back(turn, made))


async def answered(conn: AsyncConnection, turn: Turn, made: int) -> None:
    """The system answers: whatever pause there was is over."""
    await conn.execute(_ANSWERED, _given_back(turn, made))


async def failed(
    conn: AsyncConnection, turn: Turn, made: int, *, pause_after: int, first: timedelta,
    most: timedelta, wished: timedelta | None, trouble: str,
) -> None:  # fmt: skip
    """Once more in vain, unless it is paused already. `wished`: its own Retry-After goes first."""
    pace = {"pause_after": pause_after, "first": first, "most": most, "wished": wished,
            "trouble": trouble}  # fmt: skip
    await conn.execute(_FAILED, _given_back(turn, made) | pace)


def _given_back(turn: Turn, made: int) -> dict[str, Any]:
    return {
        "system": turn.system, "turn": str(turn.id), "taken": turn.taken_at, "made": made,
    }  # fmt: skip


_LINE: Final = _sql(f"""
select clock_timestamp() as seen_at, {_LATELY} as calls, {_COUNT} as turns,
    paused_until, failing_since
from dsr.lines line where system = :system
""")


async def line_of(conn: AsyncConnection, system: str) -> Line:
    """How busy the way to a system is that a turn was asked of."""
    row = (await conn.execute(_LINE, {"system": system})).mappings().one()
    return Line.model_validate(dict(row))


async def pauses(conn: AsyncConnection) -> tuple[Pause, ...]:
    """The systems that fail, the longest first."""
    line, task = t.lines.c, t.system_tasks.c
    waiting = (
        select(func.count())
        .join(t.cases, t.cases.c.id == task.case_id)
        .where(task.name == line.system, task.outcome.not_in(sorted(ANSWERED)))
        .where(t.cases.c.status != Status.CLOSED)
        .scalar_subquery()
    )
    query = (
        select(t.lines, waiting.label("waiting"))
        .where(line.failing_since.is_not(None) | (line.paused_until > func.clock_timestamp()))
        .order_by(line.failing_since, line.system)
    )
    return tuple(Pause.model_validate(dict(row)) for row in (await conn.execute(query)).mappings())


async def end_pause(conn: AsyncConnection, system: str) -> bool:
    """A person has it called again at once. False if it was not paused."""
    line = t.lines.c
    mine = update(t.lines).where(line.system == system)
    paused = mine.where(line.failing_since.is_not(None) | (line.paused_until > func.now()))
    ended = paused.values(failures=0, paused_until=None, failing_since=None)
    return (await conn.execute(ended)).rowcount > 0
