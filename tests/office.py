"""The driver of workflow tests: it speaks the language of the field, over real servers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkerDeploymentVersion
from temporalio.testing import TimeSkipper, TimeSkippingConfig, WorkflowEnvironment
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.desk import Desk
from activities.everything import every_activity
from activities.letters import Letters
from activities.runs import Runs
from schemas.case import CaseView, LetterKind, Status
from schemas.messages import StaffAction
from schemas.policy import Controller, Pace, Policy
from schemas.request import Language
from schemas.staff import StaffDirectory, StaffMember
from starter.client import DsrClient
from starter.ended import EndedIntake
from starter.intake import Receipt
from starter.sandbox import sandbox
from storage.audit import Audit
from storage.case_file import CaseFile
from storage.codec import data_converter
from storage.keyring import Keyring
from storage.secrets import Secrets
from tests.fakes import FakeSystem, FakeSystems, facts
from workflows.everything import EVERY_WORKFLOW

LETTERS = Path(__file__).parents[1] / "config" / "mipro" / "letters"
NAMED = WorkerDeploymentConfig(
    version=WorkerDeploymentVersion("office", "test"), use_worker_versioning=False
)
"""Without a name the SDK hashes every loaded module at the start of a process."""

WORDS = {language: f"authority {language}" for language in Language}

POLICY = Policy(
    version="test-1",
    controller=Controller(
        name="Mipro Oy", address="Kunnanmäki 9, 50600 Mikkeli", contact="tietosuoja@mipro.example",
        authority=WORDS, court=WORDS,
    ),
    other_purposes=("profiling", "customer_relations"),
    pace=Pace(
        retry_first=timedelta(milliseconds=50), retry_most=timedelta(hours=1),
        step_timeout=timedelta(seconds=10), system_timeout=timedelta(seconds=10),
    ),
)  # fmt: skip

STAFF = StaffDirectory(
    members=(
        StaffMember(person="maija", accounts=("maija",), roles=("handler",)),
        StaffMember(person="antti", accounts=("antti",), roles=("approver",)),
        StaffMember(person="helena", accounts=("helena",), roles=("dpo",)),
        StaffMember(person="kalle", accounts=("kalle",), roles=("archivist",)),
    )
)

AINO = {
    "name": "Aino Virtanen",
    "identifiers": [{"type": "email", "value": "aino.virtanen@example.fi"}],
    "address": "Puistokatu 1, 50100 Mikkeli",
}


A_CORRECTION = {"field": "email", "old": "aino@old.example", "new": "aino@new.example"}


def now() -> datetime:
    return datetime.now(UTC)


def a_form(kind: str = "access", *, of: dict[str, Any] = AINO, **more: Any) -> dict[str, Any]:
    """A request as intake hands it in; a signed letter unless the test says otherwise."""
    form = {
        "kind": kind,
        "channel": "letter",
        "received_at": now().isoformat(),
        "language": "fi",
        "scope": ["register"],
        "subject": of,
        "evidence": {"signed": True},
    }
    if kind in ("objection", "consent"):
        form["purposes"] = ["marketing"]
    if kind == "consent":
        form["consent"] = {"given": True, "text_version": "2026-1", "means": "web_form"}
    if kind == "correct":
        form["corrections"] = [A_CORRECTION]
    return form | more


def ordinary_systems() -> FakeSystems:
    """Two databases and the paper archive."""
    return FakeSystems(
        FakeSystem(facts("customers", suppresses=("marketing",), restricts=True)),
        FakeSystem(
            facts(
                "marketing",
                suppresses=("marketing", "surveys"),
                records_consent=("marketing",),
                restricts=True,
            )
        ),
        FakeSystem(
            facts(
                "archive",
                reach="manual",
                role="archivist",
                purposes=("archiving",),
                fields={"user.contact.email": ("user.contact.email",)},
            )
        ),
    )


@dataclass
class Office:
    """One controller's engine, for one test."""

    client: DsrClient
    temporal: Client
    skipper: TimeSkipper
    systems: FakeSystems
    case_file: CaseFile
    runs: Runs
    secrets: Secrets
    queue: str
    clock: list[timedelta]
    desk: Desk
    new_worker: Callable[..., Worker]
    worker: Worker | None = None
    glance: float = 0.03  # seconds between two looks at a case
    patience: float = 15  # seconds until what was not seen is missing

    async def starts_work(self, **more: Any) -> None:
        """A worker serves the queue."""
        self.worker = self.new_worker(**more)
        await self.worker.__aenter__()

    async def stops_work(self) -> None:
        """The worker leaves; nobody serves the queue."""
        if self.worker is not None:
            worker, self.worker = self.worker, None
            await worker.shutdown()

    async def receives(self, form: dict[str, Any]) -> str:
        """Take a request in; its number."""
        return (await self.submits(form)).number

    async def submits(self, form: dict[str, Any]) -> Receipt:
        """Take a request in."""
        return await self.client.submit(form)

    async def act(self, number: str, action: type[StaffAction], by: str, **fields: Any) -> CaseView:
        """A staff action."""
        return await self.client.act(number, action, by=by, **fields)

    async def handle(self, number: str) -> WorkflowHandle[Any, Any]:
        """The run of a case."""
        return await self.client._handle(await self.client._case(number))

    async def outsider(self, number: str) -> WorkflowHandle[Any, Any]:
        """The run as a program sees it that has Temporal's address and none of our keys."""
        plain = await Client.connect(self.temporal.service_client.config.target_host)
        return plain.get_workflow_handle((await self.handle(number)).id)

    async def reaches(self, number: str, status: Status | str) -> CaseView:
        """Wait until the case stands there."""
        return await self.sees(number, lambda view: view.status == status)

    async def sees(self, number: str, what: Callable[[CaseView], Any]) -> CaseView:
        """Wait until the case row shows it."""
        view = await self.client.show(number)
        for _ in range(int(self.patience / self.glance)):
            if what(view):
                return view
            await asyncio.sleep(self.glance)
            view = await self.client.show(number)
        raise AssertionError(f"never seen: {view.status} {view.outcome} {view.awaiting}")

    async def awaits(self, number: str, what: str) -> CaseView:
        """Wait until the case waits for this."""
        return await self.sees(number, lambda view: any(a.what == what for a in view.awaiting))

    async def rests(self, number: str) -> None:
        """Wait until the run only waits: no step and no workflow task of it is under way."""
        handle = await self.handle(number)
        async with asyncio.timeout(self.patience):
            while True:
                raw = (await handle.describe()).raw_description
                if not raw.pending_activities and not raw.HasField("pending_workflow_task"):
                    return
                await asyncio.sleep(self.glance)

    async def archive_answers(self, number: str, **fields: Any) -> CaseView:
        """The archivist completes the manual task of the paper archive."""
        view = await self.sees(number, lambda v: any(a.system == "archive" for a in v.awaiting))
        task = next(a.task for a in view.awaiting if a.system == "archive")
        return await self.client.complete_task(number, task, by="kalle", **fields)

    async def sends(self, number: str, kind: LetterKind) -> None:
        """Hand over the newest letter of a kind, at the case's own time."""
        view = await self.client.show(number)
        letter = next(x for x in reversed(view.letters) if x.kind is kind)
        await self.client.letter(number, letter.id, by="maija")

    async def passes(self, number: str, span: timedelta) -> None:
        """Time passes for this case, and for whoever deals with it."""
        handle = await self.handle(number)
        await self.skipper.fast_forward(handle, span)
        self.clock[0] += span

    async def passes_until(self, number: str, instant: datetime) -> None:
        """Time passes until an instant."""
        await self.passes(number, instant - self.client.now() + timedelta(seconds=1))


@asynccontextmanager
async def an_office(
    env: WorkflowEnvironment, engine: AsyncEngine, folder: Path,
    systems: FakeSystems | None = None, policy: Policy = POLICY, letters: Letters | None = None,
    max_cached_workflows: int = 1000, workflows: tuple[type, ...] = EVERY_WORKFLOW,
    keys: type[Keyring] = Keyring, queue: str | None = None, working: bool = True,
) -> AsyncIterator[Office]:  # fmt: skip
    """An engine of this test's own: database, keys, task queue, worker (unless not `working`)."""
    secrets = Secrets.load_or_create(folder / "keys")
    keyring = keys(engine, secrets.kek, secrets.pepper)
    case_file = CaseFile(engine, keyring, Audit(secrets.signer), policy.version)
    plain = await env.connect_client(data_converter=data_converter(keyring))
    skipper = TimeSkipper(plain, config=TimeSkippingConfig(enabled=False))
    systems = systems or ordinary_systems()
    queue = queue or f"office-{uuid4()}"
    clock = [timedelta(0)]
    client = DsrClient(
        skipper.client,
        case_file,
        SimpleNamespace(staff=STAFF, policy=policy, systems=systems.facts, letters=LETTERS),  # type: ignore[arg-type]
        queue,
        now=lambda: now() + clock[0],
    )
    runs = Runs(skipper.client, case_file, queue)
    desk = Desk(case_file, policy, systems, letters or Letters(LETTERS))  # type: ignore[arg-type]
    ended = EndedIntake(case_file, policy)
    activities = every_activity(desk, runs, secrets.signer, folder / "checkpoints.jsonl", ended)

    def new_worker(**more: Any) -> Worker:
        ours: dict[str, Any] = {
            "task_queue": queue, "workflows": workflows, "activities": activities,
            "workflow_runner": sandbox(), "max_cached_workflows": max_cached_workflows,
            "graceful_shutdown_timeout": timedelta(seconds=1), "deployment_config": NAMED,
        }  # fmt: skip
        return Worker(skipper.client, **(ours | more))

    office = Office(
        client,
        skipper.client,
        skipper,
        systems,
        case_file,
        runs,
        secrets,
        queue,
        clock,
        desk,
        new_worker,
    )
    if working:
        await office.starts_work()
    try:
        yield office
    finally:
        await office.stops_work()


@pytest.fixture(scope="session")
def letters() -> Letters:
    """The shipped letters, loaded once."""
    return Letters(LETTERS)


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """Two databases, a paper archive, four members of staff."""
    async with an_office(temporal, engine, tmp_path, letters=letters) as office:
        yield office
