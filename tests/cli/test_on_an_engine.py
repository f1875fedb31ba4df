"""The way of a request through the command line, on real servers started by `dsr up`."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from starter.registers import DEMO_PEOPLE
from tests.cli.command import assert_one_sentence, dsr
from tests.cli.conftest import SYSTEMS, Up

MATTI = DEMO_PEOPLE["MATTI"]

pytestmark = pytest.mark.usefixtures("engine_here")

Form = Callable[..., str]


@pytest.fixture
def form(tmp_path: Path) -> Form:
    """Writes a request by signed letter to a file; a new person each time unless one is given."""

    def write(**changes: Any) -> str:
        someone = {"name": "Testi Henkilö", "identifiers": [
            {"type": "email", "value": f"{uuid4().hex}@esimerkki.example"}]}  # fmt: skip
        document = {
            "kind": "access", "channel": "letter", "language": "fi", "scope": ["register"],
            "received_at": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
            "subject": someone, "evidence": {"signed": True},
        } | changes  # fmt: skip
        file = tmp_path / f"{uuid4().hex}.json"
        file.write_text(json.dumps(document))
        return str(file)

    return write


def _person() -> dict[str, Any]:
    identifiers = [{"type": kind, "value": value} for kind, value in MATTI.identifiers]
    return {"name": MATTI.name, "identifiers": identifiers}


def _view(number: str) -> Any:
    return dsr("show", number, "--json").document


def _archive_task(number: str) -> str:
    return next(a["task"] for a in _view(number)["awaiting"] if a["what"] == "search_by_hand")


def test_an_access_request_goes_from_submit_to_a_package_and_its_evidence(
    form: Form, tmp_path: Path
) -> None:
    received = dsr("submit", "--file", form(subject=_person()), "--wait", "--json").document
    number = received["number"]
    assert received["created"]
    assert received["status"] == "searching"
    task = _archive_task(number)
    assert f"dsr complete-task {number} {task} --file F --as ACTOR" in dsr("tasks").out

    found = tmp_path / "paper.txt"
    found.write_text("A folder of 1999.")
    completed = dsr(
        "complete-task", number, task, "--as", "eero", "--file", str(found), "--records", "1"
    )
    assert f"dsr review {number} --as ACTOR" in completed.out

    held = dsr("found", number, "--json", "--as", "maija").document
    assert len(held["customers"]["rows"]) == MATTI.rows("customers")
    reviewed = dsr(
        "review", number, "--as", "maija", "--withhold", "customers:2:rights_of_others"
    )  # fmt: skip
    assert f"dsr decide {number} approve|partial|refuse --as ACTOR" in reviewed.out
    decided = dsr("decide", number, "partial", "--ground", "rights_of_others", "--as", "johan")
    assert f"dsr package {number} --out FILE" in decided.out, decided

    package = tmp_path / "package.zip"
    assert dsr("package", number, "--out", str(package), "--as", "maija").code == 0
    assert package.stat().st_mode & 0o077 == 0
    assert {"data.json", "reply.html"} <= {*zipfile.ZipFile(package).namelist()}
    _until_closed(number)
    assert _view(number)["outcome"] == "partial"
    assert f"{number} " in dsr("show", number).out
    events = [entry["event"] for entry in dsr("timeline", number, "--json").document]
    assert {"looked", "letter_left", "closed"} <= {*events}

    evidence = tmp_path / "evidence.json"
    assert dsr("audit", "export", number, "--out", str(evidence)).code == 0
    assert dsr("audit", "verify", str(evidence), "--json").document["ok"]
    assert dsr("audit", "verify").code == 0
    evidence.write_text(evidence.read_text().replace('"johan"', '"sari"'))
    forged = dsr("audit", "verify", str(evidence))
    assert forged.code == 1
    assert "hash does not fit" in forged.out


def _until_closed(number: str) -> None:
    for _ in range(50):
        if _view(number)["status"] == "closed":
            return
    raise AssertionError(f"{number} does not close")


def test_the_same_key_again_gives_the_same_case_and_another_body_is_refused(form: Form) -> None:
    file, key = form(), uuid4().hex
    first = dsr("submit", "--file", file, "--key", key, "--json").document
    second = dsr("submit", "--file", file, "--key", key, "--json").document
    assert (second["number"], second["created"]) == (first["number"], False)
    other = dsr("submit", "--file", form(), "--key", key)
    assert_one_sentence(other, 3, first["number"])


def test_a_request_is_handed_in_by_options_with_a_word_of_warning() -> None:
    ran = dsr(
        "submit", "--kind", "objection", "--channel", "email", "--language", "sv", "--name",
        "Testi Henkilö", "--email", f"{uuid4().hex}@esimerkki.example", "--purpose", "marketing",
        "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "visible to others" in ran.err
    assert ran.document["kind"] == "objection"


def test_an_action_repeated_under_one_id_is_taken_once(form: Form) -> None:
    number = dsr("submit", "--file", form(), "--wait", "--json").document["number"]
    note = ("note", number, "--as", "maija", "--file", "-", "--id", str(uuid4()), "--json")
    assert dsr(*note, stdin="Soitti kahdesti.").code == 0
    assert dsr(*note, stdin="Soitti kahdesti.").code == 0
    events = [entry["event"] for entry in dsr("timeline", number, "--json").document]
    assert events.count("noted") == 1


def test_what_a_rule_or_the_state_refuses_has_exit_code_3(form: Form) -> None:
    number = dsr("submit", "--file", form(), "--wait", "--json").document["number"]
    assert_one_sentence(dsr("decide", number, "approve", "--as", "maija"), 3, "role approver")
    assert_one_sentence(dsr("decide", number, "approve", "--as", "johan"), 3, "searching")
    assert_one_sentence(dsr("withdraw", number, "--as", "nobody"), 3, "staff directory")
    assert_one_sentence(dsr("reassign", number, "--as", "maija", "--to", "nobody"), 3, "directory")
    assert_one_sentence(dsr("package", number, "--out", "p.zip"), 3, "no package yet")
    assert not Path("p.zip").exists()


def test_an_unknown_case_letter_or_task_is_bad_input_or_refused(form: Form) -> None:
    number = dsr("submit", "--file", form(), "--wait", "--json").document["number"]
    for arguments in (
        ["show"],
        ["timeline"],
        ["letters"],
        ["found"],
        ["withdraw", "--as", "maija"],
    ):
        ran = dsr(arguments[0], "2020-0001", *arguments[1:])
        assert_one_sentence(ran, 2, "There is no case 2020-0001")
    letter = dsr("letter", number, "L99", "--out", "l.html")
    assert_one_sentence(letter, 2, f"{number} has no such letter. See: dsr letters {number}")
    assert not Path("l.html").exists()
    task = dsr("complete-task", number, "7", "--as", "eero")
    assert_one_sentence(task, 3, f"{number} has no such open task. See: dsr tasks")


@pytest.mark.parametrize(
    "changes",
    [{"received_at": "2026-03-05T10:00:00"},
     {"received_at": "2999-01-01T00:00:00Z"}, {"scope": ["moon"]},
     {"kind": "correct", "corrections": [{"field": "shoe_size", "new": "x"}]},
     {"nickname": "x"}, {"message": "a\0b"}, {"subject": {"name": "\ud800"}}],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_a_request_that_cannot_be_taken_is_refused_without_its_content(
    form: Form, changes: dict[str, Any]
) -> None:
    ran = dsr("submit", "--file", form(**changes))
    assert_one_sentence(ran, 2)
    assert "Testi" not in ran.err


def test_lists_find_a_person_by_identifier_and_show_dates(form: Form, tmp_path: Path) -> None:
    email = f"{uuid4().hex}@esimerkki.example"
    subject = {"name": "Testi", "identifiers": [{"type": "email", "value": email}]}
    number = dsr("submit", "--file", form(subject=subject), "--json").document["number"]
    person = tmp_path / "person.json"
    person.write_text(json.dumps({"identifiers": [{"type": "email", "value": email.upper()}]}))

    lines = dsr("list", "--person-file", str(person), "--json").document
    assert [line["number"] for line in lines] == [number]
    assert number in dsr("list", "--kind", "access").out
    assert dsr("list", "--due-before", "2020-01-01", "--json").document == []
    assert dsr("overview", "--json").document["open"]


def test_the_parts_of_the_engine_and_its_systems_are_in_order(engine_here: Up) -> None:
    names = [sign["name"] for sign in dsr("health", "--json").document]
    assert names == ["database", "keys", "temporal", "worker", *SYSTEMS]
    assert dsr("systems", "check", "customers").code == 0
    assert_one_sentence(dsr("systems", "check", "moon"), 2, *SYSTEMS)
    assert "up to date" in dsr("migrate").out
    assert dsr("reconcile", "--dry-run", "--json").document["orphans"] == []
    again = dsr("up")
    assert (again.code, str(engine_here.folder) in again.err) == (3, True)


def test_systems_are_reached_while_temporal_is_away(
    engine_here: Up, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every register would be called unreachable when only the engine is."""
    written = engine_here.connection | {"temporal_address": "127.0.0.1:1"}
    (tmp_path / "connection.json").write_text(json.dumps(written))
    monkeypatch.setenv("DSR_DATA", str(tmp_path))
    assert_one_sentence(dsr("health"), 4, "does not answer any more")
    assert dsr("systems", "check", "--json").document == [
        {"name": "customers", "ok": True, "state": "answers as declared"},
        {"name": "marketing", "ok": True, "state": "answers as declared"},
        {"name": "paper_archive", "ok": True, "state": "reached by hand"},
    ]


def test_the_open_runs_are_replayed_by_the_program_that_is_asked(form: Form) -> None:
    """Also of a case whose free text is sealed with its own key."""
    number = dsr("submit", "--file", form(), "--wait", "--json").document["number"]
    dsr("note", number, "--note", "called back", "--as", "maija")

    done = dsr("replay", "--json")

    assert (done.code, done.document["differing"], done.document["failed"]) == (0, [], [])
    assert done.document["checked"] >= 1
    assert "open run(s) replayed." in dsr("replay").out


def test_dashboards_answer_while_temporal_is_away(
    form: Form, monkeypatch: pytest.MonkeyPatch, engine_here: Up
) -> None:
    number = dsr("submit", "--file", form(), "--json").document["number"]
    monkeypatch.setenv("DATABASE_URL", engine_here.connection["database_url"])
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    assert dsr("show", number, "--json").document["number"] == number
    assert_one_sentence(dsr("withdraw", number, "--as", "maija"), 4, "Temporal")


def test_the_key_encryption_key_is_rotated_while_the_engine_runs(form: Form) -> None:
    number = dsr("submit", "--file", form(), "--json").document["number"]
    assert_one_sentence(dsr("keys", "rotate"), 3, "there is no new key. Make one: dsr keys new")

    assert "dsr keys rotate" in dsr("keys", "new").out
    assert_one_sentence(dsr("keys", "new"), 3, "Next: dsr keys rotate")
    done = dsr("keys", "rotate", "--json").document

    assert done["rewrapped"] >= 1
    assert len(done["retired"]) == 1
    assert dsr("health").code == 0
    assert dsr("found", number, "--as", "maija").code == 0
    later = dsr("submit", "--file", form(), "--wait", "--json").document
    assert later["status"] == "searching"


def test_what_still_stands_still_after_a_resume_is_said() -> None:
    dsr("pause", "customers")
    dsr("pause")

    assert "but every system does" in dsr("resume", "customers").out
    dsr("pause", "customers")
    assert "But for what stands still by itself: customers" in dsr("resume").out
    assert dsr("resume", "customers").out.startswith("customers goes on")
