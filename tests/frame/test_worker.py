"""The worker process: what it refuses to stand on, how it works, how it stops."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import DataConverter
from temporalio.worker import Replayer

from schemas.errors import BadInput, RefusedByRule, Unreachable
from starter.connection import Connection, resolve
from starter.embedded_temporal import EmbeddedTemporal
from starter.sandbox import sandbox
from starter.settings import Settings
from starter.temporal import build_worker, connected_client, runtime
from storage.secrets import Secrets
from tests.frame.controller import POLICY, written
from tests.frame.ping import Importer, Ping, slow
from tests.frame.processes import ROOT, free_address, working
from worker import run_worker

MARK = "Kanaria kanaria@example.org"


@pytest.fixture
def environment(tmp_path: Path, server: EmbeddedTemporal, database_url: str) -> dict[str, str]:
    """Of a worker that has everything it needs."""
    return {
        **os.environ,
        "TEMPORAL_ADDRESS": server.address,
        "DATABASE_URL": database_url,
        "DSR_CONFIG": str(written(tmp_path / "controller")),
        "DSR_DATA": str(tmp_path / "data"),
        "DSR_TASK_QUEUE": f"pinging-{tmp_path.name.replace('_', '-')}",
    }


def refusal(environment: dict[str, str]) -> tuple[int, str]:
    """Exit code and the only sentence of `python worker.py`."""
    ran = subprocess.run(
        [sys.executable, "worker.py"], env=environment, cwd=ROOT, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stderr.splitlines()[-1]


def test_without_an_engine_it_says_how_to_start_one(environment: dict[str, str]):
    del environment["TEMPORAL_ADDRESS"]

    code, sentence = refusal(environment)

    assert code == 4
    assert sentence.startswith("No running engine here: start one with dsr up")


def test_an_unmigrated_database_is_refused(environment: dict[str, str], empty_database_url: str):
    code, sentence = refusal({**environment, "DATABASE_URL": empty_database_url})

    assert code == 3
    assert sentence == "The database is not migrated: run dsr migrate"


def test_an_invalid_policy_is_refused_with_file_and_line(environment: dict[str, str]):
    policy = Path(environment["DSR_CONFIG"]) / "policy.yaml"
    policy.write_text(POLICY.replace("version: test-1", "version: test 1"))

    code, sentence = refusal(environment)

    assert code == 2
    assert sentence.startswith(f"{policy}:1: ")


def starting(environment: dict[str, str], **changed: str) -> Awaitable[None]:
    """The same start in this process, where it raises what `python worker.py` says."""
    settings = Settings.model_validate(environment | changed)
    return run_worker(settings, resolve(settings), asyncio.Event())


async def test_a_newer_database_is_refused(environment: dict[str, str], database_url: str):
    conn = await asyncpg.connect(database_url)
    await conn.execute("update dsr.alembic_version set version_num = '9999'")
    await conn.close()

    with pytest.raises(RefusedByRule, match="newer"):
        await starting(environment)


async def test_a_missing_key_is_refused_where_data_exists_and_never_made_anew(
    environment: dict[str, str], client: Client, tmp_path: Path
):
    with working(environment):
        pass
    key = tmp_path / "data" / "keys" / "key-encryption.key"
    key.unlink()

    with pytest.raises(RefusedByRule, match=f"{key} is missing"):
        await starting(environment)

    assert not key.exists()


async def test_a_wrong_key_is_refused(environment: dict[str, str], tmp_path: Path):
    with working(environment):
        pass
    Secrets.load_or_create(tmp_path / "others")

    with pytest.raises(RefusedByRule, match="needs the key-encryption key"):
        await starting(environment, DSR_KEYS=str(tmp_path / "others"))


def test_an_engine_whose_start_is_refused_is_not_said_to_run(
    environment: dict[str, str], tmp_path: Path
):
    key = tmp_path / "data" / "keys" / "key-encryption.key"
    key.parent.mkdir(parents=True)
    key.write_text("no key")
    key.chmod(0o600)
    dsr = Path(sys.executable).with_name("dsr")

    ran = subprocess.run(
        [dsr, "up"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip

    assert (ran.returncode, ran.stdout) == (3, "")
    assert f"{key} is damaged" in ran.stderr.splitlines()[-1]


async def test_servers_that_are_away_are_told(environment: dict[str, str]):
    with pytest.raises(Unreachable, match=r"Temporal does not answer at 127\.0\.0\.1:1: start it"):
        await starting(environment, TEMPORAL_ADDRESS="127.0.0.1:1")

    with pytest.raises(Unreachable, match=r"The database at 127\.0\.0\.1:1/dsr cannot be reached"):
        await starting(environment, DATABASE_URL="postgresql://127.0.0.1:1/dsr")


async def test_asked_to_stop_it_lets_a_running_activity_finish(
    environment: dict[str, str], client: Client
):
    with working(environment) as worker:
        handle = await client.start_workflow(
            "Ping", 2.0, id="ping-graceful", task_queue=environment["DSR_TASK_QUEUE"]
        )
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == "activity\n"
        worker.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(worker.wait, 20)

    assert code == 0
    events = [event async for event in handle.fetch_history_events()]
    completed = [event for event in events if event.HasField(
        "activity_task_completed_event_attributes")]  # fmt: skip
    assert len(completed) == 1, "the activity ended in the stopping worker, on its first try"


async def test_what_takes_longer_than_the_grace_is_repeated_by_another_worker(
    environment: dict[str, str], client: Client
):
    impatient = {**environment, "DSR_GRACEFUL_SHUTDOWN_SECONDS": "0.2"}
    with working(impatient) as worker:
        handle = await client.start_workflow(
            "Ping", 2.0, id="ping-repeated", task_queue=environment["DSR_TASK_QUEUE"]
        )
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == "activity\n"
        worker.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(worker.wait, 20)
    with working(environment):
        result = await asyncio.wait_for(handle.result(), 60)

    events = [event async for event in handle.fetch_history_events()]
    tries = [
        event.activity_task_started_event_attributes.attempt
        for event in events
        if event.HasField("activity_task_started_event_attributes")
    ]
    assert (code, result, tries) == (0, "done", [2])


async def test_an_idle_worker_stops_within_seconds(environment: dict[str, str]):
    with working(environment) as worker:
        asked = time.monotonic()
        worker.send_signal(signal.SIGINT)
        code = await asyncio.to_thread(worker.wait, 20)

    assert code == 0
    assert time.monotonic() - asked < 5


async def test_what_fails_in_a_workflow_or_activity_shows_no_text_on_the_worker_s_stderr(
    environment: dict[str, str], client: Client
):
    with working(environment) as worker:
        with pytest.raises(WorkflowFailureError):
            await client.execute_workflow(
                "Complain", MARK, id="complain", task_queue=environment["DSR_TASK_QUEUE"]
            )
        with pytest.raises(WorkflowFailureError):
            await client.execute_workflow(  # a start argument of the wrong type
                "Ping", MARK, id="ping-wrong", task_queue=environment["DSR_TASK_QUEUE"],
                run_timeout=_seconds(2),
            )  # fmt: skip
        worker.send_signal(signal.SIGTERM)
        _, said = await asyncio.to_thread(worker.communicate, None, 20)

    assert "kanaria" not in said.lower()
    lines = [json.loads(line) for line in said.splitlines()]
    assert any(line.get("activity_type") == "ping.fail" for line in lines)
    assert any(line["logger"].startswith("temporalio.core") for line in lines)


async def test_the_sandbox_refuses_a_module_that_was_not_passed_through(client: Client):
    settings = Settings(task_queue="sandbox")
    async with build_worker(client, settings, workflows=[Importer], activities=[slow]):
        handle = await client.start_workflow(
            "Importer", id="importer", task_queue="sandbox", run_timeout=_seconds(3)
        )
        with pytest.raises(WorkflowFailureError):
            await handle.result()

    events = [event async for event in handle.fetch_history_events()]
    failures = [event.workflow_task_failed_event_attributes.failure.message for event in events]
    assert any("structlog" in message for message in failures)


async def test_a_run_can_be_replayed_in_the_same_sandbox(client: Client):
    settings = Settings(task_queue="replay", max_cached_workflows=0)
    async with build_worker(client, settings, workflows=[Ping], activities=[slow]):
        handle = await client.start_workflow("Ping", 0.0, id="ping-replay", task_queue="replay")
        assert await handle.result() == "done"

    replayer = Replayer(workflows=[Ping], workflow_runner=sandbox())
    await replayer.replay_workflow(await handle.fetch_history())


async def test_a_client_says_where_temporal_does_not_answer():
    nowhere = Connection(temporal_address="127.0.0.1:1", database_url="")

    with pytest.raises(Unreachable, match=r"Temporal does not answer at 127\.0\.0\.1:1"):
        async with connected_client(nowhere, DataConverter.default):
            pass


def test_a_process_has_one_runtime():
    assert runtime() is runtime("127.0.0.1:9")


def test_metrics_are_served_where_the_setting_says(environment: dict[str, str]):
    address = free_address()
    with working({**environment, "DSR_METRICS_ADDRESS": address}):
        served = urllib.request.urlopen(f"http://{address}/metrics", timeout=5).read().decode()

    assert "temporal_request_latency_seconds" in served


def test_a_busy_metrics_address_is_told(environment: dict[str, str]):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        code, sentence = refusal({**environment, "DSR_METRICS_ADDRESS": address})

    assert code == BadInput.exit_code
    assert sentence.startswith(f"Metrics cannot be served at {address}")


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
