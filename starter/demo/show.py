"""What the demonstration shows: a live table while it plays, the reasons of every date, the end."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from schemas.case import SystemOutcome
from starter.demo.office import Progress
from starter.demo.partners import PARTNERS

CHOICES = ("objection", "consent")
"""Kinds that take effect at once: their lag is shown."""

NAMED = 4
"""How many requests of the same day are named."""

_console = Console(stderr=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 150)


def says(line: str) -> None:
    """One line of what goes on."""
    _console.print(Text(line))


@contextmanager
def live(lines: list[Progress]) -> Iterator[None]:
    """The requests, redrawn while they move; where no terminal is, nothing is redrawn."""
    with Live(console=_console, refresh_per_second=4, get_renderable=lambda: _progress(lines)):
        yield


def _progress(lines: list[Progress]) -> Group:
    """Those that move; the others are counted, so that it fits into a terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("request", "number", "status", "waits for"):
        table.add_column(column)
    for line in lines:
        if line.begun and not line.done:
            words = (line.scenario, line.number, line.status, line.doing)
            table.add_row(*(word.replace("_", " ") for word in words))
    done, begun = (sum(getattr(one, was) for one in lines) for was in ("done", "begun"))
    counts = f"{done} of {len(lines)} requests have ended, {len(lines) - begun} have not begun"
    return Group(table, Text(""), Text(counts, style="green" if done == len(lines) else "bold"))


def closing(results: list[dict[str, Any]], web: Mapping[str, str]) -> None:
    """Why each date is what it is, then every request with its ending and dates."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    _reasons(console, results)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "request", "number", "ending", "due", "safe", "escalation", "fee", "lag s"):
        table.add_column(column)
    for result in results:
        actual = result["actual"]
        table.add_row(
            Text("ok", style="green") if result["ok"] else Text("NOT OK", style="bold red"),
            result["scenario"].replace("_", " "),
            result["number"] or "-",
            f"{actual.get('status', '-')}, {actual.get('outcome') or '-'}",
            actual.get("due_date") or "suspended",
            actual.get("safe_date") or "-",
            actual.get("escalation") or "-",
            actual.get("fee") or "-",
            f"{actual['lag_seconds']:.1f}" if result["kind"] in CHOICES else "",
        )
    console.print(Group(Text(""), table, Text("")))
    _partners(console, results)
    _faults(console, results)
    if results:
        seconds = [result["seconds"] for result in results]
        took = f"{min(seconds):.0f} s after the start, the last after {max(seconds):.0f} s"
        console.print(Text(f"{len(results)} requests: the first had ended {took}."))
    for name, address in web.items():
        console.print(Text(f"{name} web UI: {address}"))


def _partners(console: Console, results: list[dict[str, Any]]) -> None:
    """What came of each partner's parts, over all requests that did not end before."""
    parts = [part for result in results for part in result["actual"].get("systems", ())]
    console.print(Text("What came of what partners were asked", style="bold"))
    for name in PARTNERS:
        came = Counter(part["outcome"] for part in parts if part["name"] == name)
        counts = ", ".join(
            f"{count} {outcome.replace('_', ' ')}"
            for outcome, count in sorted(came.items())
            if outcome != SystemOutcome.PENDING
        )
        console.print(Text(f"  {name.replace('_', ' ')}: {counts or 'nothing'}"))


def _faults(console: Console, results: list[dict[str, Any]]) -> None:
    for result in results:
        if not result["ok"]:
            why = result["fault"] or "expected otherwise"
            console.print(
                Text(f"{result['scenario']}: {why}. Expected: {result['expected']}", style="red")
            )


def _reasons(console: Console, results: list[dict[str, Any]]) -> None:
    """Requests of the same day have the same reasons: told once."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        name = f"{result['number'] or '-'} {result['scenario'].replace('_', ' ')}"
        if result["explanations"]:
            alike.setdefault(tuple(result["explanations"]), []).append(name)
    console.print(Text("Why these dates", style="bold"))
    for sentences, names in alike.items():
        more = f" and {len(names) - NAMED} more of that day" if len(names) > NAMED else ""
        console.print(Text(f"  {', '.join(names[:NAMED])}{more}"))
        for sentence in sentences:
            console.print(Text(f"    {sentence}"))


def stays(folder: Path) -> None:
    """How to look at what is there."""
    says(f"The engine stays up until Ctrl-C. In another terminal: DSR_DATA={folder} dsr overview")
