"""What came of each scenario, beside what is expected of it."""

import json
from pathlib import Path
from typing import Any

from schemas.errors import DsrError
from starter.demo.office import Desk
from starter.demo.scenarios import Scenario

Result = dict[str, Any]


async def played(name: str, scenario: Scenario, desk: Desk, expected: Result) -> Result:
    """One scenario, and whether everything that is expected of it is so."""
    number, fault = None, None
    desk.progress.begun = True
    try:
        number = await scenario(desk)
    except DsrError as error:
        fault = str(error)
    desk.progress.done = True
    number = number or (desk.numbers[-1] if desk.numbers else None)
    if number is None:
        return {
            "scenario": name, "number": None, "kind": None, "channel": None,
            "expected": expected, "actual": {}, "ok": False, "fault": fault, "explanations": [],
        }  # fmt: skip
    view = await desk.client.show(number)
    desk.progress.status = view.status
    actual = {
        "status": view.status,
        "outcome": view.outcome,
        "due_date": str(view.clock.due_date) if view.clock.due_date else None,
        "safe_date": str(view.clock.safe_date),
        "escalation": view.clock.escalation,
        "fee": view.fee.state,
        "submissions": len(desk.numbers),
        "systems": [{"name": s.name, "outcome": s.outcome} for s in view.systems],
        "lag_seconds": max((s.lag_seconds or 0 for s in view.systems), default=0),
    }
    return {
        "scenario": name, "number": number, "kind": view.kind, "channel": view.channel,
        "expected": expected, "actual": actual, "fault": fault,
        "ok": fault is None and as_expected(expected, actual),
        "explanations": [e.sentence for e in view.clock.explanations],
    }  # fmt: skip


def as_expected(expected: Result, actual: Result) -> bool:
    """Everything that is expected is so, and something is. Systems: those that are named."""
    wanted = dict(expected)
    systems = wanted.pop("systems", [])
    most = wanted.pop("lag_seconds_below", None)
    if most is not None and not actual["lag_seconds"] < most:
        return False
    return (
        bool(wanted)
        and all(actual.get(key) == value for key, value in wanted.items())
        and all(system in actual["systems"] for system in systems)
    )


def write(report: Path, results: list[Result]) -> None:
    """As `--json FILE`."""
    shown = [{k: v for k, v in result.items() if k != "explanations"} for result in results]
    report.write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
