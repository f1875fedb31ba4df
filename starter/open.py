"""A client process on a running engine: everything is checked and connected, nothing is created."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from activities.runs import Runs
from connectors.partner import Certificates
from connectors.registry import Systems
from connectors.stand_ins import NO_STAND_INS
from schemas.errors import Unreachable
from starter.client import DsrClient
from starter.configuration import Configuration, load
from starter.connection import Connection, resolve
from starter.settings import Settings
from starter.temporal import connected_client, runtime
from storage.audit import Audit
from storage.case_file import CaseFile
from storage.certificates import KeptCertificates
from storage.codec import data_converter
from storage.database import connect
from storage.key_checks import check_secrets, check_signer
from storage.keyring import Keyring
from storage.migrate import refuse_unless_current
from storage.secrets import Secrets

AWAY = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


@dataclass(frozen=True)
class Engine:
    """What a client process works with."""

    settings: Settings
    configuration: Configuration
    connection: Connection
    secrets: Secrets
    case_file: CaseFile
    temporal: Client
    client: DsrClient
    runs: Runs
    systems: Systems  # none is connected before it is used


@asynccontextmanager
async def opened(
    settings: Settings, *, temporal: bool = True, behind: bool = False
) -> AsyncIterator[Engine]:
    """The engine of this folder or environment, for a process that is no worker.

    `temporal=False`: what only reads PostgreSQL goes on while Temporal is away. `behind`: what only
    needs the keys of cases goes on before this program has migrated the database. Raises
    `Unreachable`, or `RefusedByRule` for an unmigrated database and for missing or wrong keys.
    """
    connection = resolve(settings)
    configuration = load(settings.config)
    async with AsyncExitStack() as leaving:
        database = connect(connection.database_url)
        leaving.push_async_callback(database.dispose)
        await refuse_unless_current(database, behind=behind)
        secrets = await _secrets(database, settings.keys_path())
        keyring = Keyring(database, secrets.kek, secrets.pepper, settings.key_cache_seconds)
        case_file = CaseFile(
            database, keyring, Audit(secrets.signer), configuration.policy.version
        )  # fmt: skip
        client = await leaving.enter_async_context(
            _temporal(connection, data_converter(keyring), settings, eager=temporal)
        )
        systems = declared_systems(
            configuration, connection, certificates=KeptCertificates(database)
        )
        leaving.push_async_callback(systems.close)
        engine = Engine(
            settings, configuration, connection, secrets, case_file, client,
            DsrClient(
                client, case_file, configuration, settings.task_queue, partner=systems.partner
            ),
            Runs(client, case_file, settings.task_queue), systems,
        )  # fmt: skip
        try:
            yield engine
        except RPCError as error:
            if error.status not in AWAY:
                raise
            raise away(connection) from None


def declared_systems(
    configuration: Configuration, connection: Connection | None, queue: str | None = None,
    certificates: Certificates | None = None,
) -> Systems:  # fmt: skip
    """Connectors of every manifest; where a database is, says the environment.

    `queue`: on whose network this process is; `certificates`: by which callbacks are judged. See
    `Systems`.
    """
    return Systems(
        configuration.manifests,
        connection.environment() if connection else os.environ,
        stand_ins=connection.stand_ins() if connection else NO_STAND_INS,
        queue=queue,
        certificates=certificates,
    )


def away(connection: Connection) -> Unreachable:
    """Temporal went away, or never was there."""
    return Unreachable(
        f"Temporal does not answer at {connection.temporal_address}. Start it, or set "
        "TEMPORAL_ADDRESS to where it is."
    )


async def _secrets(database: AsyncEngine, folder: Path) -> Secrets:
    """The files as they are. A client makes none: that is the first worker's part."""
    secrets = await asyncio.to_thread(Secrets.load, folder)
    await check_secrets(database, secrets.kek, secrets.pepper)
    await check_signer(database, secrets.signer)
    return secrets


@asynccontextmanager
async def _temporal(
    connection: Connection, converter: DataConverter, settings: Settings, *, eager: bool
) -> AsyncIterator[Client]:
    if eager:
        async with connected_client(connection, converter, settings.traces_endpoint) as client:
            yield client
        return
    yield await Client.connect(
        connection.temporal_address, namespace=connection.temporal_namespace,
        data_converter=converter, runtime=runtime(), lazy=True,
    )  # fmt: skip
