"""The engine's servers in one folder: those that the environment names, or embedded ones.

State stays over restarts; a killed engine is started again by starting it again.
"""

import asyncio
import fcntl
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import BadInput, RefusedByRule
from starter import embedded_postgres, embedded_temporal
from starter.configuration import Configuration
from starter.connection import Connection, remove, write
from starter.embedded_partners import EmbeddedPartners, Part, unconfigured
from starter.embedded_postgres import EmbeddedPostgres
from starter.embedded_temporal import EmbeddedTemporal
from starter.settings import Settings
from starter.temporal import runtime
from storage.certificates import KeptCertificates
from storage.database import connect
from storage.migrate import upgrade

CASE_DATABASE: Final = "dsr"
CALLBACK_PORT: Final = 8600
NO_PARTS: Final[Mapping[str, Part]] = {}


@asynccontextmanager
async def stack(
    settings: Settings, configuration: Configuration, parts: Mapping[str, Part] = NO_PARTS
) -> AsyncIterator[Connection]:
    """Every server that the engine needs, running, migrated and written to connection.json.

    A configured server is used, a missing one embedded, each independently; each register that a
    manifest names and the environment does not becomes an empty embedded database, each such
    partner a stand-in that holds nothing (`parts`: or plays what it is told, by system). On
    leaving, Temporal stops first, then PostgreSQL, then the stand-ins. Raises `RefusedByRule` if
    an engine runs here already, `BadInput` where the embedded servers are not installed.
    """
    folder = _folder(settings)
    with _alone_in(folder):
        runtime(settings.metrics_address)
        async with AsyncExitStack() as running:
            partners = EmbeddedPartners(folder, unconfigured(configuration.partners), parts)
            running.push_async_callback(partners.stop)
            await partners.launch()
            connection = await _start(settings, configuration, folder, running)
            await upgrade(connection.database_url)
            connection = await _with_partners(partners, configuration, connection, running)
            write(folder, connection)
            running.callback(remove, folder)
            yield connection


async def _start(
    settings: Settings, configuration: Configuration, folder: Path, running: AsyncExitStack
) -> Connection:
    """Both servers start at the same time; whatever started is stopped when the other fails."""
    missing = tuple(name for name in configuration.registers if not os.environ.get(name))
    postgres = None
    if missing or settings.database_url is None:
        embedded_postgres.require(missing)
        postgres = EmbeddedPostgres(folder)
        running.push_async_callback(postgres.stop)
    temporal, namespace = None, settings.temporal_namespace or "default"
    if settings.temporal_address is None:
        embedded_temporal.require()
        temporal = EmbeddedTemporal(folder, namespace)
        running.push_async_callback(temporal.stop)
        await temporal.launch()
    database_url, registers = await _databases(settings, configuration, postgres)
    if temporal is not None:
        await temporal.ready()
    return Connection(
        temporal_address=temporal.address if temporal else str(settings.temporal_address),
        temporal_namespace=namespace,
        database_url=database_url,
        web={"temporal": temporal.web} if temporal else {},
        registers=registers,
    )


async def _with_partners(
    partners: EmbeddedPartners, configuration: Configuration, connection: Connection,
    running: AsyncExitStack,
) -> Connection:  # fmt: skip
    """Stand-ins, and a door for their callbacks."""
    started = await partners.ready()
    if not started:
        return connection
    from starter.api import CALLBACKS  # costs a second, and only partners need it
    from starter.serving import listen

    listening = running.enter_context(listen(embedded_temporal.LOOPBACK, CALLBACK_PORT))
    port = listening.getsockname()[1]
    known = connection.model_copy(update={
        "partners": started,
        "partners_call_back_at": f"http://{embedded_temporal.LOOPBACK}:{port}{CALLBACKS}",
    })  # fmt: skip
    await running.enter_async_context(_taking_callbacks(configuration, known, listening))
    return known


@asynccontextmanager
async def _taking_callbacks(
    configuration: Configuration, connection: Connection, listening: socket.socket
) -> AsyncIterator[None]:
    """What `dsr serve` does, for the stand-ins."""
    from starter.api import http_api
    from starter.open import declared_systems
    from starter.serving import serve

    engine = connect(connection.database_url)
    systems = declared_systems(configuration, connection, certificates=KeptCertificates(engine))
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(http_api(systems, engine), listening, stop))
    try:
        yield
    finally:
        stop.set()
        await serving
        await systems.close()
        await engine.dispose()


async def _databases(
    settings: Settings, configuration: Configuration, postgres: EmbeddedPostgres | None
) -> tuple[str, dict[str, str]]:
    """The URLs of the case database and of every register, by environment variable."""
    registers = {name: os.environ.get(name, "") for name in configuration.registers}
    database_url = settings.given_database_url() or ""
    if postgres is not None:
        await postgres.start()
        database_url = database_url or await postgres.database(CASE_DATABASE)
        for name, url in registers.items():
            registers[name] = url or await postgres.database(name.lower())
    return database_url, registers


def _folder(settings: Settings) -> Path:
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"The data folder {settings.data} cannot be made ({type(error).__name__}): set "
            "DSR_DATA to a folder that can be written"
        ) from None
    return settings.data.resolve()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """The folder's lock; the kernel lets go of it whenever and however this process ends."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RefusedByRule(
            f"An engine already runs in {folder}: use it from here, stop it with Ctrl-C where it "
            "runs, or start another one in a folder of its own (DSR_DATA)"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
