"""What a search found, in the shape of the contract: sorted, numbered, with what was assumed."""

from collections.abc import Iterable

from connectors.contract import Found, FoundRow, ThirdParty
from connectors.sql.rows import Row, in_order
from connectors.sql.search import Heaps, Layout


def found(heaps: Heaps, layout: Layout) -> Found:
    """Items are numbered after sorting, the doubtful ones after the person's own."""
    rows, doubtful = in_order(heaps.person.values()), in_order(heaps.perhaps.values())
    return Found(
        rows=tuple(_row(at, row, layout) for at, row in enumerate(rows, 1)),
        doubtful=tuple(_row(at, row, layout) for at, row in enumerate(doubtful, len(rows) + 1)),
        third_party=tuple(_other(row, layout) for row in in_order(heaps.other.values())),
        defaults_used=(*layout.references.defaults, *_undeclared((*rows, *doubtful), layout)),
    )


def _row(number: int, row: Row, layout: Layout) -> FoundRow:
    declared = layout.columns(row.leaf)
    return FoundRow(
        item=str(number),
        schema_name=row.table.schema,
        table=row.table.name,
        key=row.key,
        path=row.path,
        values=row.values,
        categories={n: c.categories for n, c in declared.items() if c.categories},
    )


def _other(row: Row, layout: Layout) -> ThirdParty:
    named = ", ".join(layout.identities(row.leaf)) or "its name"
    return ThirdParty(
        schema_name=row.table.schema,
        table=row.table.name,
        key=row.key,
        reason=f"reached by {row.path[-1]}, but {named} is another person's",
    )


def _undeclared(rows: Iterable[Row], layout: Layout) -> list[str]:
    labels = {row.table.label for row in rows if not layout.columns(row.leaf)}
    return [
        f"{label} is not in the manifest: followed by its foreign key" for label in sorted(labels)
    ]
