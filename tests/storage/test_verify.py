"""`verify` finds each kind of tampering, done here as a superuser would do it."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.audit import entry_hash, head_message
from storage.checkpoints import checkpoint
from storage.secrets import Secrets
from storage.signing import Signer
from storage.tables import audit
from storage.verify import Report, verify
from tests.storage.conftest import AT, Desk


class Bench(Desk):
    """A desk whose evidence is witnessed and verified."""

    async def witnesses(self) -> int:
        async with self.engine.begin() as conn:
            return await checkpoint(conn, self.file, self.signer, AT)

    async def verifies(self) -> Report:
        async with self.engine.connect() as conn:
            return await verify(conn, self.file, self.signer.public)

    async def finds(self) -> list[str]:
        return list((await self.verifies()).findings)

    async def recomputes(self, case_id: UUID, sql: str, signer: Signer | None = None) -> None:
        """Change an entry, then every hash after it, and the head; signed, if the key is known."""
        await self.tampers(sql, id=case_id)
        async with self.engine.connect() as conn:
            query = select(audit).where(audit.c.case_id == case_id).order_by(audit.c.seq)
            rows: list[dict[str, Any]] = [dict(r) for r in (await conn.execute(query)).mappings()]
        for before, row in zip([None, *rows], rows, strict=False):
            row["previous"] = before["hash"] if before else row["previous"]
            row["hash"] = entry_hash(row["previous"], row)
            await self.tampers(
                REHASH, **{n: row[n] for n in ("case_id", "seq", "previous", "hash")}
            )
        last = rows[-1]
        message = head_message(case_id, last["seq"], last["hash"])
        signature = signer.sign(message) if signer else b"\0" * 64
        await self.tampers(
            REHEAD, id=case_id, seq=last["seq"], hash=last["hash"], signature=signature
        )


REHASH = "update dsr.audit set previous=:previous, hash=:hash where case_id=:case_id and seq=:seq"
REHEAD = "update dsr.audit_heads set seq=:seq, hash=:hash, signature=:signature where case_id = :id"
ALTER = "update dsr.audit set actor = 'somebody' where case_id = :id and seq = 2"
CUT = "delete from dsr.audit where case_id = :id and seq > 3"


@pytest.fixture
def bench(engine: AsyncEngine, secrets: Secrets, tmp_path: Path) -> Bench:
    return Bench(engine, secrets, tmp_path / "outside" / "checkpoints.jsonl")


@pytest.fixture
async def case_id(bench: Bench) -> UUID:
    """Case 2027-0001 with five entries, witnessed; beside it an honest one."""
    case_id = await bench.opens("2027-0001", facts=5)
    await bench.opens("2027-0002", facts=2)
    await bench.witnesses()
    return case_id


async def test_honest_evidence_is_in_order(bench: Bench, case_id: UUID) -> None:
    await bench.records(case_id, 2)
    report = await bench.verifies()
    assert report.model_dump() == {
        "checked": 9,
        "cases": 2,
        "checkpoints": 1,
        "findings": (),
        "ok": True,
    }


async def test_evidence_without_any_checkpoint_is_checked_in_itself(bench: Bench) -> None:
    await bench.opens("2027-0001")
    assert (await bench.verifies()).ok


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 day'",
        "recorded_at = recorded_at - interval '1 second'",
        "actor = 'somebody'",
        "event = 'withdrawn'",
        "facts = jsonb_set(facts, '{records}', '9')",
        "policy_version = 'p2'",
        "step_key = null",
        "hash = sha256('x')",
    ],
)
async def test_an_altered_column_is_found(bench: Bench, case_id: UUID, change: str) -> None:
    await bench.tampers(
        f"update dsr.audit set {change} where case_id = :id and seq = 2", id=case_id
    )
    assert (
        "2027-0001: entry 2 was altered or put elsewhere: its hash does not fit"
        in await bench.finds()
    )


async def test_an_altered_link_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.tampers(
        "update dsr.audit set previous = sha256('x') where case_id = :id and seq = 2", id=case_id
    )
    assert "2027-0001: entry 2 does not follow on the entry before it" in await bench.finds()


async def test_an_entry_moved_to_another_case_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.tampers(
        "update dsr.audit set case_id = (select id from dsr.cases where number = '2027-0002') "
        "where case_id = :id and seq = 3",
        id=case_id,
    )
    found = await bench.finds()
    assert "2027-0001: entry 3 was removed" in found
    assert "2027-0002: entry 3 was altered or put elsewhere: its hash does not fit" in found


async def test_reordered_entries_are_found(bench: Bench, case_id: UUID) -> None:
    await bench.tampers(
        "update dsr.audit set seq = -2 where case_id = :id and seq = 2",
        "update dsr.audit set seq = 2 where case_id = :id and seq = 3",
        "update dsr.audit set seq = 3 where case_id = :id and seq = -2",
        id=case_id,
    )
    assert await bench.finds() == [
        "2027-0001: entry 2 does not follow on the entry before it",
        "2027-0001: entry 2 was altered or put elsewhere: its hash does not fit",
        "2027-0001: entry 3 does not follow on the entry before it",
        "2027-0001: entry 3 was altered or put elsewhere: its hash does not fit",
        "2027-0001: entry 4 does not follow on the entry before it",
    ]


async def test_a_removed_entry_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.tampers("delete from dsr.audit where case_id = :id and seq in (2, 3)", id=case_id)
    assert await bench.finds() == ["2027-0001: entries 2 to 3 were removed"]


async def test_the_first_entry_cannot_go_unseen(bench: Bench, case_id: UUID) -> None:
    await bench.tampers("delete from dsr.audit where case_id = :id and seq = 1", id=case_id)
    assert await bench.finds() == ["2027-0001: entry 1 was removed"]


async def test_a_cut_tail_is_found_by_the_signed_head(bench: Bench, case_id: UUID) -> None:
    await bench.tampers(CUT, id=case_id)
    assert "2027-0001: the tail was cut: entries 4 to 5 were removed" in await bench.finds()


async def test_a_cut_tail_with_the_head_put_back_is_found_by_the_file(bench: Bench) -> None:
    """An older head was signed once, too: only the witness outside knows that it is old."""
    case_id = await bench.opens("2027-0001", facts=3)
    await bench.tampers("create table old_heads as select * from dsr.audit_heads")
    await bench.records(case_id, 2)
    await bench.witnesses()
    await bench.tampers(
        CUT,
        "delete from dsr.audit_heads",
        "insert into dsr.audit_heads select * from old_heads",
        id=case_id,
    )
    found = ["2027-0001: entry 5 was removed: checkpoint 1 saw it"]
    assert await bench.finds() == found
    await bench.witnesses()
    assert await bench.finds() == found, "a later checkpoint does not wash it"


async def test_a_case_without_its_head_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.tampers("delete from dsr.audit_heads where case_id = :id", id=case_id)
    assert await bench.finds() == ["2027-0001: it has no signed head"]


async def test_a_case_whose_entries_are_gone_is_found(bench: Bench) -> None:
    await bench.opens("2027-0001")
    await bench.tampers("delete from dsr.audit", "delete from dsr.audit_heads")
    assert await bench.finds() == ["2027-0001: all its entries were removed"]


async def test_a_case_removed_whole_is_found_by_the_file(bench: Bench, case_id: UUID) -> None:
    await bench.tampers(
        "delete from dsr.audit where case_id = :id",
        "delete from dsr.audit_heads where case_id = :id",
        "delete from dsr.cases where id = :id",
        id=case_id,
    )
    found = [f"case {case_id}: removed whole: checkpoint 1 saw 5 entries"]
    assert await bench.finds() == found
    await bench.witnesses()
    assert await bench.finds() == found, "a later checkpoint does not wash it"


async def test_a_chain_recomputed_without_the_signing_key_is_found_by_its_head(
    bench: Bench,
) -> None:
    case_id = await bench.opens("2027-0001")
    await bench.recomputes(case_id, ALTER)
    found = ["2027-0001: its head (entry 5) was not signed by the engine: the chain was recomputed"]
    assert await bench.finds() == found
    await bench.witnesses()
    assert await bench.finds() == found, "a later checkpoint does not wash it"


async def test_a_chain_recomputed_under_the_old_head_is_found(bench: Bench) -> None:
    case_id = await bench.opens("2027-0001")
    await bench.tampers("create table old_heads as select * from dsr.audit_heads")
    await bench.recomputes(case_id, ALTER)
    await bench.tampers(
        "delete from dsr.audit_heads", "insert into dsr.audit_heads select * from old_heads"
    )
    assert await bench.finds() == [
        "2027-0001: entry 5 is not the one that was signed: the chain was recomputed"
    ]


async def test_a_chain_recomputed_with_the_stolen_signing_key_is_found_by_the_file(
    bench: Bench, case_id: UUID
) -> None:
    await bench.recomputes(case_id, ALTER, bench.signer)
    found = ["2027-0001: the chain was recomputed: entry 5 is not the one that checkpoint 1 saw"]
    assert await bench.finds() == found
    await bench.records(case_id)
    await bench.witnesses()
    assert await bench.finds() == found, "later entries and checkpoints do not wash it"


async def test_an_entry_behind_the_signed_head_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.tampers(
        "insert into dsr.audit select case_id, 6, at, recorded_at, actor, event, facts, "
        "policy_version, step_key, hash, sha256('x') from dsr.audit "
        "where case_id = :id and seq = 5",
        id=case_id,
    )
    assert (
        "2027-0001: entry 6 was added behind the signed head, or the head was put back"
        in await bench.finds()
    )


async def test_a_cut_file_is_found_by_the_copies(bench: Bench, case_id: UUID) -> None:
    await bench.witnesses()
    bench.file.write_text(bench.file.read_text().splitlines()[0] + "\n")
    assert await bench.finds() == [
        "checkpoint 2: the file was cut: only the database still has this line"
    ]


async def test_a_missing_file_is_found_and_its_copies_still_witness(
    bench: Bench, case_id: UUID
) -> None:
    bench.file.unlink()
    await bench.tampers("delete from dsr.audit where case_id = :id", id=case_id)
    found = await bench.finds()
    assert "checkpoint 1: the file was cut: only the database still has this line" in found
    assert "2027-0001: entry 5 was removed: checkpoint 1 saw it" in found


async def test_an_altered_line_of_the_file_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.witnesses()
    first, second = bench.file.read_text().splitlines()
    line = json.loads(first)
    line["heads"] = [head for head in line["heads"] if head[0] != str(case_id)]
    bench.file.write_text(json.dumps(line) + "\n" + second + "\n")
    assert await bench.finds() == [
        "checkpoint 1: the line in the file was altered: its signature does not fit",
        "checkpoint 2: a line before it was altered, removed or put elsewhere",
        "checkpoint 1: file and database differ; the file decides",
    ]


async def test_a_line_taken_out_of_file_and_database_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.witnesses()
    await bench.witnesses()
    first, _, third = bench.file.read_text().splitlines()
    bench.file.write_text(f"{first}\n{third}\n")
    await bench.tampers("delete from dsr.audit_checkpoints where id = 2")
    assert (
        "checkpoint 2: a line before it was altered, removed or put elsewhere"
        in await bench.finds()
    )


async def test_an_altered_copy_is_found(bench: Bench, case_id: UUID) -> None:
    await bench.tampers("update dsr.audit_checkpoints set line = '{}'")
    assert await bench.finds() == ["checkpoint 1: file and database differ; the file decides"]


async def test_copies_taken_out_of_the_database_are_found(bench: Bench, case_id: UUID) -> None:
    await bench.witnesses()
    await bench.tampers("delete from dsr.audit_checkpoints")
    assert await bench.finds() == ["checkpoint 1: removed from the database; the file still has it"]


async def test_another_public_key_proves_nothing(
    bench: Bench, case_id: UUID, tmp_path: Path
) -> None:
    other = Secrets.load_or_create(tmp_path / "other").signer.public
    async with bench.engine.connect() as conn:
        report = await verify(conn, bench.file, other)
    assert len(report.findings) == 3  # two heads and the checkpoint
