"""The HTTP side of a worker: an orchestrator asks how it is, Prometheus what it knows.

At DSR_HEALTH_ADDRESS, which is off by default. Nobody has to say who he is: keep it to your own
network. Nothing of a person or of a case is told.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.worker import Worker

from starter.connection import Connection
from starter.settings import Settings
from storage.database import connect, ping

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from starter.health import Health
    from starter.metrics.endpoint import Source

OPEN_SECONDS: Final = 15.0
SWEEP_SECONDS: Final = 30.0
EVER_SECONDS: Final = 300.0  # it reads every case


@asynccontextmanager
async def observed(
    settings: Settings, connection: Connection, worker: Worker, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Answers about `worker` before it starts and until it has stopped, if a setting says where.

    Raises `BadInput` if the address cannot be bound.
    """
    if settings.health_address is None:
        yield
        return
    from starter.serving import bound, serve  # a web server: when switched on

    # Connections of its own: while each of the worker's is busy, it is ready all the same.
    engine = connect(connection.database_url, application="dsr health", pool_size=2)
    with bound(settings.health_address, "DSR_HEALTH_ADDRESS") as listening:
        app, stopped = application(settings, worker, engine, stop), asyncio.Event()
        serving = asyncio.create_task(serve(app, listening, stopped))
        try:
            yield
        finally:
            stopped.set()
            await serving
            await engine.dispose()


def application(
    settings: Settings, worker: Worker, engine: AsyncEngine, stop: asyncio.Event
) -> "Starlette":
    """/live, /ready and /metrics of this worker."""
    from starlette.applications import Starlette

    from starter.health import routes
    from starter.metrics.endpoint import Metrics, route
    from starter.metrics.sources import Sample

    health = worker_health(worker, engine, stop)

    async def now() -> list[Sample]:
        ready = all((await health.answers()).values())
        return [Sample("dsr_worker_ready", (worker.task_queue,), float(ready))]

    metrics = Metrics(sources(settings, worker, engine))
    return Starlette(routes=[*routes(health), route(metrics, now)])


def worker_health(worker: Worker, engine: AsyncEngine, stop: asyncio.Event) -> "Health":
    """Ready: it polls, both servers answer, nobody asked it to stop. Alive: it has not ended."""
    from starter.health import ASK_SECONDS, Health

    async def polls() -> bool:
        return worker.is_running

    async def temporal() -> bool:
        service = worker.client.service_client
        return await service.check_health(timeout=timedelta(seconds=ASK_SECONDS))

    return Health(
        {"worker": polls, "temporal": temporal, "database": lambda: ping(engine)},
        alive=lambda: not worker.is_shutdown, stop=stop,
    )  # fmt: skip


def sources(settings: Settings, worker: Worker, engine: AsyncEngine) -> list["Source"]:
    """Where the figures of a worker come from."""
    from starter.metrics import declared, sources
    from starter.metrics.endpoint import Source

    return [
        Source(declared.OPEN, sources.open_cases(engine), OPEN_SECONDS),
        Source(declared.EVER, sources.ever(engine), EVER_SECONDS),
        Source(declared.SWEEP, sources.last_sweep(worker.client), SWEEP_SECONDS),
        Source(declared.FILE, sources.checkpoint_file(settings.audit_log_path()), 0.0),
    ]
