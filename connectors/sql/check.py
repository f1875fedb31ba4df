"""A manifest compared with the database that it describes."""

from collections.abc import Iterator

from connectors.declared import ConsentRecord, Stop
from connectors.manifest import DeclaredTable, Manifest
from connectors.sql.catalog import Catalog, Table


def misfits(manifest: Manifest, catalog: Catalog) -> Iterator[str]:
    """Tables and columns that are not as the manifest declares them, a sentence each."""
    for declared in manifest.tables:
        table = catalog.find(declared.schema_name, declared.name)
        if table is None:
            yield f"there is no table {declared.schema_name}.{declared.name}"
            continue
        yield from _columns(declared, table)
    for name, _, columns in _written(manifest):
        table = catalog.find(*manifest.place(name))
        for column in sorted(columns & set(table.columns)) if table else ():
            if table and table.columns[column].generated:
                yield f"{table.label}.{column} is generated and cannot be set"


def missing_rights(manifest: Manifest, catalog: Catalog) -> Iterator[str]:
    """What the engine's role may not do there, a sentence each."""
    for declared in manifest.tables:
        table = catalog.find(declared.schema_name, declared.name)
        if table and not table.readable:
            yield f"{table.label} may not be read; grant select on it"
    for name, inserts, _ in _written(manifest):
        table = catalog.find(*manifest.place(name))
        if table and not (table.insertable if inserts else table.updatable):
            right = "insert" if inserts else "update"
            yield f"{table.label} may not be written; grant {right} on it"


def _columns(declared: DeclaredTable, table: Table) -> Iterator[str]:
    for name, column in declared.columns.items():
        held = table.columns.get(name)
        if held is None:
            yield f"{table.label} has no column {name}"
        elif column.identity and held.type in ("json", "jsonb", "bytea"):
            yield f"{table.label}.{name} is {held.type} and cannot be compared with an identifier"


def _written(manifest: Manifest) -> Iterator[tuple[str, bool, set[str]]]:
    """Table, whether rows are inserted, and the columns that are written."""
    for restriction in manifest.restrict:
        yield restriction.table, False, {*restriction.set, *restriction.lift}
    actions: tuple[Stop | ConsentRecord, ...] = (*manifest.suppress, *manifest.record_consent)
    for action in actions:
        yield action.table, action.insert is not None, set(action.written)
