"""Handing letters over: the first fetch is the leaving, and only that stops the clock."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import RowMapping, Uuid, bindparam, select, update

from activities.runs import Runs
from schemas.case import LetterKind, LetterState
from schemas.errors import BadInput, RefusedByRule
from schemas.events import Event
from schemas.messages import LetterLeft
from storage import tables as t
from storage.case_file import CaseFile
from storage.case_step import CaseStep

_CASE: Final = bindparam("case", type_=Uuid)
_NEWEST_PACKAGE: Final = (
    select(t.letters.c.id)
    .where(t.letters.c.case_id == _CASE, t.letters.c.has_package)
    .where(t.letters.c.state != LetterState.WITHDRAWN)
    .order_by(t.letters.c.written_at.desc())
    .limit(1)
)
_LETTERS: Final = select(t.letters).where(t.letters.c.case_id == _CASE)
_LEFT: Final = (
    update(t.letters)
    .where(t.letters.c.case_id == _CASE, t.letters.c.id == bindparam("letter"))
    .values(state=LetterState.LEFT, left_at=bindparam("at"), left_by=bindparam("by"))
)


class Outbox:
    """The letters of cases, as the one who sends them sees them."""

    def __init__(self, case_file: CaseFile, runs: Runs) -> None:
        self._case_file = case_file
        self._runs = runs

    async def letter(self, case: UUID, letter: str, by: str, at: datetime) -> bytes:
        """One letter's HTML. The first fetch is its leaving."""
        return await self._hand_over(case, letter, f"letter:{letter}", by, at)

    async def package(self, case: UUID, by: str, at: datetime) -> bytes:
        """The newest package (a ZIP), with the letter that it belongs to."""
        async with self._case_file.reading.connect() as conn:
            letter = await conn.scalar(_NEWEST_PACKAGE, {"case": case})
        if letter is None:
            raise RefusedByRule("There is no package yet: it is compiled after the decision.")
        return await self._hand_over(case, letter, f"package:{letter}", by, at)

    async def _hand_over(self, case: UUID, letter: str, part: str, by: str, at: datetime) -> bytes:
        async with self._case_file.step(case, f"fetch:{uuid4()}", at, by) as step:
            row = await _letter(step, letter)
            first = row["state"] == LetterState.READY
            if first:
                await _leave(step, letter, by, at)
            event = Event.LETTER_LEFT if first else Event.LETTER_FETCHED
            step.record(event, letter=letter, kind=row["kind"], part=part.split(":")[0])
            content = await step.unseal(part)
            if content is None:
                raise RefusedByRule(f"Letter {letter} of {step.row['number']} has no such part.")
        if first:
            left = LetterLeft(letter=letter, kind=LetterKind(row["kind"]), at=at, by=by)
            await self._runs.tell_letter(step.row, left)
        return content


async def _letter(step: CaseStep, letter: str) -> RowMapping:
    letters = await step.conn.execute(_LETTERS, {"case": step.case})
    row = next((row for row in letters.mappings() if row["id"] == letter), None)
    number = step.row["number"]
    if row is None:
        raise BadInput(f"{number} has no such letter. See: dsr letters {number}")
    if row["state"] == LetterState.WITHDRAWN:
        raise RefusedByRule(f"Letter {letter} of {number} was withdrawn before it left.")
    return row


async def _leave(step: CaseStep, letter: str, by: str, at: datetime) -> None:
    left = {"case": step.case, "letter": letter, "at": at, "by": by}
    await step.conn.execute(_LEFT, left)
