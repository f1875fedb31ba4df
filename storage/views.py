"""Reads a case as everybody may see it: the CaseView, its timeline, its numbers."""

import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.case import (
    Awaited,
    CaseView,
    Clock,
    DecisionView,
    FeeView,
    IdentityView,
    LetterView,
    SystemView,
)
from schemas.errors import BadInput
from storage import tables as t

_NUMBER: Final = re.compile(r"[0-9]{4}-[0-9]{4,9}", re.ASCII)


async def case_id_of(conn: AsyncConnection, number: str) -> UUID:
    """The case behind a number. Raises `BadInput` for a number that does not exist."""
    if not _NUMBER.fullmatch(number):
        raise BadInput("A case number reads like 2027-0142. See: dsr list")
    found: UUID | None = await conn.scalar(select(t.cases.c.id).where(t.cases.c.number == number))
    if found is None:
        raise BadInput(f"There is no case {number}. See: dsr list")
    return found


async def case_view(conn: AsyncConnection, case: UUID) -> CaseView:
    """The case as it stands in this transaction."""
    return (await case_views(conn, [case]))[0]


async def case_views(conn: AsyncConnection, ids: Sequence[UUID]) -> list[CaseView]:
    """Several cases, in the order of `ids`, with one query a table."""
    rows = {
        row["id"]: row
        for row in (await conn.execute(select(t.cases).where(t.cases.c.id.in_(ids)))).mappings()
    }
    parts = {
        name: await _children(conn, table, ids, order)
        for name, table, order in (
            ("tasks", t.tasks.select().where(t.tasks.c.done_at.is_(None)), ("since", "id")),
            ("decisions", t.decisions.select().where(t.decisions.c.stands), ("id",)),
            ("systems", t.system_tasks.select(), ("position",)),
            ("letters", t.letters.select(), ("written_at", "id")),
        )
    }
    return [_view(rows[case], {k: v.get(case, []) for k, v in parts.items()}) for case in ids]


async def _children(
    conn: AsyncConnection, query: Any, ids: Sequence[UUID], order: tuple[str, ...]
) -> dict[UUID, list[RowMapping]]:
    columns = query.selected_columns
    query = query.where(columns.case_id.in_(ids)).order_by(*(columns[name] for name in order))
    grouped: dict[UUID, list[RowMapping]] = {}
    for row in (await conn.execute(query)).mappings():
        grouped.setdefault(row["case_id"], []).append(row)
    return grouped


def _view(row: RowMapping, parts: dict[str, list[RowMapping]]) -> CaseView:
    return CaseView(
        number=row["number"],
        kind=row["kind"],
        channel=row["channel"],
        scope=tuple(row["scope"]),
        purposes=tuple(row["purposes"]),
        status=row["status"],
        outcome=row["outcome"],
        received_at=row["received_at"],
        clock=Clock.model_validate(row["clock"]),
        identity=IdentityView(state=row["identity_state"], how=row["identity_how"]),
        fee=FeeView(
            assessment=row["fee_assessment"], state=row["fee_state"], amount=row["fee_amount"]
        ),
        awaiting=tuple(_awaited(task) for task in parts["tasks"]),
        decisions=tuple(
            DecisionView(what=d["what"], by=d["by"], at=d["at"], ground=d["ground"])
            for d in parts["decisions"]
        ),
        systems=tuple(_system(row, system) for system in parts["systems"]),
        letters=tuple(
            LetterView(id=x["id"], kind=x["kind"], state=x["state"], left_at=x["left_at"])
            for x in parts["letters"]
        ),
        linked=tuple(row["linked"]),
        purged=row["purged_at"] is not None,
        assignee=row["assignee"],
        revision=row["revision"],
    )


def _awaited(task: RowMapping) -> Awaited:
    return Awaited(
        what=task["what"], role=task["role"], since=task["since"], due=task["due"],
        task=task["id"], system=task["system"],
    )  # fmt: skip


def _system(case: RowMapping, row: RowMapping) -> SystemView:
    withheld = sum(1 for item in case["withheld"] if item["system"] == row["name"])
    return SystemView(
        name=row["name"], outcome=row["outcome"], records=row["records"], withheld=withheld,
        reason=row["reason"], since=row["since"], lag_seconds=row["lag_seconds"],
    )  # fmt: skip
