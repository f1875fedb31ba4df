"""Writes the parts of the docs that follow from the program: `python -m tests.docs.generate`.

A part stands between two comments that name it. A test fails while one of them is stale.
"""

import inspect
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import yaml

from rules import deadlines, staff
from rules.calendars import zone
from rules.staff import decisions, findings
from rules.status import MOVES
from schemas.case import Escalation, Status
from starter import logs
from starter.configuration import load
from starter.demo.run import expectations
from starter.demo.scenarios import SCENARIOS
from starter.metrics import declared
from starter.settings import SHIPPED_CONFIG, Settings
from tests.docs.pages import PAGES, ROOT
from tests.operation import next_version
from tests.operation.next_version import NextActivities

_PART: Final = re.compile(
    r"(<!-- generated: (\w+) \(python -m tests\.docs\.generate\) -->\n).*?(<!-- end -->)", re.DOTALL
)

HELSINKI: Final = zone("Europe/Helsinki")
SPELT: Final = {"DSR_CONFIG": "config/mipro", "DSR_WORKFLOW_SLOTS": "4 a core"}
"""Defaults that differ from machine to machine."""

OPEN: Final = {*Status} - {Status.CLOSED}


def diagram() -> str:
    """The moves of the status."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> received"]
    lines += [f"    {before} --> {after}" for before, after in MOVES]
    return "\n".join([*lines, "    closed --> [*]", "```"])


def moves() -> str:
    """Each move with its reason."""
    rows = ((before, after, why) for (before, after), why in MOVES.items())
    return _table(("from", "to", "because"), rows)


def permitted() -> str:
    """Who may do what when."""
    rows = (
        (
            f"`dsr {action.name.replace('_', '-')}`",
            _summary(action),
            ", ".join(roles) or "everybody in the directory",
            "every open status" if {*statuses} == OPEN else ", ".join(statuses),
        )
        for action, (roles, statuses) in staff.PERMITTED.items()
    )
    return _table(("action", "what it does", "roles, any of them", "while the case is"), rows)


def refusals() -> str:
    """The grounds on which each kind is refused as a whole."""
    rows = [(kind, ", ".join(grounds)) for kind, grounds in decisions.GROUNDS_OF.items()]
    rows.append(("items of access, withheld", ", ".join(findings.WITHHOLDING)))
    return _table(("request", "grounds"), rows)


def settings() -> str:
    """Every setting of the environment."""
    rows = (
        (f"`{field.alias}`", SPELT.get(field.alias or "", field.default or ""), field.description)
        for field in Settings.model_fields.values()
    )
    return _table(("variable", "default", "what it does"), rows)


def scenarios() -> str:
    """What the demonstration plays."""
    expected = expectations()
    rows = (
        (f"`{name}`", _summary(play), expected[name]["outcome"]) for name, play in SCENARIOS.items()
    )
    return _table(("name", "what happens", "outcome"), rows)


def ladder() -> str:
    """The dates of one request under the shipped policy."""
    received = datetime(2026, 3, 5, 8, tzinfo=UTC)
    policy = load(SHIPPED_CONFIG).policy
    clock = deadlines.clock(received, policy, set_at=received + timedelta(hours=1))
    rows = [
        ("received", clock.receipt_date, "the month begins"),
        ("question asked at the latest", _last(clock.prompt_before_utc), "else it pauses nothing"),
        ("internal target", clock.target_date, "at its end the search closes"),
        *((f"ladder: {s.step}", _local(s.at), "is told") for s in clock.ladder[:-1]),
        ("safe date", clock.safe_date, "holds under every reading of the law"),
        ("notice of an extension at the latest", clock.notice_due_date, "later it is void"),
        ("due", clock.due_date, "the reply has left by the end of this day"),
    ]
    assert clock.ladder[-1].step is Escalation.BREACH
    return _table(("what", "when, in Helsinki", "meaning"), rows)


def metrics() -> str:
    """Every metric of ours."""
    rows = (
        (f"`{one.name}`", ", ".join(one.labels), one.source, one.help) for one in declared.EVERY
    )
    return _table(("metric", "labels", "source", "what it is"), rows)


def alerts() -> str:
    """Every alert rule, without its expression."""
    document = yaml.safe_load((ROOT / "config" / "alerts.yaml").read_text(encoding="utf-8"))
    rows = (
        (
            rule["alert"], rule["labels"]["severity"], _filled_in(rule["annotations"]["summary"]),
            _filled_in(rule["annotations"]["do"]),
        )
        for group in document["groups"] for rule in group["rules"]
    )  # fmt: skip
    return _table(("alert", "severity", "it means", "do"), rows)


def _filled_in(template: str) -> str:
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda label: label[1].upper(), template)
    return text.replace("{{ $value }}", "N")


def log_lines() -> str:
    """What a log line can hold."""
    return f"Events: {_words(logs.EVENTS)}. Keys: {_words(logs.KEYS)}."


def worked_example() -> str:
    """The change that is deployed over open requests, as tests run it."""
    shown = (next_version.NextChange, next_version.FilesNote.reply, NextActivities.record)
    code = "\n\n\n".join(inspect.cleandoc("\n" + inspect.getsource(part)) for part in shown)
    return f'```python\nPATCH: Final = "{next_version.PATCH}"\n\n\n{code}\n```'


PARTS: Final[dict[str, Callable[[], str]]] = {
    part.__name__: part
    for part in (
        diagram, moves, permitted, refusals, settings, metrics, alerts, scenarios, ladder,
        log_lines, worked_example,
    )
}  # fmt: skip


def fresh(text: str) -> str:
    """A page with every generated part as the program has it now."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[3]}", text)


def _summary(documented: object) -> str:
    return (inspect.getdoc(documented) or "").split("\n\n")[0].replace("\n", " ")


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _local(at: datetime) -> str:
    return f"{at.astimezone(HELSINKI):%Y-%m-%d %H:%M}"


def _last(before: datetime) -> str:
    return f"{(before - timedelta(seconds=1)).astimezone(HELSINKI):%Y-%m-%d}"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def main() -> None:
    """Rewrite the pages."""
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        if (after := fresh(before)) != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.name} renewed")


if __name__ == "__main__":
    main()
