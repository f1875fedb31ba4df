"""The chain of a case: append-only, hashed over the entry before, its head signed."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.events import Event, Fact, Scalar
from storage.audit import (
    HASHED,
    START,
    Audit,
    ChainBroken,
    canonical,
    entries,
    entry_hash,
    head_is_signed,
)
from storage.secrets import Secrets
from storage.tables import audit, audit_heads
from tests.storage.conftest import AT, Desk


async def _stored(engine: AsyncEngine) -> list[dict[str, Any]]:
    async with engine.connect() as conn:
        query = select(audit).order_by(audit.c.case_id, audit.c.seq)
        return [dict(row) for row in (await conn.execute(query)).mappings()]


async def test_each_entry_is_hashed_over_the_one_before(engine: AsyncEngine, desk: Desk) -> None:
    case_id = await desk.opens("2027-0001", facts=2)
    await desk.records(case_id, 2)
    rows = await _stored(engine)
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert [row["previous"] for row in rows] == [START, *(row["hash"] for row in rows[:-1])]
    assert all(row["hash"] == entry_hash(row["previous"], row) for row in rows)


async def test_the_head_is_the_last_entry_and_signed(engine: AsyncEngine, desk: Desk) -> None:
    await desk.opens("2027-0001", facts=3)
    async with engine.connect() as conn:
        head = (await conn.execute(select(audit_heads))).one()
    assert (head.seq, head.hash) == (3, (await _stored(engine))[-1]["hash"])
    assert head_is_signed(head, desk.signer.public)


def test_the_hash_covers_every_stored_column() -> None:
    assert {*HASHED, "previous", "hash"} == set(audit.c.keys())


@pytest.mark.parametrize("column", [*HASHED, "previous"])
async def test_a_change_of_any_column_changes_the_hash(
    engine: AsyncEngine, desk: Desk, column: str
) -> None:
    await desk.opens("2027-0001", facts=1)
    [row] = await _stored(engine)
    changes: dict[str, Any] = {
        "case_id": uuid4(),
        "seq": 2,
        "at": AT + timedelta(microseconds=1),
        "recorded_at": AT,
        "facts": {**row["facts"], "records": 7},
        "step_key": None,
        "previous": b"\1" * 32,
    }
    changed = {**row, column: changes.get(column, "other")}
    assert entry_hash(changed["previous"], changed) != row["hash"]


@pytest.mark.parametrize(
    "value",
    ['ä\u2028"\\', "", 0, -1, 2**60, 1e22, 2.0, 0.1, 1e-9, -0.0, 12.345678901234567, True, None],
)
async def test_facts_come_back_from_the_database_with_the_same_hash(
    engine: AsyncEngine, secrets: Secrets, value: Scalar
) -> None:
    fact = Fact(event=Event.NOTED, facts={"z": value, "a": 1})
    async with engine.begin() as conn:
        await Audit(secrets.signer).append(
            conn, uuid4(), [fact], at=AT, actor="engine", policy_version="p1"
        )
    [row] = await _stored(engine)
    assert row["hash"] == entry_hash(row["previous"], row)


def test_one_value_has_one_text_whatever_the_zone_of_its_instant() -> None:
    there = AT.astimezone(tz=None)
    assert canonical({"b": there, "a": 1}) == canonical({"a": 1.0, "b": AT})


async def test_business_time_and_recorded_time_are_both_kept(
    engine: AsyncEngine, secrets: Secrets
) -> None:
    case_id = uuid4()
    long_ago = AT - timedelta(days=3650)
    facts = [Fact(event=Event.NOTED), Fact(event=Event.CLOSED, facts={"outcome": "fulfilled"})]
    async with engine.begin() as conn:
        before = await conn.scalar(text("select clock_timestamp()"))
        added = await Audit(secrets.signer).append(
            conn, case_id, facts, at=long_ago, actor="maija", policy_version="p1"
        )
        after = await conn.scalar(text("select clock_timestamp()"))
        read = await entries(conn, case_id)
    assert added == read
    assert [(e.at, e.actor, e.event, e.text) for e in read] == [
        (long_ago, "maija", "noted", "note filed"),
        (long_ago, "maija", "closed", "closed: fulfilled"),
    ]
    assert all(before <= e.recorded_at <= after for e in read)


async def test_what_is_rolled_back_was_never_recorded(
    engine: AsyncEngine, desk: Desk, secrets: Secrets
) -> None:
    case_id = await desk.opens("2027-0001", facts=1)
    async with engine.connect() as conn:
        await Audit(secrets.signer).append(
            conn, case_id, [Fact(event=Event.NOTED)], at=AT, actor="a", policy_version="p"
        )
        await conn.rollback()
    await desk.records(case_id)
    assert [row["seq"] for row in await _stored(engine)] == [1, 2]


async def test_no_facts_leave_no_trace(engine: AsyncEngine, secrets: Secrets) -> None:
    async with engine.begin() as conn:
        added = await Audit(secrets.signer).append(
            conn, uuid4(), [], at=AT, actor="engine", policy_version="p1"
        )
    assert added == []
    assert await _stored(engine) == []


async def test_nothing_is_added_behind_a_head_that_the_engine_did_not_sign(desk: Desk) -> None:
    """Otherwise the next entry would wash a recomputed chain."""
    case_id = await desk.opens("2027-0001")
    await desk.tampers("update dsr.audit_heads set hash = sha256('forged')")
    with pytest.raises(ChainBroken, match="run dsr audit verify"):
        await desk.records(case_id)


async def test_an_event_of_a_newer_program_reads_by_its_name(
    engine: AsyncEngine, desk: Desk
) -> None:
    case_id: UUID = await desk.opens("2027-0001", facts=1)
    await desk.tampers("update dsr.audit set event = 'beamed_up'")
    async with engine.connect() as conn:
        assert [e.text for e in await entries(conn, case_id)] == ["beamed_up"]
