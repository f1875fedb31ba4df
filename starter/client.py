"""The only way in: intake hands requests over, staff act, dashboards read.

Errors are those of `schemas.errors`: one sentence each, mapped to exit codes by the command line.
"""

import getpass
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.desk import person_of
from activities.runs import Runs
from connectors.contract import ErasurePlan, Found
from connectors.partner import Partner
from rules.identity import name_words
from schemas.case import CaseView, Ground, LetterView, Status, TimelineEntry
from schemas.errors import Unreachable
from schemas.lines import Pause
from schemas.messages import Choice
from schemas.recipients import RecipientLedger
from schemas.request import Attachment, Kind, RequestForm, Subject
from schemas.staff import Actor
from starter.asked import CorrectionsAsked
from starter.configuration import Configuration
from starter.dashboard import CaseLine, Dashboard, Overview, TaskLine
from starter.handed_in import HandedIn
from starter.holds import Holds
from starter.intake import Intake, Receipt
from starter.looks import Looks
from starter.outbox import Outbox
from starter.recipients import Recipients
from starter.reclassifying import Reclassifying
from starter.reopening import Reopening
from starter.retention import Retention
from starter.staff_actions import WAIT, S, StaffActions
from starter.standstills import Standstills
from starter.suppressions import Suppressions
from storage.case_file import CaseFile
from storage.views import case_id_of, living_case_of


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
        self._case_file = case_file
        self._policy = configuration.policy
        self._runs = Runs(temporal, case_file, task_queue)
        self._handle = self._runs.handle
        self._intake = Intake(
            configuration.policy, configuration.systems, case_file.keyring, case_file.audit
        )
        self._outbox = Outbox(case_file, self._runs)
        handed_in = HandedIn(case_file)
        self._actions = StaffActions(
            case_file, configuration.staff, self._runs, handed_in,
            Reclassifying(case_file, self._intake, configuration.policy),
            Reopening(case_file, self._runs, lambda: self.now()), lambda: self.now(),
        )  # fmt: skip
        self._dashboard = Dashboard(case_file.engine)
        self._looks = Looks(case_file, handed_in, lambda: self.now())
        self.now = now
        names = [system.name for system in configuration.systems]
        self.holds = Holds(case_file, configuration.policy, names, lambda: self.now(), partner)
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
        return self._actions.actor(account)

    async def act(
        self, number: str, action: type[S], *, by: str, id: UUID | None = None, **fields: Any
    ) -> CaseView:  # fmt: skip
        """Take a staff action: checked by the case, recorded, safe to repeat under one `id`."""
        case = await self._living(number)
        return await self._actions.take(case, action, by, id or uuid4(), fields)

    async def complete_task(
        self, number: str, task: str, *, by: str, file: Attachment | None = None,
        id: UUID | None = None, records: int = 0, left: bool = False, note: str | None = None,
    ) -> CaseView:  # fmt: skip
        """A manual task is done; its file is sealed in the case file, never in history.

        `left`: of a task to destroy that a hold called back, something is there still.
        """
        case = await self._living(number)
        fields = {"task": task, "records": records, "left": left, "note": note}
        return await self._actions.complete_task(case, by, id or uuid4(), fields, file)

    async def reclassify(
        self, number: str, *, to: Kind, by: str, reason: str,
        parts: Mapping[str, Any] | None = None, id: UUID | None = None,
    ) -> CaseView:  # fmt: skip
        """The request is of another kind. `parts`: what its form says for that kind.

        These are scope, purposes, consent, corrections, message. Raises `BadInput` if it then is
        no request of that kind.
        """
        case = await self._living(number)
        fields = {"to": to, "reason": reason}
        return await self._actions.reclassify(case, by, id or uuid4(), fields, parts or {})

    async def decide_without_waiting(
        self, number: str, *, by: str, choice: Choice, ground: Ground | None = None,
        id: UUID | None = None, disputed: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        """The signal `decision`, for programs: ids and codes only; a wrong one is recorded."""
        case = await self._living(number)
        fields = {"choice": choice, "ground": ground, "disputed": disputed}
        await self._actions.signal(case, by, id or uuid4(), fields)

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
        return await self._looks.found(case, by)

    async def corrections(self, number: str, *, by: str) -> CorrectionsAsked:
        """What a correction asks for, and what came of it. Personal data: the look is audited."""
        by, case = self._reader(by), await self._case(number)
        return await self._looks.corrections(case, by)

    async def plan(self, number: str, *, by: str) -> dict[str, ErasurePlan]:
        """What a deletion would erase and keep, per system. Keys of records: the look is audited.

        Of a secret hold nothing shows. The digest that an approval names is `CaseView.plan`.
        """
        by, case = self._reader(by), await self._living(number)
        return await self._looks.plan(case, by)

    async def files(self, number: str, *, by: str) -> list[tuple[str, Attachment]]:
        """Files with which people answered for their systems. The look is audited."""
        by, case = self._reader(by), await self._living(number)
        return await self._looks.files(case, by)

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

    def _hashes(self, person: Subject) -> list[bytes]:
        digest = self._case_file.keyring.digest
        known = person_of(person, self._policy).identities
        return [digest("identifier", i.type, i.value) for i in known]

    def _names(self, person: Subject) -> list[bytes]:
        return [self._case_file.keyring.digest("name", word) for word in name_words(person.name)]


def system_user() -> str:
    """Who fetches and looks when no member of staff is named: the operating system's user."""
    return f"os:{getpass.getuser()}"
