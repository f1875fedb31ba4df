"""Finding a person in a database: matched rows, then everything that belongs to them.

Three heaps: the person's rows; rows that could be somebody else's (`doubtful`); rows that were
reached and tell of somebody else (`third_party`, Art. 15(4)).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from connectors.contract import Identity, Person, RowKey
from connectors.manifest import Column, DeclaredTable, IdentityColumn, Manifest
from connectors.sql.catalog import Catalog, Connection, Table
from connectors.sql.matching import Identifiers, Script, match_sql, normalised, quoted, texts
from connectors.sql.references import Edge, Link, References, links, references
from connectors.sql.rows import Reader, Row, RowId, in_order
from connectors.taxonomy import NAME
from rules.identity import name_words, names_compatible


class Belongs(Enum):
    """To whom a row belongs."""

    PERSON = "person"
    PERHAPS = "perhaps"
    OTHER = "other"


@dataclass(frozen=True)
class Layout:
    """A system's manifest laid over its database. Made once, used by every search."""

    manifest: Manifest
    catalog: Catalog

    @cached_property
    def references(self) -> References:
        """Which rows lead to which."""
        return references(self.manifest, self.catalog)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Which rows refer to which."""
        return links(self.references, self.catalog)

    @cached_property
    def searched(self) -> tuple[tuple[Table, dict[str, IdentityColumn]], ...]:
        """Tables with identity columns."""
        found = []
        for declared in self.manifest.tables:
            table = self.catalog.find(declared.schema_name, declared.name)
            columns = {n: c.identity for n, c in declared.columns.items() if c.identity}
            if table is not None and columns:
                found.append((table, columns))
        return tuple(found)

    @cached_property
    def is_one_look(self) -> bool:
        """Whether one statement finds everything: it sees one state without a transaction."""
        return len(self.searched) == 1 and not self.references.edges

    @cached_property
    def _declared(self) -> dict[tuple[str, str], DeclaredTable]:
        return {(t.schema_name, t.name): t for t in self.manifest.tables}

    def declared(self, leaf: int) -> list[DeclaredTable]:
        """What is declared of rows stored in a table, also for what it is a partition of.

        The nearest comes first.
        """
        at: int | None = leaf
        found: list[DeclaredTable] = []
        while at is not None and at in self.catalog.tables:
            table = self.catalog.tables[at]
            found += filter(None, [self._declared.get((table.schema, table.name))])
            at = table.parent
        return found

    def columns(self, leaf: int) -> dict[str, Column]:
        """The declared columns of rows stored in a table."""
        return {n: c for one in reversed(self.declared(leaf)) for n, c in one.columns.items()}

    def identities(self, leaf: int) -> dict[str, IdentityColumn]:
        """The columns that name the person whom such a row describes."""
        return {n: c.identity for n, c in self.columns(leaf).items() if c.identity}

    def name_of(self, row: Row) -> str:
        """The name in a row, from all its name columns; empty if it has none."""
        named = (n for n, c in self.columns(row.leaf).items() if any(map(is_name, c.categories)))
        return " ".join(text for column in named for text in texts(row.values.get(column)))

    def describes_people(self, leaf: int) -> bool:
        """Whether such a row is somebody's: it has an identity or a name."""
        columns = self.columns(leaf).values()
        return any(c.identity or any(map(is_name, c.categories)) for c in columns)


def is_name(category: str) -> bool:
    """Whether a data category is a person's name."""
    return category == NAME or category.startswith(f"{NAME}.")


@dataclass
class Heaps:
    """What a search has found, by the rows' ids."""

    person: dict[RowId, Row] = field(default_factory=dict)
    perhaps: dict[RowId, Row] = field(default_factory=dict)
    other: dict[RowId, Row] = field(default_factory=dict)

    def taken(self, chosen: Sequence[RowKey]) -> list[Row]:
        """The person's rows, and those of the doubtful ones that somebody chose."""
        return [
            *self.person.values(), *(r for r in self.perhaps.values() if _row_key(r) in chosen)
        ]  # fmt: skip


class Search:
    """One search for one person, in one state of the database: see `Layout.is_one_look`."""

    def __init__(
        self, connection: Connection, layout: Layout, person: Person,
        given: tuple[RowKey, ...] = (),
    ) -> None:  # fmt: skip
        """`given`: rows that are the person's, whatever they hold."""
        self._given = given
        self._layout = layout
        self._person = person
        self._reader = Reader(connection, layout.catalog)
        self._known = Identifiers(person, layout.manifest.calling_code)
        self._heaps = Heaps()

    @property
    def known(self) -> Identifiers:
        """By which identifiers the person is known; a search learns more of them."""
        return self._known

    def named_by(self, chosen: Sequence[RowKey]) -> tuple[Identity, ...]:
        """Every identifier that is known or stands in the rows that were found, normalised."""
        given = dict.fromkeys(self._known.identities)
        for row in self._heaps.taken(chosen):
            for name, column in self._layout.identities(row.leaf).items():
                for text in texts(row.values.get(name)):
                    given[Identity(type=column.type, value=text)] = None
        searched = self._layout.searched
        rules = {c.type: c.rule.normalise for _, columns in searched for c in columns.values()}
        code = self._layout.manifest.calling_code
        return tuple(dict.fromkeys(normalised(given, rules, code)))

    async def rows(self) -> Heaps:
        """Everything that is held on the person, followed to its end."""
        heaps = self._heaps
        await self._match()
        for row in await self._given_rows():
            heaps.person[row.id] = row
            heaps.perhaps.pop(row.id, None)
        self._learn(self._known, heaps.person.values())
        await self._spread(heaps.person, self._known)
        for known in heaps.person:
            heaps.perhaps.pop(known, None)
        widened = self._known.copy()
        self._learn(widened, heaps.perhaps.values())
        await self._spread(heaps.perhaps, widened)
        return heaps

    async def _match(self) -> None:
        """Rows that hold one of the given identifiers; by name alone nobody is found."""
        script = self._layout.catalog.script
        for table, columns in self._layout.searched:
            wanted = {n: self._known.of(c) for n, c in columns.items() if self._known.of(c)}
            if not wanted:
                continue
            conditions = [
                condition(table, n, columns[n], at, script) for at, n in enumerate(wanted, 1)
            ]
            values = [sorted(filter(script.holds, forms)) for forms in wanted.values()]
            for row, met in await self._reader.matching(table, conditions, values):
                self._sort(row, [columns[n] for n, hit in zip(wanted, met, strict=True) if hit])

    async def _given_rows(self) -> list[Row]:
        """By their keys; those of a table without one only if they are met as doubtful."""
        rows = []
        for given in self._given:
            table = self._layout.catalog.find(given.schema_name, given.table)
            key = table.primary_key if table else ()
            if table is not None and key and set(key) <= set(given.key):
                start = Row(leaf=table.oid, ctid="", table=table, values=given.key)
                itself = Edge(table, key, table, key, declared=False)
                rows += await self._reader.following(itself, [start])
        return [replace(row, path=()) for row in rows]

    def _sort(self, row: Row, matched: list[IdentityColumn]) -> None:
        strong = [column for column in matched if column.names_one_person]
        named = any(column.rule.personal for column in strong) or self._same_name(row)
        heap = self._heaps.person if strong and named else self._heaps.perhaps
        heap.setdefault(row.id, row)

    def _same_name(self, row: Row) -> bool:
        """Without a name on either side nothing contradicts the identifier."""
        ours, theirs = name_words(self._person.name), name_words(self._layout.name_of(row))
        return not ours or not theirs or names_compatible(ours, theirs)

    def _learn(self, known: Identifiers, rows: Iterable[Row]) -> None:
        """A matched row names the person in more ways than were given."""
        for row in rows:
            for name, column in self._layout.identities(row.leaf).items():
                if column.names_one_person:
                    known.learn(column.type, texts(row.values.get(name)))

    async def _spread(self, heap: dict[RowId, Row], known: Identifiers) -> None:
        """Follow every edge from the heap's rows until nothing new is reached."""
        frontier = in_order(heap.values())
        while frontier:
            reached: dict[RowId, Row] = {}
            for edge in self._layout.references.edges:
                starts = [row for row in frontier if self._leads(edge, row)]
                for row in await self._reader.following(edge, starts):
                    self._meet(edge, row, heap, reached)
            frontier = in_order(r for r in reached.values() if self._take(r, heap, known))

    def _leads(self, edge: Edge, row: Row) -> bool:
        """A shared parent (a company) leads only where the manifest says so."""
        covered = self._layout.catalog.covers(edge.source.oid, row.leaf)
        return covered and (edge.declared or not row.shared_parent)

    def _meet(
        self, edge: Edge, row: Row, heap: dict[RowId, Row], reached: dict[RowId, Row]
    ) -> None:
        """A row that was reached as a shared parent can be reached again as the person's own."""
        shared = edge.upward and not self._layout.describes_people(row.leaf)
        row = replace(row, upward=edge.upward, shared_parent=shared)
        before = reached.get(row.id) or heap.get(row.id)
        if before is None or (before.shared_parent and not shared):
            reached[row.id] = row

    def _take(self, row: Row, heap: dict[RowId, Row], known: Identifiers) -> bool:
        """Put a reached row where it belongs. True if the search goes on from it."""
        heaps, sure = self._heaps, heap is self._heaps.person
        if row.id in heaps.other or (row.id in heaps.person and not sure):
            return False
        belongs = self._belongs(row, known)
        if belongs is Belongs.OTHER:
            if row.id not in heaps.perhaps:
                heaps.other[row.id] = row
            return False
        if belongs is Belongs.PERHAPS and sure:
            heaps.perhaps.setdefault(row.id, row)
            return False
        heap[row.id] = row
        return True

    def _belongs(self, row: Row, known: Identifiers) -> Belongs:
        """By the identifiers that the row itself holds, then by its name."""
        columns = self._layout.identities(row.leaf)
        if not columns:  # a name in a record of the person's need not be the person's
            return Belongs.OTHER if row.upward and not self._same_name(row) else Belongs.PERSON
        met = [(c, known.matches(c, row.values.get(n))) for n, c in columns.items()]
        personal = [hit for c, hit in met if c.rule.personal and hit is not None]
        if personal:
            return Belongs.PERSON if any(personal) else Belongs.OTHER
        if any(c.names_one_person and hit is False for c, hit in met) and not any(
            hit for _, hit in met
        ):
            return Belongs.OTHER
        return Belongs.PERSON if self._same_name(row) else Belongs.PERHAPS


def condition(table: Table, name: str, column: IdentityColumn, at: int, script: Script) -> str:
    """SQL that says whether a column, or an element of it, is among the forms of parameter `at`."""
    rule = column.rule.normalise
    if table.columns[name].category == "A":
        element = match_sql("e", rule, script, at)
        return f"exists (select from unnest(t.{quoted(name)}) e where {element})"
    return match_sql(f"t.{quoted(name)}", rule, script, at)


def _row_key(row: Row) -> RowKey:
    return RowKey(schema_name=row.table.schema, table=row.table.name, key=row.key)
