"""Who else: earlier cases of the person, or of somebody who could be the person."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.identity import Sameness, same_person
from starter.submission import Submission
from storage import tables as t


class Relative(NamedTuple):
    """A case that shares an identifier: its row, and whether it is about the same person."""

    row: RowMapping
    how: Sameness


async def relatives(conn: AsyncConnection, submission: Submission) -> list[Relative]:
    """Cases that share an identifier, the oldest first. The caller holds the person's lock."""
    shared = select(t.identifiers.c.case_id).where(t.identifiers.c.hash.in_(submission.hashes))
    known: dict[UUID, set[tuple[str, bytes]]] = {}
    query = select(t.identifiers).where(t.identifiers.c.case_id.in_(shared))
    for row in (await conn.execute(query)).mappings():
        known.setdefault(row["case_id"], set()).add((row["type"], row["hash"]))
    if not known:
        return []
    mine = submission.keys_of(submission.known)
    cases = select(t.cases).where(t.cases.c.id.in_(known)).order_by(t.cases.c.registered_at)
    return [
        Relative(row, same_person(mine, submission.keys_of(known[row["id"]])))
        for row in (await conn.execute(cases)).mappings()
    ]
