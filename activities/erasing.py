"""The guard of every erasure: no hold comes between the look at the holds and the commit.

Two databases, no common transaction. (a) The intent is committed in ours, under every identifier of
the person that the request or a register gave: a hold may know them by another than the request.
(b) T1 begins in ours: the locks of person and system, shared; the holds are read. (c) The caller
erases in the system, in a transaction T2 that is over when `seconds_left` are, and only rows whose
identifiers are locked (`cover`). (d) Before T2 commits `prove` shows that T1 still stands, and with
it the locks. (e) T2 commits, then outcome and audit entry in T1.

Whoever places a hold (`starter.holds`) takes the same locks alone: either it comes first, and (b)
sees it, or it waits for T1. T1 can die after its proof: then the intent has no outcome, the hold
finds it in doubt, and `resolve` reads the system again once T2 must be over.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rules.holds import Tried, fate, held, in_force
from schemas.errors import RefusedByRule
from schemas.events import Event, Fact, fact
from schemas.holds import Doubt, Held, Hold, SystemFate
from schemas.staff import ENGINE
from storage import tables as t
from storage.case_file import CaseFile
from storage.case_step import CaseStep
from storage.holds import (
    Ending,
    doubts,
    end_erasure,
    erasures_on,
    intend,
    locked_hold,
    may_have_erased,
    note_kept,
    standing_holds,
)
from storage.locks import lock_to_erase
from storage.persons import hashes_of, is_about
from storage.stops import stop_of

COMMIT_TAKES: Final = timedelta(seconds=5)
"""How long a COMMIT that has begun may take in a system, beyond its transaction's bound."""


class NotProved(Exception):
    """What guards this erasure is gone or its time is over: nothing may be committed. Again later.

    The intent is closed as untouched.
    """


@dataclass(frozen=True)
class Wanted:
    """What is to be erased: one person in one system, as one step of one case."""

    case: UUID
    system: str
    categories: tuple[str, ...]  # all that the system declares
    hashes: tuple[bytes, ...] = field(repr=False)  # keyed, of the request's identifiers
    key: str  # of the step
    at: datetime  # business time
    dispatch: UUID | None = None  # the request that tells a partner to erase
    by_people: bool = False  # who can look for a name, too: nobody need be known by an identifier


class Erasing:
    """An erasure under guard. `held`: what it has to leave alone."""

    def __init__(
        self, conn: AsyncConnection, case_file: CaseFile, intent: UUID, wanted: Wanted, held: Held,
        ends: float,
    ) -> None:  # fmt: skip
        self.held = held
        self.proved = False
        self.told = False
        self._intent = intent
        self._conn = conn
        self._case_file = case_file
        self._wanted = wanted
        self._ends = ends

    def seconds_left(self) -> float:
        """After so many seconds the transaction in the system must be over: its timeout."""
        return self._ends - monotonic()

    async def prove(self) -> None:
        """Await this last, then commit at once. Raises `NotProved`: roll back.

        A round trip on the connection that holds the locks: while it lives no hold was placed.
        """
        if self.held.everything:
            raise NotProved("everything here is held")
        if self.seconds_left() <= 0:
            raise NotProved("its time is over")
        try:
            await self._conn.execute(text("select 1"))
        except Exception as error:
            raise NotProved(f"the guard's connection is gone ({type(error).__name__})") from None
        self.proved = True

    def people_are_told(self) -> None:
        """Say this with the task: what becomes of it is in doubt until people answer."""
        self.told = True

    def cover(self, hashes: Iterable[bytes]) -> None:
        """Call this with what names the rows that are to go. Raises `NotProved`: later, again.

        A row that has got another identifier since it was read could belong to a person whose hold
        nobody has looked for.
        """
        if not set(hashes) <= set(self._wanted.hashes):
            raise NotProved("a record names the person by what is not locked")

    async def is_repeated(self) -> bool:
        """Whether another try of this run may have committed, whatever became of its answer."""
        wanted = self._wanted
        run = wanted.key.partition("/")[0]
        return await may_have_erased(self._conn, wanted.case, wanted.system, run, self._intent)

    async def tell_secret_holds(self, happened: Fact) -> None:
        """Write into the record of each what the case's would give away: that only a hold does it.

        In the guard's own transaction, as the step is.
        """
        system, at = self._wanted.system, self._wanted.at
        for hold in await standing_holds(self._conn, self._wanted.hashes):
            if hold.secret and hold.concerns(system) and in_force(hold, at):
                await _write(self._conn, self._case_file, hold, happened, at)

    def step(self, actor: str) -> AbstractAsyncContextManager[CaseStep]:
        """The step on the case that records the outcome, in the guard's own transaction."""
        wanted = self._wanted
        return self._case_file.step_in(self._conn, wanted.case, wanted.key, wanted.at, actor)


class Guard:
    """Guards erasures. `within`: how long one transaction in a system may take."""

    def __init__(self, case_file: CaseFile, within: timedelta) -> None:
        self._case_file = case_file
        self._engine = case_file.engine
        self._within = within

    @asynccontextmanager
    async def erasing(self, wanted: Wanted) -> AsyncIterator[Erasing]:
        """Erase inside, leaving alone what is `held`; leave it without an exception when done.

        What registers name the person by (`storage.persons`) is on record before. `cover` what is
        found in the system then.
        Have everything at hand before: inside, one connection of the pool is taken for T1.
        Raises `LockBusy` while a hold is being placed (later, again), `Unreachable` if our
        database went away. After an exception the erasure counts as not done only where `prove`
        was never passed; otherwise it is in doubt until the system is read again.
        """
        ends = monotonic() + self._within.total_seconds()
        wanted = await self._widened(wanted)
        intent = await self._intend(wanted)
        erasing: Erasing | None = None
        try:
            async with self._engine.begin() as conn:
                erasing = await self._look(conn, intent, wanted, ends)
                yield erasing
                await self._end(conn, intent, erasing)
        except Exception:
            if erasing is None or not erasing.proved:  # then T2 cannot have been committed
                await self._give_up(intent)
            raise

    async def _widened(self, wanted: Wanted) -> Wanted:
        """With every hash by which a register names the person."""
        async with self._engine.connect() as conn:
            known = await hashes_of(conn, wanted.case)
        hashes = tuple(dict.fromkeys((*wanted.hashes, *known))) if wanted.hashes else ()
        return replace(wanted, hashes=hashes)

    async def _intend(self, wanted: Wanted) -> UUID:
        """Step (a)."""
        if not wanted.hashes and not wanted.by_people:
            raise RefusedByRule("Not erased: nobody is erased by a name alone.")
        async with self._engine.begin() as conn:
            return await intend(
                conn, wanted.case, wanted.system, wanted.key, wanted.hashes, wanted.at,
                self._within + COMMIT_TAKES, wanted.dispatch,
            )  # fmt: skip

    async def _look(
        self, conn: AsyncConnection, intent: UUID, wanted: Wanted, ends: float
    ) -> Erasing:
        """Step (b). What is kept is known even if nobody lives to tell how this ended."""
        await lock_to_erase(conn, wanted.hashes, (wanted.system,), self._within)
        holds = await standing_holds(conn, wanted.hashes)
        covered = held(holds, wanted.system, wanted.categories, wanted.at)
        if covered.categories and not covered.everything:
            async with self._engine.begin() as apart:
                await note_kept(apart, intent, covered.categories)
        return Erasing(conn, self._case_file, intent, wanted, covered, ends)

    async def _end(self, conn: AsyncConnection, intent: UUID, erasing: Erasing) -> None:
        """Step (e), with the step that the caller recorded."""
        ending = Ending.ERASED if erasing.proved else Ending.UNTOUCHED
        await end_erasure(conn, intent, Ending.TOLD if erasing.told else ending)

    async def _give_up(self, intent: UUID) -> None:
        async with self._engine.begin() as conn:
            await end_erasure(conn, intent, Ending.UNTOUCHED)


# -- what a hold achieved ------------------------------------------------------------------------


async def fates(
    conn: AsyncConnection, hold: Hold, systems: Sequence[str]
) -> tuple[SystemFate, ...]:
    """What a hold achieved in each of these systems, as far as every try to erase has told."""
    rows = await erasures_on(conn, hold)
    tries = [
        Tried(
            system=row["system"], bound_at=row["bound_at"], ended_at=row["ended_at"],
            erased=row["outcome"] == Ending.ERASED, kept=tuple(row["kept"]),
            stop=stop_of(row), with_people=row["outcome"] == Ending.TOLD,
        )
        for row in rows
    ]  # fmt: skip
    return tuple(fate(hold, system, tries) for system in systems)


def answer_fact(answer: SystemFate) -> Fact:
    """What a hold achieved in a system, as its record has it."""
    return fact(Event.HOLD_ANSWERED, system=answer.system, fate=answer.fate, stop=answer.stop)


# -- doubts --------------------------------------------------------------------------------------


class Remains(Protocol):
    """Reads a system again: whether what this erasure was to destroy is still there."""

    async def __call__(self, doubt: Doubt) -> bool:
        """Raises `SystemUnreachable`: it stays in doubt."""


async def resolve(case_file: CaseFile, doubt: Doubt, remains: Remains, at: datetime) -> bool:
    """Read the system of one doubt (`open_doubts`) and write what was found.

    Only when its transaction must be over: before, what is read may go the next moment. Whoever
    was told that it is in doubt finds the answer in the record of the hold. Returns whether the
    data remains. Safe to repeat.
    """
    still_there = await remains(doubt)
    ending = Ending.UNTOUCHED if still_there else Ending.ERASED
    async with case_file.engine.begin() as conn:
        if await end_erasure(conn, doubt.id, ending):
            await answer_holds(conn, case_file, doubt, at)
    return still_there


async def answer_holds(
    conn: AsyncConnection, case_file: CaseFile, doubt: Doubt, at: datetime
) -> None:
    """Write into the record of each hold concerned what it achieved, as it is known now."""
    for hold in await standing_holds(conn, doubt.hashes):
        if hold.concerns(doubt.system):
            (answer,) = await fates(conn, hold, (doubt.system,))
            await _write(conn, case_file, hold, answer_fact(answer), at)


async def _write(
    conn: AsyncConnection, case_file: CaseFile, hold: Hold, happened: Fact, at: datetime
) -> None:
    """Into the record of a hold, which is locked for it."""
    if await locked_hold(conn, hold.id) is not None:
        await case_file.audit.append(
            conn, hold.id, [happened], at=at, actor=ENGINE.account,
            policy_version=case_file.policy_version,
        )  # fmt: skip


async def open_doubts(engine: AsyncEngine) -> list[Doubt]:
    """The doubts that can be resolved by now."""
    async with engine.connect() as conn:
        return await doubts(conn)


# -- the destruction of keys ---------------------------------------------------------------------


async def is_held(
    conn: AsyncConnection, hashes: Sequence[bytes], system: str, categories: Sequence[str],
    at: datetime,
) -> Held:  # fmt: skip
    """What is held of a person in a system; for plans and purges. No lock: it can change."""
    return held(await standing_holds(conn, hashes), system, categories, at)


async def held_cases(
    conn: AsyncConnection, at: datetime, among: Sequence[UUID] | None = None
) -> set[UUID]:
    """Cases whose keys must not be destroyed: somebody's data in them is held. None = of all."""
    standing = [hold for hold in await standing_holds(conn) if in_force(hold, at)]
    hashes = [value for hold in standing for value in hold.hashes]
    systems = [name for hold in standing if hold.for_everybody for name in hold.systems]
    of_system = select(t.system_tasks.c.case_id).where(t.system_tasks.c.name.in_(systems))
    concerned = or_(is_about(hashes), t.cases.c.id.in_(of_system))
    asked = true() if among is None else t.cases.c.id.in_(among)
    return set(await conn.scalars(select(t.cases.c.id).where(concerned, asked)))
