"""Relations that ended, for people: what the sweep would find, and a batch decided as one."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from schemas.case import CaseView, Ground, Status
from schemas.errors import BadInput, DsrError
from schemas.messages import Choice, Decide, SecondDecision, StaffAction
from schemas.retention import Batch, BatchDecision, RetentionSweep
from storage import tables as t
from storage.case_file import CaseFile
from storage.views import case_views

Act = Callable[..., Awaitable[CaseView]]


class Retention:
    """Batches of cases that no person asked for."""

    def __init__(self, case_file: CaseFile, act: Act, now: Callable[[], datetime]) -> None:
        self._case_file = case_file
        self._act = act
        self._now = now

    async def sweeps(self, most: int = 10) -> list[RetentionSweep]:
        """What the last sweeps found, the newest first."""
        query = select(t.retention_sweeps).order_by(t.retention_sweeps.c.swept_on.desc())
        async with self._case_file.reading.connect() as conn:
            rows = await conn.execute(query.limit(most))
            return [RetentionSweep.model_validate(dict(row)) for row in rows.mappings()]

    async def batches(self) -> list[Batch]:
        """Every batch with an open case, the oldest first."""
        query = select(t.cases.c.id, t.cases.c.batch, t.cases.c.status)
        async with self._case_file.reading.connect() as conn:
            rows = (await conn.execute(query.where(t.cases.c.batch.is_not(None)))).all()
            is_open = [row for row in rows if row.status != Status.CLOSED]
            views = await case_views(conn, [row.id for row in is_open])
        by_batch: dict[str, list[CaseView]] = {}
        for row, view in zip(is_open, views, strict=True):
            by_batch.setdefault(row.batch, []).append(view)
        cases = Counter(row.batch for row in rows)
        return [_batch(name, cases[name], open) for name, open in sorted(by_batch.items())]

    async def decide(
        self, batch: str, choice: Choice, *, by: str, ground: Ground | None = None,
        reason: str | None = None,
    ) -> BatchDecision:  # fmt: skip
        """Decide every case of a batch that waits for it, each by its own plan.

        The first person's decision and the second person's are taken by the same command: each
        case says which is due, and that two decisions are two people's. Safe to repeat.
        """
        decided, seconded, refused = list[str](), list[str](), dict[str, str]()
        for view in await self._open(batch):
            due = {awaited.what for awaited in view.awaiting}
            action, fields = _due(due, choice, ground, reason)
            if action is None:
                continue
            try:
                await self._act(view.number, action, by=by, **fields)
            except DsrError as error:
                refused[view.number] = str(error)
                continue
            (decided if action is Decide else seconded).append(view.number)
        return BatchDecision(
            batch=batch, decided=tuple(decided), seconded=tuple(seconded), not_decided=refused
        )

    async def _open(self, batch: str) -> list[CaseView]:
        mine = select(t.cases.c.id, t.cases.c.status).where(t.cases.c.batch == batch)
        async with self._case_file.reading.connect() as conn:
            rows = (await conn.execute(mine.order_by(t.cases.c.number))).all()
            if not rows:
                raise BadInput("There is no such batch. See: dsr retention list")
            return await case_views(conn, [r.id for r in rows if r.status != Status.CLOSED])


def _batch(name: str, cases: int, still_open: list[CaseView]) -> Batch:
    due = Counter(awaited.what for view in still_open for awaited in view.awaiting)
    return Batch(
        batch=name, cases=cases, open=len(still_open), first_decision=due["decide"],
        second_decision=due["second_decision"],
        records=sum(system.records for view in still_open for system in view.systems),
    )  # fmt: skip


def _due(
    due: set[str], choice: Choice, ground: Ground | None, reason: str | None
) -> tuple[type[StaffAction] | None, dict[str, Any]]:
    if "decide" in due:
        return Decide, {"choice": choice, "ground": ground, "reason": reason}
    if "second_decision" in due:
        return SecondDecision, {"choice": choice, "reason": reason}
    return None, {}
