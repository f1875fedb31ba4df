"""How runs and case rows differ after one of both stores was restored, and what mends it.

The case row is the truth. A run that knows another past than its row would act on it: on steps
that the row has never seen, or under keys that are taken, so that what people do is skipped as
repeated. It is ended, and a run of its own goes on from the row. What left the house meanwhile is
read from the history, as long as the case's key opens it.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar, cast
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Uuid, any_, literal, select, update
from temporalio.api.common.v1 import Payloads
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.runs import GRACE, HAS_KEY, RUNNING, Runs
from schemas.base import Model
from schemas.case import LetterState, Status
from schemas.errors import DsrError
from schemas.events import Event
from schemas.messages import LetterLeft
from schemas.request import Kind
from schemas.steps import SystemAnswer, workflow_id
from storage import tables as t
from storage.case_file import CaseFile
from storage.case_step import CaseStep
from storage.codec import ENCODING
from storage.keyring import SealBroken

M = TypeVar("M", bound=Model)


class How(StrEnum):
    """How a run differs from its case row."""

    AHEAD = "ahead"  # it took steps that the row does not have: the row is older
    BEHIND = "behind"  # the row has steps that it does not know: the run is older
    ENDED = "ended"  # it has ended, and the row is open
    EARLIER = "earlier"  # it runs, and the row names a later one: the run is older
    LATER = "later"  # it runs, and the row names an earlier one: the row is older


SENTENCES = {
    How.AHEAD: "its run {run} knows steps that the case file does not have",
    How.BEHIND: "the case file has steps that its run {run} does not know",
    How.ENDED: "its run {run} has ended, and the case is open",
    How.EARLIER: "run {run} runs, and the case file names a later one",
    How.LATER: "run {run} runs, and the case file names an earlier one",
}


@dataclass(frozen=True)
class Letters:
    """Letters that a history saw leaving: what the row can still be told, and what it lost."""

    recovered: tuple[LetterLeft, ...] = ()
    lost: tuple[LetterLeft, ...] = ()


@dataclass(frozen=True)
class Difference:
    """One run that differs. `goes_on`: the case is open and gets another run."""

    case: UUID
    number: str
    run: str
    how: How
    goes_on: bool
    letters: Letters = field(default_factory=Letters)
    unreadable: bool = False

    @property
    def is_followed(self) -> bool:
        """Whether another run goes on instead of this one; a stray one is only ended."""
        return self.goes_on and self.how not in (How.EARLIER, How.LATER)

    @property
    def sentence(self) -> str:
        """What is different."""
        return f"{self.number}: {SENTENCES[self.how].format(run=self.run)}"

    @property
    def findings(self) -> tuple[str, ...]:
        """What nothing here can mend, and what to do about it."""
        told = [
            f"{self.number}: letter {left.letter} ({left.kind}) left on {left.at.date()}, and the "
            "case file has lost it. Ask its reader for a copy before the case is answered again: "
            f"dsr show {self.number}"
            for left in self.letters.lost
        ]
        if self.how is How.LATER and not self.goes_on:
            told.append(
                f"{self.number}: it was opened again after the backup, which its file does not "
                f"know. If that still holds: dsr reopen {self.number}"
            )
        if self.unreadable:
            told.append(
                f"{self.number}: the history of {self.run} cannot be read, its key is gone. Look "
                "through the post for letters that left after the backup."
            )
        return tuple(told)


class Differences:
    """Compares histories with rows, and mends."""

    def __init__(self, client: Client, case_file: CaseFile, runs: Runs) -> None:
        self._client = client
        self._case_file = case_file
        self._runs = runs

    async def find(self, now: datetime) -> list[Difference]:
        """Every run that differs from its row, as of this moment. Reads each open history."""
        found = [await self._of_open_case(row) for row in await self._open_cases(now)]
        found += [await self._of_another(run, row) for run, row in await self._others()]
        return [difference for difference in found if difference is not None]

    async def keyless(self) -> list[str]:
        """Cases whose key is missing and that were not purged: nobody can read them."""
        query = select(t.cases.c.number).where(t.cases.c.purged_at.is_(None), ~HAS_KEY)
        async with self._case_file.reading.connect() as conn:
            return list(await conn.scalars(query.order_by(t.cases.c.number)))

    async def mend(self, difference: Difference, at: datetime) -> None:
        """End the run that knows another past, and let another one go on. Safe to repeat."""
        await self._end(difference)
        if not difference.goes_on:
            return
        for left in difference.letters.recovered:
            key = f"recover:{left.letter}"
            async with self._case_file.step(difference.case, key, at, "engine") as step:
                if not step.repeated:
                    await _leave(step, left)
        if difference.is_followed:
            await self._runs.resume(difference.case, at)

    async def _end(self, difference: Difference) -> None:
        try:
            handle = self._client.get_workflow_handle(difference.run)
            await handle.terminate(reason="differs from its case row")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended
                raise

    # -- finding -----------------------------------------------------------------------------------

    async def _open_cases(self, now: datetime) -> list[RowMapping]:
        query = select(t.cases.c.id, t.cases.c.number, t.cases.c.kind, t.cases.c.run)
        query = query.where(t.cases.c.status != Status.CLOSED, HAS_KEY)
        query = query.where(t.cases.c.registered_at < now - GRACE)
        async with self._case_file.reading.connect() as conn:
            rows = await conn.execute(query.order_by(t.cases.c.registered_at))
            return list(rows.mappings())

    async def _of_open_case(self, row: RowMapping) -> Difference | None:
        """The order decides: rows, history, rows. What happens meanwhile is no difference."""
        run = workflow_id(Kind(row["kind"]), row["id"], row["run"])
        before = await self._steps(row["id"], run)
        history = await self._history(run)
        if history is None:
            return None  # a case without a run: `Runs.missing`
        done, begun = _steps_of(history)
        after = await self._steps(row["id"], run)
        how = None
        if before - begun.keys():
            how = How.BEHIND
        elif any([await self._was_recorded(name, done[name]) for name in done.keys() - after]):
            how = How.AHEAD
        elif await self._is_over(run, row["id"]):
            how = How.ENDED
        if how is None:
            return None
        return await self._difference(row, run, how, history, goes_on=True)

    async def _is_over(self, run: str, case: UUID) -> bool:
        """A case is closed before its run ends: a run that has ended leaves no open case behind."""
        if await self._runs.stands(run) is RUNNING:
            return False
        async with self._case_file.reading.connect() as conn:
            row = (await conn.execute(select(t.cases).where(t.cases.c.id == case))).mappings().one()
        named = workflow_id(Kind(row["kind"]), case, row["run"])
        waits = row["parked_at"] is not None  # without a run, until what is kept may go
        return row["status"] != Status.CLOSED and named == run and not waits

    async def _others(self) -> list[tuple[str, RowMapping]]:
        """Running runs whose case row names another run, or is closed and has steps beyond them."""
        running = await self._runs.running()
        async with self._case_file.reading.connect() as conn:
            wanted = literal([case for case in running.values() if case is not None], ARRAY(Uuid))
            rows = await conn.execute(select(t.cases).where(t.cases.c.id == any_(wanted)))
            known = {row["id"]: row for row in rows.mappings()}
        pairs = [(run, known[case]) for run, case in running.items() if case in known]
        return [(run, row) for run, row in pairs if await self._is_another(run, row)]

    async def _is_another(self, run: str, row: RowMapping) -> bool:
        if run != workflow_id(Kind(row["kind"]), row["id"], row["run"]):
            return True
        if row["status"] != Status.CLOSED:
            return False
        steps = await self._steps(row["id"], run)  # one that is about to end knows them all
        history = await self._history(run)
        return history is not None and bool(steps - _steps_of(history)[1].keys())

    async def _of_another(self, run: str, row: RowMapping) -> Difference | None:
        history = await self._history(run)
        if history is None or await self._runs.stands(run) is not RUNNING:
            return None  # it has ended meanwhile
        goes_on = row["status"] != Status.CLOSED
        runs = [workflow_id(Kind(row["kind"]), row["id"], n) for n in range(1, row["run"] + 1)]
        how = How.LATER if run not in runs else How.EARLIER if run in runs[:-1] else How.BEHIND
        return await self._difference(row, run, how, history, goes_on=goes_on)

    async def _difference(
        self, row: RowMapping, run: str, how: How, history: WorkflowHistory, *, goes_on: bool
    ) -> Difference:
        case, number = row["id"], row["number"]
        if how in (How.BEHIND, How.EARLIER):
            return Difference(case, number, run, how, goes_on)  # the row knows its letters
        try:
            letters = await self._letters(case, history)
        except DsrError:  # the key is gone
            return Difference(case, number, run, how, goes_on, unreadable=True)
        return Difference(case, number, run, how, goes_on, letters)

    # -- reading -----------------------------------------------------------------------------------

    async def _steps(self, case: UUID, run: str) -> set[str]:
        """Activities of a run whose step the row has."""
        key, prefix = t.steps.c.key, f"{run}/"
        mine = select(key).where(t.steps.c.case_id == case, key.startswith(prefix, autoescape=True))
        async with self._case_file.reading.connect() as conn:
            taken = (one.removeprefix(prefix) for one in await conn.scalars(mine))
            return {one.partition("/")[0] for one in taken}  # a part of a step belongs to it

    async def _history(self, run: str) -> WorkflowHistory | None:
        try:
            return await self._client.get_workflow_handle(run).fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _was_recorded(self, activity: str, result: Payloads) -> bool:
        """A result says so, but for a system at which nothing could be done, and for looks."""
        if activity.startswith("person."):
            return False
        if not activity.startswith("system."):
            return True
        try:
            return (await self._decoded(result, SystemAnswer)).revision > 0
        except DsrError:
            return True

    async def _letters(self, case: UUID, history: WorkflowHistory) -> Letters:
        """Those that left, as the history was told, and the row does not know it."""
        told: dict[str, LetterLeft] = {}
        for left in await self._leavings(history):
            told.setdefault(left.letter, left)
        async with self._case_file.reading.connect() as conn:
            rows = await conn.execute(select(t.letters).where(t.letters.c.case_id == case))
            known = {row["id"]: row for row in rows.mappings()}
        same = {name for name, left in told.items() if _is_same(known.get(name), left)}
        ready = {name for name in same if known[name]["state"] == LetterState.READY}
        return Letters(
            recovered=tuple(left for name, left in told.items() if name in ready),
            lost=tuple(left for name, left in told.items() if name not in same),
        )

    async def _leavings(self, history: WorkflowHistory) -> list[LetterLeft]:
        """What our own clients told the run: sealed, and well formed. Nobody else tells it."""
        told = []
        for event in history.events:
            signal = event.workflow_execution_signaled_event_attributes
            sealed = all(p.metadata.get("encoding") == ENCODING for p in signal.input.payloads)
            if signal.signal_name == "letter_left" and sealed:
                with suppress(SealBroken, TypeError, ValueError, RuntimeError):
                    told.append(await self._decoded(signal.input, LetterLeft))
        return told

    async def _decoded(self, payloads: Payloads, kind: type[M]) -> M:
        (said,) = await self._client.data_converter.decode(payloads.payloads, [kind])
        return cast(M, said)


def _is_same(row: RowMapping | None, left: LetterLeft) -> bool:
    """Whether the row's letter is the one that left: ids are given again after a loss."""
    return row is not None and row["kind"] == left.kind and row["written_at"] <= left.at


def _steps_of(history: WorkflowHistory) -> tuple[dict[str, Payloads], dict[str, None]]:
    """Activities of a history by their ids: those that are done, with their results; all begun."""
    begun: dict[int, str] = {}
    done: dict[str, Payloads] = {}
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            begun[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
        elif event.HasField("activity_task_completed_event_attributes"):
            completed = event.activity_task_completed_event_attributes
            done[begun[completed.scheduled_event_id]] = completed.result
    return done, dict.fromkeys(begun.values())


async def _leave(step: CaseStep, left: LetterLeft) -> None:
    """The letter has left, as its history was told; the run that goes on is told next."""
    mine = (t.letters.c.case_id == step.case) & (t.letters.c.id == left.letter)
    gone = update(t.letters).where(mine, t.letters.c.state == LetterState.READY)
    await step.conn.execute(
        gone.values(state=LetterState.LEFT, left_at=left.at, left_by=left.by, noticed_at=None)
    )
    step.record(
        Event.LETTER_RECOVERED, letter=left.letter, kind=left.kind,
        left_on=str(left.at.date()),
    )  # fmt: skip
