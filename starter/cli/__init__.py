"""The `dsr` command. Every failure is one sentence on stderr and an exit code, mapped here only.

0 done, 1 a check failed, 2 bad input, 3 refused by a rule, 4 a server cannot be reached. What a
command needs it imports itself: help is printed at once.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from traceback import walk_tb
from typing import Annotated, Any, Final, NoReturn, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from schemas.errors import DsrError
from starter.cli import (
    checks,
    dashboards,
    evidence,
    holds,
    intake,
    keys,
    letters,
    operate,
    recipients,
    retention,
    staff,
)

OURS: Final = Path(__file__).resolve().parents[2]


RULES: Final = {
    "due": "When is the reply to a request due, and why?",
    "rules": "Check the rules of law.",
}
"""Commands of `starter.cli.rules`, loaded when asked for: the law's models would double the time
of every other command's help."""


class OneSentence(TyperGroup):
    """Tells failures in a sentence; a traceback could show somebody's data."""

    verbose = False

    def main(
        self, args: Sequence[str] | None = None, *_: Any, **extra: Any
    ) -> NoReturn:  # fmt: skip
        """Run the command and leave with its exit code."""
        try:
            code = super().main(args, **{**extra, "prog_name": "dsr", "standalone_mode": False})
        except Exception as error:  # every failure becomes a sentence
            sentence, code = _told(error)
            if sentence:
                typer.echo(sentence, err=True)
            if self.verbose:
                typer.echo("\n".join(_places(error)), err=True)
        sys.exit(code or 0)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is asked for."""
        if args[0] in RULES:
            from starter.cli import rules

            rules.register(loaded := typer.Typer())
            self.commands.update(cast(TyperGroup, get_command(loaded)).commands)
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=OneSentence, no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
    help="Data-subject requests: received, timed, decided and answered.",
    epilog="Exit codes: 0 done, 1 a check failed, 2 bad input, 3 refused by a rule or by the "
    "case's state, 4 a server cannot be reached.",
)  # fmt: skip


@app.callback()
def _before_every_command(
    ctx: typer.Context,
    verbose: Annotated[
        bool,
        typer.Option("-v", "--verbose", help="After a failure: its places in the program, never "
                     "its message."),
    ] = False,
) -> None:  # fmt: skip
    if isinstance(ctx.command, OneSentence):
        ctx.command.verbose = verbose


for room in (
    operate, checks, intake, dashboards, recipients, letters, staff, holds, retention, evidence,
    keys,
):  # fmt: skip
    room.register(app)
for name, summary in RULES.items():
    app.command(name, help=summary)(lambda: None)


def main() -> None:
    """The entry point `dsr`."""
    app()


def _told(error: Exception) -> tuple[str, int]:
    """What a person reads of a failure, and its exit code."""
    match error:
        case DsrError():
            return str(error), error.exit_code
        case typer.TyperException():
            return _usage(error), error.exit_code
        case typer.Abort():
            return "Stopped.", 1
    return (
        f"Internal error: {type(error).__name__} at {_place(error)}. Its message is not shown, it "
        "could hold personal data. Every place on the way: dsr -v ...",
        1,
    )


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the arguments; a stray one is not repeated, it may be half a name."""
    context = getattr(error, "ctx", None)
    if context is None:
        return error.format_message()
    sentence = error.format_message()
    if not sentence:  # the help was asked for and printed
        return ""
    if type(error).__name__ == "UsageError" and not isinstance(context.command, TyperGroup):
        sentence = "Too many arguments: put a text of several words into quotes."
    return f"{sentence} See: {context.command_path} --help"


def _place(error: BaseException) -> str:
    """The deepest place in our own program, or where there is none the deepest."""
    places = list(_frames(error))
    ours = [place for place in places if not place.startswith("/")]
    return (ours or places or ["unknown place"])[-1]


def _places(error: BaseException) -> Iterator[str]:
    """Types and places of an error and of its causes; no messages."""
    seen: BaseException | None = error
    while seen is not None:
        yield type(seen).__name__
        yield from (f"  {place}" for place in _frames(seen))
        seen = seen.__cause__ or seen.__context__


def _frames(error: BaseException) -> Iterator[str]:
    for frame, line in walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        own = file.is_relative_to(OURS) and ".venv" not in file.parts
        yield f"{file.relative_to(OURS) if own else file}:{line}"
