"""Logs by allow-list: what a person wrote or is never gets into a line."""

import ast
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from starter import logs
from tests.frame.canary import CANARY

MARKS = ("Kanaria", "kanaria", "Ääritapaus", "\\u00c4\\u00e4ritapaus", "example.org")


def run_canary(mode: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.frame.canary", mode],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_marked_person_logged_in_every_way_appears_nowhere():
    ran = run_canary("filtered")

    for mark in MARKS:
        assert mark not in ran.stdout + ran.stderr


def test_without_the_filter_the_same_program_shows_the_person():
    """The control: the marks do reach every one of these ways."""
    lines = [json.loads(line) for line in run_canary("unfiltered").stderr.splitlines()]

    shown = [line for line in lines if CANARY in str(line.values())]
    assert len(shown) >= 48
    assert len(lines) - len(shown) <= 6  # stack_info, and what holds no mark anyway


def test_every_line_is_kept_as_json_with_its_origin_and_the_types_of_what_was_raised():
    lines = [json.loads(line) for line in run_canary("filtered").stderr.splitlines()]

    assert len(lines) >= 50
    assert lines[-2]["event"] == "worker_stopped"
    assert lines[-2]["seconds"] == 1.5
    assert lines[-2]["system"] == "crm"
    last = lines[-1]
    assert last["event"] == "crashed"
    assert last["level"] == "critical"
    assert last["error"].startswith("builtins.ValueError < builtins.KeyError")
    assert "thrown" in last["raised"]


@pytest.fixture
def log_file() -> Iterator[io.StringIO]:
    kept = (logging.root.handlers, logging.root.level, sys.excepthook)
    hooks = (threading.excepthook, sys.unraisablehook, warnings.showwarning)
    stream = io.StringIO()
    logs.configure("INFO", stream)
    yield stream
    logging.root.handlers, level, sys.excepthook = kept
    threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks
    logging.root.setLevel(level)
    logging.raiseExceptions = True
    structlog.reset_defaults()


def test_an_allowed_value_passes_and_any_other_becomes_its_type(log_file: io.StringIO):
    structlog.get_logger("activities.case").info(
        "worker_started", number="DSR-2027-000142", attempt=3, system="the crm", who="Aino", rows=[]
    )

    line = json.loads(log_file.getvalue())
    assert line["number"] == "DSR-2027-000142"
    assert line["attempt"] == 3
    assert (line["system"], line["who"], line["rows"]) == ("<str>", "<str>", "<list>")


def test_every_line_of_ours_is_on_the_lists():
    """What is not on them would be written, and never be seen."""
    lines = list(log_calls())

    assert len(lines) >= 7
    for place, event, keys in lines:
        assert event in logs.EVENTS, f"{place}: {event} is not in EVENTS"
        assert keys <= {*logs.KEYS, "exc_info"}, f"{place}: {keys} are not all in KEYS"


def log_calls() -> Iterator[tuple[str, object, set[str | None]]]:
    """Every `log.info("event", key=...)` of our rooms."""
    root = Path(logs.__file__).parents[1]
    rooms = [path for room in logs.ROOMS for path in (root / room).rglob("*.py")]
    for path in [*rooms, root / "worker.py"]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log"), attr=level),
                    args=[ast.Constant(value=event)],
                ) if level in {"debug", "info", "warning", "error", "exception", "critical"}:
                    keys = {keyword.arg for keyword in call.keywords}
                    yield f"{path.name}:{call.lineno}", event, keys


def test_of_a_library_only_warnings_are_logged_and_of_ours_the_level_that_was_set(
    log_file: io.StringIO,
):
    logging.getLogger("sqlalchemy.engine").info("select")
    logging.getLogger("storage.audit").debug("x")
    logging.getLogger("sqlalchemy.engine").warning("select")
    logging.getLogger("storage.audit").info("x")

    assert [json.loads(line)["logger"] for line in log_file.getvalue().splitlines()] == [
        "sqlalchemy.engine",
        "storage.audit",
    ]


def test_a_run_is_named_by_its_ids_in_lines_of_workflows_and_activities(log_file: io.StringIO):
    run = "dsr-access-0190a1b2-0000-7000-8000-000000000001"
    logging.getLogger("temporalio.activity").warning(
        "crashed", extra={"temporal_activity": {"workflow_id": run, "activity_type": "case.open"}}
    )

    line = json.loads(log_file.getvalue())
    assert (line["event"], line["workflow_id"]) == ("crashed", run)
    assert line["activity_type"] == "case.open"
