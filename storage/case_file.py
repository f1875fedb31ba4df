"""Opens business steps on a case: effect, status and audit entries in one transaction, once.

A step holds the case row's lock, so steps of one case follow one another. Its key makes it safe to
repeat: a repeated step changes nothing and gives the case as it stands.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Label,
    Row,
    RowMapping,
    Table,
    Text,
    Uuid,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from schemas.case import (
    CaseView,
    TimelineEntry,
)
from schemas.errors import Purged
from schemas.events import Fact
from schemas.request import Kind
from schemas.steps import Recorded, workflow_id
from storage import tables as t
from storage.audit import END, Audit, entries_of_step
from storage.case_step import CaseStep, Known, unseal, unseal_each
from storage.codec import case_of
from storage.keyring import Keyring
from storage.views import case_view, open_tasks_of
from storage.writes import as_new, case_changed

_LOCKED: Final = (
    select(t.cases).where(t.cases.c.id == bindparam("case", type_=Uuid)).with_for_update()
)
_CASE: Final = bindparam("case", type_=Uuid)


def _ever(table: Table) -> Label[int]:
    counted = select(func.count()).where(table.c.case_id == _CASE)
    return counted.scalar_subquery().label(f"{table.name}_ever")


_KEYS: Final = func.unnest(bindparam("keys", type_=ARRAY(Text)))
_TAKEN: Final = (
    upsert(t.steps)
    .from_select(["case_id", "key"], select(_CASE, _KEYS))
    .on_conflict_do_nothing()
    .returning(t.steps.c.key, *END, open_tasks_of(_CASE), _ever(t.tasks), _ever(t.letters))
)
"""Takes the steps that were not taken before. Read with it, under the row's lock by now, is what a
step needs to know: the end of the audit chain, the open tasks, the numbers given so far."""


class Sitting:
    """Steps of one case in one transaction, under its row's lock; written together at the end."""

    def __init__(
        self, conn: AsyncConnection, row: dict[str, Any], keyring: Keyring,
        taken: Sequence[Row[Any]],
    ) -> None:  # fmt: skip
        self._conn = conn
        self._row = row
        self._keyring = keyring
        self._new = {one.key for one in taken}
        self._known = Known.of(taken)
        self._steps: list[CaseStep] = []
        self.entries: list[TimelineEntry] = []  # what was written to the audit

    def step(self, key: str, at: datetime, actor: str) -> CaseStep:
        """The next step; it sees the case as the one before leaves it."""
        row = self._steps[-1].row | self._steps[-1].changes if self._steps else self._row
        repeated = key not in self._new
        self._new.discard(key)  # once more, of a try that is given up: a repetition
        step = CaseStep(
            self._conn, row, self._keyring, at, actor, key, self._known, repeated=repeated
        )
        self._steps.append(step)
        return step

    async def write(self, audit: Audit, policy_version: str) -> None:
        """Write what the steps have collected: row, sealed parts and audit, in one statement."""
        changes: dict[str, Any] = {}
        for step in self._steps:
            changes |= step.changes
        if not changes:
            return
        case: UUID = self._row["id"]
        parts, parameters = self._known.writes.take()
        parameters |= {"mine": case, "known": self._row["revision"], **as_new(changes)}
        said = [step.said for step in self._steps]
        audited = self._known.end is not None and any(one.facts for one in said)
        if audited and self._known.end is not None:
            added = audit.add(case, self._known.end, said, policy_version=policy_version)
            parameters |= added.parameters
            self.entries = added.entries
        statement = case_changed(*sorted(changes), parts=parts, audited=audited)
        changed = await self._conn.execute(statement, parameters)
        if changed.rowcount != 1:
            raise RuntimeError("the case row changed under its lock")


class CaseFile:
    """Opens steps on cases."""

    def __init__(
        self, engine: AsyncEngine, keyring: Keyring, audit: Audit, policy_version: str
    ) -> None:
        self.engine = engine
        # For single reads: a begin and a rollback around one would be two round trips of three.
        self.reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.keyring = keyring
        self.audit = audit
        self.policy_version = policy_version

    @asynccontextmanager
    async def step(self, case: UUID, key: str, at: datetime, actor: str) -> AsyncIterator[CaseStep]:
        """A step in one transaction. If `repeated`, it was done before: change nothing."""
        async with self.engine.begin() as conn, self.step_in(conn, case, key, at, actor) as step:
            yield step

    @asynccontextmanager
    async def step_in(
        self, conn: AsyncConnection, case: UUID, key: str, at: datetime, actor: str
    ) -> AsyncIterator[CaseStep]:
        """The same in the caller's transaction."""
        async with self.sitting(conn, case, [key]) as sitting:
            yield sitting.step(key, at, actor)

    @asynccontextmanager
    async def sitting(
        self, conn: AsyncConnection, case: UUID, keys: Sequence[str]
    ) -> AsyncIterator[Sitting]:
        """Several steps, each with one of these keys, in the caller's transaction.

        Raises `Purged`: whatever a process still has in memory, such a case takes no step.
        """
        row = (await conn.execute(_LOCKED, {"case": case})).mappings().one()
        if row["purged_at"] is not None:
            raise Purged(row["number"])
        taken = (await conn.execute(_TAKEN, {"case": case, "keys": _of_this_run(row, keys)})).all()
        sitting = Sitting(conn, dict(row), self.keyring, taken)
        yield sitting
        await sitting.write(self.audit, self.policy_version)

    async def record(
        self, case: UUID, key: str, at: datetime, actor: str,
        write: Callable[[CaseStep], Awaitable[None]],
    ) -> Recorded:  # fmt: skip
        """Take a step unless it was taken before; the case as it stands then, and its entries."""
        async with self.engine.begin() as conn:
            async with self.sitting(conn, case, [key]) as sitting:
                step = sitting.step(key, at, actor)
                if not step.repeated:
                    await write(step)
            entries = sitting.entries
            if step.repeated:
                entries = await entries_of_step(conn, case, key)
            return Recorded(view=await case_view(conn, case), entries=tuple(entries))

    async def note(self, case: UUID, fact: Fact, at: datetime, actor: str) -> None:
        """Add a fact to the record of a case, of a purged one, too: nothing else changes."""
        async with self.engine.begin() as conn:
            await conn.execute(_LOCKED, {"case": case})
            await self.audit.append(
                conn, case, [fact], at=at, actor=actor, policy_version=self.policy_version
            )

    async def is_done(self, case: UUID, key: str) -> bool:
        """Whether a step was done."""
        mine = (t.steps.c.case_id == case) & (t.steps.c.key == key)
        async with self.reading.connect() as conn:
            return bool(await conn.scalar(select(func.count()).where(mine)))

    async def view(self, case: UUID) -> CaseView:
        """The case as it stands."""
        async with self.reading.connect() as conn:
            return await case_view(conn, case)

    async def unseal(self, case: UUID, part: str) -> bytes | None:
        """Sealed content, None if there is none under this name."""
        async with self.reading.connect() as conn:
            return await unseal(conn, self.keyring, case, part)

    async def sealed_parts(self, case: UUID, prefix: str) -> dict[str, bytes]:
        """All sealed parts whose name begins so, by name without the prefix."""
        async with self.reading.connect() as conn:
            return (await unseal_each(conn, self.keyring, case, (prefix,)))[0]


def _of_this_run(row: RowMapping, keys: Sequence[str]) -> list[str]:
    """Without steps of a run that is over: what it was still doing changes nothing any more."""
    this = workflow_id(Kind(row["kind"]), row["id"], row["run"])
    runs = {key: key.partition("/")[0] for key in keys}
    return [key for key, run in runs.items() if run == this or case_of(run) is None]
