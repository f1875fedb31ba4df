"""Erasing in one transaction: planned anew, agreed, applied, proven, committed."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from connectors.contract import (
    Agree,
    BeforeCommit,
    Erased,
    ErasurePlan,
    Identity,
    Kept,
    Person,
    RowKey,
    SystemMisdeclared,
)
from connectors.sql.catalog import Connection
from connectors.sql.matching import Identifiers, texts
from connectors.sql.plan import Change, Fates, Planner
from connectors.sql.rows import LayoutStale
from connectors.sql.search import Search
from connectors.sql.sets import by_leaf, delete, set_columns
from connectors.sql.treatment import Treatments

_BOUNDS: Final = """
select set_config(name, $1, true) from pg_settings where name in ('statement_timeout',
    'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
_UNCHANGED: Final = "a trigger, rule or policy of the database kept rows as they were"


class Eraser:
    """Plans and erases for one person, within one transaction."""

    def __init__(self, connection: Connection, treatments: Treatments, person: Person) -> None:
        self._connection = connection
        self._treatments = treatments
        self._layout = treatments.layout
        self._person = person
        self._known = Identifiers(person, self._layout.manifest.calling_code)
        self._named_by: tuple[Identity, ...] = ()

    async def fates(self, chosen: tuple[RowKey, ...]) -> Fates:
        """What would become of the person's rows."""
        search = Search(self._connection, self._layout, self._person, chosen)
        heaps = await search.rows()
        self._known = search.known
        self._named_by = search.named_by(chosen)
        return await Planner(self._connection, self._treatments).fates(heaps, chosen)

    async def erase(
        self, chosen: tuple[RowKey, ...], agree: Agree, before_commit: BeforeCommit
    ) -> Erased:
        """All but the commit."""
        fates = await self.fates(chosen)
        plan = fates.plan()
        await agree(plan, self._named_by)
        if plan.blocked:
            raise SystemMisdeclared(
                f"{self._layout.manifest.name}: nothing was erased: {'; '.join(plan.blocked)}. "
                "Correct the manifest or the database."
            )
        await self._apply(fates)
        await before_commit()
        return Erased(
            deleted=len(fates.deleted),
            changed=len(fates.changed),
            kept=kept(plan),
            identities=self._identities(fates),
        )

    async def _apply(self, fates: Fates) -> None:
        """Changes first: what still refers to a deleted row then refers to nothing."""
        overtaken = None
        try:
            await self._change((*fates.detached.values(), *fates.changed.values()))
            gone = await delete(self._connection, list(fates.deleted.values()))
            await self._connection.execute("set constraints all immediate")
        except asyncpg.ForeignKeyViolationError as error:
            overtaken = (str(error.schema_name), str(error.table_name))
        if overtaken:
            self._explain(overtaken)
        if gone != len(fates.deleted):
            raise self._refused(_UNCHANGED)

    async def _change(self, changes: Sequence[Change]) -> None:
        """Rows of one table that change in the same way go together."""
        alike: dict[str, list[Change]] = {}
        for change in changes:
            alike.setdefault(json.dumps(change.columns, sort_keys=True), []).append(change)
        for group in alike.values():
            for _, rows in by_leaf([change.row for change in group]):
                done = await set_columns(
                    self._connection, self._layout.catalog, rows, group[0].columns
                )
                if done != len(rows):
                    raise self._refused(_UNCHANGED)

    def _explain(self, refers: tuple[str, str]) -> None:
        """A reference that the plan did not see: a new row, or a table that we may not see."""
        if self._layout.catalog.find(*refers) is not None:
            raise LayoutStale
        raise self._refused(f"{'.'.join(refers)} refers to its rows and may not be seen")

    def _refused(self, why: str) -> SystemMisdeclared:
        return SystemMisdeclared(f"{self._layout.manifest.name}: nothing was erased: {why}.")

    def _identities(self, fates: Fates) -> tuple[Identity, ...]:
        """Everything by which the rows that went named the person, and only the person."""
        for row in (*fates.deleted.values(), *(c.row for c in fates.changed.values())):
            for name, column in self._layout.identities(row.leaf).items():
                if column.names_one_person:
                    self._known.learn(column.type, texts(row.values.get(name)))
        return self._known.identities


def kept(plan: ErasurePlan) -> tuple[Kept, ...]:
    """What stays, counted by table and reason, in the order of the plan."""
    counted: dict[str, Kept] = {}
    for table in (table for table in plan.tables if table.action == "keep"):
        for row in table.rows:
            assert row.reason is not None  # every kept row has one
            one = Kept(
                schema_name=table.schema_name, table=table.table, records=0, reason=row.reason,
                explanation=row.explanation, provision=row.provision, until=row.until,
            )  # fmt: skip
            known = counted.setdefault(one.model_dump_json(), one)
            more = known.model_copy(update={"records": known.records + 1})
            counted[one.model_dump_json()] = more
    return tuple(counted.values())


async def bound(connection: Connection, limit: timedelta) -> None:
    """End the transaction by `limit` on the server too, whatever becomes of us.

    Before PostgreSQL 17 only single statements and the pauses between them can be bounded.
    """
    await connection.execute(_BOUNDS, str(int(limit.total_seconds() * 1000)))


class Stopped(Exception):
    """The caller said no: its own error, whatever it is, goes back to it unchanged."""


class Voice:
    """Asks the caller within our transaction, and keeps its error apart from the database's."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def ask(self, question: Callable[[], Awaitable[None]]) -> None:
        """Await the caller's answer. Raises `Stopped` for any error of it."""
        try:
            await question()
            return
        except Exception as error:
            self.error = error
        raise Stopped
