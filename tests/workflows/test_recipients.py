"""Recipients that have to be told (Art. 19): listed, reminded, escalated, closed by a person."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from activities.sweeps import SweepActivities
from connectors.contract import Found
from schemas.case import LetterKind, Outcome, Status
from schemas.errors import BadInput, RefusedByRule
from schemas.messages import Choice, Decide, NotTold, ResolveSystem, SystemResolution
from schemas.recipients import RecipientLine, RecipientState
from schemas.steps import SweepInput, SweepReport
from storage.recipients import OVERDUE
from tests.fakes import FakeSystem, FakeSystems, a_row, facts
from tests.office import A_CORRECTION, POLICY, Office, a_form, an_office

EXPERT = {"name": "Koulutus Oy", "relation": "expert", "country": "FI"}
LONG = POLICY.recipients.escalate_after + timedelta(hours=1)


@pytest.fixture
async def office(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters
) -> AsyncIterator[Office]:
    """A register of our own, and an expert whom a handler tells."""
    customers = FakeSystem(
        facts("customers", restricts=True),
        holds=Found(rows=(a_row(email=A_CORRECTION["old"]),)),
    )
    expert = FakeSystem(facts("expert", reach="manual", recipient=EXPERT))
    systems = FakeSystems(customers, expert)
    async with an_office(temporal, engine, tmp_path, systems, letters=letters) as office:
        yield office


async def replied(office: Office) -> str:
    """A correction whose reply has left while the expert owes an answer."""
    number = await office.receives(a_form("correct"))
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.FOLLOWING_UP)
    return number


async def the_line(office: Office, number: str) -> RecipientLine:
    (line,) = (await office.client.recipients(number)).recipients
    return line


async def swept(office: Office, later: timedelta) -> SweepReport:
    """The hourly sweep of a worker that knows nothing but the rows, so much later."""
    sweeps = SweepActivities(office.desk, office.runs, office.secrets.signer, Path("unused"))
    return await sweeps.deadlines(SweepInput(at=office.client.now() + later))


async def dpos(office: Office, number: str) -> list[str]:
    """What the case waits for from the DPO."""
    return [a.what for a in (await office.client.show(number)).awaiting if a.role == "dpo"]


async def letter_text(office: Office, number: str, letter: str) -> str:
    return (await office.client.letter(number, letter, by="maija")).decode()


async def test_the_ledger_tells_recipient_duty_state_and_since_when(office: Office):
    number = await office.receives(a_form("correct"))
    await office.awaits(number, "decide")
    assert (await the_line(office, number)).state is RecipientState.NOT_TOLD

    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")

    line = await the_line(office, number)
    assert (line.recipient.name, line.recipient.relation, line.recipient.country) == (
        "Koulutus Oy", "expert", "FI",
    )  # fmt: skip
    assert (line.duty, line.state, line.reminders) == ("correct", RecipientState.NOTIFIED, 0)
    assert line.told_at == line.since


async def test_the_reply_tells_who_was_told_and_with_what_result_so_far(office: Office):
    number = await office.receives(a_form("correct"))
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    view = await office.awaits(number, "send_reply")

    text = await letter_text(office, number, view.letters[-1].id)

    assert "Koulutus Oy (ulkopuolinen asiantuntija, Suomi)" in text
    assert "ilmoitettu, ei ole vielä vastannut" in text


async def test_a_recipient_that_is_silent_after_the_reply_is_reminded_of_and_told_to_the_dpo_once(
    office: Office,
):
    number = await replied(office)
    await office.stops_work()  # rows and sweep alone do it

    assert (await swept(office, LONG - timedelta(hours=2))).overdue == 0
    assert await dpos(office, number) == []
    reports = [await swept(office, LONG), await swept(office, LONG)]

    assert [report.overdue for report in reports] == [1, 0]
    assert await dpos(office, number) == [OVERDUE]
    line = await the_line(office, number)
    assert line.reminders == 1  # a second one is due three days later
    assert line.escalated_at is not None
    assert (await swept(office, LONG * 2)).overdue == 1


async def test_a_confirmed_notice_is_no_answer_and_is_followed_up_on(office: Office):
    number = await replied(office)

    id = uuid4()
    for _ in range(2):
        await office.client.acknowledge(number, "expert", by="maija", id=id)

    assert (await the_line(office, number)).state is RecipientState.ACKNOWLEDGED
    events = [entry.event for entry in await office.client.timeline(number)]
    assert events.count("recipient_acknowledged") == 1
    assert (await swept(office, LONG)).overdue == 1


async def test_only_a_recipient_that_was_told_can_confirm_it(office: Office):
    number = await office.receives(a_form("correct"))
    await office.awaits(number, "decide")

    with pytest.raises(RefusedByRule, match="was not told"):
        await office.client.acknowledge(number, "expert", by="maija")
    with pytest.raises(BadInput, match="has: expert"):
        await office.client.acknowledge(number, "customers", by="maija")
    with pytest.raises(RefusedByRule, match="a handler or the dpo"):
        await office.client.acknowledge(number, "expert", by="kalle")


async def test_a_person_closes_a_duty_with_a_reason_and_the_case_ends(office: Office):
    """Art. 19: unless this proves impossible, or involves disproportionate effort."""
    number = await replied(office)
    await swept(office, LONG)

    await office.act(
        number, ResolveSystem, by="helena", system="expert", how=SystemResolution.LEAVE_OUT,
        because=NotTold.IMPOSSIBLE, reason="the company does not exist any more",
    )  # fmt: skip

    line = await the_line(office, number)
    assert line.state is RecipientState.IMPOSSIBLE
    assert line.reason == "impossible to tell, Art. 19; a person's reason is on file"
    await swept(office, LONG)
    assert await dpos(office, number) == []
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.PARTIAL


async def test_impossible_is_said_only_of_what_is_left_out(office: Office):
    number = await replied(office)

    with pytest.raises(RefusedByRule, match="belongs to leave-out"):
        await office.act(
            number, ResolveSystem, by="maija", system="expert", how=SystemResolution.RETRY,
            because=NotTold.IMPOSSIBLE, reason="-",
        )  # fmt: skip


async def test_the_subject_gets_the_list_as_a_letter_also_after_the_case_is_closed(office: Office):
    number = await replied(office)
    view = await office.client.show(number)
    task = next(a.task for a in view.awaiting if a.system == "expert")
    await office.client.complete_task(number, task, by="maija", records=1)
    await office.awaits(number, "send_reply")
    await office.sends(number, LetterKind.SUPPLEMENT)
    await office.reaches(number, Status.CLOSED)
    id = uuid4()

    letter = await office.client.write_recipients(number, by="maija", id=id)
    assert await office.client.write_recipients(number, by="maija", id=id) == letter

    text = await letter_text(office, number, letter)
    assert "<td>oikaisu</td><td>tehty</td>" in text
    assert (await office.client.letters(number))[-1].kind is LetterKind.RECIPIENTS
    assert (await office.client.show(number)).status is Status.CLOSED
    with pytest.raises(RefusedByRule, match="handler or the dpo"):
        await office.client.write_recipients(number, by="kalle")


async def test_an_access_request_tells_no_recipient_anything(office: Office):
    number = await office.receives(a_form())
    await office.sees(number, lambda view: view.systems)

    assert (await office.client.recipients(number)).recipients == ()
