"""Reads a case as everybody may see it: the CaseView, its timeline, its numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Label,
    Row,
    RowMapping,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import NamedFromClause

from schemas.case import (
    Awaited,
    CaseView,
)
from schemas.errors import BadInput, Purged
from storage import tables as t

_NUMBER: Final = re.compile(r"[0-9]{4}-[0-9]{4,9}", re.ASCII)
_NUMBERED: Final = select(t.cases.c.id, t.cases.c.number, t.cases.c.purged_at).where(
    t.cases.c.number == bindparam("number")
)


async def case_id_of(conn: AsyncConnection, number: str) -> UUID:
    """The case behind a number. Raises `BadInput` for a number that does not exist."""
    found: UUID = (await _numbered(conn, number)).id
    return found


async def living_case_of(conn: AsyncConnection, number: str) -> UUID:
    """The same. Raises `Purged` for a case of which only the record is left."""
    row = await _numbered(conn, number)
    if row.purged_at is not None:
        raise Purged(row.number)
    found: UUID = row.id
    return found


async def _numbered(conn: AsyncConnection, number: str) -> Row[Any, Any, Any]:
    if not _NUMBER.fullmatch(number):
        raise BadInput("A case number reads like 2027-0142. See: dsr list")
    row = (await conn.execute(_NUMBERED, {"number": number})).one_or_none()
    if row is None:
        raise BadInput(f"There is no case {number}. See: dsr list")
    return row


async def case_view(conn: AsyncConnection, case: UUID) -> CaseView:
    """The case as it stands in this transaction."""
    return (await case_views(conn, [case]))[0]


async def case_views(conn: AsyncConnection, ids: Sequence[UUID]) -> list[CaseView]:
    """Several cases, in the order of `ids`, in one statement."""
    found = await conn.execute(_WHOLE, {"ids": list(ids)})
    views = {row["id"]: _view(row) for row in found.mappings()}
    return [views[case] for case in ids]


def _parts(rows: NamedFromClause, case: ColumnElement[UUID], *order: str) -> Label[Any]:
    """The rows of a table that belong to a case, as JSON, in this order."""
    as_json = func.to_jsonb(literal_column(rows.name))
    parts = func.jsonb_agg(aggregate_order_by(as_json, *(rows.c[name] for name in order)))
    mine = select(func.coalesce(parts, literal_column("'[]'"), type_=JSONB))
    return mine.where(rows.c.case_id == case).scalar_subquery().label(rows.name)


def open_tasks_of(case: ColumnElement[UUID]) -> Label[Any]:
    """A case's open tasks as the column `open_tasks`, each to be read by `awaited`."""
    undone = t.tasks.select().where(t.tasks.c.done_at.is_(None)).subquery("open_tasks")
    return _parts(undone, case, "since", "id")


_ID: Final = t.cases.c.id
_WHOLE: Final = select(
    t.cases,
    open_tasks_of(_ID),
    _parts(t.decisions.select().where(t.decisions.c.stands).subquery("decisions"), _ID, "id"),
    _parts(t.system_tasks.alias("systems"), _ID, "position"),
    _parts(t.letters.alias("letters"), _ID, "written_at", "id"),
).where(_ID.in_(bindparam("ids", expanding=True)))


def _view(row: RowMapping) -> CaseView:
    """Validated at one go: one after another, the parts would cost several times as much."""
    withheld = Counter(item["system"] for item in row["withheld"])
    return CaseView.model_validate({
        **row,
        "identity": {"state": row["identity_state"], "how": row["identity_how"]},
        "fee": {
            "assessment": row["fee_assessment"], "state": row["fee_state"],
            "amount": row["fee_amount"], "merge_into": row["merge_into"],
        },
        "awaiting": [{**task, "task": task["id"]} for task in row["open_tasks"]],
        "systems": [{**part, "withheld": withheld[part["name"]]} for part in row["systems"]],
        "purged": row["purged_at"] is not None,
        "parked": row["parked_at"] is not None,
    })  # fmt: skip


def awaited(task: Mapping[str, Any]) -> Awaited:
    """An open task as the view has it."""
    return Awaited(
        what=task["what"], role=task["role"], since=task["since"], due=task["due"],
        task=task["id"], system=task["system"],
    )  # fmt: skip
