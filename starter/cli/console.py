"""How commands write: people's text and tables, or one JSON document; both on stdout."""

import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

if TYPE_CHECKING:  # loads both servers' libraries: only for commands that reach them
    from starter.open import Engine

T = TypeVar("T")

PIPE_WIDTH: Final = 160
"""Columns where no terminal says how many there are."""


def with_engine(work: Callable[["Engine"], Awaitable[T]], *, temporal: bool = True) -> T:
    """Open the engine of this folder, do the work, close it."""
    from starter.logs import configure
    from starter.open import opened
    from starter.settings import from_environment

    settings = from_environment()
    configure(settings.log_level)

    async def on_engine() -> T:
        async with opened(settings, temporal=temporal) as engine:
            return await work(engine)

    return run(on_engine())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. Loads asyncio only now: half of what `dsr --help` may take."""
    import asyncio

    return asyncio.run(work)


def say(*lines: str) -> None:
    """Text for a person."""
    for line in lines:
        typer.echo(line)


def remark(line: str) -> None:
    """What is beside the result: stderr."""
    typer.echo(line, err=True)


def give(document: Any) -> None:
    """The one JSON document of `--json`: a model, or lists and dictionaries of models."""
    typer.echo(json.dumps(_plain(document), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Rows under their headings. Values are shown as they are: no markup, no control characters."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        *columns,
        show_header=any(columns),
        box=None,
        header_style="bold",
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for row in rows:
        shown.add_row(*(Text(visible(value), overflow="fold") for value in row))
    if title:
        say("", title)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    Console(file=sys.stdout, width=width, highlight=False).print(shown)


def visible(value: object) -> str:
    """A value as text; control characters, which could steer a terminal, are spelt out."""
    text = "-" if value is None or value == "" else str(value)
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def day(on: date) -> str:
    """Thursday 30 September 2027."""
    return f"{on:%A} {on.day} {on:%B %Y}"


def short_day(on: date) -> str:
    """Thu 2027-09-30."""
    return f"{on:%a} {on.isoformat()}"


def moment(at: datetime) -> str:
    """Thu 2027-09-30 14:05, in the zone of this machine."""
    return f"{at.astimezone():%a %Y-%m-%d %H:%M}"
