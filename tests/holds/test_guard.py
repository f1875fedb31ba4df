"""An erasure under guard: what is held stays, what cannot be proved is not committed."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

from activities.erasing import (
    Erasing,
    NotProved,
    answer_holds,
    held_cases,
    is_held,
    open_doubts,
    resolve,
)
from schemas.errors import RefusedByRule
from schemas.holds import Fate
from storage.holds import Ending, people_answered
from storage.locks import LockBusy, lock_to_hold
from storage.tables import system_tasks
from tests.holds.deskwork import AINO, CATEGORIES, EERO, JOHAN, RITVA, Desk, fate_of

TERMINATE = text("select pg_terminate_backend(:pid)")


async def test_nothing_is_held_without_a_hold(desk: Desk) -> None:
    erasing = await desk.erases(await desk.case())
    assert (await desk.register.has(), erasing.held.everything) == (0, False)
    assert await desk.outcomes() == ["erased"]


async def test_a_hold_stops_the_erasure_of_that_person_only(desk: Desk) -> None:
    await desk.places()
    await desk.erases(await desk.case())
    await desk.erases(await desk.case(EERO), email=EERO)
    assert (await desk.register.has(AINO), await desk.register.has(EERO)) == (2, 0)
    assert sorted(filter(None, await desk.outcomes())) == ["erased", "untouched"]


async def test_a_hold_on_categories_leaves_these_and_lets_the_rest_go(desk: Desk) -> None:
    await desk.places(categories=["user.financial"])
    erasing = await desk.erases(await desk.case())
    assert erasing.held.categories == ("user.financial",)
    assert await desk.register.has() == 1


async def test_what_an_earlier_hold_kept_is_protected_by_a_later_one(desk: Desk) -> None:
    first = await desk.places(categories=["user.financial"])
    await desk.erases(await desk.case())
    await desk.holds.release(first.id, RITVA, "over")
    assert fate_of(await desk.places(categories=["user.financial.account"])) is Fate.PROTECTED
    assert fate_of(await desk.places(categories=["user.name"])) is Fate.GONE
    assert fate_of(await desk.places()) is Fate.GONE


async def test_what_was_kept_is_known_even_if_nobody_lived_to_tell(desk: Desk) -> None:
    await desk.places(categories=["user.financial"])

    async def nothing_that_was_to_go(_: object) -> bool:
        return False

    await desk.fails_after_its_proof(await desk.case())
    await desk.bounds_pass()
    (doubt,) = await open_doubts(desk.engine)
    await resolve(desk.case_file, doubt, nothing_that_was_to_go, desk.clock[0])
    (hold,) = await desk.holds.known_to(RITVA)
    assert fate_of(hold) is Fate.PROTECTED
    assert await desk.answers(hold.id) == ["protected", "protected"]
    assert fate_of(await desk.places(categories=["user.name"])) is Fate.GONE


async def test_a_hold_on_a_system_holds_everybody_in_it_and_nobody_elsewhere(desk: Desk) -> None:
    await desk.places(person=None, systems=["billing"])
    await desk.erases(await desk.case(), "billing")
    assert await desk.register.has() == 2
    await desk.erases(await desk.case(), "marketing")
    assert await desk.register.has() == 0


async def test_nobody_is_erased_by_a_name_alone(desk: Desk) -> None:
    nameless = replace(desk.wanted(await desk.case()), hashes=())
    with pytest.raises(RefusedByRule, match="name alone"):
        await desk.guard.erasing(nameless).__aenter__()
    assert await desk.outcomes() == []


async def test_people_can_look_for_a_name_and_a_hold_on_everybody_finds_them(desk: Desk) -> None:
    nameless = replace(desk.wanted(await desk.case()), hashes=(), by_people=True)
    async with desk.guard.erasing(nameless) as erasing:
        erasing.people_are_told()
    assert await desk.outcomes() == ["told"]
    assert fate_of(await desk.places(person=None, systems=["billing"])) is Fate.IN_DOUBT
    async with desk.guard.erasing(nameless) as erasing:
        assert erasing.held.everything


async def test_whom_people_were_told_to_destroy_is_in_doubt_until_they_answer(desk: Desk) -> None:
    case = await desk.case()
    async with desk.guard.erasing(desk.wanted(case)) as erasing:
        erasing.people_are_told()
    hold = await desk.places()
    assert [(f.system, f.fate, f.with_people) for f in hold.fates] == [
        ("billing", Fate.IN_DOUBT, True), ("marketing", Fate.PROTECTED, False),
    ]  # fmt: skip
    await desk.bounds_pass()
    assert await open_doubts(desk.engine) == []  # nobody but people can tell

    async with desk.engine.begin() as conn:
        doubt = await people_answered(conn, case, "billing", Ending.ERASED)
        assert doubt is not None
        await answer_holds(conn, desk.case_file, doubt, desk.clock[0])
        assert await people_answered(conn, case, "billing", Ending.UNTOUCHED) is None
    assert await desk.answers(hold.id) == ["in_doubt", "gone"]


async def test_a_task_that_was_not_committed_has_told_nobody(desk: Desk) -> None:
    with suppress(ConnectionError):
        async with desk.guard.erasing(desk.wanted(await desk.case())) as erasing:
            erasing.people_are_told()
            raise ConnectionError
    assert await desk.outcomes() == ["untouched"]
    assert fate_of(await desk.places()) is Fate.PROTECTED


async def test_what_is_held_is_never_proved(desk: Desk) -> None:
    await desk.places()
    with pytest.raises(NotProved):
        await _erase(desk)
    assert await desk.register.has() == 2
    assert await desk.outcomes() == ["untouched"]


async def test_without_the_guards_connection_nothing_is_committed(desk: Desk) -> None:
    async def lose_it(erasing: Erasing) -> None:
        pid = await erasing._conn.scalar(text("select pg_backend_pid()"))
        async with desk.engine.begin() as other:
            await other.execute(TERMINATE, {"pid": pid})

    with pytest.raises(NotProved, match="connection is gone"):
        await _erase(desk, lose_it)
    assert await desk.register.has() == 2
    assert await desk.outcomes() == ["untouched"]


async def test_after_its_time_nothing_is_committed(desk: Desk) -> None:
    async def time_passes(erasing: Erasing) -> None:
        erasing._ends = 0
        await erasing.prove()

    with pytest.raises(NotProved, match="time is over"):
        await _erase(desk, time_passes)
    assert await desk.register.has() == 2


async def _erase(desk: Desk, before: Callable[[Erasing], Awaitable[None]] | None = None) -> None:
    """An activity that does not look at what is held."""
    async with desk.guard.erasing(desk.wanted(await desk.case())) as erasing:
        if before is not None:
            await before(erasing)
        await desk.register.erase(erasing)


async def test_the_outcome_is_recorded_on_the_case_in_the_same_transaction(desk: Desk) -> None:
    case = await desk.case()
    with suppress(ConnectionError):
        async with desk.guard.erasing(desk.wanted(case)) as erasing:
            async with erasing.step("engine") as step:
                step.set(assignee="maija")
            raise ConnectionError
    assert not await desk.case_file.is_done(case, f"{case}/billing")
    async with desk.guard.erasing(desk.wanted(case)) as erasing, erasing.step("engine") as step:
        assert not step.repeated
    assert await desk.case_file.is_done(case, f"{case}/billing")


async def test_an_erasure_does_not_wait_for_ever_while_a_hold_is_being_placed(desk: Desk) -> None:
    desk.guard._within *= 0.002
    async with desk.engine.begin() as placing:
        await lock_to_hold(placing, desk.hashes(), (), desk.holds._patience)
        with pytest.raises(LockBusy):
            await desk.erases(await desk.case())
    assert (await desk.register.has(), await desk.outcomes()) == (2, ["untouched"])


async def test_erasures_of_one_person_do_not_wait_for_each_other(desk: Desk) -> None:
    async with desk.guard.erasing(desk.wanted(await desk.case(), "billing")) as erasing:
        await desk.erases(await desk.case(), "marketing")
        await erasing.prove()
    assert await desk.outcomes() == ["erased", "erased"]


async def test_a_doubt_is_resolved_by_reading_and_the_hold_is_told(desk: Desk) -> None:
    await desk.fails_after_its_proof(await desk.case())
    hold = await desk.places()
    assert fate_of(hold) is Fate.IN_DOUBT
    assert await open_doubts(desk.engine) == []
    await desk.bounds_pass()
    (doubt,) = await open_doubts(desk.engine)
    assert await resolve(desk.case_file, doubt, desk.remains, desk.clock[0])
    await resolve(desk.case_file, doubt, desk.remains, desk.clock[0])
    assert fate_of((await desk.holds.known_to(JOHAN))[0]) is Fate.PROTECTED
    assert (await desk.events(hold.id)).count("hold_answered") == 3


async def test_what_cannot_be_read_again_stays_in_doubt(desk: Desk) -> None:
    async def away(_: object) -> bool:
        raise ConnectionError

    await desk.fails_after_its_proof(await desk.case())
    await desk.bounds_pass()
    (doubt,) = await open_doubts(desk.engine)
    with pytest.raises(ConnectionError):
        await resolve(desk.case_file, doubt, away, desk.clock[0])
    assert await desk.outcomes() == [None]


async def test_a_second_try_does_not_end_the_doubt_about_the_first(desk: Desk) -> None:
    """The first may still be about to commit somewhere, after the second met the hold."""
    case = await desk.case()
    await desk.fails_after_its_proof(case)
    await desk.places()
    await desk.erases(case)
    assert fate_of((await desk.holds.known_to(RITVA))[0]) is Fate.IN_DOUBT


async def test_the_keys_of_cases_whose_person_is_held_are_kept(desk: Desk) -> None:
    aino, eero = await desk.case(), await desk.case(EERO)
    await desk.places()
    async with desk.engine.begin() as conn:
        assert await held_cases(conn, desk.clock[0]) == {aino}
        assert (await is_held(conn, desk.hashes(), "billing", CATEGORIES, desk.clock[0])).everything
        none = await is_held(conn, desk.hashes(EERO), "billing", CATEGORIES, desk.clock[0])
        assert (none.everything, none.categories) == (False, ())
        task = {"case_id": eero, "name": "billing", "position": 0, "duty": "search",
                "outcome": "found", "since": desk.clock[0]}  # fmt: skip
        await conn.execute(system_tasks.insert().values(task))
    await desk.places(person=None, systems=["billing"], id=uuid4())
    async with desk.engine.begin() as conn:
        assert await held_cases(conn, desk.clock[0]) == {aino, eero}
