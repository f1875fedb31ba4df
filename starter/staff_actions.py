"""A staff action on its way: made from what is given, checked, sent to the run of its case."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select
from temporalio.client import (
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.runs import Runs
from rules.identity import normalise
from rules.staff import refusal
from schemas.case import Awaited, CaseView, Status
from schemas.errors import BadInput, RefusedByRule, Unreachable
from schemas.messages import (
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
from schemas.request import Attachment
from schemas.staff import Actor, StaffDirectory
from starter.handed_in import CHOOSE_MATCH, HandedIn, belonging
from starter.intake import first_fault
from starter.reclassifying import Reclassifying
from starter.reopening import Reopening
from storage import tables as t
from storage.case_file import CaseFile
from storage.views import case_id_of

S = TypeVar("S", bound=StaffAction)

WAIT: Final = timedelta(seconds=20)
"""How long an action waits for a worker before it says that none answers."""


class StaffActions:
    """Takes actions of staff on cases. `now` gives business time."""

    def __init__(
        self, case_file: CaseFile, staff: StaffDirectory, runs: Runs, handed_in: HandedIn,
        reclassifying: Reclassifying, reopening: Reopening, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._case_file = case_file
        self._staff = staff
        self._runs = runs
        self._handed_in = handed_in
        self._reclassifying = reclassifying
        self._reopening = reopening
        self._now = now

    def actor(self, account: str) -> Actor:
        """The member of staff behind an account. Raises `RefusedByRule` for an unknown one."""
        actor = self._staff.actor(account)
        if actor is None:
            raise RefusedByRule(
                "Not done: this account is not in the staff directory (staff.yaml of the "
                "configuration)."
            )
        return actor

    async def take(
        self, case: UUID, action: type[S], by: str, id: UUID, fields: dict[str, Any]
    ) -> CaseView:
        """Any action. Safe to repeat under one `id`."""
        if issubclass(action, Decide | SecondDecision):
            return await self._send(case, await self._decision(case, action, by, id, fields))
        message = self._message(action, by, id, fields)
        if isinstance(message, CloseAs) and message.into is not None:
            async with self._case_file.reading.connect() as conn:
                await case_id_of(conn, message.into)  # raises for a number that nobody has
        if isinstance(message, CompleteTask) and message.items:
            task = await self._task(case, message.task)
            await self._handed_in.check_choice(case, task, message)
        return await self._send(case, message)

    async def complete_task(
        self, case: UUID, by: str, id: UUID, fields: dict[str, Any], file: Attachment | None
    ) -> CaseView:
        """A manual task is done; its file is sealed in the case file, never in history."""
        task = await self._task(case, fields["task"])
        if task is not None and task.what == CHOOSE_MATCH:
            fields["items"] = belonging(file)
        elif file is not None:
            fields["has_file"] = True
            message = self._message(CompleteTask, by, id, fields)
            if not await self._refusal(case, message):
                await self._handed_in.seal(case, id, file, message.by.account, self._now())
        return await self.take(case, CompleteTask, by, id, fields)

    async def reclassify(
        self, case: UUID, by: str, id: UUID, fields: dict[str, Any], parts: Mapping[str, Any]
    ) -> CaseView:
        """The request is of another kind. `parts`: what its form says for that kind."""
        message = self._message(Reclassify, by, id, fields)
        if await self._case_file.unseal(case, f"text:reclassified:{id}") is not None:
            return await self._case_file.view(case)  # taken before, by a run that is over
        if not await self._refusal(case, message):
            actor = message.by.account
            await self._reclassifying.seal(case, id, message.to, parts, actor, self._now())
        return await self._send(case, message)

    async def signal(self, case: UUID, by: str, id: UUID, fields: dict[str, Any]) -> None:
        """A decision as the signal `decision`: nobody waits for what the case makes of it."""
        decide = await self._decision(case, Decide, by, id, fields)
        signal = DecisionSignal.model_validate(decide, from_attributes=True)
        try:
            await (await self._runs.handle(case)).signal("decision", signal)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _unreachable(error, f"repeat with id {signal.id}") from None
            await self._reopening.take(case, decide)

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

    async def _is_closed(self, case: UUID) -> bool:
        return (await self._case_file.view(case)).status is Status.CLOSED

    async def _send(self, case: UUID, message: StaffAction) -> CaseView:
        if isinstance(message, Reopen) and await self._reopening.is_done(case, message):
            return await self._case_file.view(case)
        handle = await self._runs.handle(case)
        if isinstance(message, Reopen) and await self._is_closed(case):
            await _ended(handle)
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
                return await self._reopening.take(case, message)
            raise _unreachable(error, f"repeat with --id {message.id}") from None

    async def _refusal(self, case: UUID, message: StaffAction) -> str | None:
        """Why the case will not take it: then nothing is sealed for it. The case says so itself."""
        view = await self._case_file.view(case)
        return refusal(view, message, self._now(), automatic=False, has_submitter=False)

    async def _task(self, case: UUID, task: str) -> Awaited | None:
        """The open task of this id."""
        view = await self._case_file.view(case)
        return next((awaited for awaited in view.awaiting if awaited.task == task), None)


async def _ended(handle: WorkflowHandle[Any, Any]) -> None:
    """A case is closed a moment before its run has ended, which answers nothing any more."""
    with suppress(WorkflowFailureError, RPCError, TimeoutError):
        async with asyncio.timeout(WAIT.total_seconds()):
            await handle.result()


def _refused(error: WorkflowUpdateFailedError) -> RefusedByRule | BadInput:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "RefusedByRule":
        return RefusedByRule(cause.message)
    return BadInput("Not done: the case could not read this action. Check its options.")


def _unreachable(error: RPCError, then: str) -> Unreachable:
    """Temporal is away, or has too much of this case at once."""
    what = error.status.name.lower().replace("_", " ")
    return Unreachable(f"Temporal could not take it ({what}). Wait a little, then {then}.")
