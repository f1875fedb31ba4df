"""Whether a database lets its people be erased as the manifest declares."""

from collections.abc import Iterator

from connectors.declared import Erase
from connectors.manifest import DeclaredTable
from connectors.sql.catalog import Table
from connectors.sql.references import Link
from connectors.sql.search import Layout


def erasure_misfits(layout: Layout) -> Iterator[str]:
    """What would stop an erasure, a sentence each."""
    for declared in layout.manifest.tables:
        table = layout.catalog.find(declared.schema_name, declared.name)
        if table is not None:
            yield from _rights(declared, layout.catalog.root(table))
            yield from _values(declared, table)
    for link in layout.links:
        if _would_block(layout, link):
            child, parent = link.down.target, link.down.source
            yield (
                f"{child.label} refers to {parent.label}, whose rows are deleted, and no erase is "
                f"declared for it; declare {child.label} in the manifest"
            )


def _rights(declared: DeclaredTable, table: Table) -> Iterator[str]:
    if declared.erase in (Erase.DELETE, Erase.KEEP) and not table.deletable:
        yield f"{table.label} may not be deleted from; grant delete on it"
    if any(c.is_erased for c in declared.columns.values()) and not table.updatable:
        yield f"{table.label} may not be changed; grant update on it"


def _values(declared: DeclaredTable, table: Table) -> Iterator[str]:
    for name, column in declared.columns.items():
        held = table.columns.get(name)
        if held is None or not column.is_erased:
            continue
        if held.generated:
            yield f"{table.label}.{name} is generated and cannot be erased"
        elif held.required and column.erase_to is None:
            yield f"{table.label}.{name} is not null and is erased to null; give it a constant"


def _would_block(layout: Layout, link: Link) -> bool:
    """The table of the reference says nothing, and the database neither deletes nor cuts.

    What the database cuts stays as a row of the person of which nothing is declared.
    """
    child, parent = link.down.target, link.down.source
    goes = any(t.erase in (Erase.DELETE, Erase.KEEP) for t in layout.declared(parent.oid))
    says = any(t.erase is not None for t in layout.declared(child.oid))
    cut = any(
        column.is_erased for name, column in layout.columns(child.oid).items()
        if name in link.columns
    )  # fmt: skip
    return goes and not says and not cut and link.on_delete not in (None, "c")
