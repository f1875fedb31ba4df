"""The only way in: intake hands requests over, staff act, dashboards read.

Errors are those of `schemas.errors`: one sentence each, mapped to exit codes by the command line.
"""

import getpass
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
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.desk import person_of
from activities.runs import Runs
from connectors.contract import Corrected, ErasurePlan, Found
from connectors.partner import Partner
from rules.identity import name_words, normalise
from rules.staff import refusal
from rules.status import begins_with, move
from schemas.case import Awaited, CaseView, Ground, LetterView, Status, TimelineEntry
from schemas.errors import BadInput, RefusedByRule, Unreachable
from schemas.events import Event
from schemas.lines import Pause
from schemas.messages import (
    Choice,
    CloseAs,
    CompleteTask,
    Decide,
    DecisionSignal,
    Reassign,
    Reclassify,
    Reopen,
    SecondDecision,
    StaffAction,
)
from schemas.recipients import RecipientLedger
from schemas.request import Attachment, Kind, RequestForm, Subject
from schemas.staff import Actor, StaffDirectory
from schemas.steps import workflow_id
from starter.asked import CorrectionsAsked
from starter.configuration import Configuration
from starter.dashboard import CaseLine, Dashboard, Overview, TaskLine
from starter.handed_in import CHOOSE_MATCH, HandedIn, belonging
from starter.holds import Holds
from starter.intake import Intake, Receipt, first_fault
from starter.outbox import Outbox
from starter.recipients import Recipients
from starter.reclassifying import Reclassifying
from starter.retention import Retention
from starter.standstills import Standstills
from starter.suppressions import Suppressions
from storage import tables as t
from storage.case_file import CaseFile
from storage.views import case_id_of, living_case_of

S = TypeVar("S", bound=StaffAction)

WAIT: Final = timedelta(seconds=20)
"""How long an action waits for a worker before it says that none answers."""


def _now() -> datetime:
    return datetime.now(UTC)


class DsrClient:
    """Intake, staff actions and dashboards over one engine.

    `holds` are legal holds, `suppressions` what importers ask. `now` gives the business time of
    what this client does; tests move it, nothing else does.
    """

    def __init__(
        self, temporal: Client, case_file: CaseFile, configuration: Configuration,
        task_queue: str, now: Callable[[], datetime] = _now,
        partner: Callable[[str], Partner] | None = None,
    ) -> None:  # fmt: skip
        """`partner`: those that this process may reach, for the stops of `holds`."""
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
        self._handed_in = HandedIn(case_file)
        self._reclassifying = Reclassifying(case_file, self._intake, configuration.policy)
        self._dashboard = Dashboard(case_file.engine)
        self.now = now
        self.holds = Holds(
            case_file, configuration.policy, [system.name for system in configuration.systems],
            lambda: self.now(), partner,
        )  # fmt: skip
        names = [system.name for system in configuration.systems]
        self._recipients = Recipients(case_file, configuration, lambda: self.now())
        self.standstills = Standstills(case_file, names, lambda: self.now())
        self.retention = Retention(case_file, self.act, lambda: self.now())
        self.suppressions = Suppressions(case_file.engine, case_file.keyring, configuration.policy)

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
                "Not done: this account is not in the staff directory (staff.yaml of the "
                "configuration)."
            )
        return actor

    async def act(
        self, number: str, action: type[S], *, by: str, id: UUID | None = None, **fields: Any
    ) -> CaseView:  # fmt: skip
        """Take a staff action: checked by the case, recorded, safe to repeat under one `id`."""
        case = await self._living(number)
        if issubclass(action, Decide | SecondDecision):
            decision = await self._decision(case, action, by, id or uuid4(), fields)
            return await self._send(case, decision)
        message = self._message(action, by, id or uuid4(), fields)
        if isinstance(message, CloseAs) and message.into is not None:
            await self._case(message.into)
        if isinstance(message, CompleteTask) and message.items:
            task = await self._task(case, message.task)
            await self._handed_in.check_choice(case, task, message)
        return await self._send(case, message)

    async def _decision(
        self, case: UUID, action: type[S], by: str, id: UUID, fields: dict[str, Any]
    ) -> S:
        """A decision names the plan that it approves, and whether its actor is the subject."""
        if fields.get("digest") is None:
            fields["digest"] = (await self._case_file.view(case)).plan
        message = self._message(action, by, id, fields)
        if not await self._is_subject(case, by):
            return message
        actor = message.by.model_copy(update={"is_subject": True})
        return message.model_copy(update={"by": actor})

    async def _is_subject(self, case: UUID, account: str) -> bool:
        """Whether the case is about the member of staff behind the account."""
        member = self._staff.member(account)
        own = member.subject_identifiers if member else ()
        digest = self._case_file.keyring.digest
        hashes = [digest("identifier", "email", normalise("email", address)) for address in own]
        theirs = select(t.identifiers.c.case_id).where(
            t.identifiers.c.case_id == case, t.identifiers.c.hash.in_(hashes)
        )
        async with self._case_file.reading.connect() as conn:
            return (await conn.execute(theirs.limit(1))).first() is not None

    def _message(self, action: type[S], by: str, id: UUID, fields: dict[str, Any]) -> S:
        """The action as the case reads it. Raises `BadInput` for what is unknown or malformed."""
        if unknown := sorted(set(fields) - set(action.model_fields)):
            raise BadInput(f"Not done: {action.name} has no field {', '.join(unknown)}.")
        if action is Reassign and "to" in fields:
            fields["to"] = self.actor(fields["to"])
        try:
            return action(id=id, by=self.actor(by), **fields)
        except ValidationError as fault:
            raise BadInput(f"Not done: {first_fault(fault, action)}.") from None

    async def _send(self, case: UUID, message: StaffAction) -> CaseView:
        if isinstance(message, Reopen) and await self._case_file.is_done(case, _reopening(message)):
            return await self._case_file.view(case)
        handle = await self._handle(case)
        try:
            view: CaseView = await handle.execute_update(
                message.name, message, id=str(message.id), result_type=CaseView, rpc_timeout=WAIT
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
            if error.status is RPCStatusCode.NOT_FOUND:
                return await self._act_on_closed(case, message)
            raise _unreachable(error, f"repeat with --id {message.id}") from None

    async def complete_task(
        self, number: str, task: str, *, by: str, file: Attachment | None = None,
        id: UUID | None = None, records: int = 0, left: bool = False, note: str | None = None,
    ) -> CaseView:  # fmt: skip
        """A manual task is done; its file is sealed in the case file, never in history.

        `left`: of a task to destroy that a hold called back, something is there still.
        """
        case, id = await self._living(number), id or uuid4()
        fields: dict[str, Any] = {"task": task, "records": records, "left": left, "note": note}
        open_task = await self._task(case, task)
        if open_task is not None and open_task.what == CHOOSE_MATCH:
            fields["items"] = belonging(file)
        elif file is not None:
            fields["has_file"] = True
            message = self._message(CompleteTask, by, id, dict(fields))
            view = await self._case_file.view(case)
            if not refusal(view, message, self.now(), automatic=False, has_submitter=False):
                await self._handed_in.seal(case, id, file, message.by.account, self.now())
        return await self.act(number, CompleteTask, by=by, id=id, **fields)

    async def reclassify(
        self, number: str, *, to: Kind, by: str, reason: str,
        parts: Mapping[str, Any] | None = None, id: UUID | None = None,
    ) -> CaseView:  # fmt: skip
        """The request is of another kind. `parts`: what its form says for that kind.

        These are scope, purposes, consent, corrections, message. Raises `BadInput` if it then is
        no request of that kind.
        """
        case, id = await self._living(number), id or uuid4()
        message = self._message(Reclassify, by, id, {"to": to, "reason": reason})
        view = await self._case_file.view(case)
        if await self._case_file.unseal(case, f"text:reclassified:{id}") is not None:
            return view  # taken before, by a run that is over
        sentence = refusal(view, message, self.now(), automatic=False, has_submitter=False)
        if sentence is None:
            actor = message.by.account
            await self._reclassifying.seal(case, id, to, parts or {}, actor, self.now())
        return await self._send(case, message)

    async def decide_without_waiting(
        self, number: str, *, by: str, choice: Choice, ground: Ground | None = None,
        id: UUID | None = None, disputed: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        """The signal `decision`, for programs: ids and codes only; a wrong one is recorded."""
        fields = {"choice": choice, "ground": ground, "disputed": disputed}
        case = await self._living(number)
        decide = await self._decision(case, Decide, by, id or uuid4(), fields)
        signal = DecisionSignal.model_validate(decide, from_attributes=True)
        try:
            await (await self._handle(case)).signal("decision", signal)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _unreachable(error, f"repeat with id {signal.id}") from None
            await self._act_on_closed(case, decide)

    # -- dashboards ------------------------------------------------------------------------------

    async def show(self, number: str) -> CaseView:
        """One case, from its row."""
        return await self._dashboard.view(await self._case(number))

    async def status(self, number: str) -> CaseView:
        """One case, from its run: the query `status`; a closed one from its row.

        A purged run could not be read by any worker: it is not asked.
        """
        shown = await self.show(number)
        if shown.purged:
            return shown
        handle = await self._handle(await self._case(number))
        try:
            view: CaseView = await handle.query("status", result_type=CaseView, rpc_timeout=WAIT)
            return view
        except WorkflowQueryFailedError:  # the run has only begun
            return await self.show(number)
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
        """Cases by safe date; `person` limits them to those with one of these identifiers.

        A person without identifiers is looked up by name: all its words, without case, spacing
        and Unicode form. Who of a name is meant, a person sees.
        """
        hashes = None if person is None else self._hashes(person)
        names = self._names(person) if person is not None and not hashes else ()
        return await self._dashboard.cases(
            status=status, kind=kind, due_before=due_before, hashes=hashes, names=names
        )

    async def tasks(self, role: str | None = None) -> list[TaskLine]:
        """What needs a person now, by safe date."""
        return await self._dashboard.tasks(role)

    async def pauses(self) -> tuple[Pause, ...]:
        """Systems that fail and that nobody calls for a while: staff are told once of each."""
        return await self._dashboard.pauses()

    async def overview(self) -> Overview:
        """Counts: open, overdue, breached by cause, load."""
        return await self._dashboard.overview(self.now())

    async def found(self, number: str, *, by: str) -> dict[str, Found]:
        """What was found, per system. Personal data: the look is audited."""
        by, case = self._reader(by), await self._living(number)
        async with self._case_file.step(case, f"look:{uuid4()}", self.now(), by) as step:
            step.record(Event.LOOKED, part="found")
        parts = await self._case_file.sealed_parts(case, "found:")
        found = {name: Found.model_validate_json(content) for name, content in parts.items()}
        for system, file in await self._handed_in.of_case(case):
            known = found.get(system, Found())
            found[system] = known.model_copy(update={"files": (*known.files, file.name)})
        return found

    async def corrections(self, number: str, *, by: str) -> CorrectionsAsked:
        """What a correction asks for, and what came of it. Personal data: the look is audited."""
        by, case = self._reader(by), await self._case(number)
        async with self._case_file.step(case, f"look:{uuid4()}", self.now(), by) as step:
            step.record(Event.LOOKED, part="corrections")
        form = RequestForm.model_validate_json(await self._case_file.unseal(case, "form") or b"{}")
        parts = await self._case_file.sealed_parts(case, "corrected:")
        done = {name: Corrected.model_validate_json(content) for name, content in parts.items()}
        return CorrectionsAsked(asked=form.corrections, message=form.message, done=done)

    async def plan(self, number: str, *, by: str) -> dict[str, ErasurePlan]:
        """What a deletion would erase and keep, per system. Keys of records: the look is audited.

        Of a secret hold nothing shows. The digest that an approval names is `CaseView.plan`.
        """
        by, case = self._reader(by), await self._living(number)
        async with self._case_file.step(case, f"look:{uuid4()}", self.now(), by) as step:
            step.record(Event.LOOKED, part="plan")
        parts = await self._case_file.sealed_parts(case, "plan:")
        return {name: ErasurePlan.model_validate_json(content) for name, content in parts.items()}

    async def files(self, number: str, *, by: str) -> list[tuple[str, Attachment]]:
        """Files with which people answered for their systems. The look is audited."""
        by, case = self._reader(by), await self._living(number)
        async with self._case_file.step(case, f"look:{uuid4()}", self.now(), by) as step:
            step.record(Event.LOOKED, part="files")
        return await self._handed_in.of_case(case)

    async def recipients(self, number: str) -> RecipientLedger:
        """Who was told of a correction, deletion or restriction, and what came of it (Art. 19)."""
        return await self._recipients.ledger(await self._case(number))

    async def acknowledge(
        self, number: str, system: str, *, by: str, id: UUID | None = None
    ) -> RecipientLedger:
        """A recipient has confirmed to a person that it was told: no answer yet."""
        case = await self._living(number)
        return await self._recipients.acknowledged(case, system, self.actor(by), id or uuid4())

    # -- letters ---------------------------------------------------------------------------------

    async def letters(self, number: str) -> tuple[LetterView, ...]:
        """The letters of a case."""
        return (await self.show(number)).letters

    async def letter(self, number: str, letter: str, *, by: str) -> bytes:
        """One letter (HTML). The first fetch is its leaving, recorded with actor and instant."""
        by, case = self._reader(by), await self._living(number)
        return await self._outbox.letter(case, letter, by, self.now())

    async def package(self, number: str, *, by: str) -> bytes:
        """The reply's package (ZIP). The first fetch is the leaving of the reply."""
        by, case = self._reader(by), await self._living(number)
        return await self._outbox.package(case, by, self.now())

    async def write_recipients(self, number: str, *, by: str, id: UUID | None = None) -> str:
        """Put the list of recipients, as a letter to the subject, into the outbox; its id."""
        case = await self._living(number)
        return await self._recipients.write_list(case, self.actor(by), id or uuid4())

    # -- inside ----------------------------------------------------------------------------------

    def _reader(self, by: str) -> str:
        """Who looks or fetches: an account of the staff directory, or this system's user."""
        return by if by == system_user() else self.actor(by).account

    async def _case(self, number: str) -> UUID:
        async with self._case_file.reading.connect() as conn:
            return await case_id_of(conn, number)

    async def _living(self, number: str) -> UUID:
        """The same, for whoever needs the content. Raises `Purged`."""
        async with self._case_file.reading.connect() as conn:
            return await living_case_of(conn, number)

    async def _handle(self, case: UUID) -> WorkflowHandle[Any, Any]:
        async with self._case_file.reading.connect() as conn:
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
        if view.parked and not isinstance(action, Reopen):
            raise RefusedByRule(
                f"Not done: {view.number} is answered and goes on by itself once what it keeps "
                f"may go. To answer it again after a complaint: dsr reopen {view.number}"
            )
        if not isinstance(action, Reopen):
            raise RefusedByRule(
                f"Not done: the run of {view.number} is missing. Mend it: dsr reconcile"
            )
        await self._reopen(case, action)
        return await self._case_file.view(case)

    async def _reopen(self, case: UUID, action: Reopen) -> None:
        """The case is answered again by a run of its own; dates stay as recorded."""
        key, by = _reopening(action), action.by.account
        try:
            async with self._case_file.step(case, key, self.now(), by) as step:
                if not step.repeated:
                    step.record(Event.REOPENED)
                    await step.seal(f"text:complaint:{action.id}", action.reason.encode())
                    to = begins_with(Kind(step.row["kind"]))
                    step.move(to, move(step.status, to))
                    await step.answer_again()
                    step.set(
                        run=step.row["run"] + 1, reopened=True, resumed=False, released=False,
                        closed_at=None, parked_at=None, resumes_on=None,
                    )  # fmt: skip
        except IntegrityError:
            raise RefusedByRule(
                "Not opened again: the same request of this person is open under another number. "
                "See: dsr list"
            ) from None
        await self._runs.start_case(case)

    async def _task(self, case: UUID, task: str) -> Awaited | None:
        """The open task of this id."""
        view = await self._case_file.view(case)
        return next((awaited for awaited in view.awaiting if awaited.task == task), None)

    def _hashes(self, person: Subject) -> list[bytes]:
        digest = self._case_file.keyring.digest
        known = person_of(person, self._policy).identities
        return [digest("identifier", i.type, i.value) for i in known]

    def _names(self, person: Subject) -> list[bytes]:
        return [self._case_file.keyring.digest("name", word) for word in name_words(person.name)]


def _refused(error: WorkflowUpdateFailedError) -> RefusedByRule | BadInput:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "RefusedByRule":
        return RefusedByRule(cause.message)
    return BadInput("Not done: the case could not read this action. Check its options.")


def _unreachable(error: RPCError, then: str) -> Unreachable:
    """Temporal is away, or has too much of this case at once."""
    what = error.status.name.lower().replace("_", " ")
    return Unreachable(f"Temporal could not take it ({what}). Wait a little, then {then}.")


def _reopening(action: Reopen) -> str:
    """The step's key of an opening after the end of a run."""
    return f"reopen:{action.id}"


def system_user() -> str:
    """Who fetches and looks when no member of staff is named: the operating system's user."""
    return f"os:{getpass.getuser()}"
