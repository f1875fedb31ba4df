"""Records that could be another person's: somebody says whose they are before they are planned."""

import json
from base64 import b64encode

from connectors.contract import Found
from schemas.case import LetterKind, Outcome, Status, SystemOutcome
from schemas.request import Attachment
from tests.fakes import a_row
from tests.office import Office, a_form
from tests.workflows.test_delete import approved_by_two
from tests.workflows.test_delete_later import HERE


async def asked_whose(office: Office) -> str:
    """A deletion in a register with a record that is the person's, and two that could be."""
    customers = office.systems["customers"]
    customers.holds = Found(rows=(a_row("1"),), doubtful=(a_row("2"), a_row("3")))
    number = await office.receives(a_form("delete", scope=HERE))
    await office.awaits(number, "choose_match")
    return number


async def chooses(office: Office, number: str, *items: str) -> None:
    """Maija has looked."""
    view = await office.awaits(number, "choose_match")
    task = next(a.task for a in view.awaiting if a.what == "choose_match")
    content = b64encode(json.dumps({"belongs": items}).encode())
    file = Attachment(name="c.json", media_type="application/json", base64=content)
    await office.client.complete_task(number, task, by="maija", file=file)


async def erased(office: Office, number: str) -> str:
    """Two people approve, and the reply leaves: its page."""
    await office.awaits(number, "decide")
    await approved_by_two(office, number)
    view = await office.awaits(number, "send_reply")
    assert [s.outcome for s in view.systems] == [SystemOutcome.ERASED]
    letter = next(x for x in view.letters if x.kind is LetterKind.REPLY)
    page = (await office.client.letter(number, letter.id, by="maija")).decode()
    assert (await office.reaches(number, Status.CLOSED)).outcome is Outcome.FULFILLED
    return page


async def test_what_a_person_has_chosen_is_planned_and_erased_and_the_rest_is_left_and_told(
    office: Office,
):
    number = await asked_whose(office)
    view = await office.client.show(number)
    assert (view.status, view.plan) == (Status.SEARCHING, None)
    assert set(await office.client.found(number, by="maija")) == {"customers"}

    await chooses(office, number, "2")
    page = await erased(office, number)

    holds = office.systems["customers"].holds
    assert (holds.rows, [row.item for row in holds.doubtful]) == ((), ["3"])
    assert office.desk.letters.texts("fi").phrases["delete"]["doubtful"] in page


async def test_where_nobody_is_chosen_the_doubtful_ones_are_left(office: Office):
    number = await asked_whose(office)

    await chooses(office, number)
    await erased(office, number)

    assert len(office.systems["customers"].holds.doubtful) == 2


async def test_what_a_person_has_not_seen_yet_is_asked_anew(office: Office):
    """It came while the task was open: nothing is erased by a guess."""
    number = await asked_whose(office)
    customers = office.systems["customers"]
    more = (*customers.holds.doubtful, a_row("4"))
    customers.holds = customers.holds.model_copy(update={"doubtful": more})

    await chooses(office, number, "2")

    await office.awaits(number, "choose_match")
    await chooses(office, number, "2", "4")
    await erased(office, number)
    assert [row.item for row in customers.holds.doubtful] == ["3"]
