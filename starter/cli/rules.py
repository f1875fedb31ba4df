"""The rules of law from the command line: `dsr due` and `dsr rules check`. No server is needed."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from rules import calendars, deadlines, vectors
from rules.deadlines import TimeLimit
from rules.explanations import full
from rules.reckoning import Notice, ReplyKind, check_facts
from schemas.case import Explanation, Pause, PauseReason
from schemas.errors import BadInput
from schemas.policy import Calendar, TimeLimits

T = TypeVar("T")

rules_app = typer.Typer(help="Check the rules of law.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds `dsr due` and `dsr rules` to the command."""
    app.command("due")(due)
    app.add_typer(rules_app, name="rules")


def due(
    received: Annotated[
        str,
        typer.Option(
            metavar="ISO", help="Receipt: an instant with its offset, or a local date (its start)."
        ),
    ],
    kind: Annotated[str, typer.Option(help="response, Art. 12(3), or refusal, Art. 12(4).")] = (
        "response"
    ),
    jurisdiction: Annotated[str, typer.Option(help="FI or UK-ENG.")] = "FI",
    extend_months: Annotated[
        str | None, typer.Option(metavar="N", help="Extension by 1 or 2 months; needs --told.")
    ] = None,
    told: Annotated[
        str | None, typer.Option(metavar="ISO", help="When the notice of the extension left.")
    ] = None,
    pause: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REASON,ASKED,ANSWERED",
            help="A question to the subject (identity, clarification or fee); ANSWERED empty = "
            "still open. It counts if asked within 3 working days of receipt. May be repeated.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """When is the reply to a request due, and why?

    A date without a time is a local date: its start, or the moment of receipt or of asking on the
    same day. Example: dsr due --received 2026-03-05 --pause identity,2026-03-06,2026-03-16
    """
    with one_sentence():
        calendar = _one_of(deadlines.JURISDICTIONS, jurisdiction, "--jurisdiction")
        reply_kind = _one_of({kind.value: kind for kind in ReplyKind}, kind, "--kind")
        received_at = _moment(received, "--received", calendar)
        check_facts(received_at, (), None)
        pauses = tuple(_pause(text, received_at, calendar) for text in pause or ())
        notice = _notice(extend_months, told, received_at, calendar)
        check_facts(received_at, pauses, notice)
        limit = deadlines.time_limit(
            received_at, calendar, kind=reply_kind, pauses=pauses, notice=notice
        )
    if as_json:
        typer.echo(json.dumps(limit.model_dump(mode="json"), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(_lines(limit, reply_kind)))


@rules_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of test vectors, JSON.")],
) -> None:
    """Compare the rules with a file of expected results (deadline-vectors/1, fee-vectors/1)."""
    with one_sentence():
        result = vectors.check(_document(file))
    for line in result.lines:
        typer.echo(line)
    typer.echo(f"{result.passed} passed, {result.failed} failed")
    if result.failed:
        raise typer.Exit(1)


@contextmanager
def one_sentence() -> Iterator[None]:
    """Bad input is told in one sentence on stderr, with exit code 2."""
    try:
        yield
    except BadInput as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None


def _document(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}): check the path.") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{file} is no JSON file in UTF-8: check what is in it.") from None


def _one_of(known: Mapping[str, T], word: str, option: str) -> T:
    if word not in known:
        raise BadInput(f"{option} is unknown: give one of {', '.join(known)}.")
    return known[word]


def _moment(
    text: str, option: str, calendar: Calendar, *, not_before: datetime | None = None
) -> datetime:
    """The instant that is written; of a bare date the start, or `not_before` on the same day."""
    day = _bare_date(text.strip())
    try:
        if day is None:
            at = datetime.fromisoformat(text.strip())
            if at.tzinfo is None:
                raise ValueError
            return at.astimezone(UTC)
        start = calendars.local_instant(day, 0, calendar)
    except (ValueError, OverflowError):
        raise BadInput(
            f"{option} must be an instant with its offset, like 2026-03-05T10:00:00+02:00, or a "
            "date, like 2026-03-05."
        ) from None
    if not_before and calendars.local_date(not_before, calendar) == day:
        return max(start, not_before)
    return start


def _bare_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _pause(text: str, received_at: datetime, calendar: Calendar) -> Pause:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise BadInput("--pause must be REASON,ASKED,ANSWERED; leave ANSWERED empty if open.")
    reason = _one_of({reason.value: reason for reason in PauseReason}, parts[0], "--pause REASON")
    asked_at = _moment(parts[1], "--pause ASKED", calendar, not_before=received_at)
    answered_at = (
        _moment(parts[2], "--pause ANSWERED", calendar, not_before=asked_at) if parts[2] else None
    )
    working_days = TimeLimits().ask_within_working_days
    counted = asked_at < deadlines.prompt_before(received_at, calendar, working_days)
    return Pause(reason=reason, asked_at=asked_at, answered_at=answered_at, counted=counted)


def _notice(
    months: str | None, told: str | None, received_at: datetime, calendar: Calendar
) -> Notice | None:
    if months is None and told is None:
        return None
    if months is None or told is None:
        raise BadInput("--extend-months and --told belong together: give both or neither.")
    if months not in ("1", "2"):
        raise BadInput("--extend-months must be 1 or 2, Art. 12(3).")
    return Notice(int(months), _moment(told, "--told", calendar, not_before=received_at))


def _lines(limit: TimeLimit, kind: ReplyKind) -> list[str]:
    what = "Refusal due" if kind is ReplyKind.REFUSAL else "Due"
    rows = [
        (what, _due_text(limit)),
        ("Safe date", f"{full(limit.safe_date)}, under every reading of the law"),
        ("Received", full(limit.receipt_local_date)),
    ]
    if limit.pause_days:
        rows.append(("Pause", f"{limit.pause_days} days"))
    if limit.extension_valid is not None:
        rows.append(("Extension", "valid" if limit.extension_valid else "void: it adds no time"))
    head = [f"{name:<12} {text}" for name, text in rows]
    reasons = sorted(limit.explanations, key=lambda reason: reason.date)
    return [*head, "", "Why", *(_wrapped(reason) for reason in reasons)]


def _wrapped(reason: Explanation) -> str:
    line = f"  {reason.date}  {reason.sentence}"
    return textwrap.fill(line, width=100, subsequent_indent=" " * 14)


def _due_text(limit: TimeLimit) -> str:
    if limit.due_date is None or limit.due_before_utc is None:
        return "not known while a question is open (suspended): act by the safe date"
    ends = limit.due_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{full(limit.due_date)}, until the day ends (before {ends})"
