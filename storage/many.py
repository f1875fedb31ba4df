"""However many rows, in one statement that is compiled once: each column travels as one array."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import TableValuedAlias, bindparam, column, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

Columns = Mapping[str, TypeEngine[Any]]


def each(name: str, columns: Columns) -> TableValuedAlias:
    """The rows as a table of that name; its parameters are those of `listed`."""
    lists = (
        bindparam(f"every_{name}_{column}", type_=ARRAY(kind)) for column, kind in columns.items()
    )
    rows = func.unnest(*lists).table_valued(
        *(column(column_name, kind) for column_name, kind in columns.items()), name=name
    )
    return rows.render_derived()


def listed(name: str, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters for such a table."""
    known = list(rows)
    return {f"every_{name}_{one}": [row[one] for row in known] for one in columns}
