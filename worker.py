"""The process that does the work: checks its ground, serves its task queue, stops gracefully."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.desk import Desk
from activities.everything import every_activity, system_activities
from activities.letters import Letters
from activities.runs import Runs
from connectors.registry import Systems
from schemas.errors import BadInput, DsrError
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
from storage.certificates import KeptCertificates
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
    queue: str | None = None  # of a separated network; None: the engine's own


@dataclass(frozen=True)
class Registrations:
    """What a worker carries out."""

    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]


def registrations(ground: Ground) -> Registrations:
    """Every workflow and activity; in a separated network only what is asked of systems."""
    policy, secrets = ground.configuration.policy, ground.secrets
    case_file = CaseFile(ground.engine, ground.keyring, Audit(secrets.signer), policy.version)
    runs = Runs(ground.client, case_file, ground.settings.task_queue)
    desk = Desk(case_file, policy, ground.systems, Letters(ground.configuration.letters))
    if ground.queue is not None:
        return Registrations(workflows=(), activities=system_activities(desk))
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
    queue: str | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve the task queue until `stop` is set, then let running activities finish.

    Refuses to start, in one sentence: an invalid policy, staff file or manifest (`BadInput`); a
    database that is not this program's, a missing or wrong key (`RefusedByRule`); a server that
    does not answer (`Unreachable`). `configuration`: other than that of the settings' folder.
    `queue`: serve the systems of a separated network that name it, and nothing else. `started` is
    called once, when the queue is served.
    """
    runtime(settings.metrics_address)
    configuration = configuration or load(settings.config)
    _refuse_unless_named(queue, configuration)
    engine = connect(connection.database_url)
    systems = Systems(
        configuration.manifests, connection.environment(), callback_url=settings.callback_url,
        stand_ins=connection.stand_ins(), queue=queue, certificates=KeptCertificates(engine),
    )  # fmt: skip
    try:
        await refuse_unless_current(engine)
        secrets = await open_secrets(engine, settings.keys_path(), may_make=queue is None)
        keyring = Keyring(engine, secrets.kek, secrets.pepper, settings.key_cache_seconds)
        async with connected_client(
            connection, data_converter(keyring), settings.traces_endpoint
        ) as client:
            ground = Ground(
                settings, configuration, connection, engine, secrets, keyring, client, systems,
                queue,
            )  # fmt: skip
            if queue is None:
                await schedule_sweeps(client)
            await _serve(ground, register(ground), stop, started)
    finally:
        await systems.close()
        await engine.dispose()


def _refuse_unless_named(queue: str | None, configuration: Configuration) -> None:
    named = sorted({one.facts.queue for one in configuration.manifests if one.facts.queue})
    if queue is not None and queue not in named:
        known = f"Named: {', '.join(named)}" if named else "None names one"
        raise BadInput(f"No system's manifest names the queue {queue}. {known}.")


async def _serve(
    ground: Ground, registered: Registrations, stop: asyncio.Event, started: Callable[[], None]
) -> None:
    queue = ground.queue or ground.settings.task_queue
    worker = build_worker(
        ground.client,
        ground.settings,
        workflows=registered.workflows,
        activities=registered.activities,
        queue=queue,
    )
    async with observed(ground.settings, ground.connection, worker, stop), worker:
        log.info("worker_started", queue=queue)
        started()
        await stop.wait()
    log.info("worker_stopped", queue=queue)


async def _run(settings: Settings, queue: str | None) -> None:
    with stop_on_signals() as stop:
        await run_worker(settings, resolve(settings), stop, queue=queue)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("worker.py", description="Run a worker of the engine.")
    parser.add_argument(
        "--queue", metavar="NAME",
        help="serve only the systems whose manifests name this queue, from within their network: "
        "no procedures, no sweeps",
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    """Run a worker alone, on the servers of the environment or of the folder's engine."""
    arguments = _arguments()
    configure()
    try:
        settings = from_environment()
        configure(settings.log_level)
        asyncio.run(_run(settings, arguments.queue))
    except DsrError as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(refusal.exit_code)


if __name__ == "__main__":
    main()
