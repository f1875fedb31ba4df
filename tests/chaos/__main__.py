"""`make chaos`: a whole engine, disturbed for some minutes by a seeded plan, then examined."""

import argparse
import asyncio
import logging
import secrets
import sys
from contextlib import suppress
from typing import Final

from starter.logs import configure
from starter.signals import stop_on_signals
from tests.chaos.plan import Plan, drawn
from tests.chaos.run import run, say

A_MINUTE: Final = 50  # requests; 500 in the ten minutes of the default
MOST_MINUTES: Final = 120.0
WORKERS: Final = 3


async def _run(plan: Plan, workers: int, quiet: float) -> bool:
    """Ends everything that it started, also when it is interrupted."""
    with stop_on_signals() as stop:
        running = asyncio.create_task(run(plan, workers, quiet))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not running.done():
            say("Interrupted: everything is ended.")
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            return False
        return await running


def main() -> int:
    """1 if anything was found, or if it was interrupted."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of disturbances")
    parser.add_argument("--seed", type=int, default=None, help="of a plan to be repeated")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--quiet", type=float, default=4.0, help="minutes of standstill")
    given = parser.parse_args()
    if not 0 < given.minutes <= MOST_MINUTES or not 1 <= given.workers <= 10:
        print(f"Minutes: up to {MOST_MINUTES:.0f}; workers: 1 to 10.", file=sys.stderr)
        return 2
    seed = secrets.randbelow(100_000) if given.seed is None else given.seed
    configure("ERROR")
    logging.getLogger("temporalio.core").setLevel(logging.ERROR)  # its retries are as planned
    plan = drawn(seed, given.minutes * 60, round(given.minutes * A_MINUTE), given.workers)
    say(
        f"seed {seed}: {len(plan.requests)} requests, {len(plan.disturbances)} disturbances in "
        f"{given.minutes:g} minutes, {given.workers} workers"
    )
    return 0 if asyncio.run(_run(plan, given.workers, given.quiet * 60)) else 1


if __name__ == "__main__":
    sys.exit(main())
