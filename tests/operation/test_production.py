"""A production started from nothing but its environment, as docker-compose.yml starts it."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.operation.compose import SERVICES
from tests.operation.production import Production
from tests.postgres import a_server

FORM = {
    "kind": "access", "channel": "letter", "received_at": "2026-11-23T09:15:00+02:00",
    "language": "fi", "scope": ["paper_archive"], "evidence": {"signed": True},
    "subject": {
        "name": "Aino Virtanen",
        "identifiers": [{"type": "email", "value": "aino.virtanen@example.fi"}],
    },
}  # fmt: skip
CALLBACK = (
    b"POST /opendsr/callbacks HTTP/1.1\r\nHost: here\r\n"
    b"X-OpenDSR-Processor-Domain: expert.example\r\n"
    b"X-OpenDSR-Signature: bm9uZQ==\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
    b"Connection: close\r\n\r\n"
)
PATIENCE = 90.0


@pytest.fixture(scope="module")
def production(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    """Servers after their jobs, a migrated database, keys."""
    address = temporal.client.service_client.config.target_host
    with a_server() as postgres:
        made = Production(postgres, address, "production", tmp_path_factory.mktemp("production"))
        made.prepare()
        for job in ("migrate", "keys"):
            ended = made.job(job)
            assert ended.returncode == 0, ended.stderr
        yield made


def test_the_jobs_can_be_repeated_and_leave_the_keys_as_they_are(production: Production):
    before = {file.name: file.read_bytes() for file in (production.folder / "keys").iterdir()}

    ended = [production.job(job) for job in ("migrate", "keys")]

    assert [job.returncode for job in ended] == [0, 0]
    assert "nothing to do" in ended[0].stdout
    assert "fit the data" in ended[1].stdout
    assert {f.name: f.read_bytes() for f in (production.folder / "keys").iterdir()} == before


def test_a_worker_that_is_killed_loses_nothing_and_one_that_is_asked_leaves_in_time(
    production: Production, tmp_path: Path
):
    (tmp_path / "form.json").write_text(json.dumps(FORM))
    with production.running("worker", "worker_started") as first:
        received = production.dsr("submit", "--file", str(tmp_path / "form.json"), "--json")
        first.send_signal(signal.SIGKILL)
        first.wait()
    number = json.loads(received.stdout)["number"]
    with production.running("worker", "worker_started") as second:
        view = _waits(production, number)
        signs = {s["name"]: s["ok"] for s in json.loads(production.dsr("health", "--json").stdout)}
        asked = time.monotonic()
        second.send_signal(signal.SIGTERM)
        code = second.wait(PATIENCE)
    took = time.monotonic() - asked

    assert [a["what"] for a in view["awaiting"] if a["what"] == "search_by_hand"]
    assert {n for n, ok in signs.items() if ok} >= {"database", "keys", "temporal", "worker"}
    assert (code, took < SERVICES["worker"].seconds("stop_grace_period")) == (0, True)
    assert (production.folder / "evidence" / "audit-checkpoints.jsonl").exists()


def _waits(production: Production, number: str) -> dict[str, list[dict[str, str]]]:
    """The case, once it waits for the archivist."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        view: dict[str, list[dict[str, str]]] = json.loads(
            production.dsr("show", number, "--json").stdout
        )
        if any(awaited["what"] == "search_by_hand" for awaited in view["awaiting"]):
            return view
    raise AssertionError(f"{number} does not come to wait for a person")


def test_a_callback_that_is_being_taken_is_answered_before_the_service_stops(
    production: Production,
):
    with production.running("serve", "Partners call back at") as serving:
        with socket.create_connection(("127.0.0.1", production.ports["serve"]), 30) as partner:
            partner.sendall(CALLBACK)
            assert partner.recv(100).startswith(b"HTTP/1.1 100 ")
            asked = time.monotonic()
            serving.send_signal(signal.SIGTERM)
            assert serving.stdout is not None
            assert any("stop_asked" in line for line in iter(serving.stdout.readline, ""))
            partner.sendall(b"{}")
            answer = partner.recv(100)
        code = serving.wait(PATIENCE)
    took = time.monotonic() - asked

    assert answer.startswith(b"HTTP/1.1 503 "), "the partner's certificate cannot be read now"
    assert (code, took < SERVICES["serve"].seconds("stop_grace_period")) == (0, True)


def test_a_caller_that_says_nothing_does_not_keep_the_service_from_stopping(
    production: Production,
):
    with (
        production.running("serve", "Partners call back at") as serving,
        socket.create_connection(("127.0.0.1", production.ports["serve"]), 30) as partner,
    ):
        partner.sendall(CALLBACK)
        assert partner.recv(100).startswith(b"HTTP/1.1 100 ")
        asked = time.monotonic()
        serving.send_signal(signal.SIGTERM)
        code = serving.wait(PATIENCE)
    took = time.monotonic() - asked

    assert (code, took < SERVICES["serve"].seconds("stop_grace_period")) == (0, True)
