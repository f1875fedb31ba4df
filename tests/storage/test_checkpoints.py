"""The file outside the database: whole lines, one after the other, whatever crashes between."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.checkpoints import WitnessDamaged, checkpoint, read_lines
from storage.secrets import Secrets
from storage.tables import audit_checkpoints
from storage.verify import verify
from tests.storage.conftest import AT, Desk


async def _checkpoint(desk: Desk) -> int:
    async with desk.engine.begin() as conn:
        return await checkpoint(conn, desk.file, desk.signer, AT)


async def _copies(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as conn:
        query = select(audit_checkpoints.c.line).order_by(audit_checkpoints.c.id)
        return list(await conn.scalars(query))


async def _is_in_order(desk: Desk) -> bool:
    async with desk.engine.connect() as conn:
        return (await verify(conn, desk.file, desk.signer.public)).ok


async def test_a_line_names_the_heads_that_moved_since_the_last_one(desk: Desk) -> None:
    one = await desk.opens("2027-0001", facts=2)
    await desk.opens("2027-0002", facts=1)
    await _checkpoint(desk)
    await desk.records(one)
    await _checkpoint(desk)
    await _checkpoint(desk)
    lines = [json.loads(line) for line in read_lines(desk.file)]
    assert [line["n"] for line in lines] == [1, 2, 3]
    assert [line["cases"] for line in lines] == [2, 2, 2]
    moved = [{UUID(case): seq for case, seq, _ in line["heads"]} for line in lines]
    assert (len(moved[0]), moved[1], moved[2]) == (2, {one: 3}, {})


async def test_file_and_database_have_the_very_same_lines(engine: AsyncEngine, desk: Desk) -> None:
    await desk.opens("2027-0001")
    await _checkpoint(desk)
    await _checkpoint(desk)
    assert read_lines(desk.file) == await _copies(engine)


async def test_a_crash_after_the_file_was_written_is_mended_by_the_next(
    engine: AsyncEngine, desk: Desk
) -> None:
    await desk.opens("2027-0001")
    await _checkpoint(desk)
    async with engine.connect() as conn:
        await checkpoint(conn, desk.file, desk.signer, AT)
        await conn.rollback()
    assert (len(read_lines(desk.file)), len(await _copies(engine))) == (2, 1)
    assert await _is_in_order(desk)
    assert await _checkpoint(desk) == 3
    assert read_lines(desk.file) == await _copies(engine)
    assert await _is_in_order(desk)


async def test_a_line_torn_by_a_crash_is_no_line_and_is_written_anew(
    engine: AsyncEngine, desk: Desk
) -> None:
    await desk.opens("2027-0001")
    await _checkpoint(desk)
    with desk.file.open("a") as file:
        file.write('{"n":2,"at":"20')
    assert await _is_in_order(desk)
    assert await _checkpoint(desk) == 2
    assert read_lines(desk.file) == await _copies(engine)
    assert await _is_in_order(desk)


async def test_two_writers_at_the_same_moment_write_two_lines(desk: Desk) -> None:
    await desk.opens("2027-0001")
    assert sorted(await asyncio.gather(*(_checkpoint(desk) for _ in range(6)))) == [*range(1, 7)]
    assert await _is_in_order(desk)


@pytest.mark.parametrize("damage", ["cut", "gone", "changed", "foreign"])
async def test_a_damaged_file_is_not_continued(
    engine: AsyncEngine, desk: Desk, tmp_path: Path, damage: str
) -> None:
    await desk.opens("2027-0001")
    await _checkpoint(desk)
    await _checkpoint(desk)
    lines = read_lines(desk.file)
    match damage:
        case "cut":
            desk.file.write_text(lines[0] + "\n")
        case "gone":
            desk.file.unlink()
        case "changed":
            desk.file.write_text("nonsense\n" + lines[1] + "\n")
        case "foreign":
            forger = Desk(engine, Secrets.load_or_create(tmp_path / "forger"), desk.file)
            async with engine.connect() as conn:
                await checkpoint(conn, forger.file, forger.signer, AT)
                await conn.rollback()
    with pytest.raises(WitnessDamaged, match="restore the file from a backup"):
        await _checkpoint(desk)
    async with engine.connect() as conn:
        assert await conn.scalar(select(func.count()).select_from(audit_checkpoints)) == 2


async def test_work_that_goes_on_meanwhile_never_looks_like_tampering(desk: Desk) -> None:
    case_id = await desk.opens("2027-0001")

    async def works() -> None:
        for _ in range(30):
            await desk.records(case_id)

    async def witnesses() -> None:
        for _ in range(10):
            await _checkpoint(desk)

    async def verifies() -> list[bool]:
        return [await _is_in_order(desk) for _ in range(10)]

    _, _, orders = await asyncio.gather(works(), witnesses(), verifies())
    assert all(orders)


async def test_the_file_names_no_number_and_no_person(engine: AsyncEngine, desk: Desk) -> None:
    await desk.opens("2027-0001")
    async with engine.begin() as conn:
        await conn.execute(text("update dsr.cases set assignee = 'maija'"))
    await _checkpoint(desk)
    assert "2027-0001" not in desk.file.read_text()
    assert "maija" not in desk.file.read_text()
