"""What is refused, with a mark wherever a caller can put one: the sentence holds none of them."""

import json
import traceback
from collections.abc import Awaitable, Iterator
from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowUpdateFailedError

from schemas import messages as m
from schemas.case import Ground, Status
from schemas.errors import DsrError
from schemas.request import Kind
from schemas.steps import ACCESS_REQUEST, workflow_id
from tests.office import now
from tests.privacy.drive import Canary
from tests.privacy.marks import mark, word
from tests.privacy.requests import a_file, a_file_of, a_person, a_request, chosen

TOO_LONG: Final = 10_001


async def refused(canary: Canary, doing: Awaitable[object]) -> None:
    """It is refused; what the caller reads is kept, as a traceback would show it."""
    try:
        await doing
    except (DsrError, WorkflowUpdateFailedError) as error:
        canary.told.append("".join(traceback.format_exception(error)))
    else:
        raise AssertionError("it was taken")


def documents() -> Iterator[Any]:
    """Requests that intake does not take."""
    form = a_request("access")
    yield form | {mark("unknownkey"): mark("unknownvalue")}
    yield form | {word("unknownkey"): 1}
    yield form | {"subject": form["subject"] | {mark("unknownkey"): 1}}
    for key in ("kind", "channel", "language", "received_at", "scope", "subject", "evidence"):
        yield form | {key: mark("wrongvalue")}
    yield form | {"received_at": (now() + timedelta(days=9)).isoformat()}
    yield form | {"received_at": (now() - timedelta(days=900)).isoformat()}
    yield form | {"received_at": "2026-01-01T09:00:00"}
    yield form | {"scope": [word("scope")]}
    yield form | {"scope": [mark("scope")]}
    yield form | {"message": mark("message") + "\0"}
    yield form | {"message": mark("message") * TOO_LONG}
    yield form | {"attachments": [a_file_of("attachment")] * 11}
    yield form | {"attachments": [a_file_of("attachment") | {"base64": mark("notbase64")}]}
    yield form | {"attachments": [a_file_of("attachment") | {"media_type": mark("mediatype")}]}
    yield form | {"consent": {"given": True, "text_version": mark("textversion"), "means": "web"}}
    yield form | {"kind": "objection", "purposes": [word("purpose")]}
    yield form | {"kind": "objection", "purposes": ["marketing", word("purpose")]}
    yield form | {
        "kind": "correct",
        "corrections": [{"field": mark("field"), "old": mark("old"), "new": mark("new")}],
    }
    for identifier in (
        {"type": "email", "value": f"{word('email')}@@example"},
        {"type": "phone", "value": mark("telephonetext")},
        {"type": word("identifiertype"), "value": mark("identifier")},
        {"type": mark("identifiertype"), "value": mark("identifier")},
        mark("identifier"),
    ):
        yield form | {"subject": form["subject"] | {"identifiers": [identifier]}}
    yield from (mark("document"), f'{{"kind": "{mark("document")}', json.dumps(mark("document")))
    yield [mark("document")]


async def refused_at_intake(canary: Canary) -> None:
    """None of it is taken."""
    for document in documents():
        await refused(canary, canary.office.client.submit(document))
    form = a_request("access", "archive")
    await canary.office.receives(form)
    await refused(canary, canary.office.client.submit(form | {"message": mark("otherbody")}))


async def refused_actions(canary: Canary) -> None:
    """By the message's shape, by the rules, by the case that is not there."""
    office = canary.office
    client = office.client
    number = await office.receives(a_request("access", "customers", "archive"))
    await office.reaches(number, Status.SEARCHING)
    for doing in (
        client.show(mark("casenumber")),
        client.act(mark("casenumber"), m.Note, by="maija", text=mark("note")),
        client.act(number, m.Note, by=mark("account"), text=mark("note")),
        client.act(number, m.Note, by="maija", text=mark("note") * TOO_LONG),
        client.act(number, m.Note, by="maija", id=mark("identity"), text="x"),  # type: ignore[arg-type]
        client.act(number, m.Reassign, by="maija", to=mark("account")),
        client.act(number, m.VerifyIdentity, by="maija", how=mark("how")),
        client.act(number, m.VerifyIdentity, by="maija", how=word("how")),
        client.act(number, m.Decide, by="maija", choice=m.Choice.APPROVE, reason=mark("reason")),
        client.act(number, m.Decide, by="helena", choice=mark("choice")),
        client.act(number, m.Decide, by="helena", choice="refuse", ground=mark("ground")),
        client.act(number, m.Extend, by="maija", months=2, reason=mark("reason")),
        client.act(number, m.Extend, by="helena", months=mark("months"), reason=mark("reason")),
        client.act(number, m.RecordAnswer, by="maija", text=mark("answer")),
        client.act(number, m.RecordAnswer, by="maija", to=mark("to"), text=mark("answer")),
        client.act(number, m.SettleFee, by="antti", choice="charge", reason=mark("reason")),
        client.act(number, m.TakeBack, by="antti", reason=mark("reason")),
        client.act(number, m.Reopen, by="helena", reason=mark("reason")),
        client.act(number, m.CloseAs, by="maija", ending=mark("ending")),
        client.reclassify(number, to=Kind.ACCESS, by="maija", reason=mark("reason")),
        client.reclassify(
            number, to=Kind.OBJECTION, by="maija", reason=mark("reason"),
            parts={"purposes": [mark("purpose")]},
        ),
        client.act(number, m.CloseAs, by="maija", ending="merged", into=mark("into")),
        client.act(
            number, m.ResolveSystem, by="maija", system=mark("system"), how="retry",
            reason=mark("reason"),
        ),
        client.act(
            number, m.ResolveSystem, by="maija", system="customers", how="retry",
            reason=mark("reason"),
        ),
        client.complete_task(
            number, mark("task"), by="maija", file=a_file("unwanted"), note=mark("note")
        ),
        client.letter(number, mark("letter"), by="maija"),
        client.package(number, by="maija"),
    ):  # fmt: skip
        await refused(canary, doing)
    await refused_reviews(canary, number)
    await malformed_updates(canary, number)


async def refused_reviews(canary: Canary, number: str) -> None:
    """Items and systems that are not there."""
    office = canary.office
    await canary.answer_archive(number)
    await office.awaits(number, "review")
    for system, item in ((mark("system"), "1"), ("customers", mark("item"))):
        withheld = m.Withheld(system=system, item=item, code=Ground.RIGHTS_OF_OTHERS)
        await refused(canary, office.act(number, m.Review, by="maija", withhold=(withheld,)))


async def malformed_updates(canary: Canary, number: str) -> None:
    """As a program sends them that does not use the client."""
    handle = await canary.office.handle(number)
    for payload in ({"id": mark("update"), "text": mark("update")}, mark("update"), [1]):
        await refused(canary, handle.execute_update("note", payload))
        await refused(canary, handle.execute_update("decide", payload))


async def refused_choices(canary: Canary) -> None:
    """The file of a doubtful match is not what it should be."""
    office = canary.office
    number = await office.receives(a_request("access", "doubtful", of=a_person()))
    view = await office.awaits(number, "choose_match")
    task = next(a.task for a in view.awaiting if a.what == "choose_match")
    await refused(
        canary, office.client.complete_task(number, task, by="maija", file=a_file("choice"))
    )
    await refused(
        canary, office.client.complete_task(number, task, by="kalle", file=chosen(mark("item")))
    )


async def a_run_that_cannot_begin(canary: Canary) -> None:
    """Its argument is malformed, as no client of ours sends it."""
    receipt = await canary.office.submits(a_request("access", "archive"))
    handle = await canary.office.temporal.start_workflow(
        ACCESS_REQUEST, {"case": mark("start"), "number": mark("start")},
        id=workflow_id(Kind.ACCESS, receipt.case, run=2), task_queue=canary.office.queue,
    )  # fmt: skip
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.HasField("workflow_task_failed_event_attributes"):
            break
    await handle.terminate()


REFUSALS: Final = {
    "a run that cannot begin": a_run_that_cannot_begin,
    "refused at intake": refused_at_intake,
    "refused actions": refused_actions,
    "refused choices": refused_choices,
}
