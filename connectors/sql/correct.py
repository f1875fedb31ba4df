"""Correcting values in the person's own rows (Art. 16), each with a check of what stands there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import asyncpg

from connectors.contract import (
    Corrected,
    CorrectedColumn,
    Correction,
    CorrectionConflict,
    Identity,
    Person,
    RowKey,
)
from connectors.manifest import Column
from connectors.sql.catalog import Connection
from connectors.sql.matching import forms, plain, quoted
from connectors.sql.rows import Row, decoded, in_order, source
from connectors.sql.search import Layout, Search, is_name
from connectors.sql.sets import holder, place
from connectors.sql.writes import Parameters
from rules.identity import name_words

_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
Place = tuple[str, str, str, str]  # field, schema, table, column


@dataclass
class Standing:
    """A column as it stands after the correction."""

    after: str = field(repr=False)
    rows: int = 0
    before: set[str] = field(default_factory=set, repr=False)


class Corrector:
    """Corrects for one person, within one transaction."""

    def __init__(self, connection: Connection, layout: Layout, person: Person) -> None:
        self._connection = connection
        self._layout = layout
        self._person = person
        self._standing: dict[Place, Standing] = {}
        self._conflicts: list[CorrectionConflict] = []

    async def correct(
        self, corrections: tuple[Correction, ...], chosen: tuple[RowKey, ...]
    ) -> Corrected:
        """Every column that a correction means, in every row that is surely the person's."""
        person = self._person if chosen else self._as_corrected(corrections)
        heaps = await Search(self._connection, self._layout, person, chosen).rows()
        for row in in_order(row for row in heaps.person.values() if not row.shared_parent):
            now = row
            for name, correction in self._meant(row, corrections):
                now = await self._settle(now, name, correction)
        return Corrected(
            applied=tuple(
                CorrectedColumn(
                    field=at[0], schema_name=at[1], table=at[2], column=at[3], rows=standing.rows,
                    before=tuple(sorted(standing.before)), after=standing.after,
                )
                for at, standing in sorted(self._standing.items(), key=lambda item: item[0])
            ),
            conflicts=tuple(self._conflicts),
        )  # fmt: skip

    def _as_corrected(self, corrections: tuple[Correction, ...]) -> Person:
        """With the new identifiers too, so that a repetition still finds the person.

        Whoever has the new one already would be found with it: the engine names rows instead.
        """
        more = [
            Identity(type=column.identity.type, value=correction.new)
            for table in self._layout.manifest.tables
            for column in table.columns.values()
            for correction in corrections
            if column.identity and _means(correction.field, table.name, column)
        ]
        return self._person.model_copy(update={"identities": (*self._person.identities, *more)})

    def _meant(
        self, row: Row, corrections: tuple[Correction, ...]
    ) -> Iterator[tuple[str, Correction]]:
        """Columns and what they are corrected to; generated ones last, when they have followed."""
        columns = self._layout.columns(row.leaf)
        held = self._layout.catalog.tables[row.leaf].columns
        for name in sorted(columns, key=lambda name: held[name].generated):
            for correction in corrections:
                if _means(correction.field, row.table.name, columns[name]):
                    yield name, correction

    async def _settle(self, row: Row, name: str, correction: Correction) -> Row:
        """The row as it is afterwards: an update moves it."""
        column, value = self._layout.columns(row.leaf)[name], row.values.get(name)
        if value is None:
            return row
        if self._equal(column, value, correction.new, exact=True):
            self._stands(row, name, correction)
            return row
        if correction.old is not None and not self._equal(column, value, correction.old):
            return self._left(row, name, correction, "differs")
        after = await self._set(row, name, correction.new)
        if after is None:
            return self._left(row, name, correction, "refused")
        self._stands(row, name, correction).before.add(_shown(value))
        return after

    def _equal(self, column: Column, value: Any, wanted: str, exact: bool = False) -> bool:
        """Identifiers as they are compared; if not exact, case, spaces, order of names are free."""
        held = _shown(value)
        if column.identity is not None:
            how, code = column.identity.rule.normalise, self._layout.manifest.calling_code
            return bool(forms(held, how, code) & forms(wanted, how, code))
        if not exact and any(map(is_name, column.categories)):
            return name_words(held) == name_words(wanted)
        if not exact and plain(held, "text") == plain(wanted, "text"):
            return True
        return held == wanted or (isinstance(value, dict | list) and value == _document(wanted))

    async def _set(self, row: Row, name: str, new: str) -> Row | None:
        """None if the database does not take the value; nothing else is undone then."""
        catalog = self._layout.catalog
        table, parameters = holder(catalog, row, [name]), Parameters()
        if table.columns[name].generated:
            return None
        value = parameters.text(new, table.columns[name].type)
        where = place([row], parameters)
        try:
            async with self._connection.transaction():  # a savepoint
                record = await self._connection.fetchrow(
                    f"update {source(table)} as t set {quoted(name)} = {value} where {where} "
                    "returning t.tableoid::bigint as leaf, t.ctid::text as ctid, "
                    "row_to_json(t.*)::text as row",
                    *parameters.values,
                )
        except _REFUSED:
            return None
        if record is None:  # a trigger or policy of the database
            return None
        values = {**row.values, **decoded(record["row"])}
        return replace(row, leaf=record["leaf"], ctid=record["ctid"], values=values)

    def _stands(self, row: Row, name: str, correction: Correction) -> Standing:
        at = (correction.field, row.table.schema, row.table.name, name)
        standing = self._standing.setdefault(at, Standing(correction.new))
        standing.rows += 1
        return standing

    def _left(
        self, row: Row, name: str, correction: Correction, why: Literal["differs", "refused"]
    ) -> Row:
        self._conflicts.append(
            CorrectionConflict(
                field=correction.field, schema_name=row.table.schema, table=row.table.name,
                column=name, key=row.key, held=_shown(row.values[name]), why=why,
            )
        )  # fmt: skip
        return row


def _means(field_name: str, table: str, column: Column) -> bool:
    return field_name in (*column.categories, column.name, f"{table}.{column.name}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
