"""How our PostgreSQL is reached: one engine per process, one sentence when it is away."""

import time
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from schemas.errors import BadInput, Unreachable

CONNECT_SECONDS: Final = 10
IDLE_SECONDS: Final = 1.0
REASONS: Final[dict[type[BaseException], str]] = {
    asyncpg.InvalidCatalogNameError: "there is no such database",
    asyncpg.InvalidPasswordError: "user or password are refused",
    asyncpg.InvalidAuthorizationSpecificationError: "user or password are refused",
    asyncpg.TooManyConnectionsError: "it has no connection to spare",
    asyncpg.CannotConnectNowError: "it is starting or stopping",
    ConnectionRefusedError: "nothing listens there",
    FileNotFoundError: "nothing listens there",
    TimeoutError: f"no answer within {CONNECT_SECONDS} seconds",
}


def connect(url: str, *, application: str = "dsr", pool_size: int = 20) -> AsyncEngine:
    """An engine for `postgresql://` or `postgresql+asyncpg://` (a socket folder as `?host=`).

    Nothing is reached yet. Whenever a connection cannot be made, or is lost, `Unreachable` is
    raised; parameters of statements never show in an error. Raises `BadInput` for another URL.
    """
    target = _asyncpg_url(url)
    engine = create_async_engine(
        target,
        hide_parameters=True,
        poolclass=_Pool,
        pool_size=pool_size,
        max_overflow=0,  # a connection above the pool's size would be opened for one use
        pool_use_lifo=True,  # few that are warm, instead of all in turns, each idle in between
        connect_args={
            "timeout": CONNECT_SECONDS,
            # Our statements are short: compiling them costs more than running them.
            "server_settings": {"application_name": application, "jit": "off"},
        },
    )
    _translate_failures(engine)
    _ping_what_was_idle(engine)
    return engine


class _Pool(AsyncAdaptedQueuePool):
    """Who waits in vain for a connection is told so in a sentence, too."""

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except PoolTimeout:
            raise Unreachable(
                f"All {self.size()} connections of this process are taken: try again"
            ) from None


_Pool.__module__ = AsyncAdaptedQueuePool.__module__
"""By it SQLAlchemy names the pool's logger: its lines are the library's, not ours."""


def _ping_what_was_idle(engine: AsyncEngine) -> None:
    """A restarted server costs a ping, not a failed step; a busy connection needs none."""

    @event.listens_for(engine.sync_engine, "checkin")
    def _returned(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["returned"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def _taken(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("returned", time.monotonic()) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise DisconnectionError from None  # the pool takes another one


async def ping(engine: AsyncEngine) -> None:
    """Ask the server for a sign of life. Raises `Unreachable`."""
    async with engine.connect() as conn:
        await conn.execute(text("select 1"))


def place(url: URL) -> str:
    """Where a URL points, for a person: no user, no password."""
    host = url.query.get("host", url.host) or "localhost"
    return f"{host}:{url.port}/{url.database}" if url.port else f"{host}/{url.database}"


def _asyncpg_url(url: str) -> URL:
    try:
        target = make_url(url)
    except ArgumentError:
        target = None
    if target is None or target.drivername not in (
        "postgres",
        "postgresql",
        "postgresql+asyncpg",
    ):
        raise BadInput("The database URL is not understood: write postgresql://USER@HOST/DATABASE")
    query = {("ssl" if key == "sslmode" else key): value for key, value in target.query.items()}
    return target.set(drivername="postgresql+asyncpg", query=query)


def _translate_failures(engine: AsyncEngine) -> None:
    where = place(engine.url)

    @event.listens_for(engine.sync_engine, "do_connect")
    def _connect(dialect: Any, _record: Any, args: Any, kwargs: Any) -> Any:
        try:
            return dialect.connect(*args, **kwargs)
        except (OSError, dialect.loaded_dbapi.Error) as error:
            raise _unreachable(where, error.__cause__ or error) from None

    @event.listens_for(engine.sync_engine, "handle_error")
    def _lost(context: ExceptionContext) -> Exception | None:
        if context.is_disconnect and not context.is_pre_ping:
            return Unreachable(f"The database at {where} went away: try again")
        return None


def _unreachable(where: str, error: BaseException) -> Unreachable:
    known = (reason for kind, reason in REASONS.items() if isinstance(error, kind))
    reason = next(known, type(error).__name__)
    return Unreachable(
        f"The database at {where} cannot be reached, {reason}: start it or correct DATABASE_URL"
    )
