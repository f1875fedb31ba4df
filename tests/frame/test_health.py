"""What an orchestrator is told: alive, ready, neither; at the address of DSR_HEALTH_ADDRESS."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from temporalio.client import Client

from schemas.errors import BadInput
from starter.connection import Connection
from starter.embedded_temporal import EmbeddedTemporal
from starter.health import Health
from starter.observed import observed, worker_health
from starter.settings import Settings
from starter.temporal import build_worker
from storage.database import connect
from tests.frame.controller import written
from tests.frame.ping import Ping, slow
from tests.frame.processes import asked, free_address, working


async def test_a_worker_that_was_asked_to_stop_is_alive_but_not_ready_and_finishes(
    server: EmbeddedTemporal, client: Client, database_url: str, tmp_path: Path
):
    address = free_address()
    environment = os.environ | {
        "TEMPORAL_ADDRESS": server.address,
        "DATABASE_URL": database_url,
        "DSR_CONFIG": str(written(tmp_path / "controller")),
        "DSR_DATA": str(tmp_path / "data"),
        "DSR_TASK_QUEUE": "health",
        "DSR_HEALTH_ADDRESS": address,
    }
    with working(environment) as worker:
        ready = await asyncio.to_thread(asked, address, "/ready")
        await client.start_workflow("Ping", 3.0, id="ping-health", task_queue="health")
        assert worker.stdout is not None
        assert await asyncio.to_thread(worker.stdout.readline) == "activity\n"
        worker.send_signal(signal.SIGTERM)
        assert worker.stderr is not None
        while '"stop_asked"' not in await asyncio.to_thread(worker.stderr.readline):
            pass
        leaving = await asyncio.to_thread(asked, address, "/ready")
        alive = await asyncio.to_thread(asked, address, "/live")
        code = await asyncio.to_thread(worker.wait, 20)

    everything = {"staying": True, "worker": True, "temporal": True, "database": True}
    assert ready == (200, everything)
    assert leaving == (503, everything | {"staying": False})
    assert alive == (200, {"alive": True})
    assert code == 0


async def test_what_does_not_answer_in_time_is_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("starter.health.ASK_SECONDS", 0.05)

    health = Health({"database": asyncio.Event().wait})

    assert await health.answers() == {"staying": True, "database": False}


async def test_whoever_asks_often_costs_the_servers_nothing():
    times = 0

    async def ask() -> None:
        nonlocal times
        times += 1

    health = Health({"database": ask})
    await asyncio.gather(*(health.answers() for _ in range(50)))

    assert times == 1


async def test_a_busy_health_address_is_told(client: Client):
    worker = build_worker(client, Settings(task_queue="busy"), workflows=[Ping], activities=[slow])
    connection = Connection(temporal_address="", database_url="postgresql://127.0.0.1:1/dsr")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        with pytest.raises(BadInput, match=f"at {address} .*set DSR_HEALTH_ADDRESS to a free"):
            async with observed(
                Settings(health_address=address), connection, worker, asyncio.Event()
            ):
                pass


async def test_a_worker_whose_servers_are_away_is_not_ready(
    server: EmbeddedTemporal, client: Client
):
    engine = connect("postgresql://127.0.0.1:1/dsr")
    worker = build_worker(client, Settings(task_queue="away"), workflows=[Ping], activities=[slow])
    health = worker_health(worker, engine, asyncio.Event())
    await server.stop()

    assert await health.answers() == {
        "staying": True, "worker": False, "temporal": False, "database": False,
    }  # fmt: skip
    assert health.alive(), "to start it again would not help"
