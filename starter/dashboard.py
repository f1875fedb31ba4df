"""What dashboards read, from PostgreSQL: lists, tasks, numbers. No personal data but in `found`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, literal, null, select
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.base import Instant, Model
from schemas.case import (
    ANSWERED,
    CaseView,
    LetterKind,
    LetterState,
    Outcome,
    Status,
    TimelineEntry,
)
from schemas.lines import LEFT_ALONE, Pause
from schemas.request import Kind
from storage import audit
from storage import tables as t
from storage.holds import called_back
from storage.lines import pauses
from storage.standstills import standstills
from storage.views import case_views


class CaseLine(Model):
    """A case in a list."""

    number: str
    kind: Kind
    status: Status
    outcome: Outcome | None
    due_date: date | None
    safe_date: date
    escalation: str
    assignee: str | None


SENDER: Final = "handler"
OF_A_TASK: Final = (
    LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT, LetterKind.EXTENSION,
)  # fmt: skip
"""Letters whose leaving a case waits for: a task on the case asks for them."""


class TaskLine(Model):
    """What needs a person now. `reminded_at`: it has waited longer than the policy's span.

    `task` of a letter to send (`send_...`) is the letter's id.
    """

    task: str
    number: str
    kind: Kind
    what: str
    role: str
    system: str | None
    since: Instant
    due: Instant | None
    safe_date: date
    reminded_at: Instant | None
    called_back: bool = False  # to destroy: nothing more of it is to go, for now


class Overview(Model):
    """Counts for a dashboard."""

    open: dict[str, dict[str, int]]  # status -> kind -> cases
    overdue: int
    breached: dict[str, int]  # cause -> cases
    load: dict[str, int]  # member of staff -> open cases
    standing_still: tuple[str, ...] = ()  # systems that an operator has stopped; "*": all
    left_alone: tuple[Pause, ...] = ()  # systems that fail, and that nobody calls for a while


class Dashboard:
    """Queries over all cases."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def cases(
        self, *, status: Status | None = None, kind: Kind | None = None,
        due_before: date | None = None, hashes: Sequence[bytes] | None = None,
        names: Sequence[bytes] = (),
    ) -> list[CaseLine]:  # fmt: skip
        """Cases by safe date; `hashes` limits them to a person's identifiers.

        Or to whose name has all of `names`, the hashes of its words.
        """
        shown = (t.cases.c[name] for name in CaseLine.model_fields)
        query = select(*shown).order_by(t.cases.c.safe_date, t.cases.c.number)
        if status is not None:
            query = query.where(t.cases.c.status == status)
        if kind is not None:
            query = query.where(t.cases.c.kind == kind)
        if due_before is not None:
            query = query.where(t.cases.c.due_date < due_before)
        if hashes is not None:
            mine = select(t.identifiers.c.case_id).where(t.identifiers.c.hash.in_(names or hashes))
            if names:
                count = func.count(t.identifiers.c.hash.distinct())
                mine = mine.group_by(t.identifiers.c.case_id).having(count == len(names))
            query = query.where(t.cases.c.id.in_(mine))
        return [CaseLine.model_validate(dict(row)) for row in await self._rows(query)]

    async def tasks(self, role: str | None = None) -> list[TaskLine]:
        """Open tasks by safe date, letters to send among them.

        What waits for the subject is not a task of ours.
        """
        lines = [*await self._open_tasks(role)]
        if role in (None, SENDER):
            lines += await self._letters_to_send()
        return sorted(lines, key=lambda line: (line.safe_date, line.since, line.number, line.task))

    async def _open_tasks(self, role: str | None) -> list[TaskLine]:
        query = (
            select(
                t.tasks.c.id.label("task"), t.cases.c.number, t.cases.c.kind, t.tasks.c.what,
                t.tasks.c.role, t.tasks.c.system, t.tasks.c.since, t.tasks.c.due,
                t.cases.c.safe_date, t.tasks.c.reminded_at, called_back().label("called_back"),
            )
            .join(t.cases, t.cases.c.id == t.tasks.c.case_id)
            .where(t.tasks.c.done_at.is_(None), t.tasks.c.role != "subject")
        )  # fmt: skip
        if role is not None:
            query = query.where(t.tasks.c.role == role)
        return [TaskLine.model_validate(dict(row)) for row in await self._rows(query)]

    async def _letters_to_send(self) -> list[TaskLine]:
        """Letters that no task of its own asks to send: acknowledgements, questions, notices."""
        query = (
            select(
                t.letters.c.id.label("task"), t.cases.c.number, t.cases.c.kind,
                ("send_" + t.letters.c.kind).label("what"), literal(SENDER).label("role"),
                null().label("system"), t.letters.c.written_at.label("since"),
                null().label("due"), t.cases.c.safe_date, null().label("reminded_at"),
            )
            .join(t.cases, t.cases.c.id == t.letters.c.case_id)
            .where(t.letters.c.state == LetterState.READY, t.letters.c.kind.not_in(OF_A_TASK))
        )  # fmt: skip
        return [TaskLine.model_validate(dict(row)) for row in await self._rows(query)]

    async def overview(self, now: datetime) -> Overview:
        """Open by status and kind, overdue and breached by cause, load per person."""
        c = t.cases.c
        is_open = c.status != Status.CLOSED
        by_status: dict[str, dict[str, int]] = {}
        counted = select(c.status, c.kind, func.count().label("cases")).where(is_open)
        for row in await self._rows(counted.group_by(c.status, c.kind)):
            by_status.setdefault(row["status"], {})[row["kind"]] = row["cases"]
        overdue = select(func.count().label("cases")).where(
            is_open, c.replied_at.is_(None), c.due_before <= now
        )
        breached = select(c.breach_cause, func.count().label("cases")).where(c.breached)
        load = select(c.assignee, func.count().label("cases")).where(is_open)
        async with self._engine.connect() as conn:
            stopped, left_alone = await standstills(conn), await pauses(conn)
        return Overview(
            left_alone=left_alone,
            standing_still=tuple(row["system"] or "*" for row in stopped),
            open=by_status,
            overdue=(await self._rows(overdue))[0]["cases"],
            breached={
                row["breach_cause"]: row["cases"]
                for row in await self._rows(breached.group_by(c.breach_cause))
            },
            load={
                row["assignee"] or "nobody": row["cases"]
                for row in await self._rows(load.group_by(c.assignee))
            },
        )

    async def view(self, case: UUID) -> CaseView:
        """One case, from its row: also when it is closed, and when no worker runs."""
        async with self._engine.connect() as conn:
            view = (await case_views(conn, [case]))[0]
            return view if view.status is Status.CLOSED else _saying(view, await pauses(conn))

    async def pauses(self) -> tuple[Pause, ...]:
        """The systems that nobody calls for a while, the longest first."""
        async with self._engine.connect() as conn:
            return await pauses(conn)

    async def timeline(self, case: UUID) -> list[TimelineEntry]:
        """One case's audit chain, as a person reads it."""
        async with self._engine.connect() as conn:
            return list(await audit.entries(conn, case))

    async def _rows(self, query: Select[Any]) -> list[Any]:
        async with self._engine.connect() as conn:
            return list((await conn.execute(query)).mappings())


def _saying(view: CaseView, paused: Sequence[Pause]) -> CaseView:
    """What still owes something, and is left alone, says so where it says nothing else."""
    fails = {pause.system for pause in paused}
    systems = tuple(
        system.model_copy(update={"reason": LEFT_ALONE})
        if system.name in fails and system.outcome not in ANSWERED and system.reason is None
        else system
        for system in view.systems
    )
    return view.model_copy(update={"systems": systems})
