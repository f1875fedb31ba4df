"""Intake over a real database, without a workflow: what is taken, and what was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from schemas.case import CaseView, Outcome, Status
from schemas.errors import DsrError
from schemas.policy import FeePolicyName, Fees, Policy
from schemas.request import RequestForm
from starter.intake import Intake, Receipt
from storage import tables as t
from storage.audit import Audit, entries
from storage.keyring import Keyring
from storage.secrets import Secrets
from storage.views import case_view
from tests.office import POLICY, now, ordinary_systems

GDPR = POLICY.model_copy(update={"fees": Fees(rule=FeePolicyName.GDPR)})


@dataclass
class Reception:
    """One process at the counter; several may stand on one database."""

    engine: AsyncEngine
    secrets: Secrets
    policy: Policy = POLICY
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        keyring = Keyring(self.engine, self.secrets.kek, self.secrets.pepper)
        audit = Audit(self.secrets.signer)
        self.intake = Intake(self.policy, ordinary_systems().facts, keyring, audit)

    async def takes(
        self, form: RequestForm | Mapping[str, Any] | str | bytes, at: datetime | None = None
    ) -> Receipt:
        """Take a request in."""
        if not isinstance(form, RequestForm):
            form = self.intake.parse(form)
        async with self.engine.begin() as conn:
            return await self.intake.take(conn, form, at or now())

    async def refuses(self, form: Any, error: type[DsrError], at: datetime | None = None) -> str:
        """The sentence of a refusal, after which the database is as it was."""
        before = await self.rows()
        with pytest.raises(error) as refused:
            await self.takes(form, at)
        assert await self.rows() == before
        sentence = str(refused.value)
        assert sentence.startswith("Not taken: ")
        assert sentence.endswith(".")
        return sentence

    async def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        async with self.engine.connect() as conn:
            return {
                name: await conn.scalar(select(func.count()).select_from(table)) or 0
                for name, table in t.metadata.tables.items()
            }

    async def row(self, receipt: Receipt) -> RowMapping:
        """The case row."""
        async with self.engine.connect() as conn:
            found = await conn.execute(select(t.cases).where(t.cases.c.id == receipt.case))
            return found.mappings().one()

    async def view(self, receipt: Receipt) -> CaseView:
        """The case as everybody sees it."""
        async with self.engine.connect() as conn:
            return await case_view(conn, receipt.case)

    async def tells(self, receipt: Receipt) -> list[str]:
        """The sentences of the record."""
        async with self.engine.connect() as conn:
            return [entry.text for entry in await entries(conn, receipt.case)]

    async def closes(self, receipt: Receipt, outcome: Outcome = Outcome.FULFILLED) -> None:
        """The case ends; what the procedure would do besides is not of interest here."""
        async with self.engine.begin() as conn:
            await self._close(conn, receipt, outcome)

    async def _close(self, conn: AsyncConnection, receipt: Receipt, outcome: Outcome) -> None:
        ended = update(t.cases).where(t.cases.c.id == receipt.case)
        await conn.execute(ended.values(status=Status.CLOSED, outcome=outcome, closed_at=now()))
