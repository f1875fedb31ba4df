"""The key-encryption key is exchanged: the keys of cases and holds are wrapped anew, no data is.

In small transactions, beside the work that goes on: whoever has both files reads every key at any
moment. It can be killed anywhere and started again. The old key is retired only when nothing is
wrapped by it any more, under a lock that no new case passes; a process that still knows it alone is
told by the next key that it makes.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from schemas.base import Model
from schemas.errors import RefusedByRule
from storage.key_checks import adopt, standing_checks
from storage.secrets import KeyEncryption, KeyFiles, Pepper
from storage.tables import case_keys, key_checks

BATCH: Final = 200
"""Keys of one transaction. More: whoever destroys one of them waits longer."""

NO_WRITERS: Final = text("lock table vault.case_keys in share mode")


class Rotated(Model):
    """What a rotation did: the key that wraps now, those that are needed no longer."""

    key: str
    retired: tuple[str, ...]
    rewrapped: int


async def unused(engine: AsyncEngine, keys: KeyFiles) -> list[str]:
    """Names of keys in the folder that the data has never known."""
    async with engine.connect() as conn:
        known = set(await conn.scalars(select(key_checks.c.kek_id)))
    return [name for name in keys.keys if name not in known]


async def rotate(engine: AsyncEngine, keys: KeyFiles, pepper: Pepper, at: datetime) -> Rotated:
    """Wrap every key with the new one, then retire the old. Safe to repeat, also after a kill.

    Raises `RefusedByRule` if there is no new key, or more than one.
    """
    async with engine.begin() as conn:
        await _begin(conn, keys, pepper, await unused(engine, keys))
    rewrapped = 0
    while True:
        rewrapped += await _rewrap_all(engine, keys)
        retired = await _retire(engine, keys.key_id, at)
        if retired is not None:
            return Rotated(key=keys.key_id, retired=retired, rewrapped=rewrapped)


async def _begin(
    conn: AsyncConnection, keys: KeyFiles, pepper: Pepper, fresh: list[str]
) -> None:  # fmt: skip
    """Make the new key the one that wraps, or go on with a rotation that was cut off."""
    if len(fresh) > 1:
        raise RefusedByRule(
            f"Not rotated: {', '.join(fresh)} are new to this data. Leave one of their files in "
            f"{keys.folder}."
        )
    if fresh:
        keys.use(fresh[0])
        await adopt(conn, keys, pepper)
    elif len(await standing_checks(conn)) < 2:
        raise RefusedByRule("Not rotated: there is no new key. Make one: dsr keys new")


async def _rewrap_all(engine: AsyncEngine, kek: KeyEncryption) -> int:
    """Batch by batch; how many keys are wrapped anew."""
    rewrapped, last = 0, UUID(int=0)
    while batch := await _rewrap(engine, kek, last):
        rewrapped, last = rewrapped + len(batch), batch[-1]
    return rewrapped


async def _rewrap(engine: AsyncEngine, kek: KeyEncryption, after: UUID) -> list[UUID]:
    """One batch, one transaction; whose keys are wrapped anew."""
    others = (case_keys.c.kek_id != kek.key_id) & case_keys.c.wrapped.is_not(None)
    some = select(case_keys).where(others, case_keys.c.case_id > after)
    some = some.order_by(case_keys.c.case_id).limit(BATCH).with_for_update()
    one = update(case_keys).where(case_keys.c.case_id == bindparam("case"))
    anew = one.values(kek_id=bindparam("new_id"), wrapped=bindparam("new_wrapped"))
    async with engine.begin() as conn:
        rows = (await conn.execute(some)).all()
        if rows:
            await conn.execute(anew, [await _anew(row, kek) for row in rows])
    return [row.case_id for row in rows]


async def _anew(row: Row[Any], kek: KeyEncryption) -> dict[str, Any]:
    key = await kek.unwrap(row.wrapped, row.kek_id)
    return {"case": row.case_id, "new_id": kek.key_id, "new_wrapped": await kek.wrap(key)}


async def _retire(engine: AsyncEngine, key_id: str, at: datetime) -> tuple[str, ...] | None:
    """The names of the retired keys; None if somebody has used one of them meanwhile."""
    others = (case_keys.c.kek_id != key_id) & case_keys.c.wrapped.is_not(None)
    old = (key_checks.c.kek_id != key_id) & key_checks.c.retired_at.is_(None)
    async with engine.begin() as conn:
        await conn.execute(NO_WRITERS)
        if await conn.scalar(select(func.count()).select_from(case_keys).where(others)):
            return None
        retired = update(key_checks).where(old).values(retired_at=at)
        return tuple(await conn.scalars(retired.returning(key_checks.c.kek_id)))
