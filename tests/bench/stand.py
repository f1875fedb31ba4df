"""The servers of one run of the benchmarks, and an engine of a metric's own on them.

PostgreSQL is as safe as in production (fsync and synchronous_commit are on); Temporal keeps its
state in memory; worker and client share this process, as they share the machine, unless a metric
has a worker of its own (`tests.bench.worker`).
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.desk import Desk
from activities.everything import every_activity
from activities.letters import Letters
from activities.runs import Runs
from schemas.policy import Policy
from starter.client import DsrClient
from starter.ended import EndedIntake
from starter.settings import Settings
from starter.temporal import build_worker
from storage.audit import Audit
from storage.case_file import CaseFile
from storage.codec import data_converter
from storage.database import connect
from storage.keyring import Keyring
from storage.secrets import Secrets
from tests.bench.bare import Bare, BareActivities
from tests.office import LETTERS, POLICY, STAFF
from tests.postgres import Server, a_server, with_template
from tests.temporal import start_temporal
from workflows.everything import EVERY_WORKFLOW

SAFE: Final = "max_connections = 200\n"
"""Beyond this the server's defaults: a commit is on the disk before it is answered."""


@dataclass(frozen=True)
class Stand:
    """Servers, letters and a folder, for every metric of this run."""

    temporal: WorkflowEnvironment
    postgres: Server
    letters: Letters
    folder: Path


@dataclass(frozen=True)
class Engine:
    """One engine: a worker is running, `client` is the way in."""

    client: DsrClient
    temporal: Client
    case_file: CaseFile
    database: AsyncEngine
    secrets: Secrets
    keys: Path  # the folder of the secrets
    queue: str
    worker: int | None = None  # the id of the worker's process, if it has its own


@asynccontextmanager
async def a_stand() -> AsyncIterator[Stand]:
    """Start the servers; stop them at the end, whatever happened."""
    folder = Path(tempfile.mkdtemp(prefix="dsr-bench-"))
    temporal = await start_temporal()
    try:
        with a_server(SAFE) as postgres:
            yield Stand(temporal, await with_template(postgres), Letters(LETTERS), folder)
    finally:
        await temporal.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def an_engine(
    stand: Stand, systems: Any, *, policy: Policy = POLICY, converter: DataConverter | None = None,
    work: bool = True,
) -> AsyncIterator[Engine]:  # fmt: skip
    """An engine with a database of its own, tuned as a worker is. `work` False: no worker."""
    name = await stand.postgres.create()
    database = connect(stand.postgres.url(name), application="dsr bench")
    try:
        engine = await _engine(stand, database, systems, policy, converter)
        if not work:
            yield engine
            return
        log = stand.folder / "checkpoints.jsonl"
        async with worker_of(engine, systems, policy, stand.letters, log):
            yield engine
    finally:
        await database.dispose()
        await stand.postgres.drop(name)


async def _engine(
    stand: Stand, database: AsyncEngine, systems: Any, policy: Policy,
    converter: DataConverter | None,
) -> Engine:  # fmt: skip
    keys = stand.folder / f"keys-{uuid4()}"
    secrets = Secrets.load_or_create(keys)
    keyring = Keyring(database, secrets.kek, secrets.pepper)
    temporal = await stand.temporal.connect_client(
        data_converter=converter or data_converter(keyring)
    )
    queue = f"bench-{uuid4()}"
    return engine_on(temporal, database, keyring, secrets, keys, systems, policy, queue)


def engine_on(
    temporal: Client, database: AsyncEngine, keyring: Keyring, secrets: Secrets, keys: Path,
    systems: Any, policy: Policy, queue: str,
) -> Engine:  # fmt: skip
    """An engine on these servers, as one process sees it."""
    case_file = CaseFile(database, keyring, Audit(secrets.signer), policy.version)
    configuration: Any = SimpleNamespace(staff=STAFF, policy=policy, systems=systems.facts)
    client = DsrClient(temporal, case_file, configuration, queue)
    return Engine(client, temporal, case_file, database, secrets, keys, queue)


def worker_of(
    engine: Engine, systems: Any, policy: Policy, letters: Letters, log: Path
) -> Worker:  # fmt: skip
    """A worker of this process, tuned as in production; it also serves bare runs."""
    desk = Desk(engine.case_file, policy, systems, letters)
    runs = Runs(engine.temporal, engine.case_file, engine.queue)
    ended = EndedIntake(engine.case_file, policy)
    ours = every_activity(desk, runs, engine.secrets.signer, log, ended)
    bare = BareActivities(engine.database)
    workflows: Sequence[type] = (*EVERY_WORKFLOW, Bare)
    return build_worker(
        engine.temporal,
        Settings(DSR_TASK_QUEUE=engine.queue, DSR_GRACEFUL_SHUTDOWN_SECONDS=1),
        workflows=workflows,
        activities=[*ours, bare.nothing, bare.insert],
    )
