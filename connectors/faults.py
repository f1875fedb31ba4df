"""What can be wrong with a manifest beyond the shape of the file, with the place of each fault."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from connectors.declared import (
    FACTS,
    SENT_BESIDE_IDENTIFIERS,
    ConsentRecord,
    DeclaredCollection,
    DeclaredDataset,
    Reference,
    Stop,
    categories_of,
    identifier_facts,
)
from connectors.erasure_faults import erasure_faults
from connectors.taxonomy import DATA_CATEGORIES, EEA
from schemas.documents import Loc
from schemas.policy import IdentifierPolicy
from schemas.request import Language
from schemas.systems import Reach

Fault = tuple[Loc, str]
Identifiers = Mapping[str, IdentifierPolicy]


def faults_of(dataset: DeclaredDataset, at: int, identifiers: Identifiers) -> Iterator[Fault]:
    """Everything wrong with the dataset that is number `at` (from 0) of its file."""
    here: Loc = ("dataset", at)
    yield from _of_recipient(dataset, (*here, "dsr", "recipient"))
    yield from _of_reach(dataset, (*here, "dsr"), identifiers)
    yield from _unknown_categories(dataset.dsr.categories, (*here, "dsr", "categories"))
    if dataset.dsr.http is not None:
        sent = dataset.dsr.http.corrects
        yield from _unknown_categories(sent, (*here, "dsr", "http", "corrects"))
    yield from _repeated([c.name for c in dataset.collections], (*here, "collections"))
    for number, collection in enumerate(dataset.collections):
        yield from _of_collection(dataset, collection, (*here, "collections", number), identifiers)
    yield from _of_actions(dataset, (*here, "dsr"), identifiers)
    yield from erasure_faults(dataset, here)


def repeated_names(
    datasets: Sequence[DeclaredDataset], source: str, seen: dict[str, str]
) -> list[Fault]:
    """Systems whose name another one has already; `seen` remembers the file of each name."""
    faults: list[Fault] = []
    for at, dataset in enumerate(datasets):
        if dataset.fides_key in seen:
            text = f"a system {dataset.fides_key} is declared in {seen[dataset.fides_key]} already"
            faults.append((("dataset", at, "fides_key"), f"{text}; rename one"))
        seen.setdefault(dataset.fides_key, source)
    return faults


def _of_recipient(dataset: DeclaredDataset, here: Loc) -> Iterator[Fault]:
    recipient = dataset.dsr.recipient
    if recipient.country in EEA:
        return
    told = recipient.safeguard or {}
    if not all(told.get(language, "").strip() for language in Language):
        yield (
            (*here, "country"),
            f"{recipient.country} is outside the EEA: state the safeguard of the transfer in "
            "fi, sv and en (Art. 46), or choose a recipient inside",
        )


def _of_reach(dataset: DeclaredDataset, here: Loc, identifiers: Identifiers) -> Iterator[Fault]:
    ours = dataset.dsr
    if ours.reach is not Reach.HTTP and ours.http is not None:
        yield (*here, "http"), f"http belongs to reach: http, and this says {ours.reach}; remove it"
    if ours.reach is Reach.SQL:
        yield from _of_sql(dataset, here)
        return
    if ours.reach is Reach.HTTP:
        yield from _of_http(dataset, here, identifiers)
    elif ours.role is None:
        yield (*here, "reach"), "manual needs role, whose task it is"
    if not ours.categories:
        yield (
            (*here, "reach"),
            f"{ours.reach} needs categories, the kinds of data that are held there",
        )
    if ours.reach is Reach.MANUAL and ours.limits is not None:
        yield (*here, "limits"), "limits belong to sql or http, and people set their own; remove it"
    for key in ("url_env", "suppress", "restrict", "record_consent"):
        if key in ours.model_fields_set:
            how = "by hand" if ours.reach is Reach.MANUAL else "over HTTP"
            yield (*here, key), f"{key} needs a database, and this system is reached {how}"


def _of_sql(dataset: DeclaredDataset, here: Loc) -> Iterator[Fault]:
    ours = dataset.dsr
    if ours.url_env is None:
        yield (*here, "reach"), "sql needs url_env, the variable that holds the database's URL"
    if not dataset.collections:
        yield (*here, "reach"), "sql needs collections, the tables to search"
    for key in ("categories", "suppresses", "records_consent", "restricts"):
        if key in ours.model_fields_set:
            yield (*here, key), f"{key} follows from the tables of an sql system; remove it"


def _of_http(dataset: DeclaredDataset, here: Loc, identifiers: Identifiers) -> Iterator[Fault]:
    ours = dataset.dsr
    if ours.http is None:
        yield (*here, "reach"), "http needs http: {url_env, ca_env, domain}, how it is reached"
    yield from _of_corrects(dataset, (*here, "http", "corrects"))
    if not ours.fields_sent:
        yield (*here, "reach"), "http needs fields_sent, all that goes out about a person"
    known = (*SENT_BESIDE_IDENTIFIERS, *sorted(identifiers))
    for at, name in enumerate(ours.fields_sent):
        if name not in known:
            yield (
                (*here, "fields_sent", at),
                f"{name} is nothing that can be sent; known: {', '.join(known)}",
            )


def _of_corrects(dataset: DeclaredDataset, here: Loc) -> Iterator[Fault]:
    """Nothing is sent to a partner that does not hold it."""
    ours = dataset.dsr
    for at, category in enumerate(ours.http.corrects if ours.http else ()):
        if not any(f"{category}.".startswith(f"{held}.") for held in ours.categories):
            yield (
                (*here, at),
                f"{category} is not within the categories that are held there: "
                f"{', '.join(ours.categories)}",
            )


def _of_collection(
    dataset: DeclaredDataset, collection: DeclaredCollection, here: Loc, identifiers: Identifiers
) -> Iterator[Fault]:
    yield from _unknown_categories(collection.data_categories, (*here, "data_categories"))
    yield from _repeated([f.name for f in collection.fields], (*here, "fields"))
    for number, field in enumerate(collection.fields):
        place = (*here, "fields", number)
        yield from _unknown_categories(categories_of(field), (*place, "data_categories"))
        meta = (*place, "fides_meta" if field.fides_meta else "fidesops_meta")
        if field.meta.identity is not None and field.meta.identity not in identifiers:
            known = ", ".join(sorted(identifiers))
            yield (
                (*meta, "identity"),
                f"identity {field.meta.identity} is not a type of the policy; known: {known}",
            )
        for at, reference in enumerate(field.meta.references):
            fault = _of_reference(dataset, reference)
            if fault:
                yield (*meta, "references", at, "field"), fault


def _of_reference(dataset: DeclaredDataset, reference: Reference) -> str | None:
    if reference.dataset != dataset.fides_key:
        return (
            f"dataset {reference.dataset} is another system: each is searched by itself, "
            "so declare an identity in this one instead"
        )
    name, _, column = reference.field.rpartition(".")
    table = dataset.table(name)
    if table is None:
        return f"table {name} is not declared here; add it to collections"
    if all(field.name != column for field in table.fields):
        return f"column {column} is not declared in {name}; add it to its fields"
    return None


def _of_actions(dataset: DeclaredDataset, here: Loc, identifiers: Identifiers) -> Iterator[Fault]:
    ours = dataset.dsr
    written: list[tuple[str, Sequence[Stop | ConsentRecord]]] = [
        ("suppress", ours.suppress),
        ("record_consent", ours.record_consent),
    ]
    for key, actions in written:
        for at, action in enumerate(actions):
            place = (*here, key, at)
            read = action.update.identifiers if action.update else ()
            yield from _unknown_columns(dataset, action.table, (*read, *action.written), place)
            yield from _of_identifiers(dataset, action, place)
            yield from _of_facts(action, place, identifiers)
    for at, restriction in enumerate(ours.restrict):
        columns = (*restriction.set, *restriction.lift)
        yield from _unknown_columns(dataset, restriction.table, columns, (*here, "restrict", at))


def _unknown_columns(
    dataset: DeclaredDataset, name: str, columns: Iterable[str], here: Loc
) -> Iterator[Fault]:
    table = dataset.table(name)
    if table is None:
        yield (*here, "table"), f"table {name} is not declared here; add it to collections"
        return
    known = {field.name for field in table.fields}
    for column in dict.fromkeys(columns):
        if column not in known:
            yield here, f"column {column} is not declared in {name}; add it to its fields"


def _of_identifiers(
    dataset: DeclaredDataset, action: Stop | ConsentRecord, here: Loc
) -> Iterator[Fault]:
    table = dataset.table(action.table)
    if table is None:
        return
    named = {f.name: f.meta.identity for f in table.fields if f.meta.identity}
    for column in action.update.identifiers if action.update else ():
        if column not in named:
            yield (
                (*here, "update", "identifiers"),
                f"column {column} of {action.table} names nobody; give it a fides_meta.identity",
            )
    for column, type_ in identifier_facts(action.insert or {}).items():
        if named.get(column) != type_:
            yield (
                (*here, "insert", column),
                f"column {column} of {action.table} takes an identifier; give it the "
                f"fides_meta.identity {type_}",
            )


def _of_facts(action: Stop | ConsentRecord, here: Loc, identifiers: Identifiers) -> Iterator[Fault]:
    if action.insert is None:
        return
    types = identifier_facts(action.insert)
    for column, fact in types.items():
        if fact not in identifiers:
            known = ", ".join((*FACTS, *sorted(identifiers)))
            yield (*here, "insert", column), f"{fact} is nothing to insert; known: {known}"
    if not types:
        yield (*here, "insert"), "insert needs a column for an identifier, such as email"


def _unknown_categories(categories: Iterable[str], here: Loc) -> Iterator[Fault]:
    for category in categories:
        if category not in DATA_CATEGORIES:
            yield here, f"data category {category} is unknown; see connectors/taxonomy.py"


def _repeated(names: Sequence[str], here: Loc) -> Iterator[Fault]:
    for at, name in enumerate(names):
        if name in names[:at]:
            yield (*here, at, "name"), f"{name} is declared twice; keep one"
