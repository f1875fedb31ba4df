"""The outbox: the first fetch of a letter or package is its leaving, and recorded."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from starter.cli import files
from starter.cli.console import give, remark, say, with_engine
from starter.cli.dashboards import onlooker
from starter.cli.words import Json, Number, Onlooker, Out

if TYPE_CHECKING:
    from starter.client import DsrClient


def register(app: typer.Typer) -> None:
    """Adds the commands of the outbox."""
    for command in (letters, letter, package):
        app.command(rich_help_panel="Letters")(command)


def letters(number: Number, as_json: Json = False) -> None:
    """The letters of a case."""
    from starter.cli import show as render

    found = with_engine(lambda engine: engine.client.letters(number), temporal=False)
    if as_json:
        give(found)
    elif not found:
        say(f"{number} has no letters yet.")
    else:
        render.letters(found)
        say("", f"Hand one over: dsr letter {number} LETTER --out FILE")


def letter(
    number: Number,
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="Its id, see dsr letters.")],
    out: Out,
    by: Onlooker = None,
) -> None:
    """Fetch one letter (HTML). The first fetch is recorded as its leaving."""
    _fetch(out, lambda client, who: client.letter(number, letter, by=who), by)
    remark(
        f"Letter {letter} of {number} is fetched: it counts as handed over. See: dsr show {number}"
    )


def package(number: Number, out: Out, by: Onlooker = None) -> None:
    """Fetch the reply's package (ZIP). The first fetch is recorded as the leaving of the reply."""
    _fetch(out, lambda client, who: client.package(number, by=who), by)
    remark(f"The package of {number} is fetched: the reply has left. See: dsr show {number}")


def _fetch(
    out: str, fetch: "Callable[[DsrClient, str], Awaitable[bytes]]", by: str | None
) -> None:  # fmt: skip
    files.write_fetched(
        out,
        lambda: with_engine(lambda engine: fetch(engine.client, onlooker(engine.client, by))),
    )
