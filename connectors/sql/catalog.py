"""What a PostgreSQL database really has: tables, columns, keys and references, from its catalog.

Read in one statement each for tables, columns, keys and references. Views and foreign tables are
never listed; a partition or an inheriting table is known with its root.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from connectors.sql.matching import Script

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_TABLES: Final = """
select c.oid::bigint as oid, n.nspname as schema, c.relname as name, i.inhparent::bigint as parent,
       has_any_column_privilege(c.oid, 'select') as readable,
       has_any_column_privilege(c.oid, 'update') as updatable,
       has_any_column_privilege(c.oid, 'insert') as insertable,
       has_table_privilege(c.oid, 'delete') as deletable
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join pg_inherits i on i.inhrelid = c.oid and i.inhseqno = 1
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
  and has_schema_privilege(n.oid, 'usage')
"""

_COLUMNS: Final = """
select a.attrelid::bigint as oid, a.attnum::int as number, a.attname as name,
       format_type(a.atttypid, -1) as type, y.typcategory::text as category,
       a.attgenerated::text <> '' or a.attidentity::text = 'a' as generated,
       a.attnotnull as required
from pg_attribute a join pg_type y on y.oid = a.atttypid
where a.attnum > 0 and not a.attisdropped and a.attrelid = any($1::bigint[]::oid[])
order by a.attrelid, a.attnum
"""

_KEYS: Final = """
select indrelid::bigint as oid, indisprimary as is_primary,
       (indkey::int2[])[0:indnkeyatts - 1]::int[] as columns
from pg_index
where indisunique and indisvalid and indpred is null and indexprs is null
  and indrelid = any($1::bigint[]::oid[])
"""

_REFERENCES: Final = """
select conrelid::bigint as child, conkey::int[] as child_columns,
       confrelid::bigint as parent, confkey::int[] as parent_columns,
       confdeltype::text as on_delete
from pg_constraint
where contype = 'f' and conparentid = 0 and conrelid = any($1::bigint[]::oid[])
"""

_COLLATIONS: Final = """
select collname from pg_collation
where collname in ('pg_c_utf8', 'und-x-icu')
  and collencoding in (-1, pg_char_to_encoding(getdatabaseencoding()))
order by collname limit 1
"""
_CODECS: Final = {
    "UTF8": "utf-8", "SQL_ASCII": "utf-8", "LATIN1": "latin-1", "LATIN9": "iso8859-15",
    "WIN1252": "cp1252",
}  # fmt: skip


@dataclass(frozen=True)
class TableColumn:
    """A column as the database has it. `category`: PostgreSQL's, S for strings, N numbers."""

    name: str
    type: str
    category: str
    generated: bool
    required: bool  # not null


@dataclass(frozen=True)
class Table:
    """A table, with its own columns. `parent`: what it is a partition of, or inherits from."""

    oid: int
    schema: str
    name: str
    parent: int | None
    readable: bool
    updatable: bool
    insertable: bool
    deletable: bool
    columns: dict[str, TableColumn] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    unique: tuple[frozenset[str], ...] = ()

    @property
    def label(self) -> str:
        """`schema.table`, for people."""
        return f"{self.schema}.{self.name}"

    def is_key(self, columns: Iterable[str]) -> bool:
        """Whether these columns contain a unique key of the table."""
        given = frozenset(columns)
        return any(key <= given for key in self.unique)


@dataclass(frozen=True)
class ForeignKey:
    """A reference that the database enforces."""

    child: int
    child_columns: tuple[str, ...]
    parent: int
    parent_columns: tuple[str, ...]
    on_delete: str  # pg_constraint.confdeltype: c cascades, n and d set the columns, others refuse


@dataclass(frozen=True)
class Catalog:
    """A database's tables by oid, and how it writes."""

    tables: dict[int, Table]
    foreign_keys: tuple[ForeignKey, ...]
    script: Script

    def find(self, schema: str, name: str) -> Table | None:
        """The table of that very name."""
        return next((t for t in self.tables.values() if (t.schema, t.name) == (schema, name)), None)

    def root(self, table: Table) -> Table:
        """The table that names its rows: itself, or the root of its partitions or inheritance."""
        while table.parent is not None and table.parent in self.tables:
            table = self.tables[table.parent]
        return table

    def covers(self, table: int, leaf: int) -> bool:
        """Whether rows stored in `leaf` are rows of `table`."""
        at: int | None = leaf
        while at is not None and at != table:
            at = self.tables[at].parent if at in self.tables else None
        return at == table


async def read_catalog(connection: Connection) -> Catalog:
    """The catalog as it is now."""
    found = await connection.fetch(_TABLES)
    oids = [row["oid"] for row in found]
    columns: dict[int, dict[int, TableColumn]] = {oid: {} for oid in oids}
    for row in await connection.fetch(_COLUMNS, oids):
        columns[row["oid"]][row["number"]] = TableColumn(
            row["name"], row["type"], row["category"], row["generated"], row["required"]
        )
    keys: dict[int, list[tuple[bool, tuple[str, ...]]]] = {oid: [] for oid in oids}
    for row in await connection.fetch(_KEYS, oids):
        names = _named(columns[row["oid"]], row["columns"])
        keys[row["oid"]].append((row["is_primary"], names))
    tables = {
        row["oid"]: Table(
            **row,
            columns={column.name: column for column in columns[row["oid"]].values()},
            primary_key=next((names for first, names in keys[row["oid"]] if first), ()),
            unique=tuple(frozenset(names) for _, names in keys[row["oid"]]),
        )
        for row in found
    }
    references = tuple(
        ForeignKey(
            row["child"], _named(columns[row["child"]], row["child_columns"]),
            row["parent"], _named(columns[row["parent"]], row["parent_columns"]),
            row["on_delete"],
        )
        for row in await connection.fetch(_REFERENCES, oids)
        if row["parent"] in columns
    )  # fmt: skip
    return Catalog(tables, references, await _script(connection))


def _named(columns: dict[int, TableColumn], numbers: list[int]) -> tuple[str, ...]:
    return tuple(columns[number].name for number in numbers)


async def _script(connection: Connection) -> Script:
    """The collation `default` may be C, whose lower() leaves Å as it is: then another one."""
    codec = _CODECS.get(await connection.fetchval("select getdatabaseencoding()"), "ascii")
    knows_letters = codec == "ascii" or await connection.fetchval("select lower('ÅÖ') = 'åö'")
    collation = None if knows_letters else await connection.fetchval(_COLLATIONS)
    return Script(collation or "default", codec)
