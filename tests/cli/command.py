"""Runs `dsr` as a user does, inside this process."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.main import get_command
from typer.testing import CliRunner

from starter.cli import app, rules
from storage.secrets import Secrets

DSR = str(Path(sys.executable).with_name("dsr"))
SHIPPED = Path(__file__).parents[2] / "config" / "mipro"


@dataclass(frozen=True)
class Ran:
    """What came of one command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document of stdout."""
        return json.loads(self.out)


def dsr(*arguments: str, stdin: str | bytes | None = None) -> Ran:
    """Run one command; an exception that reaches the user is a failed test."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def while_temporal_is_away(
    monkeypatch: pytest.MonkeyPatch, database_url: str, folder: Path
) -> None:
    """Commands of this test use the shipped controller on its own database, with keys."""
    Secrets.load_or_create(folder / "keys")
    for name, value in {
        "DATABASE_URL": database_url, "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "DSR_KEYS": str(folder / "keys"), "DSR_CONFIG": str(SHIPPED),
        "DSR_DATA": str(folder / "data"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


def commands() -> dict[str, Any]:
    """Every command, by its words: "decide", "audit verify"."""
    found: dict[str, Any] = {}

    def collect(group: Any, words: tuple[str, ...]) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                collect(command, (*words, name))
            else:
                found[" ".join((*words, name))] = command

    collect(get_command(app), ())
    rules.register(loaded := Typer())
    collect(get_command(loaded), ())
    return {words: command for words, command in found.items() if words != "rules"}


def assert_one_sentence(ran: Ran, code: int, *words: str) -> None:
    """The failure is told in one line on stderr, and nothing is on stdout."""
    assert ran.code == code, (ran.code, ran.err)
    assert ran.out == ""
    assert len(ran.err.strip().splitlines()) == 1, ran.err
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err, ran.err
