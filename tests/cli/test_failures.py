"""Whatever goes wrong is one sentence with its exit code, never a traceback, never content."""

import json
from pathlib import Path

import pytest
import typer

from schemas.errors import BadInput, CheckFailed, DsrError, NotFromHere, RefusedByRule, Unreachable
from starter.cli import OneSentence, operate
from tests.cli.command import assert_one_sentence, dsr

CANARY = "Aino Esimerkki"


@pytest.fixture(autouse=True)
def _no_engine_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSR_DATA", str(tmp_path / ".dsr"))


@pytest.mark.parametrize(
    ("error", "code"),
    [(CheckFailed, 1), (BadInput, 2), (RefusedByRule, 3), (NotFromHere, 3), (Unreachable, 4)],
)
def test_each_error_of_the_tree_has_its_exit_code(
    error: type[DsrError], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error("Not done: it is so. Do this.")

    monkeypatch.setattr(operate, "process_settings", fail)
    assert_one_sentence(dsr("migrate"), code, "Not done: it is so. Do this.")


@pytest.mark.parametrize("flags", [(), ("-v",)])
def test_an_internal_error_shows_type_and_place_but_never_its_message(
    flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        try:
            raise LookupError(CANARY)
        except LookupError as error:
            raise ValueError(f"cannot read {CANARY}") from error

    monkeypatch.setattr(operate, "process_settings", fail)
    ran = dsr(*flags, "migrate")
    assert ran.code == 1
    assert "Internal error: ValueError at tests/cli/test_failures.py:" in ran.err
    assert ("LookupError\n  tests/cli/test_failures.py:" in ran.err) == bool(flags)
    assert CANARY not in ran.err + ran.out


def test_ctrl_c_is_no_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(operate, "process_settings", interrupted)
    ran = dsr("migrate")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], ["No such command"]),
        (["show"], ["Missing argument", "dsr show --help"]),
        (["show", "2027-0001", "Aino", "Esimerkki"], ["Too many arguments"]),
        (["show", "2027-0001", "--jason"], ["No such option"]),
        (["list", "--status", "lost"], ["--status"]),
        (["list", "--due-before", "30.9.2027"], ["--due-before", "2027-09-30"]),
        (["withdraw", "2027-0001"], ["--as"]),
        (["withdraw", "2027-0001", "--as", "maija", "--id", "7"], ["--id"]),
        (["decide", "2027-0001", "maybe", "--as", "pekka"], ["approve"]),
        (["decide", "2027-0001", "refuse", "--as", "pekka", "--ground", "dislike"], ["--ground"]),
        (["extend", "2027-0001", "--as", "ulla", "--months", "3", "--reason", "x"], ["--months"]),
        (["extend", "2027-0001", "--as", "ulla", "--months", "2"], ["--reason"]),
        (["note", "2027-0001", "--as", "maija"], ["--text"]),
        (["note", "2027-0001", "--as", "maija", "--text", " "], ["empty"]),
        (["note", "2027-0001", "--as", "maija", "--text", "x", "--file", "f"], ["not both"]),
        (["review", "2027-0001", "--as", "maija", "--withhold", "leads:1"], ["SYSTEM:ITEM:CODE"]),
        (
            ["review", "2027-0001", "--as", "maija", "--withhold", "leads:1:dislike"],
            ["rights_of_others"],
        ),
        (
            ["settle-fee", "2027-0001", "charge", "--as", "pekka", "--amount", "much"],
            ["--amount", "12.50"],
        ),
        (["settle-fee", "2027-0001", "waive", "--as", "pekka", "--amount", "5"], ["--amount"]),
        (
            ["correct-receipt", "2027-0001", "--as", "maija", "--received-at",
             "2027-03-05T10:00:00", "--reason", "x"],
            ["--received-at", "offset"],
        ),
        (["record-answer", "2027-0001", "--as", "maija", "--answered-at", "today"], ["offset"]),
        (["submit"], ["--file"]),
        (["submit", "--kind", "access"], ["--channel", "--language", "--name"]),
        (["submit", "--file", "f.json", "--name", "x"], ["not both", "--name"]),
        (["submit", "--file", "missing.json"], ["missing.json", "No such file"]),
        (["submit", "--file", "."], ["directory"]),
        (["complete-task", "2027-0001", "2027-0001-1", "--as", "maija", "--file", "none.csv"],
         ["none.csv"]),
        (["letter", "2027-0001", "L1", "--out", "no/such/folder/f.html"], ["cannot be written"]),
        (["package", "2027-0001", "--out", "."], ["cannot be written"]),
        (["audit", "verify", "missing.json"], ["missing.json"]),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_one_sentence(arguments: list[str], words: list[str]) -> None:
    ran = dsr(*arguments)
    assert_one_sentence(ran, 2, *words)
    assert "Esimerkki" not in ran.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'{{"kind": "access",\n "name": "{CANARY}" "x"}}', ["line 2, column 27"]),
        (f'["{CANARY}"]', ["no JSON object"]),
        ("", ["line 1, column 1"]),
        ("[" * 100_000, ["JSON"]),
        ('{"n": ' + "9" * 5_000 + "}", ["JSON"]),
        (CANARY.replace("A", "Ä").encode("latin-1"), ["UTF-8", "byte 1"]),
    ],
    ids=["comma", "list", "empty", "deep", "long number", "encoding"],
)
def test_a_wrong_file_is_named_with_its_place_and_without_its_content(
    content: str | bytes, words: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    for ran in (dsr("submit", "--file", str(file)), dsr("submit", "--file", "-", stdin=content)):
        assert_one_sentence(ran, 2, *words)
        assert "Esimerkki" not in ran.err
    assert str(file) in dsr("submit", "--file", str(file)).err


def test_a_person_file_is_refused_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "person.json"
    for document in ({"identifiers": []}, {"identifiers": [{"type": "E MAIL", "value": CANARY}]}):
        file.write_text(json.dumps(document))
        ran = dsr("list", "--person-file", str(file))
        assert_one_sentence(ran, 2, "identifiers")
        assert CANARY not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "2027-0001"], ["health"], ["audit", "verify"], ["migrate"], ["reconcile"],
     ["withdraw", "2027-0001", "--as", "maija"]],
)  # fmt: skip
def test_without_an_engine_each_command_says_how_to_start_one(arguments: list[str]) -> None:
    assert_one_sentence(dsr(*arguments), 4, "dsr up")


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSR_WORKFLOW_SLOTS", "secretly many")
    ran = dsr("list")
    assert_one_sentence(ran, 2, "DSR_WORKFLOW_SLOTS")
    assert "secretly" not in ran.err


def test_only_the_whole_command_maps_failures() -> None:
    """A second place would soon say something else."""
    assert typer.main.get_command(__import__("starter.cli").cli.app).__class__ is OneSentence
