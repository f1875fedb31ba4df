"""No personal data outside the sealed case file: shown with marks, and shown to be a real test.

One engine runs as in production, through every kind, ending and refusal (`drive`, `refusals`); the
control without payload codec and log filter, through a choice of them that brings every mark. What
each left is scanned alike.
Not marked, because they are no data of a person: codes of the policy, media types, enums, instants,
the accounts of staff, and how an identity was checked (a code of the handler's).
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import steps
from schemas.case import Outcome
from schemas.events import Event
from schemas.request import Kind
from schemas.steps import WORKFLOW_OF
from tests.privacy.marks import fields, hits

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300

PLACES = {
    "raw histories": "histories",
    "visibility, memos, search attributes, pending activities, query results": "visibility",
    "the Temporal server's database": "state/temporal.db*",
    "the servers' logs": "state/*/*.log",
    "PostgreSQL's log": "state/postgresql.log",
    "checkpoints outside the database": "state/audit-checkpoints.jsonl",
    "the log of engine and client": "stderr",
    "what they print": "stdout",
    "output of the worker process": "worker",
    "the SDK's metrics": "metrics",
    "our metrics": "figures",
    "traces": "traces",
    "errors told to callers": "told",
    "a full dump of the case database": "dump.sql",
    "exported evidence": "evidence",
}

STAFF_TEXTS = {
    "answer", "approval", "choicenote", "complaint", "correction", "doubt", "ending", "extension",
    "feereason", "note", "question", "refusal", "resolution", "samenote", "seconding",
    "secondrefusal", "takeback", "tasknote", "withdrawal",
}  # fmt: skip
REQUESTS = {
    "address", "again", "agent", "attachmentcontent", "attachmentname", "checkedby", "documentkind",
    "email", "evidence", "mandate", "means", "message", "name", "namesake", "number", "telephone",
    "newvalue", "oldvalue", "textversion",
}  # fmt: skip
FINDINGS = {
    "byhandcontent", "byhandname", "chosen", "column", "erasedkey", "nested", "other", "otherkey",
    "papercontent", "papername", "proofcontent", "proofname", "rowkey", "second", "stranger",
    "thirdvalue", "value",
}  # fmt: skip
ELSEWHERE = steps.SWEEP_DOUBTS  # takes an instant, gives a count; only in a separated network
STEPS = [
    step.name.encode()
    for step in vars(steps).values()
    if isinstance(step, steps.Step) and step is not ELSEWHERE
]
IMPOSSIBLE = {(Kind.OBJECTION, Outcome.NOTHING_HELD), (Kind.CONSENT, Outcome.NOTHING_HELD)}
"""To whom nothing of a choice is held, it is fulfilled: a later import meets it."""

OF_DATES_AND_OPERATORS = {
    Event.EXPORTED, Event.EXTENSION_VOID, Event.RECONCILED, Event.WARNED,
    Event.RETENTION_APPLIED, Event.RESUMED, Event.LETTER_RECOVERED,
    Event.HOLD_REVIEW_DUE, Event.HOLD_LAPSED, Event.HOLD_EXPIRED,
}  # fmt: skip
"""Facts of dates that pass in months, of lost servers and of the command line; they hold dates,
counts, accounts of staff and names of systems only; not driven here."""

OF_CHANGING = {"correctfault", "erasefault", "knownas", "scanfault"}
"""In errors of systems that had corrected, that were to erase, and that were read again."""

LAST_FAULTS = {"fault", "knownas", "letterfault", "misread", "scanfault"}
"""Of every step's tries the history has the last error only, the log has all."""

OF_THE_REGISTER = {"first", "last", "no"}  # read by the worker process from a real database


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """What the two engines left, in a folder each."""
    folders = {mode: tmp_path_factory.mktemp(mode) for mode in ("sealed", "open")}
    running = {mode: _started(mode, folder) for mode, folder in folders.items()}
    try:
        for mode, process in running.items():
            code = process.wait(PATIENCE_SECONDS)
            failure = folders[mode] / "failure"
            assert code == 0, failure.read_text() if failure.exists() else f"{mode}: exit {code}"
        yield folders
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _started(mode: str, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.privacy.program", mode, str(folder)],
            cwd=ROOT, stdout=out, stderr=err,
        )  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_mark_is_found_in(place: str, left: dict[str, Path]):
    files = sorted(left["sealed"].glob(PLACES[place]))

    assert files
    assert {(file.name, hit) for file in files for hit in hits(file.read_bytes())} == set()


def test_there_is_something_to_scan_in_every_place(left: dict[str, Path]):
    def content(name: str) -> bytes:
        return (left["sealed"] / name).read_bytes()

    for step in STEPS:
        assert step in content("histories"), step
    assert content("visibility").count(b"DsrStatus") > 50
    assert content("told").count(b"schemas.errors.") > 60
    assert b"temporal_activity_execution_failed" in content("metrics")
    assert b"worker_stopped" in content("worker")
    assert b'dsr_system_parts{outcome="' in content("figures")
    assert b"RunActivity:system.erase" in content("traces")
    for table in (
        b"dsr.sealed", b"dsr.audit ", b"dsr.system_tasks", b"dsr.holds", b"dsr.hold_texts",
        b"dsr.erasures", b"dsr.dispatches", b"dsr.lines", b"vault.case_keys",
    ):  # fmt: skip
        assert b"COPY " + table in content("dump.sql")
    assert b"hold_released" in content("dump.sql")
    log = content("stderr")
    for name in (b"temporalio.activity", b"temporalio.worker._workflow_instance", b"py.warnings"):
        assert b'"logger": "' + name in log


def test_every_kind_and_every_ending_was_driven(left: dict[str, Path]):
    endings = {(kind, end) for kind, end in json.loads((left["sealed"] / "endings").read_text())}

    assert endings == {(kind, end) for kind in WORKFLOW_OF for end in Outcome} - IMPOSSIBLE


def test_every_fact_that_can_be_recorded_was(left: dict[str, Path]):
    recorded = json.loads((left["sealed"] / "events").read_text())

    assert {*Event}.difference(recorded) == OF_DATES_AND_OPERATORS


def test_the_marks_are_in_the_sealed_case_files(left: dict[str, Path]):
    """Every field did go through; what needs no keeping is not even there."""
    kept = fields((left["sealed"] / "unsealed").read_bytes())

    assert kept >= STAFF_TEXTS | REQUESTS | FINDINGS | OF_THE_REGISTER
    assert kept & {"key", "fault", "unwantedcontent", "erasedvalue", *OF_CHANGING} == set()


def test_letters_packages_and_findings_hold_the_data_that_they_are_for(left: dict[str, Path]):
    given = fields((left["sealed"] / "delivered").read_bytes())

    assert given >= {"name", "address", "agent", "doubt", "question", "feereason", "refusal"}
    assert given >= {"oldvalue", "newvalue", "thirdvalue", "evidence"}
    assert given >= {"value", "nested", "chosen", "papername", "papercontent"} | OF_THE_REGISTER
    assert "stranger" not in given


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("histories", STAFF_TEXTS | LAST_FAULTS | {"name", "signal", "start"}),
        ("state/temporal.db*", STAFF_TEXTS),
        (
            "stderr",
            LAST_FAULTS | OF_CHANGING | {"erasedvalue", "faultnote", "name", "email"},
        ),
    ],
)
def test_without_codec_and_log_filter_the_same_scan_finds_the_marks(
    place: str, shown: set[str], left: dict[str, Path]
):
    """The control. A complaint after the end goes past Temporal: a closed case has no run."""
    found = [fields(file.read_bytes()) for file in left["open"].glob(place)]

    assert frozenset().union(*found) >= shown - {"complaint"}
