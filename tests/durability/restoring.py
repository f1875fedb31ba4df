"""How a case is brought to a stage, and what `dsr reconcile` makes of two stores that differ."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from activities.differences import Difference, Differences
from schemas.case import LetterKind, Status
from schemas.messages import (
    AnswerFee,
    Choice,
    Decide,
    FeeChoice,
    RecordAnswer,
    Review,
    SecondDecision,
    SettleFee,
    StaffAction,
    VerifyIdentity,
)
from starter.cli.operate import _reconcile
from tests.office import Office, a_form

AN_AGE = timedelta(minutes=2)
"""Longer than a case may stand between its row and its run."""

ORPHANED = "its case is not in the case file"

CONSENT_BY_MAIL = {"channel": "email", "evidence": {}}

ACTIONS: dict[str, tuple[type[StaffAction], str, dict[str, Any]]] = {
    "verify_identity": (VerifyIdentity, "maija", {}),
    "settle_fee": (SettleFee, "antti", {"choice": FeeChoice.WAIVE}),
    "answer_fee": (AnswerFee, "maija", {"choice": "accept"}),
    "answer_identity": (RecordAnswer, "maija", {"sufficient": True}),
    "review": (Review, "maija", {}),
    "decide": (Decide, "helena", {"choice": Choice.APPROVE}),
    "second_decision": (SecondDecision, "antti", {"choice": Choice.APPROVE}),
}
"""What is done about each task: by whom, with what words."""


async def does_next(office: Office, number: str) -> str:
    """Whatever the case waits for is done; what it was."""
    view = await office.sees(number, lambda v: v.awaiting or v.status is Status.CLOSED)
    await office.rests(number)
    view = await office.client.show(number)
    task = next(iter(sorted(view.awaiting, key=lambda a: a.what in {"send_reply"})), None)
    if task is None:
        return "closed"
    if task.what.endswith("_by_hand"):
        await office.client.complete_task(number, task.task, by="kalle")
    elif task.what == "send_reply":
        kinds = (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)
        ready = [x.kind for x in view.letters if x.state == "ready" and x.kind in kinds]
        await office.sends(number, ready[-1])
    else:
        action, by, fields = ACTIONS[task.what]
        await office.act(number, action, by=by, **fields)
    return task.what


async def goes_until(office: Office, number: str, what: str) -> None:
    """The case goes its way until it waits for this."""
    for _ in range(20):
        await office.sees(number, lambda v: v.awaiting or v.status is Status.CLOSED)
        await office.rests(number)
        if what in {a.what for a in (await office.client.show(number)).awaiting}:
            return
        assert await does_next(office, number) != "closed", f"never waited for {what}"
    raise AssertionError(f"never waited for {what}")


async def goes_to_its_end(office: Office, number: str) -> list[str]:
    """The case goes its way; what was done on it."""
    done: list[str] = []
    for _ in range(20):
        what = await does_next(office, number)
        if what == "closed":
            return done
        done.append(what)
    raise AssertionError(f"never closed: {done}")


async def events(office: Office, number: str) -> list[str]:
    return [entry.event for entry in await office.client.timeline(number)]


def comparing(office: Office) -> Differences:
    return Differences(office.temporal, office.case_file, office.runs)


async def found(office: Office) -> list[Difference]:
    return await comparing(office).find(office.client.now() + AN_AGE)


async def reconciled(
    office: Office, file: Path = Path("no checkpoints"), **options: bool
) -> dict[str, list[str]]:
    """What `dsr reconcile` does and tells."""
    engine: Any = SimpleNamespace(
        runs=office.runs, temporal=office.temporal, case_file=office.case_file,
        client=SimpleNamespace(now=lambda: office.client.now() + AN_AGE),
        settings=SimpleNamespace(audit_log_path=lambda: file),
        secrets=office.secrets,
    )  # fmt: skip
    asked = {"dry_run": False, "end_orphans": False} | options
    return await _reconcile(engine, **asked)


def reported(done: dict[str, list[str]]) -> list[str]:
    """What could not be mended, without the runs of other tests' cases."""
    return [sentence for sentence in done["findings"] if ORPHANED not in sentence]


Stage = Callable[[Office], Awaitable[str]]


async def identifying(office: Office) -> str:
    number = await office.receives(a_form(evidence={}))
    await goes_until(office, number, "verify_identity")
    return number


async def told_the_fee(office: Office) -> str:
    first = await office.receives(a_form())
    await goes_to_its_end(office, first)
    number = await office.receives(a_form(message="once more"))
    await office.awaits(number, "settle_fee")
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="the third")
    await office.awaits(number, "answer_fee")
    return number


def access(until: str, **form: Any) -> Stage:
    async def stage(office: Office) -> str:
        number = await office.receives(a_form(**form))
        await goes_until(office, number, until)
        return number

    return stage


def deletion(until: str) -> Stage:
    async def stage(office: Office) -> str:
        number = await office.receives(a_form("delete"))
        await goes_until(office, number, until)
        return number

    return stage


async def deletion_followed_up(office: Office) -> str:
    """The reply has left; the archive has not answered yet."""
    number = await deletion("erase_by_hand")(office)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    return number


def objection(until: str) -> Stage:
    async def stage(office: Office) -> str:
        number = await office.receives(a_form("objection", purposes=["profiling"]))
        await goes_until(office, number, until)
        return number

    return stage


async def consent(office: Office) -> str:
    number = await office.receives(a_form("consent", **CONSENT_BY_MAIL))
    await goes_until(office, number, "send_reply")
    return number
