"""Rows that a case knows to be its person's, whatever they hold still: sealed by its steps.

An earlier erasure may have taken from a row what named the person; a doubtful one never named them
alone.
"""

from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from connectors.contract import ErasurePlan, Found, FoundRow, RowKey
from storage.case_file import CaseFile

KEYS: Final = TypeAdapter(tuple[RowKey, ...])

Rows = tuple[RowKey, ...]


class KnownRows:
    """What the case file of one case has of one system."""

    def __init__(
        self, case_file: CaseFile, case: UUID, system: str, plan: bytes | None = None
    ) -> None:
        """`plan`: sealed, in place of the one that stands now."""
        self._case_file = case_file
        self._case = case
        self._system = system
        self._plan = plan

    async def found(self) -> Found:
        """What people have seen of the register."""
        content = await self._unseal("found")
        return Found.model_validate_json(content) if content else Found()

    async def chosen(self) -> Rows:
        """The doubtful records that a person has said are the subject's."""
        return tuple(row.row_key for row in await self._chosen(await self.found()))

    async def rows(self) -> tuple[FoundRow, ...]:
        """What is the person's: surely, or because somebody chose it."""
        found = await self.found()
        return (*found.rows, *await self._chosen(found))

    async def approved(self) -> ErasurePlan:
        """The plan that people have approved, or may."""
        if self._plan is None:
            content = await self._unseal("plan")
        else:
            part, keyring = f"plan:{self._system}", self._case_file.keyring
            content = await keyring.unseal(self._case, part, self._plan)
        return ErasurePlan.model_validate_json(content or b"{}")

    async def left(self) -> Rows:
        """What an earlier erasure of this case left here."""
        return KEYS.validate_json(await self._unseal("left") or b"[]")

    async def every(self) -> Rows:
        """All of them, each once."""
        kept = keys_of(await self.approved(), goes=False)
        return each_once((*kept, *await self.left(), *await self.chosen()))

    async def _chosen(self, found: Found) -> tuple[FoundRow, ...]:
        items = (await self._unseal("chosen") or b"").decode().split(",")
        return tuple(row for row in found.doubtful if row.item in items)

    async def _unseal(self, part: str) -> bytes | None:
        return await self._case_file.unseal(self._case, f"{part}:{self._system}")


def keys_of(plan: ErasurePlan, *, goes: bool) -> Rows:
    """Names the rows that a plan deletes or changes, or those that it keeps.

    An earlier erasure may have taken the names of those from them: they are the person's still.
    """
    return tuple(
        RowKey(schema_name=table.schema_name, table=table.table, key=row.key)
        for table in plan.tables
        if (table.action != "keep") is goes
        for row in table.rows
    )


def wholly_kept(plan: ErasurePlan) -> Rows:
    """Names the rows of which a plan leaves everything as it is."""
    return tuple(
        RowKey(schema_name=table.schema_name, table=table.table, key=row.key)
        for table in plan.tables
        if table.action == "keep"
        for row in table.rows
        if not row.columns
    )


def texts_of(keys: Iterable[RowKey]) -> Iterator[str]:
    """Row keys to compare by."""
    return (key.model_dump_json() for key in keys)


def each_once(keys: Rows) -> Rows:
    """In their order, without repetitions."""
    return tuple(dict(zip(texts_of(keys), keys, strict=True)).values())
