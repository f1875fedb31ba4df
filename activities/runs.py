"""The runs of cases in Temporal: started once, found when missing, told of letters.

The case row is the truth; a run is started from it, so a crash between the two is mended here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    RowMapping,
    Uuid,
    any_,
    bindparam,
    exists,
    literal,
    select,
    update,
)
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from schemas.case import Escalation, LetterKind, LetterState, Status
from schemas.events import Event
from schemas.messages import LetterLeft
from schemas.request import Kind
from schemas.steps import WORKFLOW_OF, CaseRef, workflow_id
from storage import tables as t
from storage.case_file import CaseFile
from storage.codec import case_of

CaseRow = RowMapping | Mapping[str, Any]

KIND: Final = SearchAttributeKey.for_keyword("DsrKind")
STATUS: Final = SearchAttributeKey.for_keyword("DsrStatus")
DUE_AT: Final = SearchAttributeKey.for_datetime("DsrDueAt")
ESCALATION: Final = SearchAttributeKey.for_int("DsrEscalation")

RUNNING: Final = WorkflowExecutionStatus.RUNNING

HAS_KEY: Final = exists().where(
    t.case_keys.c.case_id == t.cases.c.id, t.case_keys.c.wrapped.is_not(None)
)
"""Without its key a case has no run: nobody could read it."""

_CASE: Final = bindparam("case", type_=Uuid)
_ROW: Final = select(t.cases).where(t.cases.c.id == _CASE)

GRACE: Final = timedelta(minutes=1)
"""A case younger than this may still be between its row and its run."""


class Unattended(NamedTuple):
    """Open cases without a run: `missing` ones get it, after those that `ended` a person looks."""

    missing: list[RowMapping]
    ended: list[str]  # ids of runs


class Runs:
    """Starts, finds and signals the runs of cases."""

    def __init__(self, client: Client, case_file: CaseFile, task_queue: str) -> None:
        self._client = client
        self._case_file = case_file
        self._queue = task_queue

    async def start(self, row: RowMapping) -> None:
        """Start the run that the case row asks for; a run that stands or stood is success."""
        kind, case = Kind(row["kind"]), row["id"]
        attributes: list[SearchAttributePair[str] | SearchAttributePair[datetime]] = [
            SearchAttributePair(KIND, kind.value),
            SearchAttributePair(STATUS, row["status"]),
        ]
        if row["due_before"] is not None:
            attributes.append(SearchAttributePair(DUE_AT, row["due_before"]))
        ref = CaseRef(
            case=case, number=row["number"], kind=kind, run=row["run"], reopened=row["reopened"],
            resumed=row["resumed"], released=row["released"], reviews=row["reviews"],
            origin=row["origin"], ended_in=row["ended_in"],
        )  # fmt: skip
        try:
            await self._client.start_workflow(
                WORKFLOW_OF[kind],
                ref,
                id=_run_of(row),
                task_queue=self._queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes(
                    [*attributes, SearchAttributePair(ESCALATION, Escalation.NONE.rank)]
                ),
            )
        except WorkflowAlreadyStartedError:
            return  # it ran to its end before

    async def start_case(self, case: UUID) -> None:
        """The same, by id."""
        async with self._case_file.reading.connect() as conn:
            row = (await conn.execute(_ROW, {"case": case})).mappings().one()
        await self.start(row)

    async def tell_letter(self, row: CaseRow, letter: LetterLeft) -> None:
        """Tell the run of a case (its row) that a letter has left; without a run nobody is told."""
        run = _run_of(row)
        try:
            await self._client.get_workflow_handle(run).signal("letter_left", letter)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await self._nobody_to_tell(row["id"], letter)

    async def _nobody_to_tell(self, case: UUID, letter: LetterLeft) -> None:
        async with self._case_file.engine.begin() as conn:
            await conn.execute(
                update(t.letters)
                .where(t.letters.c.case_id == case, t.letters.c.id == letter.letter)
                .values(noticed_at=letter.at)
            )

    async def missing(self, now: datetime) -> list[RowMapping]:
        """Open cases whose run does not exist."""
        return (await self.unattended(now)).missing

    async def unattended(self, now: datetime) -> Unattended:
        """Open cases that no run attends to.

        Most runs are seen in one listing; it may lag, so each that it does not show is asked for.
        """
        shown = await self.running()
        async with self._case_file.reading.connect() as conn:
            rows = await conn.execute(
                select(
                    t.cases.c.id, t.cases.c.number, t.cases.c.kind, t.cases.c.status,
                    t.cases.c.run, t.cases.c.reopened, t.cases.c.resumed, t.cases.c.released,
                    t.cases.c.reviews, t.cases.c.origin, t.cases.c.ended_in, t.cases.c.due_before,
                )
                .where(t.cases.c.status != Status.CLOSED, t.cases.c.parked_at.is_(None), HAS_KEY)
                .where(t.cases.c.registered_at < now - GRACE)
                .order_by(t.cases.c.registered_at)
            )  # fmt: skip
            unseen = [row for row in rows.mappings() if _run_of(row) not in shown]
        stand = [(row, await self.stands(_run_of(row))) for row in unseen]
        ended = [row for row, status in stand if status not in (None, RUNNING)]
        return Unattended(
            missing=[row for row, status in stand if status is None],
            ended=[_run_of(row) for row in ended if await self._is_left(row)],
        )

    async def _is_left(self, row: RowMapping) -> bool:
        """Whether the case still waits for that run: it may have gone on when the run ended."""
        async with self._case_file.reading.connect() as conn:
            case = await conn.execute(select(t.cases).where(t.cases.c.id == row["id"]))
            now = case.mappings().one()
        is_open = now["status"] != Status.CLOSED and now["parked_at"] is None
        return is_open and _run_of(now) == _run_of(row)

    async def running(self) -> dict[str, UUID | None]:
        """Ids of the running case workflows, with their cases."""
        kinds = ", ".join(f"'{name}'" for name in WORKFLOW_OF.values())
        query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({kinds})"
        return {run.id: case_of(run.id) async for run in self._client.list_workflows(query)}

    async def is_open(self, row: RowMapping) -> bool:
        """Whether a run of this case still runs, the present one or one before it."""
        kind, case = Kind(row["kind"]), row["id"]
        runs = [workflow_id(kind, case, run) for run in range(1, row["run"] + 1)]
        return any([await self.stands(run) is RUNNING for run in runs])

    async def _exists(self, run: str) -> bool:
        return await self.stands(run) is not None

    async def stands(self, run: str) -> WorkflowExecutionStatus | None:
        """How a run stands; None if the server does not know it."""
        try:
            return (await self._client.get_workflow_handle(run).describe()).status
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def handle(self, case: UUID) -> WorkflowHandle[Any, Any]:
        """The run that the case row names; whether it stands shows when it is spoken to."""
        async with self._case_file.reading.connect() as conn:
            row = (await conn.execute(_ROW, {"case": case})).mappings().one()
        return self._client.get_workflow_handle(_run_of(row))

    async def mend(self, row: RowMapping, at: datetime) -> None:
        """Give a case its run, and say so in its record.

        A run that had begun before it was lost is followed by another one: a step of the same run
        again would have the key of one that was taken, and be skipped as its repetition.
        """
        if await self._has_begun(row):
            return await self.resume(row["id"], at)
        key = f"reconcile:{row['run']}"
        async with self._case_file.step(row["id"], key, at, "engine") as step:
            if not step.repeated:
                step.record(Event.RECONCILED, run=row["run"])
        return await self.start(row)

    async def _has_begun(self, row: RowMapping) -> bool:
        """Whether the run that the row names has taken a step."""
        steps = t.steps.c
        mine = (steps.case_id == row["id"]) & steps.key.startswith(
            f"{_run_of(row)}/", autoescape=True
        )
        async with self._case_file.reading.connect() as conn:
            return await conn.scalar(select(steps.key).where(mine).limit(1)) is not None

    async def resume(self, case: UUID, at: datetime) -> None:
        """A run of its own goes on from the row; the run before has ended, or was lost."""
        async with self._case_file.reading.connect() as conn:
            row = (await conn.execute(select(t.cases).where(t.cases.c.id == case))).mappings().one()
        run = await self._unused_run(row)
        async with self._case_file.step(case, f"resume:{run}", at, "engine") as step:
            if not step.repeated:
                step.record(Event.RESUMED, run=run)
                step.set(run=run, resumed=True)
        await self.start_case(case)

    async def _unused_run(self, row: RowMapping) -> int:
        """Beyond those that the server knows: a restored row may know fewer of them."""
        run = row["run"] + 1
        while await self._exists(workflow_id(Kind(row["kind"]), row["id"], run)):
            run += 1
        return int(run)

    async def orphans(self) -> list[str]:
        """Ids of running case workflows without a case row.

        Rows are read after the runs, because a row is there before its run: a request that comes
        in meanwhile is no orphan.
        """
        runs = await self.running()
        asked = [case for case in runs.values() if case is not None]
        async with self._case_file.reading.connect() as conn:
            ids = literal(asked, ARRAY(Uuid))
            known = select(t.cases.c.id).where(t.cases.c.id == any_(ids))
            cases = set(await conn.scalars(known))
        return sorted(run for run, case in runs.items() if case not in cases)

    async def troubled(self) -> list[str]:
        """Ids of running case workflows whose tasks fail again and again: new code is needed."""
        query = "ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL"
        return sorted([run.id async for run in self._client.list_workflows(query)])

    async def end(self, run: str) -> None:
        """Terminate a run without a case: nobody's request is in it."""
        await self._client.get_workflow_handle(run).terminate(reason="no case row")

    async def untold_letters(self) -> list[tuple[RowMapping, LetterLeft]]:
        """Letters that left and whose run was not told, each with its case's row.

        There was a crash between the two.
        """
        letter = [t.letters.c[name].label(f"letter_{name}") for name in ("id", "kind", "left_at")]
        async with self._case_file.reading.connect() as conn:
            rows = await conn.execute(
                select(t.cases, *letter, t.letters.c.left_by)
                .join(t.letters, t.letters.c.case_id == t.cases.c.id)
                .where(t.letters.c.state == LetterState.LEFT, t.letters.c.noticed_at.is_(None))
                .order_by(t.letters.c.left_at)
            )
            return [
                (
                    row,
                    LetterLeft(
                        letter=row["letter_id"], kind=LetterKind(row["letter_kind"]),
                        at=row["letter_left_at"], by=row["left_by"],
                    ),
                )
                for row in rows.mappings()
            ]  # fmt: skip


def _run_of(row: CaseRow) -> str:
    """The id of the run that a case row asks for."""
    return workflow_id(Kind(row["kind"]), row["id"], row["run"])
