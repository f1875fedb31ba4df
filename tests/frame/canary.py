"""Logs a marked person in every way that code can, as a program of its own.

`filtered`: under the engine's own configuration. `unfiltered`: the control, everything shown.
"""

import asyncio
import logging
import sys
import threading
import traceback
import warnings
from typing import Any

import structlog

from starter.logs import configure

CANARY = "Kanaria Ääritapaus <kanaria@example.org>"


def everything(record: logging.LogRecord) -> dict[str, Any]:
    """What a log without a filter would show."""
    shown: dict[str, Any] = {"message": str(record.msg), "args": str(record.args)}
    shown |= {key: str(value) for key, value in vars(record).items()}
    thrown = record.exc_info or (isinstance(record.msg, dict) and record.msg.get("exc_info"))
    error = thrown[1] if isinstance(thrown, tuple) else thrown
    if isinstance(error, BaseException):
        shown["traceback"] = "".join(traceback.format_exception(error))
    return shown


def thrown() -> ValueError:
    """An exception that was raised, with the mark in its text, its cause and its notes."""
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise ValueError(f"no such person: {CANARY}") from cause
    except ValueError as error:
        error.add_note(CANARY)
        return error


def by_stdlib() -> None:
    """Names of loggers of ours, of libraries, of nobody; with wrong arguments, too."""
    for name in ("activities.case", "temporalio.worker", "sqlalchemy.engine", CANARY):
        log = logging.getLogger(name)
        log.error(f"for {CANARY}")
        log.error("for %s", CANARY)
        log.error("for %s and %d", CANARY)
        log.error("crashed", CANARY)
        log.error([CANARY])
        log.error(ValueError(CANARY))
        log.error("worker_started", extra={"who": CANARY, "system": CANARY, "case": CANARY})
        log.error("worker_started", extra={"temporal_activity": {"step": CANARY, "at": CANARY}})
        log.error("failed", exc_info=thrown())
        log.error("failed", stack_info=True)


def by_structlog() -> None:
    """Events, values under allowed and other keys, keys, bound context, exceptions."""
    log = structlog.get_logger("activities.case")
    log.error(CANARY)
    log.error({"text": CANARY})
    log.error("worker_started", system=CANARY, number=CANARY, count=CANARY, case=CANARY)
    log.error("worker_started", who=CANARY, rows=[CANARY], error=thrown())
    log.error("worker_started", **{CANARY: 1, "level": CANARY, "at": CANARY, "raised": CANARY})
    log.bind(who=CANARY, logger=CANARY).error("worker_started", exc_info=thrown())
    try:
        raise thrown()
    except ValueError:
        log.exception(CANARY)


async def in_tasks() -> None:
    """A lost exception, a failing callback."""

    async def lost() -> None:
        raise thrown()

    task = asyncio.create_task(lost(), name=CANARY)
    await asyncio.wait([task])
    del task
    asyncio.get_running_loop().call_soon(_raise)
    await asyncio.sleep(0.05)


def _raise() -> None:
    raise thrown()


class Unwilling:
    """Fails where nobody can catch it."""

    def __del__(self) -> None:
        _raise()


def main() -> None:
    """Everything, and last an exception that nobody catches."""
    configure("DEBUG", select=everything if sys.argv[1] == "unfiltered" else None)
    by_stdlib()
    by_structlog()
    asyncio.run(in_tasks())
    warnings.warn(f"deprecated for {CANARY}", stacklevel=1)
    thread = threading.Thread(target=_raise, name=CANARY)
    thread.start()
    thread.join()
    Unwilling()
    structlog.get_logger("starter.logs").info("worker_stopped", seconds=1.5, system="crm")
    _raise()


if __name__ == "__main__":
    main()
