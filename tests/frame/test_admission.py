"""What a worker takes on: what a run underway asks for at once, new work as there is room."""

import asyncio
from typing import Any

from temporalio.worker import SlotReleaseContext

from starter.admission import MOST, Admission

ASKED: Any = None  # what the SDK tells of a slot; admission does not look at it
GIVEN_BACK: Any = SlotReleaseContext(slot_info=None, permit=ASKED)


async def full(slots: int) -> Admission:
    """An admission whose slots for new work are taken."""
    admission = Admission(slots)
    for _ in range(slots):
        await admission.reserve_slot(ASKED)
    return admission


async def waiting(admission: Admission) -> "asyncio.Task[Any]":
    """A poller that waits for room."""
    task = asyncio.create_task(admission.reserve_slot(ASKED))
    await asyncio.wait([task], timeout=0.05)
    assert not task.done()
    return task


async def test_new_work_is_not_fetched_while_the_worker_is_full():
    admission = await full(2)
    poller = await waiting(admission)

    await asyncio.to_thread(admission.release_slot, GIVEN_BACK)  # the SDK does so in its threads

    await asyncio.wait_for(poller, 5)


async def test_what_a_run_underway_asks_for_is_taken_though_the_worker_is_full():
    admission = await full(2)

    assert all(admission.try_reserve_slot(ASKED) for _ in range(MOST - 2))
    assert admission.try_reserve_slot(ASKED) is None


async def test_new_work_waits_until_what_runs_asked_for_is_done():
    admission = await full(1)
    admission.try_reserve_slot(ASKED)
    poller = await waiting(admission)

    admission.release_slot(GIVEN_BACK)
    await asyncio.wait([poller], timeout=0.05)
    assert not poller.done()
    admission.release_slot(GIVEN_BACK)

    await asyncio.wait_for(poller, 5)


async def test_a_poller_that_was_cancelled_keeps_no_room_from_another():
    admission = await full(1)
    first, second = await waiting(admission), await waiting(admission)
    first.cancel()

    admission.release_slot(GIVEN_BACK)

    await asyncio.wait_for(second, 5)
