"""System manifests: a folder of YAML files becomes the declared systems, or says what is wrong.

What a file may hold: `connectors.declared`. What is checked across it: `connectors.faults`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from connectors.declared import (
    ConsentRecord,
    Constant,
    DeclaredCollection,
    DeclaredDataset,
    DeclaredField,
    Ended,
    Erase,
    Http,
    ManifestFile,
    Reference,
    Restriction,
    RetentionRule,
    Stop,
    categories_of,
)
from connectors.faults import faults_of, repeated_names
from schemas.base import Model
from schemas.documents import Document
from schemas.errors import BadInput, InvalidDocument
from schemas.policy import IdentifierPolicy, Policy
from schemas.systems import Limits, Reach, SystemFacts

IDENTIFIERS: Final[Mapping[str, IdentifierPolicy]] = Policy.model_fields["identifiers"].default
"""The types of identifier that a policy has unless it says otherwise."""


class IdentityColumn(Model):
    """A column that names people: by which type of identifier, and how it is compared."""

    type: str
    rule: IdentifierPolicy
    shared: bool = False

    @property
    def names_one_person(self) -> bool:
        """Whether equality can be the same person; a shared address cannot."""
        return self.rule.unique and not self.shared


class Column(Model):
    """A declared column."""

    name: str
    categories: tuple[str, ...] = ()
    identity: IdentityColumn | None = None
    references: tuple[Reference, ...] = ()
    is_erased: bool = False
    erase_to: Constant = None  # if it is erased: what it holds then


class DeclaredTable(Model):
    """A declared table, by its own name and schema. `erase` is None if it holds nobody's data."""

    schema_name: str
    name: str
    columns: dict[str, Column]
    categories: tuple[str, ...] = ()  # of the table as a whole
    erase: Erase | None = None
    retention: RetentionRule | None = None
    ended: Ended | None = None


class Manifest(Model):
    """One declared system: facts for everybody, and what its connector needs."""

    facts: SystemFacts
    http: Http | None = None
    url_env: str | None = None
    db_schema: str = "public"
    calling_code: str | None = None
    time_zone: str = "Europe/Helsinki"
    identifiers: dict[str, IdentifierPolicy] = {}  # every type of the policy
    tables: tuple[DeclaredTable, ...] = ()
    suppress: tuple[Stop, ...] = ()
    restrict: tuple[Restriction, ...] = ()
    record_consent: tuple[ConsentRecord, ...] = ()

    @property
    def name(self) -> str:
        """The system's name."""
        return self.facts.name

    def place(self, table: str) -> tuple[str, str]:
        """Schema and name of `table` or `schema.table`."""
        return _place(table, self.db_schema)


def load(
    folder: Path, identifiers: Mapping[str, IdentifierPolicy] = IDENTIFIERS
) -> tuple[Manifest, ...]:
    """The systems of every .yaml file in `folder`, in the order of the files' names.

    `identifiers`: the policy's types. Raises `InvalidDocument` with file and line.
    """
    paths = sorted(p for p in folder.glob("*") if p.suffix in {".yaml", ".yml"})
    if not paths:
        raise BadInput(f"{folder} holds no system manifest (*.yaml); name the right folder.")
    seen: dict[str, str] = {}
    return tuple(m for path in paths for m in _read(path, identifiers, seen))


def load_file(
    path: Path, identifiers: Mapping[str, IdentifierPolicy] = IDENTIFIERS
) -> tuple[Manifest, ...]:
    """The systems of one file. Raises `InvalidDocument` with file and line."""
    return tuple(_read(path, identifiers, {}))


def _read(
    path: Path, identifiers: Mapping[str, IdentifierPolicy], seen: dict[str, str]
) -> Iterator[Manifest]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise InvalidDocument(f"{path}:1", "is not UTF-8 text; save it as UTF-8.")
    document = Document(text, str(path))
    datasets = document.build(ManifestFile).dataset
    faults = [fault for at, d in enumerate(datasets) for fault in faults_of(d, at, identifiers)]
    faults += repeated_names(datasets, str(path), seen)
    if faults:
        raise document.fault(faults)
    yield from (_manifest(dataset, identifiers) for dataset in datasets)


def _manifest(dataset: DeclaredDataset, identifiers: Mapping[str, IdentifierPolicy]) -> Manifest:
    ours = dataset.dsr
    return Manifest(
        facts=_facts(dataset),
        http=ours.http,
        url_env=ours.url_env,
        db_schema=ours.db_schema,
        calling_code=ours.calling_code,
        time_zone=ours.time_zone,
        identifiers=dict(identifiers),
        tables=tuple(_table(c, ours.db_schema, identifiers) for c in dataset.collections),
        suppress=ours.suppress,
        restrict=ours.restrict,
        record_consent=ours.record_consent,
    )


def _facts(dataset: DeclaredDataset) -> SystemFacts:
    """By SQL, categories and duties follow from the tables; otherwise they are declared."""
    ours = dataset.dsr
    facts = {name: getattr(ours, name) for name in SystemFacts.model_fields if hasattr(ours, name)}
    facts["fields"] = {category: (category,) for category in ours.categories}
    facts["corrects"] = ours.http.corrects if ours.http else ()
    if ours.reach is Reach.HTTP:
        facts["limits"] = ours.limits or Limits()
    if ours.reach is Reach.SQL:
        facts |= {
            "categories": _categories(dataset),
            "suppresses": _purposes(ours.suppress),
            "records_consent": _purposes(ours.record_consent),
            "restricts": bool(ours.restrict),
            "ends": any(collection.dsr.ended for collection in dataset.collections),
            "fields": _fields(dataset),
        }
    return SystemFacts(name=dataset.fides_key, **facts)


def _categories(dataset: DeclaredDataset) -> tuple[str, ...]:
    """Of the person, that is `user` and below; keys and other operations data name nobody."""
    return tuple(
        sorted(
            {
                category
                for collection in dataset.collections
                for part in (collection, *collection.fields)
                for category in categories_of(part)
                if category.split(".")[0] == "user"
            }
        )
    )


def _fields(dataset: DeclaredDataset) -> dict[str, tuple[str, ...]]:
    """What a correction can name: a category, a column, or `table.column`."""
    fields: dict[str, dict[str, None]] = {}
    for collection in dataset.collections:
        for column in collection.fields:
            facts = {c: None for c in categories_of(column) if _is_a_fact(c)}
            if not facts or column.meta.primary_key or column.meta.references:
                continue
            table = _place(collection.name, dataset.dsr.db_schema)[1]
            for name in (column.name, f"{table}.{column.name}"):
                fields[name] = fields.get(name, {}) | facts
            fields |= {category: {category: None} for category in facts}
    return {name: tuple(categories) for name, categories in sorted(fields.items())}


def _is_a_fact(category: str) -> bool:
    """About the person: a key is none, and choices are made by objection and consent."""
    parts = category.split(".")
    return parts[0] == "user" and parts[1:2] not in (["unique_id"], ["privacy_preferences"])


def _purposes(actions: tuple[Stop, ...] | tuple[ConsentRecord, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(purpose for action in actions for purpose in action.purposes))


def _table(
    collection: DeclaredCollection, schema: str, identifiers: Mapping[str, IdentifierPolicy]
) -> DeclaredTable:
    schema_name, name = _place(collection.name, schema)
    return DeclaredTable(
        schema_name=schema_name,
        name=name,
        columns={f.name: _column(f, identifiers) for f in collection.fields},
        categories=collection.data_categories,
        erase=collection.dsr.erase,
        retention=collection.dsr.retention,
        ended=collection.dsr.ended,
    )


def _column(field: DeclaredField, identifiers: Mapping[str, IdentifierPolicy]) -> Column:
    identity = field.meta.identity
    return Column(
        name=field.name,
        categories=categories_of(field),
        references=field.meta.references,
        is_erased=field.is_erased,
        erase_to=field.dsr.erase_to if field.dsr else None,
        identity=None
        if identity is None
        else IdentityColumn(
            type=identity,
            rule=identifiers[identity],
            shared=field.dsr is not None and field.dsr.shared,
        ),
    )


def _place(table: str, default_schema: str) -> tuple[str, str]:
    schema, dot, name = table.partition(".")
    return (schema, name) if dot else (default_schema, table)
