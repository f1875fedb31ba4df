"""Setting and deleting known rows, by where they are stored for the time of the transaction."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from connectors.declared import Constant, Constants
from connectors.sql.catalog import Catalog, Connection, Table
from connectors.sql.matching import quoted
from connectors.sql.rows import Row, source
from connectors.sql.writes import Parameters


def by_leaf(rows: Sequence[Row]) -> Iterator[tuple[int, list[Row]]]:
    """Rows by the table or partition that stores them, in a fixed order."""
    for leaf, group in groupby(sorted(rows, key=lambda row: row.id), key=lambda row: row.leaf):
        yield leaf, list(group)


def place(rows: Sequence[Row], parameters: Parameters) -> str:
    """SQL that says whether `t` is one of these rows of one leaf."""
    leaf = parameters.add(str(rows[0].leaf))
    places = parameters.add([row.ctid for row in rows])
    return f"t.tableoid = ${leaf}::text::oid and t.ctid = any(${places}::text[]::tid[])"


def holder(catalog: Catalog, row: Row, columns: Sequence[str]) -> Table:
    """The root table, whose rights count; the inheriting one for columns that only it has."""
    return row.table if set(columns) <= set(row.table.columns) else catalog.tables[row.leaf]


async def differing(
    connection: Connection, catalog: Catalog, rows: Sequence[Row], constants: Constants
) -> list[tuple[Row, list[str]]]:
    """Rows of one leaf with the columns that are not yet as they shall be."""
    table, parameters = holder(catalog, rows[0], list(constants)), Parameters()
    tests = [
        f"t.{quoted(n)}::text is distinct from ({_value(v, table, n, parameters)})::text"
        for n, v in constants.items()
    ]
    found = await connection.fetch(
        f"select t.ctid::text as ctid, array[{', '.join(tests)}] as differs "
        f"from {source(table)} as t where {place(rows, parameters)}",
        *parameters.values,
    )
    differs = {record["ctid"]: record["differs"] for record in found}
    return [
        (row, [n for n, d in zip(constants, differs[row.ctid], strict=True) if d]) for row in rows
    ]


async def set_columns(
    connection: Connection, catalog: Catalog, rows: Sequence[Row],
    columns: Mapping[str, Constant],
) -> int:  # fmt: skip
    """Set columns of rows of one leaf. How many rows were changed."""
    table, parameters = holder(catalog, rows[0], list(columns)), Parameters()
    assigned = ", ".join(
        f"{quoted(n)} = {_value(v, table, n, parameters)}" for n, v in columns.items()
    )
    done = await connection.execute(
        f"update {source(table)} as t set {assigned} where {place(rows, parameters)}",
        *parameters.values,
    )
    return int(done.split()[-1])


async def delete(connection: Connection, rows: Sequence[Row]) -> int:
    """Delete rows of any tables in one statement. How many are gone.

    The database checks references when a statement ends, so their order and cycles do not count.
    """
    parameters, parts = Parameters(), []
    for _, group in by_leaf(rows):
        where = place(group, parameters)
        parts.append(f"delete from {source(group[0].table)} as t where {where} returning 1")
    named = ", ".join(f"d{at} as ({part})" for at, part in enumerate(parts))
    counted = " + ".join(f"(select count(*) from d{at})" for at in range(len(parts)))
    if not parts:
        return 0
    return int(await connection.fetchval(f"with {named} select {counted}", *parameters.values))


def _value(value: Constant, table: Table, column: str, parameters: Parameters) -> str:
    return parameters.text(value, table.columns[column].type)
