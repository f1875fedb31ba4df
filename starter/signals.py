"""Ctrl-C and SIGTERM as a wish to stop, not as an exception in the middle of something."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)

ASKING_TO_STOP = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that is set when somebody asks this process to stop; to be entered in its loop.

    Entered before servers start, so that an early signal leaves none of them behind.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(name: str) -> None:
        log.info("stop_asked", signal=name)
        stop.set()

    for number in ASKING_TO_STOP:
        loop.add_signal_handler(number, ask, number.name)
    try:
        yield stop
    finally:
        for number in ASKING_TO_STOP:
            loop.remove_signal_handler(number)
