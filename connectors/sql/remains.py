"""What still names a person after the erasure: a scan of texts, not a search by references.

Every text-like column of the system's readable tables is read for the person's unique identifiers,
so it sees what the plan missed, also within free text and JSON.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from connectors.contract import ErasurePlan, Person, Remains
from connectors.manifest import IdentityColumn
from connectors.sql.catalog import Connection, Table
from connectors.sql.matching import Identifiers, Rule, forms, plain, quoted
from connectors.sql.rows import Reader, Row, RowId
from connectors.sql.search import Layout, condition
from rules.identity import name_words, names_compatible

_TEXT_LIKE: Final = re.compile(
    r"(json|jsonb|xml|hstore|text|citext|character varying|bpchar)(\[\])?"
)
_WITHIN: Final[dict[Rule, re.Pattern[str]]] = {
    "email": re.compile(r"[\w.+%~'’-]+@[\w.-]+"),
    "phone": re.compile(r"\+?\d[\d\s()./‐‑–-]*\d"),
    "text": re.compile(r"[\w-]+"),
}
"""What could be an identifier within a longer text."""
_LAST: Final = 7  # digits of a phone number that every way of writing it ends with
_TELLING: Final = 5
"""A shorter identifier, or one of digits only, means something else in most texts."""


class Wanted:
    """The forms of the person's unique identifiers, by the rule that compares them."""

    def __init__(self, person: Person, layout: Layout) -> None:
        self.forms: dict[Rule, set[str]] = {}
        self.vague: dict[str, set[str]] = {}  # by type: looked for in columns of that type only
        for identity in person.identities:
            rule = layout.manifest.identifiers.get(identity.type)
            if rule is None or not rule.unique:
                continue
            for form in forms(identity.value, rule.normalise, layout.manifest.calling_code):
                self.forms.setdefault(rule.normalise, set()).add(form)
                if rule.normalise == "text" and (len(form) < _TELLING or form.isdigit()):
                    self.vague.setdefault(identity.type, set()).add(form)

    def within(self, value: Any, column: IdentityColumn | None) -> set[str]:
        """The forms that a value is or holds. `column`: what its column says of identifiers."""
        hits = set()
        for text in _strings(value):
            for rule, known in self.forms.items():
                words = [text, *_WITHIN[rule].findall(text)]
                hits |= known & {plain(word.strip(".'’"), rule) for word in words}
        fitting = self.vague.get(column.type, set()) if column else set()
        return hits - (set().union(*self.vague.values()) - fitting)

    def patterns(self) -> tuple[list[str], list[str], list[str]]:
        """For LIKE: the forms in letters; phone numbers by their last digits, and as digits."""
        words = {form for rule, known in self.forms.items() if rule != "phone" for form in known}
        phones = self.forms.get("phone", set())
        return (
            sorted(f"%{_any_case(form)}%" for form in words),
            sorted({f"%{'%'.join(form[-_LAST:])}%" for form in phones}),
            sorted(f"%{form}%" for form in phones),
        )


def _suspicion(columns: list[str]) -> str:
    """SQL that is true of every row that names the person; cheap, for it reads whole tables.

    Letters beyond ASCII are left open (parameter 1), digits are taken out last (2, then 3).
    """
    joined = ", ".join(f"t.{quoted(column)}::text" for column in columns)
    text = f"pg_catalog.lower(pg_catalog.concat_ws(E'\\n', {joined}) collate pg_catalog.\"C\")"
    digits = f"pg_catalog.regexp_replace({text}, '[^0-9]', '', 'g')"
    return (
        f"({text} like any($1::text[]) or "
        f"({text} like any($2::text[]) and {digits} like any($3::text[])))"
    )


class Scan:
    """One scan for one person, within one transaction."""

    def __init__(
        self, connection: Connection, layout: Layout, person: Person, kept: ErasurePlan
    ) -> None:
        self._layout = layout
        self._reader = Reader(connection, layout.catalog)
        self._name = name_words(person.name)
        self._known = Identifiers(person, layout.manifest.calling_code)
        self._wanted = Wanted(person, layout)
        self._kept = [
            ((table.schema_name, table.table, row.key), row.columns)
            for table in kept.tables
            if table.action == "keep"
            for row in table.rows
        ]

    async def remains(self) -> tuple[Remains, ...]:
        """Columns with one of the identifiers, sorted."""
        rows: dict[RowId, Row] = {}
        for table in self._tables():
            rows |= {row.id: row for row in await self._suspected(table)}
        found = Counter(
            (row.table.schema, row.table.name, column)
            for row in rows.values()
            for column in self._naming(row)
        )
        return tuple(
            Remains(schema_name=schema, table=table, column=column, records=records)
            for (schema, table, column), records in sorted(found.items())
        )

    def _tables(self) -> Iterator[Table]:
        """Declared ones, and all of their schema. Partitions are read with their root."""
        manifest, catalog = self._layout.manifest, self._layout.catalog
        for table in sorted(catalog.tables.values(), key=lambda table: table.label):
            root = catalog.root(table)
            is_ours = table.schema == manifest.db_schema or self._layout.declared(table.oid)
            adds = table is root or not set(table.columns) <= set(root.columns)
            is_declared_part = bool(self._layout.declared(table.oid)) and not root.readable
            if table.readable and is_ours and (adds or is_declared_part):
                yield table

    async def _suspected(self, table: Table) -> list[Row]:
        """Rows that could hold a form, perhaps as a part of something else."""
        script, columns = self._layout.catalog.script, self._columns(table.oid)
        if not columns:
            return []
        conditions, values = [_suspicion(columns)], list(self._wanted.patterns())
        for name, column in self._layout.identities(table.oid).items():
            if name in table.columns and self._known.of(column):  # also written with spaces
                values.append(sorted(filter(script.holds, self._known.of(column))))
                conditions.append(condition(table, name, column, len(values), script))
        return [row for row, _ in await self._reader.matching(table, conditions, values)]

    def _columns(self, leaf: int) -> list[str]:
        """The text-like ones, and those declared to hold identifiers whatever their type."""
        identities = self._layout.identities(leaf)
        return [
            name
            for name, column in self._layout.catalog.tables[leaf].columns.items()
            if (column.category == "S" or _TEXT_LIKE.fullmatch(column.type) or name in identities)
            and column.type != "bytea"
        ]

    def _naming(self, row: Row) -> Iterator[str]:
        """The columns of a row that name the person, and are not kept."""
        kept = self._kept_of(row)
        if () in kept:
            return
        identities = self._layout.identities(row.leaf)
        hits = {
            name: self._wanted.within(row.values.get(name), identities.get(name))
            for name in self._columns(row.leaf)
        }
        theirs: set[str] = set()
        if self._is_anothers(row):
            theirs = theirs.union(*(hits[name] for name in identities if name in hits))
        for name, forms_held in hits.items():
            is_shared = name in identities and identities[name].shared
            counts = forms_held - theirs and (not is_shared or self._has_the_name(row))
            if counts and not any(name in columns for columns in kept):
                yield name

    def _kept_of(self, row: Row) -> list[tuple[str, ...]]:
        """Per planned row of this key, the kept columns; empty: all."""
        here = (row.table.schema, row.table.name, row.key)
        return [columns for place, columns in self._kept if place == here]

    def _is_anothers(self, row: Row) -> bool:
        """By its name, or by a personal identifier: somebody who shares an address."""
        name = name_words(self._layout.name_of(row))
        if name and self._name and not names_compatible(name, self._name):
            return True
        identities = self._layout.identities(row.leaf)
        return any(
            column.rule.personal and self._known.matches(column, row.values.get(n)) is False
            for n, column in identities.items()
        )

    def _has_the_name(self, row: Row) -> bool:
        return names_compatible(name_words(self._layout.name_of(row)), self._name)


def _strings(value: Any) -> Iterator[str]:
    """Every text in a value, those of JSON and arrays included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif value is not None:
        yield value if isinstance(value, str) else str(value)


def _any_case(form: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", form)
    return "".join(char if char.isascii() else "_" for char in escaped)
