"""A PostgreSQL database as a declared system. Only its own errors leave it, without any value."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, TypeVar

import asyncpg

from connectors.calls import count_call
from connectors.contract import (
    Agree,
    BeforeCommit,
    Choice,
    CommitInDoubt,
    Corrected,
    Correction,
    EndedRelation,
    Erased,
    ErasurePlan,
    Found,
    Identity,
    Person,
    Remains,
    RowKey,
    SystemMisdeclared,
    SystemUnreachable,
)
from connectors.manifest import Manifest
from connectors.sql.catalog import Connection, read_catalog
from connectors.sql.check import misfits, missing_rights
from connectors.sql.correct import Corrector
from connectors.sql.ended import EndedSearch
from connectors.sql.erase import Eraser, Stopped, Voice, bound
from connectors.sql.erasure_check import erasure_misfits
from connectors.sql.findings import found
from connectors.sql.indexes import index_statements
from connectors.sql.remains import Scan
from connectors.sql.rows import LayoutStale
from connectors.sql.search import Layout, Search
from connectors.sql.treatment import Treatments
from connectors.sql.writes import Writer
from schemas.holds import Held
from schemas.systems import SystemFacts

T = TypeVar("T")

CONNECT_TIMEOUT: Final = timedelta(seconds=10)
LAYOUT_LIVES: Final = timedelta(seconds=60)  # so long a new table can stay unseen
CONNECTIONS: Final = 4

_LATER: Final = ("08", "25P", "28", "3D", "40", "53", "55", "57", "58")
"""SQLSTATE classes that pass by themselves or concern the server: connection, login, database,
bounds of a transaction's time, conflict, resources, lock, operator (time-outs too), system."""

_FAILURES: Final = (
    OSError,  # time-outs included
    ValueError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""All that asyncpg raises."""


class SqlConnector:
    """Finds and changes a person's rows as the manifest declares."""

    def __init__(self, manifest: Manifest, url: str | None, statement_timeout: timedelta) -> None:
        """`url`: of the database; None counts as unreachable. Connects when first used."""
        self._manifest = manifest
        self._url = None if url is None else re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", url)
        self._timeout = statement_timeout
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._connecting = asyncio.Lock()
        self._layout: Layout | None = None
        self._layout_until = 0.0

    @property
    def facts(self) -> SystemFacts:
        """What the manifest says of it."""
        return self._manifest.facts

    async def check(self) -> None:
        """Compare the manifest with the database. Raises with all disagreements at once."""
        self._layout = None
        layout = await self._guarded(self._laid_out)
        self._require([*missing_rights(self._manifest, layout.catalog), *erasure_misfits(layout)])

    async def indexes(self) -> tuple[str, ...]:
        """SQL for the indexes that a search can use; whether they are there is not looked at."""
        return tuple(index_statements(await self._guarded(self._laid_out)))

    async def find(self, person: Person) -> Found:
        """Everything held on the person, in one view of the database. Changes nothing."""

        async def search(connection: Connection) -> Found:
            layout = await self._laid_out(connection)
            search = Search(connection, layout, person)
            if layout.is_one_look:
                return found(await search.rows(), layout)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return found(await search.rows(), layout)

        return await self._guarded(search)

    async def suppress(self, person: Person, choice: Choice) -> int:
        """Stop the purposes for the person's addresses. How many records stand stopped."""
        actions = [a for a in self._manifest.suppress if set(a.purposes) & set(choice.purposes)]

        async def write(writer: Writer) -> int:
            return sum([await writer.stop(action, choice) for action in actions])

        return await self._written(person, write)

    async def restrict(
        self, person: Person, restricted: bool, chosen: tuple[RowKey, ...] = ()
    ) -> int:
        """Mark or unmark the person's records. Raises `SystemMisdeclared` if none is declared."""
        actions = self._manifest.restrict
        if not actions:
            raise SystemMisdeclared(
                f"{self._manifest.name}: the manifest declares nothing to restrict; do it by hand."
            )

        async def write(writer: Writer) -> int:
            return sum(
                [await writer.mark(a.table, a.set if restricted else a.lift) for a in actions]
            )

        return await self._written(person, write, chosen)

    async def record_consent(self, person: Person, choice: Choice) -> int:
        """Record consent given or withdrawn. How many records stand so."""
        actions = [
            a for a in self._manifest.record_consent if set(a.purposes) & set(choice.purposes)
        ]

        async def write(writer: Writer) -> int:
            return sum([await writer.consent(action, choice) for action in actions])

        return await self._written(person, write)

    async def known_as(
        self, person: Person, chosen: tuple[RowKey, ...] = ()
    ) -> tuple[Identity, ...]:
        """By what the person's rows name them, in one view of the database. Changes nothing."""

        async def look(connection: Connection) -> tuple[Identity, ...]:
            layout = await self._laid_out(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                search = Search(connection, layout, person, chosen)
                await search.rows()
                return search.named_by(chosen)

        return await self._guarded(look)

    async def plan_erasure(
        self, person: Person, at: datetime, held: Held, chosen: tuple[RowKey, ...] = ()
    ) -> ErasurePlan:
        """What erasing would do, in one view of the database. Changes nothing."""

        async def plan(connection: Connection) -> ErasurePlan:
            treatments = Treatments(await self._laid_out(connection), held, at)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return (await Eraser(connection, treatments, person).fates(chosen)).plan()

        return await self._guarded(plan)

    async def erase(
        self, person: Person, at: datetime, held: Held, agree: Agree, before_commit: BeforeCommit,
        limit: timedelta, chosen: tuple[RowKey, ...] = (),
    ) -> Erased:  # fmt: skip
        """Erase as planned anew, if the caller agrees; nothing is changed if it raises.

        Waits its turn among the writes of the system first; then it takes `limit` at most.
        """
        voice, committing = Voice(), False

        async def erase(connection: Connection) -> Erased:
            nonlocal committing
            layout = await self._laid_out(connection)
            async with (
                self._turn(connection),
                asyncio.timeout(limit.total_seconds()),
                connection.transaction(isolation="repeatable_read"),
            ):
                await bound(connection, limit)
                erased = await Eraser(connection, Treatments(layout, held, at), person).erase(
                    chosen,
                    lambda plan, known: voice.ask(lambda: agree(plan, known)),
                    lambda: voice.ask(before_commit),
                )
                committing = True
            return erased

        try:
            return await self._guarded(erase)
        except (Stopped, SystemUnreachable):
            if voice.error is None and not committing:
                raise
        if voice.error is not None:
            raise voice.error
        raise CommitInDoubt(
            f"{self._manifest.name} went away while it committed: search it to see what was done."
        )

    async def remains(self, person: Person, kept: ErasurePlan) -> tuple[Remains, ...]:
        """Where the person's unique identifiers still stand. Changes nothing."""

        async def scan(connection: Connection) -> tuple[Remains, ...]:
            layout = await self._laid_out(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await Scan(connection, layout, person, kept).remains()

        return await self._guarded(scan)

    async def correct(
        self, person: Person, corrections: tuple[Correction, ...], chosen: tuple[RowKey, ...] = ()
    ) -> Corrected:
        """Correct values in the person's own rows. Safe to repeat."""

        async def correct(connection: Connection) -> Corrected:
            layout = await self._laid_out(connection)
            async with (
                self._turn(connection),
                connection.transaction(isolation="repeatable_read"),
            ):
                return await Corrector(connection, layout, person).correct(corrections, chosen)

        return await self._guarded(correct)

    async def ended(self, at: datetime, limit: int) -> tuple[EndedRelation, ...]:
        """People with whom every relation is over, and kept long enough. Changes nothing."""

        async def look(connection: Connection) -> tuple[EndedRelation, ...]:
            layout = await self._laid_out(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await EndedSearch(connection, layout, at).people(limit)

        return await self._guarded(look)

    async def close(self) -> None:
        """Release the connections."""
        pool, self._pool, self._layout = self._pool, None, None
        if pool is not None:
            pool.terminate()

    async def _written(
        self, person: Person, write: Callable[[Writer], Awaitable[int]],
        chosen: tuple[RowKey, ...] = (),
    ) -> int:  # fmt: skip
        """One transaction; writes of one system wait for each other, so that none is doubled."""

        async def work(connection: Connection) -> int:
            layout = await self._laid_out(connection)
            async with (
                self._turn(connection),
                connection.transaction(isolation="repeatable_read"),
            ):
                return await write(Writer(connection, layout, person, chosen))

        return await self._guarded(work)

    @asynccontextmanager
    async def _turn(self, connection: Connection) -> AsyncIterator[None]:
        """Around the transaction, which then sees what the one before it has written."""
        lock = f"dsr:{self._manifest.name}"
        try:
            await connection.execute("select pg_advisory_lock(hashtextextended($1, 0))", lock)
            yield
        finally:
            try:
                await connection.execute("select pg_advisory_unlock(hashtextextended($1, 0))", lock)
            except BaseException as error:
                connection.terminate()  # its end gives the turn back
                if not isinstance(error, _FAILURES):
                    raise

    async def _laid_out(self, connection: Connection) -> Layout:
        now = asyncio.get_running_loop().time()
        if self._layout is None or now > self._layout_until:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                catalog = await read_catalog(connection)
            self._require(misfits(self._manifest, catalog))
            self._layout = Layout(self._manifest, catalog)
            self._layout_until = now + LAYOUT_LIVES.total_seconds()
        return self._layout

    def _require(self, wrong: Iterable[str]) -> None:
        sentences = "; ".join(wrong)
        if sentences:
            raise SystemMisdeclared(
                f"{self._manifest.name}: {sentences}. Correct the manifest or the database."
            )

    async def _guarded(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do the work; a database's own errors can show a row, so they end here.

        The error is raised after its cause is dropped: no chain leads back to the row.
        """
        count_call()
        connection = await self._acquire()
        try:
            return await work(connection)
        except asyncpg.PostgresError as error:
            problem = self._of_state(error.sqlstate or "")
        except ValueError as error:  # asyncpg's data errors are such, with the value in the text
            problem = self._unexpected(type(error).__name__)
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, LayoutStale):
            problem = self._away()
        finally:
            await self._release(connection)
        self._layout = None
        raise problem

    async def _acquire(self) -> Connection:
        connection: Connection | None = None
        try:
            async with self._connecting:
                self._pool = self._pool or await self._new_pool()
            connection = await self._pool.acquire(timeout=CONNECT_TIMEOUT.total_seconds())
        except _FAILURES:
            pass
        if connection is None:
            raise self._away()
        return connection

    async def _release(self, connection: Connection) -> None:
        with suppress(*_FAILURES):
            if self._pool is not None:
                await self._pool.release(connection, timeout=CONNECT_TIMEOUT.total_seconds())

    async def _new_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        if self._url is None:
            raise OSError
        limit = str(int(self._timeout.total_seconds() * 1000))
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=CONNECT_TIMEOUT.total_seconds(),
            command_timeout=self._timeout.total_seconds() + 5,  # a server that went silent
            reset=_nothing_outlives,
            server_settings={
                "application_name": "dsr",
                "statement_timeout": limit,
                "lock_timeout": limit,
                "idle_in_transaction_session_timeout": limit,
            },
        )

    def _away(self) -> Exception:
        why = "" if self._url else f": {self._manifest.url_env} is not set"
        return SystemUnreachable(f"{self._manifest.name} cannot be reached{why}.")

    def _of_state(self, state: str) -> Exception:
        return self._away() if state.startswith(_LATER) else self._unexpected(f"SQLSTATE {state}")

    def _unexpected(self, what: str) -> SystemMisdeclared:
        name = self._manifest.name
        return SystemMisdeclared(
            f"{name} refused what its manifest declares ({what}). Run: dsr systems check {name}"
        )


async def _nothing_outlives(_connection: object) -> None:
    """A transaction's settings end with it, and a turn is given back: no round trip is needed."""
