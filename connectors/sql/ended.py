"""Relations that have ended: whom a system need not know any longer (Art. 5(1)(e))."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Final

from connectors.contract import EndedRelation, Identity, Person
from connectors.declared import Ended
from connectors.sql.catalog import Connection, Table
from connectors.sql.matching import quoted, texts
from connectors.sql.rows import Row, RowId, decoded, source
from connectors.sql.search import Layout, Search
from connectors.sql.treatment import day_of
from rules.calendars import add_months, zone

_BATCH: Final = 200


class EndedSearch:
    """One look, within one transaction that sees one state of the database."""

    def __init__(self, connection: Connection, layout: Layout, at: datetime) -> None:
        self._connection = connection
        self._layout = layout
        self._today = at.astimezone(zone(layout.manifest.time_zone)).date()

    async def people(self, limit: int) -> tuple[EndedRelation, ...]:
        """Each person once, `limit` at most, the earliest of a table first."""
        found: list[EndedRelation] = []
        seen: set[RowId] = set()
        for declared in self._layout.manifest.tables:
            table = self._layout.catalog.find(declared.schema_name, declared.name)
            if table is None or declared.ended is None:
                continue
            async for row in self._over(table, declared.ended):
                if len(found) == limit:
                    return tuple(found)
                if row.id not in seen and (one := await self._relation(row, seen)):
                    found.append(one)
        return tuple(found)

    async def _over(self, table: Table, ended: Ended) -> AsyncIterator[Row]:
        """Rows whose time has passed, in batches: most of a large table may have to be passed."""
        column, offset = f"t.{quoted(ended.column)}", 0
        while True:
            records = await self._connection.fetch(
                "select t.tableoid::bigint as leaf, t.ctid::text as ctid, "
                f"row_to_json(t.*)::text as row from {source(table)} as t "
                f"where {column} is not null order by {column}, t.tableoid, t.ctid "
                f"limit {_BATCH} offset {offset}"
            )
            root = self._layout.catalog.root(table)
            for record in records:
                row = Row(record["leaf"], record["ctid"], root, decoded(record["row"]))
                if self._passed(row, ended) is None:
                    return
                yield row
            if len(records) < _BATCH:
                return
            offset += _BATCH

    def _passed(self, row: Row, ended: Ended) -> date | None:
        """When the relation ended, if that is long enough ago; None if not."""
        day = day_of(row.values.get(ended.column), self._layout.manifest.time_zone)
        return day if day and add_months(day, ended.months) < self._today else None

    async def _relation(self, row: Row, seen: set[RowId]) -> EndedRelation | None:
        """The person of a row, unless another of the person's rows goes on or is doubtful."""
        person = self._person(row)
        heaps = await Search(self._connection, self._layout, person).rows()
        days = []
        for own in heaps.person.values():
            for declared in self._layout.declared(own.leaf):
                if declared.ended is not None:
                    days.append(self._passed(own, declared.ended))
                    seen.add(own.id)
        ended = [day for day in days if day is not None]
        if row.id not in heaps.person or len(ended) < len(days):
            return None
        return EndedRelation(person=person, ended_on=max(ended))

    def _person(self, row: Row) -> Person:
        """As the row itself names the person; a shared address names nobody."""
        return Person(
            name=self._layout.name_of(row),
            identities=tuple(
                Identity(type=column.type, value=text)
                for name, column in self._layout.identities(row.leaf).items()
                if column.names_one_person
                for text in texts(row.values.get(name))
            ),
        )
