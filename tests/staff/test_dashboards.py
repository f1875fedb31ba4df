"""What dashboards show: lists, tasks, numbers and a record that a person can read."""

import re
import unicodedata
from datetime import timedelta
from pathlib import Path

import pytest

from activities.sweeps import SweepActivities
from schemas.case import Ground, LetterKind, LetterState, Status
from schemas.errors import BadInput
from schemas.messages import (
    AskIdentity,
    CompleteTask,
    Decide,
    Extend,
    Reassign,
    RecordAnswer,
    Reopen,
    ResolveSystem,
    Review,
    SettleFee,
    TakeBack,
    VerifyIdentity,
)
from schemas.request import Kind, Subject
from schemas.steps import SweepInput
from starter.cli.next_steps import command_for
from starter.dashboard import CaseLine, TaskLine
from tests.office import Office, a_form, now
from tests.staff.cases import identifying, open_task, somebody


def numbers(lines: list[CaseLine]) -> list[str]:
    return [line.number for line in lines]


def back(**span: float) -> str:
    return (now() - timedelta(**span)).isoformat()


async def swept(office: Office, folder: Path, **later: float) -> int:
    """The hourly sweep, so much later; how many tasks were reminded."""
    sweeps = SweepActivities(
        office.desk, office.runs, office.secrets.signer, folder / "checkpoints"
    )
    return (await sweeps.deadlines(SweepInput(at=now() + timedelta(**later)))).reminded


async def test_cases_and_tasks_stand_in_the_order_of_their_safe_dates(
    own_office: Office, tmp_path: Path
) -> None:
    office = own_office
    new = await identifying(office)
    old = await identifying(office, received_at=back(days=20))
    older = await identifying(office, received_at=back(days=25))
    objection = await office.receives(a_form("objection", of=somebody(), received_at=back(days=2)))
    await office.awaits(objection, "send_reply")
    client = office.client

    assert numbers(await client.cases()) == [older, old, objection, new]
    assert numbers(await client.cases(kind=Kind.OBJECTION)) == [objection]
    assert numbers(await client.cases(status=Status.IDENTIFYING)) == [older, old, new]
    due = (await client.show(old)).clock.due_date
    assert due is not None
    assert numbers(await client.cases(due_before=due)) == [older]
    assert numbers(await client.cases(due_before=due + timedelta(days=1))) == [older, old]
    assert await client.cases(kind=Kind.OBJECTION, status=Status.CLOSED) == []

    identify = [t for t in await client.tasks() if t.what == "verify_identity"]
    assert [t.number for t in identify] == [older, old, new]
    assert {t.role for t in await client.tasks("handler")} == {"handler"}
    assert await client.tasks("nobody") == []
    assert {t.reminded_at for t in identify} == {None}
    assert await swept(office, tmp_path, days=2) == 0
    assert await swept(office, tmp_path, days=4) > 0
    assert await swept(office, tmp_path, days=4.5) == 0  # again only after the policy's span
    assert await swept(office, tmp_path, days=8) > 0
    assert all(t.reminded_at for t in await client.tasks() if t.what == "verify_identity")


async def test_what_waits_for_the_subject_is_no_task_of_ours(office: Office) -> None:
    number = await identifying(office)
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")

    tasks = {t.what for t in await office.client.tasks() if t.number == number}
    awaited = {a.what for a in (await office.client.show(number)).awaiting}

    assert awaited - tasks == {"answer_identity"}


async def to_send(office: Office, number: str) -> list[TaskLine]:
    """The letters of a case that are tasks."""
    tasks = await office.client.tasks("handler")
    return [t for t in tasks if t.number == number and t.what.startswith("send_")]


async def test_a_letter_is_a_task_until_it_has_been_sent(office: Office) -> None:
    number = await identifying(office)

    (line,) = await to_send(office, number)
    assert (line.what, line.task, line.role) == ("send_acknowledgement", "L1", "handler")
    assert command_for(line.what, number, line.task, None) == f"dsr letter {number} L1 --out FILE"
    await office.client.letter(number, line.task, by="maija")

    assert await to_send(office, number) == []


async def test_a_person_is_looked_up_without_case_spaces_and_unicode_form(office: Office) -> None:
    number = await identifying(office)
    person = {
        "name": "Åsa Öström-Çelik",
        "identifiers": [{"type": "customer_number", "value": "Ä 1-7"},
                        {"type": "email", "value": "asa+x@öström.example"}],
    }  # fmt: skip
    mine = await office.receives(a_form(of=person, evidence={}))

    async def found(name: str = "x", **known: str) -> list[str]:
        identifiers = [{"type": kind, "value": value} for kind, value in known.items()]
        subject = Subject.model_validate({"name": name, "identifiers": identifiers})
        return numbers(await office.client.cases(person=subject))

    assert await found(customer_number="ä1-7 ") == [mine]
    assert await found(customer_number=unicodedata.normalize("NFD", "Ä1-7")) == [mine]
    assert await found(email="ASA+X@ÖSTRÖM.example") == [mine]
    assert await found(email="asa@öström.example") == []
    assert await found("  ÖSTRÖM  çelik, åsa ") == [mine]
    assert await found(unicodedata.normalize("NFD", "åsa")) == [mine]
    assert await found("Asa Ostrom") == []
    assert await found("Åsa Virtanen") == []
    assert await found("...") == []
    assert number not in await found("Åsa")
    with pytest.raises(BadInput, match="shoe_size is unknown"):
        await found(shoe_size="38")


async def test_the_overview_counts_what_is_open_late_and_on_whose_desk(
    own_office: Office,
) -> None:
    office = own_office
    late = await identifying(office, received_at=back(days=45))
    (cause,) = (await office.sees(late, lambda v: v.clock.breach_causes)).clock.breach_causes
    first, second = await identifying(office), await identifying(office)
    await office.act(first, Reassign, by="antti", to="maija")
    await office.act(second, Reassign, by="antti", to="helena")
    objection = await office.receives(a_form("objection", of=somebody()))
    await office.awaits(objection, "send_reply")
    await office.sends(objection, LetterKind.REPLY)
    await office.reaches(objection, Status.CLOSED)
    waiting = await office.receives(a_form("objection", of=somebody()))
    await office.awaits(waiting, "send_reply")

    overview = await office.client.overview()

    assert overview.open == {"identifying": {"access": 3}, "replying": {"objection": 1}}
    assert overview.overdue == 1
    assert overview.breached == {cause: 1}
    assert overview.load == {"maija": 1, "helena": 1, "nobody": 2}


GAP = re.compile(r"(?:^|[\s:(,])-(?:$|[\s:),])|None|\{|\}|\[|\]")


async def test_the_record_reads_as_sentences_without_gaps(office: Office) -> None:
    person = somebody()
    await office.receives(a_form(of=person))
    office.systems["marketing"].away = True
    number = await office.receives(a_form(of=person, evidence={}, message="again"))
    await office.awaits(number, "verify_identity")
    await office.act(number, AskIdentity, by="maija", doubt="the name differs")
    await office.act(number, RecordAnswer, by="maija", sufficient=False)
    await office.act(number, VerifyIdentity, by="maija")
    await office.awaits(number, "settle_fee")
    await office.act(number, SettleFee, by="antti", choice="charge", reason="a third time")
    await office.act(number, SettleFee, by="antti", choice="waive")
    view = await office.awaits(number, "resolve_system")
    office.systems["marketing"].away = False
    await office.act(
        number, ResolveSystem, by="maija", system="marketing", how="leave-out", reason="retired"
    )
    await office.act(number, Extend, by="helena", months=1, reason="many systems")
    await office.sends(number, LetterKind.EXTENSION)
    await office.archive_answers(number)
    await office.awaits(number, "review")
    withhold = [{"system": "customers", "item": "1", "code": Ground.RIGHTS_OF_OTHERS}]
    await office.act(number, Review, by="maija", withhold=withhold)
    await office.awaits(number, "decide")
    await office.client.decide_without_waiting(number, by="maija", choice="approve")  # type: ignore[arg-type]
    await office.act(number, Decide, by="antti", choice="approve")
    await office.awaits(number, "send_reply")
    await office.act(number, TakeBack, by="antti")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice="partial", ground="rights_of_others")
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)
    await office.act(number, Reopen, by="helena", reason="a register was missing")
    view = await office.awaits(number, "search_by_hand")
    await office.act(number, CompleteTask, by="kalle", task=open_task(view, "search_by_hand"))
    later = await office.receives(a_form("objection", of=person, channel="email"))
    consent = a_form("consent", of=person, channel="email", received_at=back(days=1))
    earlier = await office.receives(consent)
    await office.awaits(later, "send_reply")
    await office.awaits(earlier, "send_reply")

    told = [e for n in (number, later, earlier) for e in await office.client.timeline(n)]

    assert [e.text for e in told if GAP.search(e.text)] == []
    texts = {e.text for e in told}
    assert "fee question settled: charge, 1500 cents" in texts
    assert "fee question settled: waive" in texts
    assert "decided: approve" in texts
    assert "decided: partial, ground rights_of_others" in texts
    assert "address suppressed for marketing" in texts
    assert "a later choice about marketing stands" in texts
    assert any(text.startswith("safe date ") and "suspended" in text for text in texts)
    assert [
        x.state for x in (await office.client.letters(number)) if x.kind is LetterKind.REPLY
    ] == [
        LetterState.WITHDRAWN,
        LetterState.LEFT,
    ]
