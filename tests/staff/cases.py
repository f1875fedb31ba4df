"""Cases at a status, and what is written when somebody acts on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select

from schemas.case import CaseView, LetterKind, Status
from schemas.errors import DsrError, RefusedByRule
from schemas.messages import (
    AnswerFee,
    AskClarification,
    AskIdentity,
    Choice,
    CloseAs,
    CompleteTask,
    CorrectReceipt,
    Decide,
    Extend,
    Note,
    Reassign,
    Reclassify,
    RecordAnswer,
    Reopen,
    ResolveSystem,
    Review,
    SecondDecision,
    SettleFee,
    StaffAction,
    TakeBack,
    VerifyIdentity,
    Withdraw,
)
from storage import tables as t
from tests.office import Office, a_form, now

_PEOPLE = count(1)

WORDS: dict[type[StaffAction], dict[str, Any]] = {
    VerifyIdentity: {},
    AskIdentity: {"doubt": "the name differs"},
    AskClarification: {"question": "which years?"},
    RecordAnswer: {},
    SettleFee: {"choice": "waive"},
    AnswerFee: {"choice": "accept"},
    Review: {},
    Decide: {"choice": "approve"},
    SecondDecision: {"choice": "approve"},
    TakeBack: {},
    Extend: {"months": 1, "reason": "many systems"},
    CompleteTask: {"task": "2026-0001-1"},
    ResolveSystem: {"system": "marketing", "how": "retry", "reason": "it is back"},
    Withdraw: {},
    CloseAs: {"ending": "misdirected"},
    Reassign: {"to": "maija"},
    Reclassify: {"to": "delete", "reason": "it says erase"},
    CorrectReceipt: {"received_at": now(), "reason": "stamped late"},
    Reopen: {"reason": "a register was missing"},
    Note: {"text": "called back"},
}
"""Every action with words that are well formed."""


def somebody() -> dict[str, Any]:
    """A person whom no other test knows."""
    n = next(_PEOPLE)
    return {
        "name": f"Person {n}",
        "identifiers": [{"type": "customer_number", "value": f"{n}"}],
    }


async def identifying(office: Office, **form: Any) -> str:
    """A case that waits for somebody to verify the identity."""
    number = await office.receives(a_form(of=somebody(), evidence={}, **form))
    await office.awaits(number, "verify_identity")
    return number


async def reviewing(office: Office) -> str:
    """A case whose findings wait for a handler."""
    number = await office.receives(a_form(of=somebody()))
    await office.archive_answers(number)
    await office.awaits(number, "review")
    return number


async def deciding(office: Office) -> str:
    """A case that waits for the approver."""
    number = await reviewing(office)
    await office.act(number, Review, by="maija")
    await office.awaits(number, "decide")
    return number


async def replying(office: Office) -> str:
    """A case whose reply waits to be fetched."""
    number = await deciding(office)
    await office.act(number, Decide, by="antti", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    return number


async def closed(office: Office) -> str:
    """A case that was answered."""
    number = await replying(office)
    await office.sends(number, LetterKind.REPLY)
    await office.reaches(number, Status.CLOSED)
    return number


async def refuses(
    office: Office, number: str, action: type[StaffAction], by: str,
    error: type[DsrError] = RefusedByRule, **fields: Any,
) -> str:  # fmt: skip
    """The sentence with which an action is refused."""
    with pytest.raises(error) as refused:
        await office.act(number, action, by=by, **fields)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert len(sentence) < 300
    return sentence


async def events(office: Office, number: str) -> list[str]:
    """What the record has, in order."""
    return [entry.event for entry in await office.client.timeline(number)]


async def written(office: Office, number: str) -> dict[str, int]:
    """How much history, record and case file a case has."""
    case = await office.client._case(number)
    history = await (await office.handle(number)).fetch_history()
    async with office.case_file.engine.connect() as conn:
        rows = {
            table.name: await conn.scalar(select(func.count()).where(table.c.case_id == case)) or 0
            for table in (t.audit, t.sealed, t.tasks, t.decisions, t.letters, t.pauses, t.steps)
        }
    return rows | {"events": len(history.events)}


@asynccontextmanager
async def nothing_is_written(office: Office, number: str) -> AsyncIterator[None]:
    """Neither an event nor an entry, nor a row, nor a revision."""
    await office.rests(number)
    before = await office.client.show(number), await written(office, number)
    yield
    assert (await office.client.show(number), await written(office, number)) == before


def open_task(view: CaseView, what: str) -> str:
    """The id of an open task."""
    return next(awaited.task for awaited in view.awaiting if awaited.what == what)
