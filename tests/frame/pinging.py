"""`worker.py` with the workflows of `tests.frame.ping`, as a program of its own."""

import asyncio
import sys

from schemas.errors import DsrError
from starter.connection import resolve
from starter.logs import configure
from starter.settings import Settings, from_environment
from starter.signals import stop_on_signals
from tests.frame.ping import Complain, Ping, fail, slow
from worker import Ground, Registrations, run_worker


def registrations(_ground: Ground) -> Registrations:
    """Both workflows."""
    return Registrations(workflows=(Ping, Complain), activities=(slow, fail))


async def serve(settings: Settings) -> None:
    """Until asked to stop."""
    with stop_on_signals() as stop:
        await run_worker(settings, resolve(settings), stop, registrations)


def main() -> None:
    """As `worker.main`."""
    configure()
    try:
        asyncio.run(serve(from_environment()))
    except DsrError as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(refusal.exit_code)


if __name__ == "__main__":
    main()
