"""Which rows lead to which: the manifest's references and the database's foreign keys, as edges.

From a person's row to its children always; to its parents only where the manifest says `to`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.manifest import DeclaredTable, Manifest
from connectors.sql.catalog import Catalog, ForeignKey, Table

Pair = tuple[str, str]  # a column of the referencing table, the column that it references


@dataclass(frozen=True)
class Edge:
    """From rows of `source` to the rows of `target` whose columns have the same values."""

    source: Table
    source_columns: tuple[str, ...]
    target: Table
    target_columns: tuple[str, ...]
    declared: bool
    to_parent: bool = False  # from the referencing table to the referenced one

    @property
    def turned(self) -> "Edge":
        """The same reference the other way."""
        return Edge(
            self.target, self.target_columns, self.source, self.source_columns, self.declared,
            not self.to_parent,
        )  # fmt: skip

    @property
    def upward(self) -> bool:
        """From many to one: what is reached may be shared with other people."""
        return self.target.is_key(self.target_columns) and not self.source.is_key(
            self.source_columns
        )

    @property
    def hop(self) -> str:
        """As a path names it; columns of a composite key are joined by commas."""
        start, end = ",".join(self.source_columns), ",".join(self.target_columns)
        return f"{self.source.label}.{start} -> {self.target.label}.{end}"


@dataclass(frozen=True)
class References:
    """All edges, in a fixed order, and what was assumed where the manifest says nothing."""

    edges: tuple[Edge, ...]
    defaults: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A reference as deleting sees it: from the referenced rows to those that refer to them.

    `on_delete`: as in `catalog.ForeignKey`; None if only the manifest knows of the reference.
    """

    down: Edge
    on_delete: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The referring columns."""
        return self.down.target_columns


def links(references: References, catalog: Catalog) -> tuple[Link, ...]:
    """Every reference once, in a fixed order."""
    found: dict[str, Link] = {}
    for key in catalog.foreign_keys:
        down = _edge(catalog.tables[key.parent], catalog.tables[key.child], _pairs(key), False)
        found[down.hop] = Link(down, key.on_delete)
    for edge in references.edges:
        down = edge.turned if edge.to_parent else edge
        found.setdefault(down.hop, Link(down, None))
    return tuple(found[hop] for hop in sorted(found))


def references(manifest: Manifest, catalog: Catalog) -> References:
    """The edges of a system. Declared tables that the database lacks are left out."""
    edges: dict[str, Edge] = {}
    defaults: list[str] = []
    for edge in _enforced(catalog):
        edges[edge.hop] = edge
    for table in manifest.tables:
        child = catalog.find(table.schema_name, table.name)
        if child is not None:
            for edge in _declared(manifest, catalog, table, child, defaults):
                edges[edge.hop] = edge  # wins over the foreign key: it is declared
    return References(tuple(edges[hop] for hop in sorted(edges)), tuple(sorted(set(defaults))))


def _enforced(catalog: Catalog) -> Iterator[Edge]:
    for key in catalog.foreign_keys:
        yield _edge(catalog.tables[key.parent], catalog.tables[key.child], _pairs(key), False)


def _declared(
    manifest: Manifest, catalog: Catalog, table: DeclaredTable, child: Table, defaults: list[str]
) -> Iterator[Edge]:
    said: dict[tuple[str, str | None], list[Pair]] = {}
    for column in table.columns.values():
        for reference in column.references:
            name, _, theirs = reference.field.rpartition(".")
            said.setdefault((name, reference.direction), []).append((column.name, theirs))
    for (name, direction), pairs in said.items():
        parent = catalog.find(*manifest.place(name))
        if parent is None:
            continue
        for key in _keys(catalog, child, parent, pairs):
            down = _edge(parent, child, key, True)
            if direction is None:
                defaults.append(f"{down.hop} has no direction: followed this way only")
            yield down.turned if direction == "to" else down


def _keys(catalog: Catalog, child: Table, parent: Table, pairs: list[Pair]) -> Iterator[list[Pair]]:
    """Columns of one composite key belong together: a part of it alone would reach strangers."""
    enforced = [
        _pairs(key)
        for key in catalog.foreign_keys
        if (key.child, key.parent) == (child.oid, parent.oid)
    ]
    yield from (key for key in enforced if set(key) & set(pairs))
    left = [pair for pair in pairs if not any(pair in key for key in enforced)]
    columns = [theirs for _, theirs in left]
    if len(set(columns)) == len(columns) > 1 and frozenset(columns) in parent.unique:
        yield sorted(left, key=lambda pair: pair[1])
    else:
        yield from ([pair] for pair in left)


def _pairs(key: ForeignKey) -> list[Pair]:
    both = zip(key.child_columns, key.parent_columns, strict=True)
    return sorted(both, key=lambda pair: pair[1])


def _edge(parent: Table, child: Table, pairs: list[Pair], declared: bool) -> Edge:
    ours, theirs = tuple(own for own, _ in pairs), tuple(there for _, there in pairs)
    return Edge(parent, theirs, child, ours, declared)
