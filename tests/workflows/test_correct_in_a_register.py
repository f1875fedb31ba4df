"""Corrections in a real PostgreSQL register: found, restricted, changed, and found again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from connectors.contract import Corrected, SystemUnreachable
from connectors.declared import Restriction
from connectors.sql.connector import SqlConnector
from schemas.case import LetterKind, Outcome, Status, SystemOutcome
from schemas.messages import Choice, Decide, Withdraw
from tests.connectors.small import connector, small
from tests.fakes import FakeSystems
from tests.office import AINO, Office, a_form, an_office
from tests.postgres import Server

SQL = """
create table c (id int primary key, name text, email text, restricted bool not null default false);
create table o (id int primary key, c_id int references c, mail text);
insert into c values (1, 'Aino Virtanen', 'Aino.Virtanen@example.fi'),
                     (2, 'Aino Virtanen', 'another@example.fi');
insert into o values (10, 1, 'aino.virtanen@example.fi'), (11, 1, 'office@example.fi'),
                     (20, 2, 'another@example.fi');
"""
TABLES = {
    "c": {"id": "key", "name": "name", "email": "email user.contact.email", "restricted": ""},
    "o": {"id": "key", "c_id": "<- c.id", "mail": "user.contact.email"},
}  # fmt: skip
MARKS = (Restriction(table="c", set={"restricted": True}, lift={"restricted": False}),)
EMAIL = {
    "field": "user.contact.email", "old": "aino.virtanen@example.fi", "new": "aino@new.example"
}  # fmt: skip
NAME = {"field": "user.name", "old": "Aino Virtanen", "new": "Elli Korhonen"}


@dataclass
class Register:
    """The database of this test, its connector, and the office over it."""

    office: Office
    system: SqlConnector
    conn: "asyncpg.Connection[asyncpg.Record]"

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What stands there."""
        return [tuple(row) for row in await self.conn.fetch(sql)]

    async def contested(self, *corrections: dict[str, str]) -> str:
        """A correction that waits for the handler."""
        number = await self.office.receives(
            a_form("correct", of=AINO, corrections=list(corrections))
        )
        await self.office.awaits(number, "decide")
        return number


@pytest.fixture
async def register(
    temporal: WorkflowEnvironment, engine: AsyncEngine, tmp_path: Path, letters: Letters,
    postgres: Server,
) -> AsyncIterator[Register]:  # fmt: skip
    name = await postgres.create("template0")
    conn = await asyncpg.connect(postgres.url(name))
    await conn.execute(SQL)
    manifest = small(TABLES)
    marked = manifest.facts.model_copy(update={"restricts": True})
    manifest = manifest.model_copy(update={"restrict": MARKS, "facts": marked})
    system = connector(manifest, postgres.url(name))
    systems = FakeSystems(system)  # type: ignore[arg-type]
    async with an_office(temporal, engine, tmp_path, systems, letters=letters) as office:
        yield Register(office, system, conn)
    await system.close()
    await conn.close()
    await postgres.drop(name)


async def approved(register: Register, number: str) -> str:
    """The reply, as it leaves."""
    office = register.office
    await office.act(number, Decide, by="maija", choice=Choice.APPROVE)
    await office.awaits(number, "send_reply")
    letter = (await office.client.show(number)).letters[-1]
    return (await office.client.letter(number, letter.id, by="maija")).decode()


async def test_the_persons_rows_are_restricted_until_the_person_is_told_and_nobody_elses(
    register: Register,
):
    """Art. 16, 18(1)(a), 18(3): under the new name and address it finds them still."""
    number = await register.contested(NAME, {"field": "c.email"} | {"new": EMAIL["new"]})
    assert await register.rows("select id, restricted from c order by id") == [
        (1, True), (2, False)
    ]  # fmt: skip

    text = await approved(register, number)

    view = await register.office.reaches(number, Status.CLOSED)
    assert await register.rows("select * from c order by id") == [
        (1, "Elli Korhonen", "aino@new.example", False),
        (2, "Aino Virtanen", "another@example.fi", False),
    ]
    for words in ("Aino Virtanen", "Elli Korhonen", "Aino.Virtanen@example.fi", "aino@new.example"):
        assert words in text
    assert view.outcome is Outcome.FULFILLED


async def test_a_third_value_in_one_row_is_left_while_the_others_are_corrected(register: Register):
    number = await register.contested(EMAIL)

    text = await approved(register, number)

    assert await register.rows("select mail from o order by id") == [
        ("aino@new.example",), ("office@example.fi",), ("another@example.fi",)
    ]  # fmt: skip
    assert "office@example.fi" in text
    view = await register.office.reaches(number, Status.FOLLOWING_UP)
    assert view.outcome is Outcome.PARTIAL
    assert [(s.outcome, s.records) for s in view.systems] == [(SystemOutcome.PENDING, 2)]


async def test_a_commit_whose_answer_is_lost_is_met_again_by_its_rows_and_told_as_changed(
    register: Register, monkeypatch: pytest.MonkeyPatch
):
    """Name and address that found the person are gone by then."""
    correct, lost = register.system.correct, []

    async def correct_and_lose_the_answer(*given: Any) -> Corrected:
        done = await correct(*given)
        if not lost:
            lost.append(done)
            raise SystemUnreachable("small went away")
        return done

    monkeypatch.setattr(register.system, "correct", correct_and_lose_the_answer)
    await register.conn.execute("delete from o where id = 11")
    number = await register.contested(NAME, EMAIL)

    text = await approved(register, number)

    assert len(lost) == 1
    view = await register.office.reaches(number, Status.CLOSED)
    assert view.outcome is Outcome.FULFILLED
    assert [(s.outcome, s.records) for s in view.systems] == [(SystemOutcome.CORRECTED, 3)]
    assert await register.rows("select name, restricted from c where id = 1") == [
        ("Elli Korhonen", False)
    ]
    assert "Aino Virtanen" in text.split("<table>")[1]


async def test_a_value_that_changed_between_the_look_and_the_decision_is_not_overwritten(
    register: Register,
):
    """The optimistic check is made in the register's own transaction."""
    number = await register.contested(EMAIL | {"field": "c.email"})
    await register.conn.execute("update c set email = 'third@example.fi' where id = 1")

    await approved(register, number)

    assert await register.rows("select email from c where id = 1") == [("third@example.fi",)]
    assert (await register.office.awaits(number, "correction_differs")).outcome is Outcome.PARTIAL


async def test_a_withdrawn_correction_leaves_the_register_as_it_was(register: Register):
    before = await register.rows("select * from c order by id")
    number = await register.contested(EMAIL)

    await register.office.act(number, Withdraw, by="maija")

    await register.office.reaches(number, Status.CLOSED)
    assert await register.rows("select * from c order by id") == before
    await register.office.sends(number, LetterKind.CONFIRMATION)
