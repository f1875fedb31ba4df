"""The indexes by which a search finds a person in a large table without reading all of it."""

from collections.abc import Iterator

from connectors.sql.matching import plain_sql, quoted
from connectors.sql.rows import source
from connectors.sql.search import Layout


def index_statements(layout: Layout) -> Iterator[str]:
    """One for each identity column: on what the search compares, not on the column as it stands.

    An array has none: its elements are compared one by one.
    """
    for table, columns in layout.searched:
        for name, column in columns.items():
            if table.columns[name].category != "A":
                plain = plain_sql(quoted(name), column.rule.normalise, layout.catalog.script)
                yield f"create index on {source(table)} (({plain}));"
