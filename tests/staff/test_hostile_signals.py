"""Nothing that a caller sends can leave a run stuck, or make it believe what did not happen."""

from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from schemas.case import CaseView, ExtensionState, LetterKind, Status
from schemas.messages import Choice, Decide, Extend, LetterLeft, Note, Reopen, Review
from tests.office import Office, now
from tests.staff.cases import closed, deciding, events, replying


def a_decision(**by: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "by": {"account": "x", "person": "x"} | by, "choice": "approve"}


def a_leaving(**said: Any) -> dict[str, Any]:
    return {"letter": "L9", "kind": "reply", "at": "2026-11-28T00:00:00Z", "by": "x"} | said


def raw(encoding: bytes, **metadata: bytes) -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding, **metadata}, data=b"\x00x"))


HOSTILE = {
    "bytes": raw(b"binary/plain"),
    "another encoding": raw(b"json/other"),
    "a NUL in an account": a_decision(account="a\0b", roles=["dpo"]),
    "a NUL in a role": a_decision(roles=["\0"]),
    "a long account": a_decision(account="a" * 300_000),
    "roles beyond number": a_decision(roles=["dpo"] * 51),
    "a NUL in a letter": a_leaving(letter="L\0"),
    "a long letter": a_leaving(letter="L" * 300_000),
    "a time before years": a_leaving(at="0001-01-01T00:00:00Z"),
}


async def test_no_signal_keeps_a_decision_from_being_taken(office: Office) -> None:
    number = await deciding(office)
    handle = await office.outsider(number)
    for message in HOSTILE.values():
        for signal in ("decision", "letter_left", "no_such_signal"):
            await handle.signal(signal, message)

    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)

    await office.awaits(number, "send_reply")


def reply_of(view: CaseView) -> str:
    return next(x.id for x in view.letters if x.kind is LetterKind.REPLY)


@pytest.mark.parametrize("letter", ["L9", None], ids=["of no such letter", "of the reply"])
async def test_a_reply_that_was_not_fetched_has_not_left_whatever_a_signal_says(
    office: Office, letter: str | None
) -> None:
    """Art. 12(3): the clock stops when the reply has left, and not before."""
    number = await replying(office)
    name = letter or reply_of(await office.client.show(number))

    await (await office.outsider(number)).signal("letter_left", a_leaving(letter=name))
    await office.act(number, Note, by="maija", text="after it")

    view = await office.client.show(number)
    assert (view.status, view.clock.replied_at) == (Status.REPLYING, None)
    assert "signal_ignored" in await events(office, number)
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)


async def test_a_notice_that_was_not_fetched_extends_nothing(office: Office) -> None:
    """Art. 12(3): valid only if the subject is told."""
    number = await deciding(office)
    view = await office.act(number, Extend, by="helena", months=1, reason="many systems")
    notice = next(x for x in view.letters if x.kind is LetterKind.EXTENSION)

    left = a_leaving(letter=notice.id, kind="extension", at=now().isoformat())
    await (await office.outsider(number)).signal("letter_left", left)
    view = await office.act(number, Note, by="maija", text="after it")

    assert view.clock.extension is not None
    assert view.clock.extension.state is ExtensionState.DECIDED


async def test_the_leaving_of_an_earlier_reply_is_not_that_of_the_next(office: Office) -> None:
    """After a complaint the second reply is due, though the first one left."""
    number = await closed(office)
    view = await office.client.show(number)
    first = next(x for x in view.letters if x.kind is LetterKind.REPLY and x.left_at)
    await office.act(number, Reopen, by="helena", reason="a register was missing")
    await office.archive_answers(number)
    await office.awaits(number, "review")
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")

    left = LetterLeft(letter=first.id, kind=first.kind, at=first.left_at, by="maija")
    await (await office.handle(number)).signal("letter_left", left)
    view = await office.act(number, Note, by="maija", text="after it")

    assert view.status is Status.REPLYING
