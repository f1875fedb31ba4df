"""Access, Art. 15: from receipt to close."""

from schemas.case import LetterKind, Outcome, Status
from schemas.messages import Choice, Decide, Review
from tests.office import Office, a_form


async def test_an_access_request_is_searched_reviewed_decided_replied_and_closed(office: Office):
    number = await office.receives(a_form())
    await office.archive_answers(number)
    await office.reaches(number, Status.REVIEWING)
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    view = await office.reaches(number, Status.REPLYING)
    assert view.clock.replied_at is None

    await office.client.package(number, by="maija")

    view = await office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.FULFILLED
    assert view.clock.replied_at is not None
    assert [x.kind for x in view.letters] == [LetterKind.ACKNOWLEDGEMENT, LetterKind.REPLY]
    assert await office.client.status(number) == view
