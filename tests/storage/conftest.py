"""What the tests of the storage share: secrets, a keyring, a chain to tamper with."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.events import Event, Fact
from storage.audit import Audit
from storage.keyring import Keyring
from storage.secrets import Secrets

AT = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """Fresh secrets of this test's own."""
    return Secrets.load_or_create(tmp_path / "secrets")


@pytest.fixture
def keyring(engine: AsyncEngine, secrets: Secrets) -> Keyring:
    """A keyring on this test's own database."""
    return Keyring(engine, secrets.kek, secrets.pepper)


@pytest.fixture
async def case_id(engine: AsyncEngine, keyring: Keyring) -> UUID:
    """A case that has a key, and nothing else."""
    case_id = uuid4()
    async with engine.begin() as conn:
        await keyring.create(conn, case_id)
    return case_id


class Desk:
    """Records facts of cases, and tampers with what was recorded, as a superuser can."""

    def __init__(self, engine: AsyncEngine, secrets: Secrets, file: Path) -> None:
        self.engine = engine
        self.signer = secrets.signer
        self.file = file

    async def opens(self, number: str, facts: int = 5) -> UUID:
        """A case row and a chain of so many entries."""
        case_id = uuid4()
        async with self.engine.begin() as conn:
            await conn.execute(text(CASE_ROW), {"id": case_id, "number": number, "at": AT})
        await self.records(case_id, facts)
        return case_id

    async def records(self, case_id: UUID, count: int = 1) -> None:
        """So many facts, in one transaction."""
        facts = [
            Fact(event=Event.SEARCHED, facts={"system": "crm", "records": n}) for n in range(count)
        ]
        async with self.engine.begin() as conn:
            await Audit(self.signer).append(
                conn, case_id, facts, at=AT, actor="engine", policy_version="p1", step_key="k"
            )

    async def tampers(self, *statements: str, **values: object) -> None:
        """Change what is append-only, as a superuser does: with its triggers out of the way."""
        async with self.engine.begin() as conn:
            await conn.execute(text("set local session_replication_role = replica"))
            for statement in statements:
                await conn.execute(text(statement), values)


CASE_ROW = """
insert into dsr.cases (id, number, kind, channel, language, scope, status, received_at, clock,
    safe_date, identity_state, fee_assessment, policy_version, person_hash, content_hash)
values (:id, cast(:number as text), 'access', 'email', 'fi', '{register}', 'received', :at, '{}',
    '2027-03-31', 'open', 'free', 'p1', '\\x00', decode(md5(:number), 'hex'))
"""


@pytest.fixture
def desk(engine: AsyncEngine, secrets: Secrets, tmp_path: Path) -> Desk:
    """A desk on this test's own database; its file of checkpoints is not there yet."""
    return Desk(engine, secrets, tmp_path / "outside" / "checkpoints.jsonl")
