"""What a system is told to do: purposes stopped, consent recorded, rows restricted.

Every statement can be repeated: the same choice again changes nothing. Values travel as text and
are cast to the type of their column by the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connectors.contract import Choice, Identity, Person, RowKey, SystemMisdeclared
from connectors.declared import (
    ConsentRecord,
    ConsentUpdate,
    Constant,
    Constants,
    Stop,
    StopUpdate,
    identifier_facts,
)
from connectors.manifest import Column, IdentityColumn
from connectors.sql.catalog import Connection, Table
from connectors.sql.matching import Identifiers, quoted
from connectors.sql.rows import source
from connectors.sql.search import Layout, Search, condition


@dataclass
class Parameters:
    """The values of one statement, in the order of their numbers."""

    values: list[str | list[str] | None] = field(default_factory=list)

    def add(self, value: str | list[str] | None) -> int:
        """The parameter's number."""
        self.values.append(value)
        return len(self.values)

    def text(self, value: Constant, column_type: str) -> str:
        """A value as SQL of the column's type."""
        shown = str(value).lower() if isinstance(value, bool) else value
        return f"${self.add(None if shown is None else str(shown))}::text::{column_type}"

    def instant(self, at: str, column_type: str) -> str:
        """An instant as SQL of the column's type (a date: the local one of the database)."""
        return f"${self.add(at)}::text::timestamptz::{column_type}"


class Writer:
    """Writes for one person, within one transaction that sees one state of the database."""

    def __init__(
        self, connection: Connection, layout: Layout, person: Person,
        chosen: tuple[RowKey, ...] = (),
    ) -> None:  # fmt: skip
        self._chosen = chosen
        self._connection = connection
        self._layout = layout
        self._person = person
        self._known = Identifiers(person, layout.manifest.calling_code)

    async def stop(self, action: Stop, choice: Choice) -> int:
        """Stop the purposes for the addresses. How many records stand stopped."""
        if action.update is None:
            return await self._insert(action.table, action.insert or {}, action.purposes, choice)
        return await self._by_address(action.table, action.update, action.update.set, choice)

    async def consent(self, action: ConsentRecord, choice: Choice) -> int:
        """Record consent. How many records stand so."""
        update = action.update
        if update is None:
            return await self._insert(action.table, action.insert or {}, action.purposes, choice)
        if choice.given:
            return await self._own_rows(action.table, update.given, update.as_of, choice)
        return await self._by_address(action.table, update, update.withdrawn, choice)

    async def mark(self, table: str, columns: Constants) -> int:
        """Set columns of the person's own rows. How many rows stand so."""
        return await self._own_rows(table, columns, None, None)

    async def _by_address(
        self, name: str, update: StopUpdate | ConsentUpdate, columns: Constants, choice: Choice
    ) -> int:
        """Every row with the address, whoever shares it: an objection to marketing is absolute."""
        table, parameters = self._table(name), Parameters()
        hits = [
            self._match(table, column, wanted, parameters)
            for column in update.identifiers
            if (wanted := self._declared(table)[column].identity) and self._known.of(wanted)
        ]
        if not hits:
            return 0
        return await self._set(table, columns, update.as_of, choice, " or ".join(hits), parameters)

    async def _own_rows(
        self, name: str, columns: Constants, as_of: str | None, choice: Choice | None
    ) -> int:
        """The rows that are surely the person's: consent of one does not speak for another.

        Searched anew for every action: an update moves rows.
        """
        table, catalog = self._table(name), self._layout.catalog
        search = Search(self._connection, self._layout, self._person, self._chosen)
        heaps = await search.rows()
        own = [row for row in heaps.person.values() if catalog.covers(table.oid, row.leaf)]
        standing = 0
        for leaf in sorted({row.leaf for row in own}):
            places = [row.ctid for row in own if row.leaf == leaf]
            standing += await self._set(
                catalog.tables[leaf], columns, as_of, choice,
                "t.ctid = any($1::text[]::tid[])", Parameters([places]),
            )  # fmt: skip
        return standing

    async def _set(
        self, table: Table, columns: Constants, as_of: str | None, choice: Choice | None,
        hit: str, parameters: Parameters,
    ) -> int:  # fmt: skip
        """Set what is not so yet, but not where a later choice stands. How many rows stand so."""
        values = {n: parameters.text(v, _type(table, n)) for n, v in columns.items()}
        stands = " and ".join(f"t.{quoted(n)} is not distinct from {v}" for n, v in values.items())
        free = "true"
        if as_of is not None and choice is not None:
            at = parameters.instant(choice.received_at.isoformat(), _type(table, as_of))
            values[as_of] = at
            earlier = "<" if choice.given else "<="  # of equal receipts the objection stands
            free = f"(t.{quoted(as_of)} is null or t.{quoted(as_of)} {earlier} {at})"
        changes = " or ".join(f"t.{quoted(n)} is distinct from {v}" for n, v in values.items())
        assigned = ", ".join(f"{quoted(n)} = {v}" for n, v in values.items())
        standing = await self._connection.fetchval(
            f"select count(*) from {source(table)} as t where ({hit}) and ({free} or {stands})",
            *parameters.values,
        )
        await self._connection.execute(
            f"update {source(table)} as t set {assigned} where ({hit}) and {free} and ({changes})",
            *parameters.values,
        )
        return int(standing)

    async def _insert(
        self, name: str, insert: Mapping[str, str], purposes: Sequence[str], choice: Choice
    ) -> int:
        """A row for each identifier and purpose, unless the same choice is recorded already."""
        table, recorded = self._table(name), 0
        types = identifier_facts(dict(insert))
        for purpose in (p for p in choice.purposes if p in purposes):
            for column, type_ in types.items():
                for identity in (i for i in self._person.identities if i.type == type_):
                    facts = {n: fact for n, fact in insert.items() if n not in types}
                    await self._record(table, facts, (column, identity), purpose, choice)
                    recorded += 1
        return recorded

    async def _record(
        self, table: Table, facts: Mapping[str, str], address: tuple[str, Identity], purpose: str,
        choice: Choice,
    ) -> None:  # fmt: skip
        column, identity = address
        parameters = Parameters()
        told: dict[str, Constant] = {
            "name": self._person.name, "purpose": purpose, "given": choice.given,
            "text_version": choice.text_version, "means": choice.means,
        }  # fmt: skip
        values = {
            n: parameters.instant(choice.received_at.isoformat(), _type(table, n))
            if fact == "at"
            else parameters.text(told[fact], _type(table, n))
            for n, fact in facts.items()
        }
        same = [f"t.{quoted(n)} is not distinct from {v}" for n, v in values.items()]
        known = Identifiers(
            Person(name="", identities=(identity,)), self._layout.manifest.calling_code
        )
        wanted = self._declared(table)[column].identity
        assert wanted is not None  # `connectors.faults` refuses others
        same.append(self._match(table, column, wanted, parameters, known))
        values[column] = parameters.text(identity.value, _type(table, column))
        await self._connection.execute(
            f"insert into {source(table)} ({', '.join(map(quoted, values))}) "
            f"select {', '.join(values.values())} "
            f"where not exists (select from {source(table)} as t where {' and '.join(same)}) "
            "on conflict do nothing",
            *parameters.values,
        )

    def _match(
        self, table: Table, column: str, wanted: IdentityColumn, parameters: Parameters,
        known: Identifiers | None = None,
    ) -> str:  # fmt: skip
        script = self._layout.catalog.script
        at = parameters.add(sorted(filter(script.holds, (known or self._known).of(wanted))))
        return condition(table, column, wanted, at, script)

    def _table(self, name: str) -> Table:
        place = self._layout.manifest.place(name)
        table = self._layout.catalog.find(*place)
        if table is None:
            label = ".".join(place)
            raise SystemMisdeclared(f"{self._layout.manifest.name}: there is no table {label}.")
        return table

    def _declared(self, table: Table) -> dict[str, Column]:
        return self._layout.columns(table.oid)


def _type(table: Table, column: str) -> str:
    return table.columns[column].type
