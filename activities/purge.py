"""The purge of closed cases: what is old enough and not held loses its key, a case a transaction.

It takes the locks of person and systems as an erasure does: a hold comes before it, and is seen, or
waits until it is over. A case that may not go yet stays as it is, until a later sweep.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, RowMapping, and_, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.erasing import held_cases
from activities.runs import Runs
from rules.retention import closed_before
from schemas.case import Status
from schemas.policy import Policy
from storage import tables as t
from storage.case_file import CaseFile
from storage.holds import ended_holds, forget_hold
from storage.locks import LockBusy, lock_to_erase
from storage.persons import hashes_of
from storage.purge import forget
from storage.standstills import concerns_stopped, stands_still

log = structlog.get_logger(__name__)

PAGE: Final = 100
MOST: Final = 1_000
"""Cases of one sweep; the next one goes on."""


class Purge:
    """Purges the cases of one controller."""

    def __init__(self, case_file: CaseFile, runs: Runs, policy: Policy) -> None:
        self._case_file = case_file
        self._runs = runs
        self._policy = policy
        self._within = policy.holds.erase_within  # a hold waits for our locks longer than this

    async def sweep(self, at: datetime) -> int:
        """Purge what is due at this business time, the oldest first; how many.

        Safe to repeat. A case that fails stops no other; the first failure is raised at the end.
        """
        async with self._case_file.reading.connect() as conn:
            if await stands_still(conn, None):
                return 0
        purged, failed = 0, list[Exception]()
        async for row in self._due(at):
            if purged == MOST:
                break
            try:
                purged += await self.purge(row, at)
            except LockBusy:  # a hold is being placed on this person: the next sweep sees it
                continue
            except Exception as error:  # raised below
                failed.append(error)
        if failed:
            raise failed[0]
        return purged

    async def sweep_holds(self, at: datetime) -> None:
        """Holds that ended as long ago lose their order and their person, each on its own."""
        async with self._case_file.reading.connect() as conn:
            ended = await ended_holds(conn, closed_before(at, self._policy))
        for hold in ended:
            async with self._case_file.engine.begin() as conn:
                forgotten = await forget_hold(conn, self._case_file.keyring, hold, at)
                if forgotten is not None:
                    await self._case_file.audit.append(
                        conn, hold, [forgotten], at=at, actor="sweep",
                        policy_version=self._policy.version,
                    )  # fmt: skip

    async def _due(self, at: datetime) -> AsyncIterator[RowMapping]:
        """Page by page, so that cases that may not go stand in nobody's way."""
        case = t.cases.c
        query = select(case.id, case.number, case.kind, case.run, case.closed_at)
        query = query.where(self._is_due(at)).order_by(case.closed_at, case.id).limit(PAGE)
        page = query
        while True:
            async with self._case_file.reading.connect() as conn:
                rows = (await conn.execute(page)).mappings().all()
                held = await held_cases(conn, at, [row["id"] for row in rows])
            for row in rows:
                if row["id"] not in held:
                    yield row
            if len(rows) < PAGE:
                return
            last = rows[-1]
            page = query.where(
                tuple_(case.closed_at, case.id) > tuple_(last["closed_at"], last["id"])
            )

    def _is_due(self, at: datetime) -> ColumnElement[bool]:
        """Closed long enough, not purged, and no erasure of it is in doubt; nothing of it stopped.

        To resolve a doubt its system is read again for the person, whom only the key tells.
        """
        doubt = exists().where(
            t.erasures.c.case_id == t.cases.c.id, t.erasures.c.ended_at.is_(None)
        )
        return and_(
            t.cases.c.status == Status.CLOSED,
            t.cases.c.purged_at.is_(None),
            t.cases.c.closed_at < closed_before(at, self._policy),
            ~doubt,
            ~concerns_stopped(),
        )

    async def purge(self, row: RowMapping, at: datetime) -> bool:
        """Purge one case in one transaction; False if it may not go now. Raises `LockBusy`.

        A run that is open would be left without its key: its tasks would fail for ever.
        """
        if await self._runs.is_open(row):
            log.warning("run_outlives_case", number=row["number"])
            return False
        async with (
            asyncio.timeout(self._within.total_seconds()),
            self._case_file.engine.begin() as conn,
        ):
            await self._lock(conn, row["id"])
            if not await self._may_go(conn, row, at):
                return False
            async with self._case_file.step_in(conn, row["id"], "purge", at, "sweep") as step:
                await forget(step, self._case_file.keyring)
        return True

    async def _lock(self, conn: AsyncConnection, case: UUID) -> None:
        system = t.system_tasks.c
        asked = select(system.name).where(system.case_id == case)
        hashes, systems = await hashes_of(conn, case), list(await conn.scalars(asked))
        await lock_to_erase(conn, hashes, systems, self._within / 2)

    async def _may_go(self, conn: AsyncConnection, row: RowMapping, at: datetime) -> bool:
        """Under the locks: still due, not opened again meanwhile, and nobody holds it."""
        case, same_run = row["id"], t.cases.c.run == row["run"]
        mine = select(t.cases.c.id).where(t.cases.c.id == case, same_run, self._is_due(at))
        if await conn.scalar(mine.with_for_update()) is None:
            return False
        return case not in await held_cases(conn, at, [case])
