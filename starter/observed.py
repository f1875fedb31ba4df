"""The HTTP side of a worker: an orchestrator asks how it is, at DSR_HEALTH_ADDRESS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.worker import Worker

from starter.connection import Connection
from starter.settings import Settings
from storage.database import connect, ping

if TYPE_CHECKING:
    from starter.health import Health


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
    from starlette.applications import Starlette  # web server and framework: when switched on

    from starter.health import routes
    from starter.serving import bound, serve

    # Of its own: while every connection of the worker is busy, it is ready all the same.
    engine = connect(connection.database_url, application="dsr health", pool_size=1)
    with bound(settings.health_address, "DSR_HEALTH_ADDRESS") as listening:
        app = Starlette(routes=routes(worker_health(worker, engine, stop)))
        stopped = asyncio.Event()
        serving = asyncio.create_task(serve(app, listening, stopped))
        try:
            yield
        finally:
            stopped.set()
            await serving
            await engine.dispose()


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
