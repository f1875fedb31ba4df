"""Every command is there, explains itself, and starts at once."""

import os
import re
import resource
import subprocess
import sys
from enum import StrEnum
from typing import Any, get_args

import pytest

from rules.staff.tasks import COMMAND_OF
from schemas.case import Ground, PauseReason, Status
from schemas.messages import (
    ACTIONS,
    Choice,
    CloseAs,
    FeeChoice,
    NotTold,
    StaffAction,
    SystemResolution,
)
from schemas.request import Channel, Kind, Language
from starter.cli import RULES, next_steps, operate, words
from tests.cli.command import DSR, commands, dsr

COMMANDS = commands()


@pytest.mark.parametrize("words", ["", "audit", "systems", "rules", *COMMANDS])
def test_every_command_explains_itself(words: str) -> None:
    ran = dsr(*words.split(), "--help")
    assert ran.code == 0
    assert "Usage: dsr" in ran.out
    assert ran.err == ""


def test_the_contract_s_commands_are_there() -> None:
    named = {
        "submit", "list", "show", "timeline", "tasks", "found", "overview", "letters", "letter",
        "package", "up", "demo", "migrate", "reconcile", "due", "health", "audit verify",
        "audit export", "systems check", "rules check", "hold place", "hold confirm",
        "hold release", "hold list", "hold review", "suppressed",
    }  # fmt: skip
    assert named <= {*COMMANDS}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_staff_action_has_a_command_that_names_its_actor(action: type[StaffAction]) -> None:
    options = {option for p in COMMANDS[action.name.replace("_", "-")].params for option in p.opts}
    assert {"--as", "--id", "--json"} <= options


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_free_text_can_come_from_a_file(action: type[StaffAction]) -> None:
    options = {option for p in COMMANDS[action.name.replace("_", "-")].params for option in p.opts}
    free_texts = {"reason", "doubt", "question", "text", "note"} & {*action.model_fields}
    for text in free_texts:
        assert {f"--{text}-file", "--file"} & options, text


def test_commands_that_are_loaded_later_are_summed_up_in_their_own_words() -> None:
    assert (COMMANDS["due"].help or "").splitlines()[0] == RULES["due"]
    assert RULES["rules"] in dsr("rules", "--help").out


def test_the_words_of_options_are_the_vocabulary() -> None:
    for literal, vocabulary in (
        (words.Kind, Kind), (words.Channel, Channel), (words.Language, Language),
        (words.Status, Status), (words.Ground, Ground), (words.Choice, Choice),
        (words.FeeChoice, FeeChoice), (words.Resolution, SystemResolution),
        (words.NotTold, NotTold),
    ):  # fmt: skip
        assert get_args(literal) == _values(vocabulary)
    assert {*get_args(words.Question)} == {*PauseReason} - {PauseReason.FEE}
    assert get_args(words.Ending) == get_args(CloseAs.model_fields["ending"].annotation)


def _values(vocabulary: type[StrEnum]) -> tuple[str, ...]:
    return tuple(word.value for word in vocabulary)


def test_every_next_command_that_is_shown_exists() -> None:
    for what in (*next_steps.COMMANDS, *COMMAND_OF, "possibly_same_person", "send_extension"):
        shown = next_steps.command_for(what, "2027-0001", "2027-0001-1", "archive")
        for name in re.findall(r"dsr ([a-z-]+)", shown):
            assert name in COMMANDS, shown


def test_every_task_that_an_action_ends_is_shown_with_that_action() -> None:
    for what, command in COMMAND_OF.items():
        assert f"dsr {command} 1" in next_steps.command_for(what, "1", "1-1", "archive")


def test_help_and_due_load_neither_temporal_nor_the_database() -> None:
    heavy = "temporalio", "sqlalchemy", "asyncpg", "alembic", "cryptography", "structlog"
    program = (
        "import sys\n"
        "from starter.cli import app\n"
        "try: app(sys.argv[1:])\n"
        f"finally: sys.stderr.write(' '.join(m for m in {heavy!r} if m in sys.modules))\n"
    )
    for arguments in (["--help"], ["submit", "--help"], ["due", "--received", "2026-03-05"]):
        ran = _child([sys.executable, "-c", program, *arguments])
        assert ran.returncode == 0
        assert ran.stderr == b""


@pytest.mark.parametrize(
    ("arguments", "most"), [(["--help"], 0.5), (["due", "--received", "2026-03-05"], 0.8)]
)
def test_help_and_due_answer_at_once(arguments: list[str], most: float) -> None:
    """Seconds of computing; other work on this machine makes single tries slower."""
    assert any(_seconds([DSR, *arguments]) < most for _ in range(12))


def _seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert _child(command).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _child(command: list[str]) -> subprocess.CompletedProcess[Any]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)


@pytest.mark.parametrize(("findings", "code"), [((), 0), (("2026-0001: its key is missing",), 1)])
def test_reconcile_ends_with_1_where_something_could_not_be_mended(
    monkeypatch: pytest.MonkeyPatch, findings: tuple[str, ...], code: int
) -> None:
    kinds = (
        "restarted", "resumed", "differing", "differences", "letters", "numbers", "orphans",
        "ended",
    )  # fmt: skip
    done = {kind: list[str]() for kind in kinds} | {"findings": list(findings)}
    monkeypatch.setattr(operate, "with_engine", lambda _work: done)

    ran = dsr("reconcile")

    assert ran.code == code
    assert "Cases without a run: none." in ran.out
    assert all(f"- {sentence}" in ran.out for sentence in findings)
