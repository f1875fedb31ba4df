"""What can be wrong with how a manifest says that its people are erased, with the place of each.

Nothing is skipped: a field or table of a person that could not be erased as declared is refused.
"""

from collections.abc import Iterator

from connectors.declared import (
    DeclaredCollection,
    DeclaredDataset,
    DeclaredField,
    Erase,
    Reference,
    categories_of,
)
from schemas.documents import Loc
from schemas.systems import Reach

Fault = tuple[Loc, str]


def erasure_faults(dataset: DeclaredDataset, here: Loc) -> Iterator[Fault]:
    """Everything wrong with the erasure of a system that the engine reaches itself."""
    if dataset.dsr.reach is not Reach.SQL:
        return
    people = tables_of_people(dataset)
    for number, table in enumerate(dataset.collections):
        place: Loc = (*here, "collections", number)
        if table.name in people and table.dsr.erase is None:
            yield (
                (*place, "name"),
                f"{table.name} holds data of people and does not say how it is erased; add "
                "dsr: {erase: delete}, change or keep",
            )
        yield from _of_retention(table, (*place, "dsr"))
        yield from _of_end(table, (*place, "dsr", "ended"))
        if table.dsr.erase is Erase.CHANGE:
            yield from _of_change(table, place)
        yield from _of_fields(dataset, table, place)


def tables_of_people(dataset: DeclaredDataset) -> set[str]:
    """The tables that name people or hold their data, and those that refer down from these."""
    people = {c.name for c in dataset.collections if _holds_people(c)}
    while True:
        more = {
            c.name
            for c in dataset.collections
            for field in c.fields
            for reference in field.meta.references
            if reference.direction != "to" and _parent(reference) in people
        }
        if more <= people:
            return people
        people |= more


def _holds_people(table: DeclaredCollection) -> bool:
    return _is_personal(table) or any(
        field.meta.identity or _is_personal(field) for field in table.fields
    )


def _is_personal(part: DeclaredCollection | DeclaredField) -> bool:
    return any(category.split(".")[0] == "user" for category in categories_of(part))


def _parent(reference: Reference) -> str:
    return reference.field.rpartition(".")[0]


def _of_retention(table: DeclaredCollection, here: Loc) -> Iterator[Fault]:
    ours = table.dsr
    if ours.erase is Erase.KEEP and ours.retention is None:
        yield (
            (*here, "erase"),
            f"{table.name} is kept without a reason; add retention with reason, provision, years, "
            "from and basis",
        )
    if ours.erase is not Erase.KEEP and ours.retention is not None:
        yield (*here, "retention"), f"retention needs `erase: keep`; {table.name} is not kept"
    if ours.retention is not None:
        yield from _unknown(table, ours.retention.counted_from, (*here, "retention", "from"))


def _of_end(table: DeclaredCollection, here: Loc) -> Iterator[Fault]:
    if table.dsr.ended is None:
        return
    yield from _unknown(table, table.dsr.ended.column, (*here, "column"))
    if not any(field.meta.identity for field in table.fields):
        yield here, f"{table.name} names nobody; declare the end where an identity is"


def _unknown(table: DeclaredCollection, column: str, here: Loc) -> Iterator[Fault]:
    if all(field.name != column for field in table.fields):
        yield here, f"column {column} is not declared in {table.name}; add it to its fields"


def _of_change(table: DeclaredCollection, here: Loc) -> Iterator[Fault]:
    """Every column of the person has to have something that it is changed to."""
    if not any(field.is_erased for field in table.fields):
        yield (*here, "dsr", "erase"), f"{table.name} changes nothing; give its fields erase_to"
    for number, field in enumerate(table.fields):
        place: Loc = (*here, "fields", number)
        is_personal = _is_personal(field) or field.meta.identity is not None
        if field.meta.primary_key and field.meta.identity:
            yield (
                place,
                f"{field.name} names a person and is a primary key, which cannot be changed; "
                f"declare {table.name} as delete or keep",
            )
        elif is_personal and not (
            field.is_erased or field.meta.primary_key or field.meta.references
        ):
            yield place, f"{field.name} is the person's and has no erase_to; add one under dsr"


def _of_fields(dataset: DeclaredDataset, table: DeclaredCollection, here: Loc) -> Iterator[Fault]:
    for number, field in enumerate(table.fields):
        place: Loc = (*here, "fields", number)
        if field.is_erased:
            yield from _of_erase_to(table, field, (*place, "dsr", "erase_to"))
        for reference in field.meta.references:
            parent = dataset.table(_parent(reference))
            if parent is not None and _outlives(table, field, parent):
                yield (
                    place,
                    f"{table.name} keeps rows that refer to {parent.name}, whose rows are deleted; "
                    f"declare {parent.name} as change or keep",
                )


def _of_erase_to(table: DeclaredCollection, field: DeclaredField, here: Loc) -> Iterator[Fault]:
    if field.meta.primary_key:
        yield here, f"{field.name} is a primary key and cannot be changed; remove erase_to"
    elif table.dsr.erase is not Erase.CHANGE and not field.meta.references:
        yield here, f"erase_to needs a table that says `erase: change`; {table.name} does not"


def _outlives(table: DeclaredCollection, field: DeclaredField, parent: DeclaredCollection) -> bool:
    """A row that stays would refer to one that is gone, or stop its deletion."""
    if parent.dsr.erase is not Erase.DELETE:
        return False
    stays = table.dsr.erase is Erase.CHANGE and not field.is_erased
    return stays or table.dsr.erase is Erase.KEEP
