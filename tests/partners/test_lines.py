"""Whose turn it is at a system with limits, over all workers: each engine here is one of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from rules.turns import LOOK_AGAIN, Share, is_paused, share_of, wait_for_turn
from schemas.lines import Line, Pause
from schemas.systems import Duty, Limits
from storage import tables as t
from storage.database import connect
from storage.lines import (
    Turn,
    answered,
    end_pause,
    failed,
    leave,
    line_of,
    pauses,
    take_turn,
)

EXPERT = "expert"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[list[AsyncEngine]]:
    """Two processes' pools on one database."""
    engines = [connect(database_url, pool_size=5) for _ in range(2)]
    yield engines
    for engine in engines:
        await engine.dispose()


async def takes(worker: AsyncEngine, **more: Any) -> Turn | None:
    asked = {"calls": 1, "per_minute": 10, "at_once": 100, "lapse": timedelta(minutes=1)} | more
    async with worker.begin() as conn:
        return await take_turn(conn, EXPERT, uuid4(), **asked)


async def given(worker: AsyncEngine, **more: Any) -> Turn:
    turn = await takes(worker, **more)
    assert turn is not None
    return turn


async def fails(worker: AsyncEngine, turn: Turn, **more: Any) -> Line:
    pace = {"pause_after": 3, "first": STEP, "most": timedelta(hours=1), "wished": None,
            "trouble": "does not answer"}  # fmt: skip
    async with worker.begin() as conn:
        await failed(conn, turn, 1, **(pace | more))
        return await line_of(conn, EXPERT)


async def later(worker: AsyncEngine, span: timedelta) -> None:
    """Real time passes at the line, and what was noted there with it."""
    line = t.lines.c
    async with worker.begin() as conn:
        row = (await conn.execute(t.lines.select())).mappings().one()
        moved = {name: row[name] - span if row[name] else None
                 for name in ("paused_until", "failing_since")}  # fmt: skip
        moved["calls"] = [at - span for at in row["calls"]]
        moved["turns"] = {key: (datetime.fromisoformat(at) - span).isoformat()
                          for key, at in row["turns"].items()}  # fmt: skip
        await conn.execute(update(t.lines).where(line.system == EXPERT).values(moved))


# -- rate and concurrency --------------------------------------------------------------------------


async def test_two_workers_together_take_no_more_turns_in_a_minute_than_the_limit(workers):
    asked = [takes(workers[number % 2]) for number in range(40)]

    taken = [turn for turn in await asyncio.gather(*asked) if turn]

    assert len(taken) == 10
    await later(workers[0], timedelta(seconds=59))
    assert await takes(workers[1]) is None
    await later(workers[0], timedelta(seconds=2))
    assert await takes(workers[1])


async def test_two_workers_together_have_no_more_turns_under_way_than_the_limit(workers):
    asked = [takes(workers[number % 2], at_once=3) for number in range(8)]

    taken = [turn for turn in await asyncio.gather(*asked) if turn]

    assert len(taken) == 3
    async with workers[0].begin() as conn:
        await answered(conn, taken[0], 1)
    assert await takes(workers[1], at_once=3)
    assert await takes(workers[0], at_once=3) is None


async def test_the_turn_of_a_worker_that_died_lapses_by_itself(workers):
    await given(workers[0], at_once=1)
    assert await takes(workers[1], at_once=1) is None

    await later(workers[1], timedelta(seconds=61))

    assert await takes(workers[1], at_once=1)


async def test_a_turn_counts_for_the_calls_that_it_came_to(workers):
    """It is taken for as many as it may come to, and corrected at its end, up and down."""
    turn = await given(workers[0], calls=4)
    async with workers[0].begin() as conn:
        await leave(conn, turn, 1)
        assert len((await line_of(conn, EXPERT)).calls) == 1
    turn = await given(workers[1], calls=4)
    async with workers[1].begin() as conn:
        await answered(conn, turn, 6)
        assert len((await line_of(conn, EXPERT)).calls) == 7


# -- the pause ----------------------------------------------------------------------------------


async def test_a_system_that_fails_so_often_in_a_row_is_called_by_nobody_then_by_one(workers):
    for _ in range(2):
        assert (await fails(workers[0], await given(workers[0]))).failing_since is None
    line = await fails(workers[1], await given(workers[1]))
    assert line.failing_since is not None
    assert await takes(workers[0]) is None

    await later(workers[0], STEP + timedelta(seconds=1))

    trial = await given(workers[0])
    assert await takes(workers[1]) is None, "one tries, the others wait for what it finds"
    async with workers[0].begin() as conn:
        await answered(conn, trial, 1)
        assert await pauses(conn) == ()
    assert await takes(workers[1])


async def test_a_trial_in_vain_doubles_the_pause_up_to_the_longest(workers):
    for _ in range(3):
        line = await fails(workers[0], await given(workers[0]))
    waits = [line.paused_until - line.seen_at]
    for _ in range(8):
        await later(workers[0], timedelta(hours=1))
        line = await fails(workers[1], await given(workers[1]))
        waits.append(line.paused_until - line.seen_at)

    minutes = [round(wait / timedelta(minutes=1), 1) for wait in waits]
    assert minutes == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert line.failing_since < line.seen_at - timedelta(hours=7), "it is one outage"


async def test_failures_of_calls_that_were_under_way_when_the_pause_began_make_it_no_longer(
    workers,
):
    turns = [await given(workers[0]) for _ in range(6)]
    lines = [await fails(workers[0], turn) for turn in turns]

    assert lines[2].paused_until == lines[5].paused_until


async def test_a_retry_after_holds_for_everybody_and_goes_before_the_pause_of_ours(workers):
    wished = timedelta(minutes=10)
    line = await fails(workers[0], await given(workers[0]), wished=wished)
    assert line.failing_since is None
    assert await takes(workers[1]) is None
    await later(workers[0], wished + timedelta(seconds=1))

    for _ in range(2):
        line = await fails(workers[1], await given(workers[1]), wished=timedelta(seconds=5))
        await later(workers[1], timedelta(seconds=6))

    assert line.failing_since is not None
    assert line.paused_until - line.seen_at < timedelta(seconds=6), "sooner than ours of 30 s"


async def test_an_answer_between_ends_the_row_of_failures(workers):
    for _ in range(4):
        for _ in range(2):
            await fails(workers[0], await given(workers[0], per_minute=100))
        turn = await given(workers[1], per_minute=100)
        async with workers[1].begin() as conn:
            await answered(conn, turn, 1)

    assert await takes(workers[0], per_minute=100)


async def test_a_person_ends_a_pause(workers):
    for _ in range(3):
        await fails(workers[0], await given(workers[0]))
    async with workers[1].begin() as conn:
        (pause,) = await pauses(conn)
        assert isinstance(pause, Pause)
        assert (pause.system, pause.failures, pause.waiting) == (EXPERT, 3, 0)
        assert pause.trouble == "does not answer"
        assert await end_pause(conn, EXPERT)
        assert not await end_pause(conn, EXPERT)

    assert await takes(workers[0])


# -- rules ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duty", "asking", "share"),
    [
        (Duty.SUPPRESS, True, (60, 4)),
        (Duty.RECORD_CONSENT, True, (60, 4)),
        (Duty.RESTRICT, True, (60, 4)),
        (Duty.SEARCH, True, (45, 3)),
        (Duty.ERASE, True, (45, 3)),
        (Duty.SUPPRESS, False, (45, 3)),
    ],
)
def test_a_quarter_is_kept_for_what_is_owed_at_once(duty: Duty, asking: bool, share: tuple):
    """Art. 21(3), 7(3): within 60 seconds, however many searches wait."""
    assert share_of(Limits(), duty, asking=asking) == Share(per_minute=share[0], at_once=share[1])


def test_the_smallest_limit_still_lets_searches_through():
    least = Limits(per_minute=1, at_once=1)

    assert share_of(least, Duty.SEARCH, asking=True) == Share(per_minute=1, at_once=1)


def test_what_is_kept_is_a_whole_turn_also_of_a_small_limit():
    small = Limits(per_minute=12, at_once=2)

    assert share_of(small, Duty.SEARCH, asking=True) == Share(per_minute=8, at_once=1)


SHARE = Share(per_minute=3, at_once=1)


@pytest.mark.parametrize(
    ("ago", "calls", "seconds"),
    [
        ((50, 20, 10), 1, 10),
        ((10, 50, 20), 2, 40),
        ((50, 20, 10), 3, 50),
        ((50,), 4, 10),
        ((), 1, 30),
    ],
)
def test_whoever_is_over_the_limit_comes_when_calls_enough_are_a_minute_old(
    ago: tuple[int, ...], calls: int, seconds: int
):
    line = Line(seen_at=NOW, calls=tuple(NOW - timedelta(seconds=s) for s in ago))

    assert wait_for_turn(line, SHARE, calls, STEP) == timedelta(seconds=seconds)


def test_whoever_waits_for_the_end_of_a_pause_looks_now_and_then_whether_a_person_ended_it():
    line = Line(seen_at=NOW, paused_until=NOW + timedelta(hours=1))

    assert wait_for_turn(line, SHARE, 1, STEP) == LOOK_AGAIN
    soon = line.model_copy(update={"paused_until": NOW + timedelta(seconds=7)})
    assert wait_for_turn(soon, SHARE, 1, STEP) == timedelta(seconds=7)


def test_cases_go_on_without_a_system_that_fails_or_wants_to_be_left_alone_for_long():
    hour = timedelta(hours=1)
    assert not is_paused(Line(seen_at=NOW, paused_until=NOW + hour), hour)
    assert is_paused(Line(seen_at=NOW, paused_until=NOW + 2 * hour), hour)
    assert is_paused(Line(seen_at=NOW, failing_since=NOW), hour)
