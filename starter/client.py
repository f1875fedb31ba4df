"""The only way in: intake hands requests over, staff act, dashboards read.

Errors are those of `schemas.errors`: one sentence each, mapped to exit codes by the command line.
"""

import getpass
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.desk import person_of
from activities.runs import Runs
from connectors.contract import Found
from rules.staff import refusal
from rules.status import move
from schemas.case import CaseView, Ground, LetterView, Status, TimelineEntry
from schemas.errors import BadInput, RefusedByRule, Unreachable
from schemas.events import Event
from schemas.messages import (
    Choice,
    CompleteTask,
    DecisionSignal,
    Reassign,
    Reopen,
    StaffAction,
)
from schemas.request import Attachment, Kind, RequestForm, Subject
from schemas.staff import Actor, StaffDirectory
from schemas.steps import workflow_id
from starter.configuration import Configuration
from starter.dashboard import CaseLine, Dashboard, Overview, TaskLine
from starter.intake import Intake, Receipt, first_fault
from starter.outbox import Outbox
from storage import tables as t
from storage.case_file import CaseFile
from storage.views import case_id_of

S = TypeVar("S", bound=StaffAction)

WAIT: Final = timedelta(seconds=20)
"""How long an action waits for a worker before it says that none answers."""


def _now() -> datetime:
    return datetime.now(UTC)


class DsrClient:
    """Intake, staff actions and dashboards over one engine.

    `now` gives the business time of what this client does; tests move it, nothing else does.
    """

    def __init__(
        self, temporal: Client, case_file: CaseFile, configuration: Configuration,
        task_queue: str, now: Callable[[], datetime] = _now,
    ) -> None:  # fmt: skip
        self._temporal = temporal
        self._case_file = case_file
        self._staff: StaffDirectory = configuration.staff
        self._policy = configuration.policy
        self._runs = Runs(temporal, case_file, task_queue)
        self._intake = Intake(
            configuration.policy,
            configuration.systems,
            case_file.keyring,
            case_file.audit,
        )
        self._outbox = Outbox(case_file, self._runs)
        self._dashboard = Dashboard(case_file.engine)
        self.now = now

    # -- intake ----------------------------------------------------------------------------------

    async def submit(self, form: RequestForm | Mapping[str, Any] | str | bytes) -> Receipt:
        """Take a request in: one transaction, then its run. Safe to repeat with the same key.

        A repetition also starts a run that a crash between the two has kept from its case.

        Raises `BadInput` or `RefusedByRule` in one sentence; then nothing was written.
        """
        if not isinstance(form, RequestForm):
            form = self._intake.parse(form)
        try:
            async with self._case_file.engine.begin() as conn:
                receipt = await self._intake.take(conn, form, self.now())
        except IntegrityError:  # the last guard: somebody was faster by a hair
            async with self._case_file.engine.begin() as conn:
                receipt = await self._intake.take(conn, form, self.now())
        if receipt.created or receipt.status is Status.RECEIVED:
            await self._runs.start_case(receipt.case)
        return receipt

    # -- staff -----------------------------------------------------------------------------------

    def actor(self, account: str) -> Actor:
        """The member of staff behind an account. Raises `RefusedByRule` for an unknown one."""
        actor = self._staff.actor(account)
        if actor is None:
            raise RefusedByRule(
                f"Not done: {account} is not in the staff directory (staff.yaml of the "
                "configuration)."
            )
        return actor

    async def act(
        self, number: str, action: type[S], *, by: str, id: UUID | None = None, **fields: Any
    ) -> CaseView:  # fmt: skip
        """Take a staff action: checked by the case, recorded, safe to repeat under one `id`."""
        if action is Reassign:
            fields["to"] = self.actor(fields["to"])
        try:
            message = action(id=id or uuid4(), by=self.actor(by), **fields)
        except ValidationError as fault:
            raise BadInput(f"Not done: {first_fault(fault)}.") from None
        case = await self._case(number)
        handle = await self._handle(case)
        try:
            view: CaseView = await handle.execute_update(
                action.name, message, id=str(message.id), result_type=CaseView, rpc_timeout=WAIT
            )
            return view
        except WorkflowUpdateFailedError as error:
            raise _refused(error) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise Unreachable(
                f"No worker answered within {WAIT.seconds} s. Start one (python worker.py), then "
                f"repeat with --id {message.id}: it is taken once."
            ) from None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return await self._act_on_closed(case, message)

    async def complete_task(
        self, number: str, task: str, *, by: str, file: Attachment | None = None,
        id: UUID | None = None, records: int = 0, note: str | None = None,
    ) -> CaseView:  # fmt: skip
        """A manual task is done; its file is sealed in the case file, never in history."""
        items: tuple[str, ...] = ()
        case = await self._case(number)
        if file is not None:
            if await self._what(task) == "choose_match":
                items = _belonging(file)
            else:
                await self._seal_file(case, task, file, by)
        return await self.act(
            number, CompleteTask, by=by, id=id, task=task, records=records, note=note,
            has_file=file is not None and not items, items=items,
        )  # fmt: skip

    async def decide_without_waiting(
        self, number: str, *, by: str, choice: Choice, ground: Ground | None = None,
        id: UUID | None = None,
    ) -> None:  # fmt: skip
        """The signal `decision`, for programs: ids and codes only; a wrong one is recorded."""
        handle = await self._handle(await self._case(number))
        await handle.signal(
            "decision",
            DecisionSignal(id=id or uuid4(), by=self.actor(by), choice=choice, ground=ground),
        )

    # -- dashboards ------------------------------------------------------------------------------

    async def show(self, number: str) -> CaseView:
        """One case, from its row."""
        return await self._dashboard.view(await self._case(number))

    async def status(self, number: str) -> CaseView:
        """One case, from its run: the query `status`; a closed one from its row."""
        handle = await self._handle(await self._case(number))
        try:
            view: CaseView = await handle.query("status", result_type=CaseView, rpc_timeout=WAIT)
            return view
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return await self.show(number)
            raise Unreachable("No worker answers the query. Start one: python worker.py") from None

    async def timeline(self, number: str) -> list[TimelineEntry]:
        """What happened, from the audit chain."""
        return await self._dashboard.timeline(await self._case(number))

    async def cases(
        self, *, status: Status | None = None, kind: Kind | None = None,
        due_before: date | None = None, person: Subject | None = None,
    ) -> list[CaseLine]:  # fmt: skip
        """Cases by safe date; `person` limits them to those with one of these identifiers."""
        hashes = None if person is None else self._hashes(person)
        return await self._dashboard.cases(
            status=status, kind=kind, due_before=due_before, hashes=hashes
        )

    async def tasks(self, role: str | None = None) -> list[TaskLine]:
        """What needs a person now, by safe date."""
        return await self._dashboard.tasks(role)

    async def overview(self) -> Overview:
        """Counts: open, overdue, breached by cause, load."""
        return await self._dashboard.overview(self.now())

    async def found(self, number: str, *, by: str) -> dict[str, Found]:
        """What was found, per system. Personal data: the look is audited."""
        case = await self._case(number)
        async with self._case_file.step(case, f"look:{uuid4()}", self.now(), by) as step:
            step.record(Event.LOOKED, part="found")
        parts = await self._case_file.sealed_parts(case, "found:")
        found = {name: Found.model_validate_json(content) for name, content in parts.items()}
        for system, file in await self._files(case):
            known = found.get(system, Found())
            found[system] = known.model_copy(update={"files": (*known.files, file.name)})
        return found

    async def files(self, number: str, *, by: str) -> list[tuple[str, Attachment]]:
        """Files with which people answered for their systems. The look is audited."""
        case = await self._case(number)
        async with self._case_file.step(case, f"look:{uuid4()}", self.now(), by) as step:
            step.record(Event.LOOKED, part="files")
        return await self._files(case)

    # -- letters ---------------------------------------------------------------------------------

    async def letters(self, number: str) -> tuple[LetterView, ...]:
        """The letters of a case."""
        return (await self.show(number)).letters

    async def letter(self, number: str, letter: str, *, by: str) -> bytes:
        """One letter (HTML). The first fetch is its leaving, recorded with actor and instant."""
        return await self._outbox.letter(await self._case(number), letter, by, self.now())

    async def package(self, number: str, *, by: str) -> bytes:
        """The reply's package (ZIP). The first fetch is the leaving of the reply."""
        return await self._outbox.package(await self._case(number), by, self.now())

    # -- inside ----------------------------------------------------------------------------------

    async def _case(self, number: str) -> UUID:
        async with self._case_file.engine.connect() as conn:
            return await case_id_of(conn, number)

    async def _handle(self, case: UUID) -> WorkflowHandle[Any, Any]:
        async with self._case_file.engine.connect() as conn:
            row = (
                await conn.execute(
                    select(t.cases.c.kind, t.cases.c.run).where(t.cases.c.id == case)
                )
            ).one()
        return self._temporal.get_workflow_handle(workflow_id(Kind(row.kind), case, row.run))

    async def _act_on_closed(self, case: UUID, action: StaffAction) -> CaseView:
        """Of all actions only `reopen` is taken by a case whose run has ended."""
        view = await self._case_file.view(case)
        sentence = refusal(view, action, self.now(), automatic=False, has_submitter=False)
        if sentence:
            raise RefusedByRule(sentence)
        if not isinstance(action, Reopen):
            raise RefusedByRule(
                f"Not done: the run of {view.number} is missing. Mend it: dsr reconcile"
            )
        await self._reopen(case, action)
        return await self._case_file.view(case)

    async def _reopen(self, case: UUID, action: Reopen) -> None:
        """The case is answered again by a run of its own; dates stay as recorded."""
        key = f"reopen:{action.id}"
        async with self._case_file.step(case, key, self.now(), action.by.account) as step:
            if not step.repeated:
                step.record(Event.REOPENED)
                await step.seal(f"text:complaint:{action.id}", action.reason.encode())
                to = Status.SEARCHING if step.row["kind"] == Kind.ACCESS else Status.FULFILLING
                step.move(to, move(step.status, to))
                await step.answer_again()
                step.set(run=step.row["run"] + 1, reopened=True, closed_at=None)
        await self._runs.start_case(case)

    async def _files(self, case: UUID) -> list[tuple[str, Attachment]]:
        parts = await self._case_file.sealed_parts(case, "file:")
        async with self._case_file.engine.connect() as conn:
            rows = await conn.execute(
                select(t.tasks.c.id, t.tasks.c.system).where(
                    t.tasks.c.case_id == case, t.tasks.c.done_at.is_not(None)
                )
            )
            systems = {row.id: row.system for row in rows}
        return [
            (systems[task] or "", Attachment.model_validate_json(content))
            for task, content in parts.items()
            if task in systems
        ]

    async def _what(self, task: str) -> str | None:
        async with self._case_file.engine.connect() as conn:
            what: str | None = await conn.scalar(select(t.tasks.c.what).where(t.tasks.c.id == task))
            return what

    async def _seal_file(self, case: UUID, task: str, file: Attachment, by: str) -> None:
        async with self._case_file.step(case, f"file:{uuid4()}", self.now(), by) as step:
            await step.seal(f"file:{task}", file.model_dump_json().encode())

    def _hashes(self, person: Subject) -> list[bytes]:
        digest = self._case_file.keyring.digest
        known = person_of(person, self._policy).identities
        return [digest("identifier", i.type, i.value) for i in known]


def _refused(error: WorkflowUpdateFailedError) -> RefusedByRule | BadInput:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "RefusedByRule":
        return RefusedByRule(cause.message)
    return BadInput("Not done: the case could not read this action. Check its options.")


def _belonging(file: Attachment) -> tuple[str, ...]:
    """The file of a task `choose_match`: {"belongs": [items]}, from `dsr found`."""
    try:
        items = json.loads(file.base64)["belongs"]
        return tuple(str(item) for item in items)
    except (ValueError, KeyError, TypeError):
        raise BadInput(
            'Not done: the file of this task reads {"belongs": ["1", "3"]}: the doubtful items '
            "that are the person's, see dsr found."
        ) from None


def system_user() -> str:
    """Who fetches and looks when no member of staff is named: the operating system's user."""
    return f"os:{getpass.getuser()}"
