"""Whether a process lives, and whether it can do its work: for an orchestrator that asks.

Alive is a process whose loop answers; ready one that reaches what it needs and is not leaving.
That no task came lately is neither.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Ask = Callable[[], Awaitable[object]]

ASK_SECONDS: Final = 3.0
"""What does not answer within this time is away."""

FRESH_SECONDS: Final = 1.0
"""An answer this old is given again: whoever asks often costs the servers nothing."""


class Health:
    """What a process needs, by name: each is asked, and is away if that fails.

    Once `stop` is set the process is not ready: it finishes what it has.
    """

    def __init__(
        self, needs: Mapping[str, Ask], *, alive: Callable[[], bool] = lambda: True,
        stop: asyncio.Event | None = None,
    ) -> None:  # fmt: skip
        self._needs = needs
        self.alive = alive
        self._stop = stop or asyncio.Event()
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answers: dict[str, bool] = {}

    async def answers(self) -> dict[str, bool]:
        """What answers, by name; `staying` is false once the process leaves."""
        async with self._asking:
            if time.monotonic() - self._asked_at > FRESH_SECONDS:
                asked = await asyncio.gather(*map(_answers, self._needs.values()))
                self._answers = dict(zip(self._needs, asked, strict=True))
                self._asked_at = time.monotonic()
        return {"staying": not self._stop.is_set(), **self._answers}


async def _answers(ask: Ask) -> bool:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await ask() is not False
    except Exception:
        return False  # whatever it says: the answer is no, and a text could hold anything


def routes(health: Health) -> list[Route]:
    """`GET /live` and `GET /ready`: 200, or 503; the second says what does not answer."""

    async def live(_request: Request) -> Response:
        return _told({"alive": health.alive()})

    async def ready(_request: Request) -> Response:
        return _told(await health.answers())

    return [Route("/live", live), Route("/ready", ready)]


def _told(signs: Mapping[str, bool]) -> Response:
    status = HTTPStatus.OK if all(signs.values()) else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(dict(signs), status, headers={"Cache-Control": "no-store"})
