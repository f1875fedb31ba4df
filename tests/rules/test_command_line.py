"""`dsr due` and `dsr rules check`, as contracts.md has them."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from rules.deadlines import TimeLimit
from starter.cli.rules import register

VECTORS = Path(__file__).parent.parent / "vectors"
dsr = typer.Typer()
register(dsr)


def run(*words: str) -> Result:
    return CliRunner().invoke(dsr, words)


def due(*words: str) -> dict[str, Any]:
    answer = run("due", *words, "--json")
    assert answer.exit_code == 0, answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def test_due_prints_one_json_document_with_the_keys_of_the_vectors():
    shown = due("--received", "2026-03-05T10:00:00+02:00")
    assert list(shown) == list(TimeLimit.model_fields)
    assert shown["due_date"] == "2026-04-07"
    assert shown["due_before_utc"] == "2026-04-07T21:00:00Z"
    assert shown["extension_valid"] is None
    assert all(set(reason) == {"date", "sentence"} for reason in shown["explanations"])
    assert "Easter Monday" in json.dumps(shown["explanations"])


def test_due_tells_a_person_the_date_with_its_weekday_and_why():
    answer = run("due", "--received", "2026-03-05T10:00:00+02:00")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == (
        "Due          Tuesday 7 April 2026, until the day ends (before 2026-04-07T21:00:00Z)"
    )
    assert lines[1].startswith("Safe date    Thursday 2 April 2026")
    assert "5 April 2026 is Easter Sunday" in answer.stdout
    assert max(map(len, lines)) <= 100


def test_due_says_that_no_date_is_known_while_a_question_is_open():
    answer = run("due", "--received", "2026-09-01", "--pause", "identity,2026-09-02,")
    assert answer.stdout.startswith("Due          not known while a question is open (suspended)")


def test_due_knows_refusals_and_england():
    extension = ("--extend-months", "2", "--told", "2026-06-01T10:00:00Z")
    refusal = due("--received", "2026-05-12", "--kind", "refusal", *extension)
    assert (refusal["due_date"], refusal["extension_valid"]) == ("2026-06-12", True)
    england = due("--received", "2027-01-01", "--jurisdiction", "UK-ENG")
    assert england["due_before_utc"] == "2027-02-02T00:00:00Z"
    assert england["due_date_fi_150_1930"] is None


def test_a_late_extension_is_shown_as_void():
    answer = run("due", "--received", "2026-05-12", "--extend-months", "2", "--told", "2026-06-15")
    assert answer.exit_code == 0
    assert "Extension    void" in answer.stdout


def test_a_bare_date_is_a_local_date_and_never_before_what_it_follows():
    shown = due(
        "--received", "2026-09-01T15:00:00+03:00", "--pause", "identity,2026-09-01,2026-09-01",
        "--extend-months", "1", "--told", "2026-09-01",
    )  # fmt: skip
    assert shown["receipt_local_date"] == "2026-09-01"
    assert (shown["pause_days"], shown["extension_valid"]) == (0, True)
    assert due("--received", "2026-03-29")["receipt_local_date"] == "2026-03-29"


@pytest.mark.parametrize(("asked", "days"), [("2026-09-04", 8), ("2026-09-05", 0)])
def test_a_pause_counts_if_asked_within_three_working_days(asked: str, days: int):
    shown = due("--received", "2026-09-01", "--pause", f"identity,{asked},2026-09-12")
    assert shown["pause_days"] == days


def test_pauses_may_be_several_and_overlap():
    shown = due(
        "--received", "2026-09-01", "--pause", "identity,2026-09-02,2026-09-12",
        "--pause", "clarification,2026-09-04,2026-09-15",
    )  # fmt: skip
    assert shown["pause_days"] == 13


RECEIVED = ("--received", "2026-09-01T10:00:00+03:00")


@pytest.mark.parametrize(
    "words",
    [
        ("--received", "2026-09-01T10:00:00"),
        ("--received", "yesterday"),
        ("--received", "9999-12-31"),
        ("--received", "0001-01-01"),
        ("--received", "2026-02-30"),
        (*RECEIVED, "--kind", "answer"),
        (*RECEIVED, "--jurisdiction", "SE"),
        (*RECEIVED, "--extend-months", "2"),
        (*RECEIVED, "--told", "2026-09-10"),
        (*RECEIVED, "--extend-months", "3", "--told", "2026-09-10"),
        (*RECEIVED, "--extend-months", "two", "--told", "2026-09-10"),
        (*RECEIVED, "--extend-months", "2", "--told", "2026-08-31"),
        (*RECEIVED, "--pause", "identity"),
        (*RECEIVED, "--pause", "identity,,"),
        (*RECEIVED, "--pause", "holiday,2026-09-02,"),
        (*RECEIVED, "--pause", "identity,2026-08-31,"),
        (*RECEIVED, "--pause", "identity,2026-09-03,2026-09-02"),
        (*RECEIVED, "--pause", "identity,2026-09-02T10:00:00,"),
    ],
)
def test_bad_input_is_one_sentence_on_stderr_and_exit_code_2(words: tuple[str, ...]):
    for answer in (run("due", *words), run("due", *words, "--json")):
        assert answer.exit_code == 2
        assert answer.stdout == ""
        assert answer.stderr.count("\n") == 1
        assert answer.stderr.endswith(".\n")


@pytest.mark.parametrize("file", sorted(VECTORS.glob("*.json")), ids=lambda file: file.stem)
def test_rules_check_passes_every_file_of_the_project(file: Path):
    answer = run("rules", "check", str(file))
    count = len(json.loads(file.read_text())["vectors"])
    assert (answer.exit_code, answer.stdout) == (0, f"{count} passed, 0 failed\n")


def write(folder: Path, content: str | bytes) -> str:
    file = folder / "vectors.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def test_rules_check_shows_each_mismatch_and_invalid_vector_and_exits_1(tmp_path: Path):
    document = json.loads((VECTORS / "deadlines.json").read_text())
    document["vectors"] = document["vectors"][:3]
    document["vectors"][0]["expected"] |= {"due_date": "2027-04-06", "pause_days": None}
    document["vectors"][1]["received_at"] = "2026-03-05T10:00:00"
    answer = run("rules", "check", write(tmp_path, json.dumps(document)))
    assert answer.exit_code == 1
    assert answer.stdout.splitlines() == [
        "D01 pause_days: expected null, got 0",
        "D01 due_date: expected 2027-04-06, got 2027-04-05",
        "D02: received_at must be an instant with its offset, like 2026-03-05T10:00:00+02:00.",
        "1 passed, 2 failed",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "", "no json", "[]", "{}", b"\xff\xfe\x00", "[" * 100_000, "1" * 5_000,
        '{"meta": {"schema": "other/1"}, "vectors": [{}]}',
        '{"meta": {"schema": "fee-vectors/1"}, "vectors": []}',
        '{"meta": {"schema": "fee-vectors/1"}, "vectors": [{"expected": {"price": 1}}]}',
    ],
)  # fmt: skip
def test_rules_check_of_a_file_that_is_none_exits_2_with_one_sentence(tmp_path, content):
    answer = run("rules", "check", write(tmp_path, content))
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("where", [".", "missing.json"])
def test_rules_check_of_an_unreadable_file_exits_2(tmp_path: Path, where: str):
    answer = run("rules", "check", str(tmp_path / where))
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "cannot be read" in answer.stderr


def test_a_name_with_half_a_character_is_printed_all_the_same(tmp_path: Path):
    document = '{"meta": {"schema": "fee-vectors/1"}, "vectors": [{"id": "\\ud800"}]}'
    answer = run("rules", "check", write(tmp_path, document))
    assert answer.exit_code == 1
    assert answer.stdout.splitlines()[-1] == "0 passed, 1 failed"
