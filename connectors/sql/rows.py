"""Rows as the search carries them, and the statements that read them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.sql.catalog import Catalog, Connection, Table
from connectors.sql.matching import quoted
from connectors.sql.references import Edge

RowId = tuple[int, str]


@dataclass(frozen=True)
class Row:
    """A row: where it is stored for the time of the transaction, its values, how it was reached."""

    leaf: int  # oid of the table or partition that stores it
    ctid: str
    table: Table  # the root that names it
    values: dict[str, Any] = field(repr=False)
    path: tuple[str, ...] = ()
    upward: bool = False  # reached from many to one
    shared_parent: bool = False  # reached from many to one, and describes no person

    @property
    def id(self) -> RowId:
        """Names the row for the time of the transaction, also among equal rows."""
        return self.leaf, self.ctid

    @property
    def key(self) -> dict[str, Any]:
        """The primary key; without one the whole row."""
        columns = self.table.primary_key or tuple(self.table.columns)
        return {column: self.values[column] for column in columns}


def source(table: Table) -> str:
    """A table as SQL names it."""
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Sorted by schema, table, key; equal rows by where they are stored."""
    return sorted(rows, key=lambda r: (r.table.schema, r.table.name, _rank(r.key), r.id))


class LayoutStale(Exception):
    """A row is stored in a table that came after the catalog was read: read it again."""


class Reader:
    """Reads rows of a database's tables, within one transaction."""

    def __init__(self, connection: Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog

    async def matching(
        self, table: Table, conditions: Sequence[str], values: Sequence[list[str]]
    ) -> list[tuple[Row, list[bool]]]:
        """Rows that meet any of the conditions, each with the conditions that it meets."""
        found = await self._connection.fetch(
            f"select t.tableoid::bigint as leaf, t.ctid::text, row_to_json(t.*)::text as row, "
            f"array[{', '.join(conditions)}] as met from {source(table)} as t "
            f"where {' or '.join(conditions)}",
            *values,
        )
        rows = await self._rows(table, found)
        return list(zip(rows, (row["met"] for row in found), strict=True))

    async def following(self, edge: Edge, rows: Sequence[Row]) -> list[Row]:
        """The rows that an edge reaches from these rows, with their paths."""
        starts: dict[str, Row] = {}
        for row in rows:
            values = [row.values[column] for column in edge.source_columns]
            if None not in values:
                starts.setdefault(json.dumps(values), row)
        if not starts:
            return []
        found = await self._connection.fetch(*_follow(edge, list(starts)))
        reached = await self._rows(edge.target, found)
        origins = list(starts.values())
        return [
            replace(row, path=(*origins[record["start"]].path, edge.hop))
            for row, record in zip(reached, found, strict=True)
        ]

    async def _rows(self, table: Table, found: Sequence[Any]) -> list[Row]:
        if not all(record["leaf"] in self._catalog.tables for record in found):
            raise LayoutStale
        fuller = await self._inherited(table, found)
        root = self._catalog.root(table)
        return [
            Row(
                leaf=record["leaf"],
                ctid=record["ctid"],
                table=root,
                values=fuller.get((record["leaf"], record["ctid"])) or decoded(record["row"]),
            )
            for record in found
        ]

    async def _inherited(self, table: Table, found: Sequence[Any]) -> dict[RowId, dict[str, Any]]:
        """Rows of inheriting tables with the columns that only those have."""
        fuller: dict[RowId, dict[str, Any]] = {}
        for leaf in {record["leaf"] for record in found} - {table.oid}:
            stored = self._catalog.tables[leaf]
            if set(stored.columns) <= set(table.columns):
                continue
            places = [record["ctid"] for record in found if record["leaf"] == leaf]
            for record in await self._connection.fetch(
                f"select t.ctid::text, row_to_json(t.*)::text as row from only {source(stored)} "
                "as t where t.ctid = any($1::text[]::tid[])",
                places,
            ):
                fuller[leaf, record["ctid"]] = decoded(record["row"])
        return fuller


def _follow(edge: Edge, starts: list[str]) -> tuple[str, str]:
    """The statement of an edge and its argument: the key values, typed as their column."""
    columns = list(zip(edge.source_columns, edge.target_columns, strict=True))
    typed = ", ".join(
        f"c{at} {edge.source.columns[own].type}" for at, (own, _) in enumerate(columns)
    )
    equal = " and ".join(
        _equal(edge, own, there, f"s.c{at}") for at, (own, there) in enumerate(columns)
    )
    argument = [
        {"start": at, **{f"c{n}": value for n, value in enumerate(json.loads(start))}}
        for at, start in enumerate(starts)
    ]
    return (
        "select t.tableoid::bigint as leaf, t.ctid::text, row_to_json(t.*)::text as row, s.start "
        f"from {source(edge.target)} as t "
        f"join jsonb_to_recordset($1::text::jsonb) as s(start int, {typed}) on {equal} "
        "order by s.start",
        json.dumps(argument),
    )


def _equal(edge: Edge, own: str, there: str, start: str) -> str:
    """Types of one kind compare as they are, which can use an index; others as texts."""
    ours, theirs = edge.source.columns[own], edge.target.columns[there]
    if ours.type == theirs.type or (ours.category == theirs.category and ours.category in "NS"):
        return f"t.{quoted(there)} = {start}"
    return f"t.{quoted(there)}::text = {start}::text"


def decoded(text: str) -> dict[str, Any]:
    """A row's JSON. A number that a float would change stays the text of its digits."""
    row: dict[str, Any] = json.loads(text, parse_float=_number)
    return _mended(row) if "\\ud" in text.lower() else row


def _number(digits: str) -> float | str:
    number = float(digits)
    try:
        return number if Decimal(repr(number)) == Decimal(digits) else digits
    except InvalidOperation:
        return digits


def _mended(value: Any) -> Any:
    """Half a surrogate pair, which a json column may hold, is no text that can be written."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value


def _rank(key: dict[str, Any]) -> tuple[tuple[int, float, str], ...]:
    """Numbers by size, texts by letter, others by their JSON."""
    return tuple(
        (0, value, "")
        if isinstance(value, int | float)
        else (1, 0, value if isinstance(value, str) else json.dumps(value, sort_keys=True))
        for value in key.values()
    )
