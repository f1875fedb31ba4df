"""A configured production without containers: the processes and variables of docker-compose.yml.

Host names and folders are those of this test; everything else is as the file says.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starter.settings import SHIPPED_CONFIG
from tests.cli.command import DSR
from tests.frame.processes import wait_until_said
from tests.operation.compose import ROOT, SERVICES, VARIABLE
from tests.operation.test_jobs import run
from tests.postgres import PROGRAMS, Server

PASSWORD = "0f1e2d3c"
SYSTEM = "paper_archive"
PARTNER = """\
dataset:
  - fides_key: expert
    name: Expert
    dsr:
      title: {fi: a, sv: b, en: c}
      register_part: expert
      reach: http
      http: {url_env: DSR_EXPERT_URL, ca_env: DSR_EXPERT_CA, domain: expert.example}
      recipient: {name: Asiantuntija Oy, relation: expert, country: FI}
      categories: [user.name]
      purposes: [customer_relations]
      sources: {fi: a, sv: b, en: c}
      retention: {fi: a, sv: b, en: c}
      fields_sent: [name]
"""
"""It is declared, and cannot be reached."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@dataclass
class Production:
    """Servers that are prepared, and folders for what the volumes hold."""

    postgres: Server
    temporal: str
    namespace: str
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)

    def prepare(self) -> None:
        """What the jobs of servers do."""
        run(
            "databases.sh", PROGRAMS, PGHOST=self.postgres.folder,
            CASE_DATABASE_PASSWORD=PASSWORD, TEMPORAL_DATABASE_PASSWORD=PASSWORD,
        )  # fmt: skip
        run(
            "temporal-namespace.sh", Path(sys.executable).parent, TEMPORAL_ADDRESS=self.temporal,
            TEMPORAL_NAMESPACE=self.namespace, RETENTION="30d",
        )  # fmt: skip
        config = self.folder / "controller"
        shutil.copytree(SHIPPED_CONFIG, config, ignore=shutil.ignore_patterns("systems"))
        (config / "systems").mkdir()
        shutil.copy(SHIPPED_CONFIG / "systems" / f"{SYSTEM}.yaml", config / "systems")
        (config / "systems" / "expert.yaml").write_text(PARTNER, encoding="utf-8")
        (self.folder / "evidence").mkdir(mode=0o700)

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service, on this machine."""
        given = {
            name: VARIABLE.sub(PASSWORD if "PASSWORD" in value else "", value)
            for name, value in SERVICES[service].environment.items()
        }
        here = {
            "TEMPORAL_ADDRESS": self.temporal,
            "TEMPORAL_NAMESPACE": self.namespace,
            "DATABASE_URL": f"postgresql://dsr:{PASSWORD}@/dsr?host={self.postgres.folder}",
            "DSR_CONFIG": str(self.folder / "controller"),
            "DSR_KEYS": str(self.folder / "keys"),
            "DSR_AUDIT_LOG": str(self.folder / "evidence" / "audit-checkpoints.jsonl"),
            "DSR_HEALTH_ADDRESS": self.address("health"),
            "DSR_METRICS_ADDRESS": self.address("metrics"),
        }
        bare = {n: v for n, v in os.environ.items() if n in ("PATH", "HOME", "LANG")}
        return bare | given | {name: value for name, value in here.items() if name in given}

    def address(self, what: str) -> str:
        """Where a worker serves something; a new port for every process."""
        self.ports[what] = free_port()
        return f"127.0.0.1:{self.ports[what]}"

    def job(self, service: str) -> subprocess.CompletedProcess[str]:
        """Run a job of ours to its end."""
        return subprocess.run(
            self.command(service), env=self.environment(service), cwd=ROOT, check=False,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def dsr(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command where `serve` runs: docker compose exec serve dsr ..."""
        return subprocess.run(
            [DSR, *words], env=self.environment("serve"), cwd=ROOT, check=False,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    @contextmanager
    def running(self, service: str, said: str) -> Iterator[subprocess.Popen[str]]:
        """A service that stays, from when it has said that it works."""
        process = subprocess.Popen(
            self.command(service), env=self.environment(service), cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            wait_until_said(process.stdout, said)
            yield process
        finally:
            process.kill()
            process.wait()

    def command(self, service: str) -> list[str]:
        """A command of the file, with the programs and a free port of this machine."""
        program, *words = SERVICES[service].command
        if "--port" in words:
            self.ports["serve"] = free_port()
            words[words.index("--port") + 1] = str(self.ports["serve"])
        words = ["127.0.0.1" if word == "0.0.0.0" else word for word in words]
        return [DSR if program == "dsr" else sys.executable, *words]
