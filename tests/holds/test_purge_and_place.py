"""Every interleaving of placing a hold and purging a case: neither passes the other.

What the case's key was when the hold was written, it stays.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities import purge
from activities.erasing import held_cases
from activities.purge import Purge
from schemas.case import Status
from storage import tables as t
from storage.database import connect
from storage.keyring import KeyGone
from storage.locks import LockBusy, lock_to_hold
from storage.secrets import Secrets
from tests.holds.deskwork import AT, EERO, RITVA, Desk, Register
from tests.holds.stage import Choices, Stage, SteppedHolds, every_interleaving, watching

LATER = timedelta(days=4 * 366)


class NoRuns:
    """Nothing runs in Temporal."""

    async def is_open(self, _row: RowMapping) -> bool:
        return False


class SteppedPurge(Purge):
    """Stops before each step."""

    stage: Stage

    async def _lock(self, *args: Any) -> None:
        await self.stage.barrier("erase", "lock")
        await super()._lock(*args)

    async def _may_go(self, *args: Any) -> bool:
        await self.stage.barrier("erase", "look")
        may = await super()._may_go(*args)
        await self.stage.barrier("erase", "destroy")
        return may


class WatchedHolds(SteppedHolds):
    """Sees whether the key is there when the hold is written, under its locks."""

    seen: bool

    async def _write(self, conn: AsyncConnection, *args: Any) -> None:
        await super()._write(conn, *args)
        self.seen = await has_key(conn)


async def has_key(conn: AsyncConnection) -> bool:
    """Whether the one case of this test can be read."""
    left = select(t.case_keys.c.case_id).join(t.cases, t.cases.c.id == t.case_keys.c.case_id)
    return await conn.scalar(left.where(t.case_keys.c.wrapped.is_not(None))) is not None


@dataclass
class Theatre:
    """Purge and place with a connection pool each, as two processes have."""

    purge: Desk
    place: Desk
    watch: AsyncEngine
    order: dict[str, Any]

    async def plays(self) -> int:
        return await every_interleaving(self.play)

    async def play(self, choices: Choices) -> None:
        await self._reset()
        purging, holds = purging_of(self.purge, SteppedPurge), self.place.holds
        assert isinstance(purging, SteppedPurge)
        assert isinstance(holds, WatchedHolds)
        async with watching(self.watch) as conn:
            purging.stage = holds.stage = stage = Stage(conn)
            await stage.plays("erase", purging.sweep(self.place.clock[0]))
            await stage.plays("place", self.place.places(**self.order))
            while stage.ready:
                await stage.advances(choices.choose(stage.ready))
            for result in await stage.results():
                assert not isinstance(result, BaseException), result
            assert await has_key(conn) is holds.seen, "a key was destroyed under a hold"

    async def _reset(self) -> None:
        async with self.watch.begin() as conn:
            for table in (t.hold_texts, t.holds, t.steps, t.system_tasks, t.identifiers):
                await conn.execute(delete(table))
            await conn.execute(delete(t.case_keys))
            await conn.execute(update(t.cases).values(purged_at=AT))
        await closed_case(self.purge)
        self.place.clock[0] = AT + LATER


def purging_of(desk: Desk, kind: type[Purge] = Purge) -> Purge:
    return kind(desk.case_file, NoRuns(), desk.policy)  # type: ignore[arg-type]


async def closed_case(desk: Desk, **columns: Any) -> UUID:
    """A case of Aino's that was closed long ago, searched in one system."""
    case = await desk.case(**columns)
    task = {"case_id": case, "name": "billing", "position": 0, "duty": "search",
            "outcome": "found", "since": AT}  # fmt: skip
    async with desk.engine.begin() as conn:
        closed = update(t.cases).where(t.cases.c.id == case)
        await conn.execute(closed.values(status=Status.CLOSED, closed_at=AT))
        await conn.execute(t.system_tasks.insert().values(task))
        await desk.case_file.keyring.create(conn, case)
    return case


@pytest.fixture
async def theatre(database_url: str, tmp_path: Path, register: Register) -> AsyncIterator[Theatre]:
    secrets = Secrets.load_or_create(tmp_path / "keys")
    engines = [connect(database_url, application=name, pool_size=2)
               for name in ("erase", "place", "watch")]  # fmt: skip
    worker = Desk(engines[0], secrets, register)
    dpo = Desk(engines[1], secrets, register, holds_class=WatchedHolds)
    yield Theatre(worker, dpo, engines[2], {})
    for engine in engines:
        await engine.dispose()


async def test_in_no_interleaving_is_a_key_destroyed_under_a_hold(theatre: Theatre) -> None:
    assert await theatre.plays() > 5


async def test_nor_when_everybody_in_a_system_is_held(theatre: Theatre) -> None:
    theatre.order = {"person": None, "systems": ["billing"]}
    assert await theatre.plays() > 5


async def test_without_the_purges_lock_a_play_goes_wrong(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_lock(*_: object) -> None:
        pass

    monkeypatch.setattr(purge, "lock_to_erase", no_lock)
    with pytest.raises(AssertionError, match="destroyed under a hold"):
        await theatre.plays()


async def test_without_looking_again_under_the_lock_a_play_goes_wrong(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_is_held(*_: object) -> set[UUID]:
        return set()

    monkeypatch.setattr(purge, "held_cases", nothing_is_held)
    with pytest.raises(AssertionError, match="destroyed under a hold"):
        await theatre.plays()


async def test_a_hold_keeps_the_case_of_its_person_only_and_its_release_lets_it_go(
    desk: Desk,
) -> None:
    aino, eero = await closed_case(desk), await closed_case(desk, email=EERO)
    desk.clock[0] = AT + LATER
    hold = await desk.places()

    assert await purging_of(desk).sweep(desk.clock[0]) == 1
    async with desk.engine.connect() as conn:
        assert await held_cases(conn, desk.clock[0], [aino, eero]) == {aino}
        assert await has_key(conn)

    await desk.holds.release(hold.id, RITVA, "over")

    assert await purging_of(desk).sweep(desk.clock[0]) == 1
    async with desk.engine.connect() as conn:
        assert not await has_key(conn)


async def test_while_a_hold_is_being_placed_the_purge_waits_for_the_next_sweep(
    desk: Desk,
) -> None:
    await closed_case(desk)
    purging = purging_of(desk)
    purging._within *= 0.002
    async with desk.engine.begin() as placing:
        await lock_to_hold(placing, desk.hashes(), (), desk.holds._patience)
        (row,) = [row async for row in purging._due(AT + LATER)]
        with pytest.raises(LockBusy):
            await purging.purge(row, AT + LATER)
        assert await purging.sweep(AT + LATER) == 0
    assert await purging_of(desk).sweep(AT + LATER) == 1


async def test_cases_that_may_not_go_stand_in_nobodys_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "PAGE", 2)
    for _ in range(5):
        await closed_case(desk)
    last = await closed_case(desk, email=EERO)
    async with desk.engine.begin() as conn:
        younger = update(t.cases).where(t.cases.c.id == last)
        await conn.execute(younger.values(closed_at=AT + timedelta(days=1)))
    desk.clock[0] = AT + LATER
    await desk.places()

    assert await purging_of(desk).sweep(desk.clock[0]) == 1


async def test_a_sweep_purges_so_many_at_most_and_the_next_one_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "MOST", 2)
    for _ in range(3):
        await closed_case(desk)

    assert [await purging_of(desk).sweep(AT + LATER) for _ in range(3)] == [2, 1, 0]


async def test_a_case_whose_erasure_is_in_doubt_waits_until_that_is_resolved(desk: Desk) -> None:
    """To resolve it the system is read again for the person, whom only the key tells."""
    case = await closed_case(desk)
    await desk.fails_after_its_proof(case)
    assert await purging_of(desk).sweep(AT + LATER) == 0
    async with desk.engine.begin() as conn:
        ended = update(t.erasures).where(t.erasures.c.case_id == case)
        await conn.execute(ended.values(ended_at=AT, outcome="erased"))

    assert await purging_of(desk).sweep(AT + LATER) == 1
    async with desk.engine.connect() as conn:
        assert await conn.scalar(select(t.erasures.c.hashes)) == []


async def test_a_case_that_cannot_be_purged_stops_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = await closed_case(desk), await closed_case(desk)
    forget = purge.forget

    async def fails_once(step: Any, keyring: Any) -> None:
        if step.case == first:
            raise ConnectionError
        await forget(step, keyring)

    monkeypatch.setattr(purge, "forget", fails_once)
    with pytest.raises(ConnectionError):
        await purging_of(desk).sweep(AT + LATER)
    async with desk.engine.connect() as conn:
        left = select(t.cases.c.id).where(t.cases.c.purged_at.is_(None))
        assert list(await conn.scalars(left)) == [first]


async def test_a_hold_that_ended_long_ago_loses_its_order_and_its_person(desk: Desk) -> None:
    hold = await desk.places()
    await desk.holds.release(hold.id, RITVA, "over")
    purging = purging_of(desk)
    await purging.sweep_holds(AT + timedelta(days=1000))
    assert (await desk.holds.known_to(RITVA))[0].order is not None

    for _ in range(2):
        await purging.sweep_holds(AT + LATER)

    (shown,) = await desk.holds.known_to(RITVA)
    assert (shown.order, shown.person, shown.ended_by) == (None, True, "ritva")
    assert (await desk.events(hold.id)).count("retention_applied") == 1
    async with desk.engine.connect() as conn:
        assert await conn.scalar(select(t.holds.c.hashes)) == [b""]
        assert (await conn.execute(select(t.hold_texts))).all() == []
    with pytest.raises(KeyGone):
        await desk.case_file.keyring.key(hold.id)


async def test_a_standing_hold_is_never_purged_however_old(desk: Desk) -> None:
    hold = await desk.places()
    await purging_of(desk).sweep_holds(AT + LATER)

    assert await desk.case_file.keyring.key(hold.id)
    assert await desk.erases(await desk.case()) is not None
    assert await desk.register.has() == 2
