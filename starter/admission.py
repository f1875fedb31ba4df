"""Which activities a worker takes on: those of runs that are underway at once, new work by room.

The SDK hands the activities that a workflow task asks for straight to the worker that answered it,
if that has slots. With a fixed number of slots a fan-out gets a few of them, and the rest comes
back through the server's queue, scattered among those of all other requests: twice the server's
CPU for a request, and each answer wakes its run alone (measured, 50 open requests of 10 systems).
"""

import asyncio
from threading import Lock
from typing import Final

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

MOST: Final = 1_000
"""Activities of runs underway that a worker holds at most; others go through the queue."""


class Admission(CustomSlotSupplier):
    """Fetches work while fewer than `slots` are taken; what a run underway asks for is taken."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._taken = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._lock = Lock()  # slots are given back in threads of the SDK

    async def reserve_slot(self, _ctx: SlotReserveContext) -> SlotPermit:
        """For work that is fetched: waits until there is room."""
        while not self._is_taken(self._slots):
            room = asyncio.get_running_loop().create_future()
            with self._lock:
                self._waiting.append(room)
            self._tell_of_room()  # it may have come meanwhile
            await room
        return SlotPermit()

    def try_reserve_slot(self, _ctx: SlotReserveContext) -> SlotPermit | None:
        """For what a run asks for whose workflow task this worker has just answered."""
        return SlotPermit() if self._is_taken(max(MOST, self._slots)) else None

    def mark_slot_used(self, _ctx: SlotMarkUsedContext) -> None:
        """It counts since it was reserved."""

    def release_slot(self, _ctx: SlotReleaseContext) -> None:
        """Done, or not needed."""
        with self._lock:
            self._taken -= 1
        self._tell_of_room()

    def _is_taken(self, limit: int) -> bool:
        with self._lock:
            if self._taken >= limit:
                return False
            self._taken += 1
            return True

    def _tell_of_room(self) -> None:
        """All that wait look again: one of them may have been cancelled."""
        with self._lock:
            if self._taken >= self._slots:
                return
            told, self._waiting = self._waiting, []
        for room in told:
            room.get_loop().call_soon_threadsafe(_tell, room)


def _tell(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)
