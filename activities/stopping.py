"""A hold was placed after a partner was told to erase: the request is taken back, if it can be.

All that goes out is a cancel of the request: nothing of a hold. Only the partner's own word, for a
request that it had not begun, counts as taken. What is not known is tried again: when the hold is
placed, by whoever hears the partner for its case, and by the hourly sweep. Once nothing is held any
more no cancel is sent; what an earlier one came to is asked, whose answer may have been lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from activities.erasing import answer_holds
from connectors.contract import SystemMisdeclared, SystemUnreachable
from connectors.partner import Partner
from schemas.holds import StopState
from schemas.partners import RequestStatus
from storage.case_file import CaseFile
from storage.stops import ToStop, end_stop, open_stops, withdraw_stop


class Stopping:
    """Works the stops of partners that this process may reach."""

    def __init__(self, case_file: CaseFile, partner: Callable[[str], Partner]) -> None:
        self._case_file = case_file
        self._partner = partner

    async def work(self, at: datetime, request: UUID | None = None) -> None:
        """Try all that are open, or this one, beside one another. Safe to repeat, and at once."""
        async with self._case_file.reading.connect() as conn:
            wanted = await open_stops(conn, request)
        await self._each(wanted, at)

    async def _each(self, wanted: Sequence[ToStop], at: datetime) -> None:
        await asyncio.gather(*(self._try(one, at) for one in wanted))

    async def _try(self, wanted: ToStop, at: datetime) -> None:
        """A partner that cannot be reached, or answers badly, leaves it open: in doubt."""
        try:
            stop = await self._ask(wanted)
        except (SystemUnreachable, SystemMisdeclared):
            return
        async with self._case_file.engine.begin() as conn:
            if stop is not None:
                about = await end_stop(conn, wanted.request, stop)
                if about is not None:
                    await answer_holds(conn, self._case_file, about, at)
            elif not wanted.held:
                await withdraw_stop(conn, wanted.request)

    async def _ask(self, wanted: ToStop) -> StopState | None:
        """What the partner says; None: nothing that decides.

        Raises what a partner raises; also that it does not know the request: a try that is under
        way may be about to reach it.
        """
        partner = self._partner(wanted.system)
        if wanted.held and await partner.cancel(wanted.request):
            return StopState.TAKEN
        status = (await partner.status(wanted.request)).status
        if status is RequestStatus.CANCELLED:  # by an earlier cancel, whose answer was lost
            return StopState.TAKEN
        return None if status is RequestStatus.PENDING else StopState.TOO_LATE
