"""The process that does the work: checks its ground, serves its task queue, stops gracefully."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.desk import Desk
from activities.everything import every_activity
from activities.letters import Letters
from activities.runs import Runs
from connectors.registry import Systems
from schemas.errors import DsrError
from starter.configuration import Configuration, load
from starter.connection import Connection, resolve
from starter.ended import EndedIntake
from starter.logs import configure
from starter.observed import observed
from starter.schedules import schedule_sweeps
from starter.settings import Settings, from_environment
from starter.signals import stop_on_signals
from starter.temporal import build_worker, connected_client, runtime
from storage.audit import Audit
from storage.case_file import CaseFile
from storage.codec import data_converter
from storage.database import connect
from storage.key_checks import open_secrets
from storage.keyring import Keyring
from storage.migrate import refuse_unless_current
from storage.secrets import Secrets
from workflows.everything import EVERY_WORKFLOW

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ground:
    """What a checked process stands on: activities are built from it."""

    settings: Settings
    configuration: Configuration
    connection: Connection
    engine: AsyncEngine
    secrets: Secrets
    keyring: Keyring
    client: Client
    systems: Systems


@dataclass(frozen=True)
class Registrations:
    """What a worker carries out."""

    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]


def registrations(ground: Ground) -> Registrations:
    """Every workflow and activity of this program."""
    policy, secrets = ground.configuration.policy, ground.secrets
    case_file = CaseFile(ground.engine, ground.keyring, Audit(secrets.signer), policy.version)
    runs = Runs(ground.client, case_file, ground.settings.task_queue)
    desk = Desk(case_file, policy, ground.systems, Letters(ground.configuration.letters))
    activities = every_activity(
        desk, runs, secrets.signer, ground.settings.audit_log_path(), EndedIntake(case_file, policy)
    )
    return Registrations(workflows=EVERY_WORKFLOW, activities=activities)


async def run_worker(
    settings: Settings,
    connection: Connection,
    stop: asyncio.Event,
    register: Callable[[Ground], Registrations] = registrations,
    configuration: Configuration | None = None,
) -> None:
    """Serve the task queue until `stop` is set, then let running activities finish.

    Refuses to start, in one sentence: an invalid policy, staff file or manifest (`BadInput`); a
    database that is not this program's, a missing or wrong key (`RefusedByRule`); a server that
    does not answer (`Unreachable`). `configuration`: other than that of the settings' folder.
    """
    runtime(settings.metrics_address)
    configuration = configuration or load(settings.config)
    engine = connect(connection.database_url)
    systems = Systems(
        configuration.manifests, connection.environment(), callback_url=settings.callback_url,
        stand_ins=connection.stand_ins(),
    )  # fmt: skip
    try:
        await refuse_unless_current(engine)
        secrets = await open_secrets(engine, settings.keys_path())
        keyring = Keyring(engine, secrets.kek, secrets.pepper, settings.key_cache_seconds)
        async with connected_client(
            connection, data_converter(keyring), settings.traces_endpoint
        ) as client:
            ground = Ground(
                settings, configuration, connection, engine, secrets, keyring, client, systems
            )
            await schedule_sweeps(client)
            await _serve(ground, register(ground), stop)
    finally:
        await systems.close()
        await engine.dispose()


async def _serve(ground: Ground, registered: Registrations, stop: asyncio.Event) -> None:
    worker = build_worker(
        ground.client,
        ground.settings,
        workflows=registered.workflows,
        activities=registered.activities,
    )
    async with observed(ground.settings, ground.connection, worker, stop), worker:
        log.info("worker_started", queue=ground.settings.task_queue)
        await stop.wait()
    log.info("worker_stopped", queue=ground.settings.task_queue)


async def _run(settings: Settings) -> None:
    with stop_on_signals() as stop:
        await run_worker(settings, resolve(settings), stop)


def main() -> None:
    """Run a worker alone, on the servers of the environment or of the folder's engine."""
    configure()
    try:
        settings = from_environment()
        configure(settings.log_level)
        asyncio.run(_run(settings))
    except DsrError as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(refusal.exit_code)


if __name__ == "__main__":
    main()
