"""The CPU time and memory of every process that has a part in a request."""

import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psutil  # type: ignore[import-untyped]
from sqlalchemy import text

from tests.bench.stand import Engine

TEMPORAL: Final = "temporal"


@dataclass(frozen=True)
class Processes:
    """Worker, client (this process), the Temporal server that it started, and PostgreSQL."""

    worker: psutil.Process
    client: psutil.Process
    temporal: psutil.Process
    postgres: psutil.Process

    @classmethod
    async def of(cls, engine: Engine) -> Self:
        """Those behind an engine. One whose worker is this process has no client apart."""
        async with engine.database.connect() as conn:
            folder = str(await conn.scalar(text("show data_directory")))
        client = psutil.Process(os.getpid())
        temporal = next(child for child in client.children() if child.name() == TEMPORAL)
        worker = psutil.Process(engine.worker) if engine.worker else client
        return cls(worker, client, temporal, _postmaster(Path(folder)))

    def seconds(self) -> dict[str, float]:
        """CPU time so far. A server's children that have ended count with their parent."""
        return {
            "worker": _own(self.worker),
            "client": _own(self.client),
            "temporal": _with_children(self.temporal),
            "postgres": _with_children(self.postgres),
        }

    def memory(self) -> dict[str, int]:
        """Bytes that are resident now, without what only waits to be collected."""
        gc.collect()
        return {
            "worker": self.worker.memory_info().rss,
            "temporal": self.temporal.memory_info().rss,
        }


def _postmaster(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _with_children(process: psutil.Process) -> float:
    times = process.cpu_times()
    ended = float(times.children_user + times.children_system)
    return _own(process) + ended + sum(_with_children(child) for child in process.children())
