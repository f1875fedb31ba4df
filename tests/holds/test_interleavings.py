"""Every interleaving of placing a hold and erasing: nothing is called protected that is gone.

Real databases on both sides. The guard's connection is cut, or its process dies, at each barrier.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, delete, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

import activities.desk
import starter.holds
from activities import erasing
from activities.doubts import resolve_doubts
from activities.erasing import Erasing
from activities.letters import Letters
from schemas.holds import Fate, Hold, HoldView
from starter.holds import Holds
from storage import tables as t
from storage.database import connect
from storage.holds import erasures_on
from storage.secrets import Secrets
from tests.holds.deskwork import BY_PHONE, RITVA, Desk, Register, billing, fate_of
from tests.holds.stage import (
    ERASE,
    Choices,
    Died,
    Stage,
    SteppedGuard,
    SteppedHolds,
    SteppedRegister,
    every_interleaving,
    watching,
)
from tests.office import POLICY

TERMINATE = text("select pg_terminate_backend(:pid)")

ALIVE = text("select count(*) from pg_stat_activity where pid = :pid")


class Impatient(SteppedHolds):
    """Does not wait until the erasure is over."""

    _patience = timedelta(milliseconds=1)

    async def _answer(self, *args: Any) -> None:
        """The hold is committed already: nothing can come between its answer and a commit."""
        await self.stage.barrier("place", "answer")
        await Holds._answer(self, *args)


@dataclass
class Theatre:
    """Erase and place with a connection pool each, as two processes have."""

    erase: Desk
    place: Desk
    again: Desk  # a later try, without barriers
    watch: AsyncEngine
    case: UUID
    sweep: activities.desk.Desk  # of the worker that reads again what is in doubt
    order: dict[str, Any] = field(default_factory=dict)
    linked: bool = False  # the register knows Aino's phone from the beginning

    async def plays(self, fault: str = "") -> int:
        """Every interleaving, with the fault that `kind@step` names. How many there were."""
        return await every_interleaving(lambda choices: self._play(choices, fault))

    async def _play(self, choices: Choices, fault: str) -> None:
        await self._reset()
        patient = not isinstance(self.place.holds, Impatient)
        async with watching(self.watch) as conn:
            stage = Stage(conn, ("erase", "place") if patient else ("erase",))
            self._set(stage, fault)
            await stage.plays("erase", self.erase.erases(self.case))
            await stage.plays("place", self.place.places(**self.order))
            while stage.ready:
                await stage.advances(choices.choose(stage.ready))
            placed, _ = await stage.results()
        await self._check(placed)

    def _set(self, stage: Stage, fault: str) -> None:
        guard, holds, register = self.erase.guard, self.place.holds, self.erase.register
        assert isinstance(guard, SteppedGuard)
        assert isinstance(holds, SteppedHolds)
        assert isinstance(register, SteppedRegister)
        guard.stage = holds.stage = register.stage = stage
        kind, _, step = fault.partition("@")
        faults = {
            "cut": self._cut, "dies": self._dies, "linked": register.gets_her_phone,
            "renewed": self._renewed,
        }  # fmt: skip
        if kind:
            stage.faults[step] = faults[kind]

    async def _cut(self) -> None:
        """The guard's connection is gone, its process is not."""
        guard = self.erase.guard
        assert isinstance(guard, SteppedGuard)
        async with watching(self.watch) as conn:
            await conn.execute(TERMINATE, {"pid": guard.pid})
            while await conn.scalar(ALIVE, {"pid": guard.pid}):
                await asyncio.sleep(0)

    async def _dies(self) -> None:
        raise Died

    async def _renewed(self) -> None:
        """The person has another record before anybody can read how the erasure ended."""
        await self.erase.register.gets_another_record()
        raise Died

    async def _reset(self) -> None:
        async with self.watch.begin() as conn:
            for table in (t.erasures, t.hold_texts, t.holds, t.steps, t.known_as):
                await conn.execute(delete(table))
        await self.erase.register.refill()
        if self.linked:
            await self.erase.register.gets_her_phone()

    async def _check(self, placed: HoldView) -> None:
        """What was told, then what is found when the doubt is resolved, then another try."""
        assert isinstance(placed, HoldView), placed
        remains = await self.erase.register.has() > 0
        told = {fate_of(placed), await self._recorded(placed.id)}
        if not remains and self.order and placed.fates[0].erased_before:
            return  # held for everybody from now on, and told that one is gone
        assert not (told & {Fate.PROTECTED} and not remains), "called protected, and gone"
        assert not (told & {Fate.GONE} and remains), "called gone, and there"
        await self.erase.bounds_pass()
        await resolve_doubts(self.sweep, self.erase.clock[0], None)
        assert await self._final() is (Fate.PROTECTED if remains else Fate.GONE)
        await self.again.erases(self.case)
        assert (await self.erase.register.has() > 0) is remains, "the hold did not hold"

    async def _recorded(self, hold: UUID) -> Fate:
        return Fate((await self.again.answers(hold))[0])

    async def recorded_in_doubt(self) -> bool:
        """Whether this was told when the hold was placed."""
        (hold,) = await self.place.holds.known_to(RITVA)
        return await self._recorded(hold.id) is Fate.IN_DOUBT

    async def is_gone(self) -> bool:
        """Whether nothing of the person is in the register."""
        return await self.erase.register.has() == 0

    async def _final(self) -> Fate:
        (hold,) = await self.place.holds.known_to(RITVA)
        return fate_of(hold)


async def _theatre(
    url: str, folder: Path, register: Register, letters: Letters,
    holds: type[SteppedHolds] = SteppedHolds,
) -> AsyncIterator[Theatre]:  # fmt: skip
    secrets = Secrets.load_or_create(folder / "keys")
    engines = [connect(url, application=name, pool_size=2) for name in ("erase", "place", "watch")]
    erase, place, watch = engines
    stepped = SteppedRegister(register.url, register.looking)
    worker = Desk(erase, secrets, stepped, guard_class=SteppedGuard)
    dpo = Desk(place, secrets, register, holds_class=holds)
    later = Desk(watch, secrets, register)
    case, systems = await worker.case(), billing(register.url)
    await worker.plans(case, systems)
    sweep = activities.desk.Desk(later.case_file, POLICY, systems, letters)
    yield Theatre(worker, dpo, later, watch, case, sweep)
    await systems.close()
    for engine in engines:
        await engine.dispose()


@pytest.fixture
async def theatre(
    database_url: str, tmp_path: Path, register: Register, letters: Letters
) -> AsyncIterator[Theatre]:
    """Placing waits for an erasure at work."""
    async for one in _theatre(database_url, tmp_path, register, letters):
        yield one


@pytest.fixture
async def impatient(
    database_url: str, tmp_path: Path, register: Register, letters: Letters
) -> AsyncIterator[Theatre]:
    """Placing gets no lock and does without."""
    async for one in _theatre(database_url, tmp_path, register, letters, Impatient):
        yield one


async def test_in_no_interleaving_is_something_called_protected_that_is_gone(
    theatre: Theatre,
) -> None:
    assert await theatre.plays() == 19


@pytest.mark.parametrize(("step", "plays"), [("prove", 27), ("commit", 59), ("end", 35)])
async def test_nor_when_the_guards_connection_is_cut_before(
    theatre: Theatre, step: str, plays: int
) -> None:
    assert await theatre.plays(f"cut@{step}") == plays


@pytest.mark.parametrize(("step", "plays"), list(zip(ERASE, (5, 15, 16, 17, 18, 19), strict=True)))
async def test_nor_when_the_process_dies_before(theatre: Theatre, step: str, plays: int) -> None:
    assert await theatre.plays(f"dies@{step}") == plays


@pytest.mark.parametrize(("step", "plays"), [("commit", 18), ("end", 19)])
async def test_nor_when_the_person_has_a_new_record_by_the_time_of_the_reading(
    theatre: Theatre, step: str, plays: int
) -> None:
    assert await theatre.plays(f"renewed@{step}") == plays


@pytest.mark.parametrize(("fault", "plays"), [("", 44), ("cut@commit", 65), ("dies@end", 44)])
async def test_nor_when_the_lock_is_not_free_in_time(
    impatient: Theatre, fault: str, plays: int
) -> None:
    assert await impatient.plays(fault) == plays


async def test_nor_when_everybody_in_the_system_is_held(theatre: Theatre) -> None:
    theatre.order = {"person": None, "systems": ["billing"]}
    assert await theatre.plays() == 19


# -- the hold knows the person by what the request does not have --------------------------------


async def test_nor_when_only_the_register_knows_that_it_is_the_same_person(
    theatre: Theatre,
) -> None:
    theatre.order, theatre.linked = {"person": BY_PHONE}, True
    assert await theatre.plays() == 19


async def test_nor_when_the_register_learns_it_meanwhile(theatre: Theatre) -> None:
    theatre.order = {"person": BY_PHONE}
    assert await theatre.plays("linked@delete") == 70


async def test_without_what_registers_know_a_play_goes_wrong(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> tuple[bytes, ...]:
        return ()

    theatre.order, theatre.linked = {"person": BY_PHONE}, True
    monkeypatch.setattr(erasing, "hashes_of", nothing)
    monkeypatch.setattr(Erasing, "cover", lambda *_: None)
    assert "called protected, and gone" in await _found_wrong(theatre)


async def test_without_the_look_at_what_is_to_go_a_play_goes_wrong(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre.order = {"person": BY_PHONE}
    monkeypatch.setattr(Erasing, "cover", lambda *_: None)
    assert "called protected, and gone" in await _found_wrong(theatre, "linked@delete")


# -- the same plays with a step left out ---------------------------------------------------------


async def _found_wrong(theatre: Theatre, fault: str = "") -> str:
    with pytest.raises(AssertionError) as wrong:
        await theatre.plays(fault)
    return str(wrong.value)


async def test_without_the_erasers_lock_a_play_goes_wrong(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_lock(*_: object) -> None:
        pass

    monkeypatch.setattr(erasing, "lock_to_erase", no_lock)
    assert "called protected, and gone" in await _found_wrong(theatre)


async def test_without_the_placers_lock_a_play_goes_wrong(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_lock(*_: object) -> None:
        pass

    monkeypatch.setattr(starter.holds, "lock_to_hold", no_lock)
    assert "called protected, and gone" in await _found_wrong(theatre)


async def test_without_reading_the_intents_a_play_goes_wrong(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended_only(conn: AsyncConnection, hold: Hold) -> list[RowMapping]:
        return [row for row in await erasures_on(conn, hold) if row["ended_at"] is not None]

    monkeypatch.setattr(erasing, "erasures_on", ended_only)
    assert "called protected, and gone" in await _found_wrong(theatre, "cut@commit")


async def test_without_the_proof_what_a_hold_stopped_is_erased(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lie is told, it was in doubt; but the erasure could have known."""

    async def trusting(self: Erasing) -> None:
        self.proved = True

    async def destroyed(choices: Choices) -> None:
        await theatre._play(choices, "cut@prove")
        assert not (await theatre.recorded_in_doubt() and await theatre.is_gone())

    await every_interleaving(destroyed)
    monkeypatch.setattr(Erasing, "prove", trusting)
    with pytest.raises(AssertionError):
        await every_interleaving(destroyed)


async def test_a_hold_that_could_not_wait_calls_what_is_at_work_in_doubt(
    impatient: Theatre,
) -> None:
    async with watching(impatient.watch) as conn:
        stage = Stage(conn, ("erase",))
        impatient._set(stage, "")
        await stage.plays("erase", impatient.erase.erases(impatient.case))
        for _ in ERASE[:4]:
            await stage.advances("erase")
        await stage.plays("place", impatient.place.places())
        while "place" in stage.ready:
            await stage.advances("place")
        placed = stage.actors["place"].task
        assert placed is not None
        assert fate_of(await placed) is Fate.IN_DOUBT
        while stage.ready:
            await stage.advances("erase")
    assert await impatient._final() is Fate.GONE
