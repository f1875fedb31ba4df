"""One register, tried without an engine: searched, planned for, erased where it is a copy.

Only the manifest, the database and the person's identifiers are needed: no case, no hold, no
Temporal. What a case does with the answers is `activities`' part.
"""

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import asyncpg
from pydantic import Field, ValidationError

from activities.desk import identities_of
from connectors import manifest
from connectors.contract import (
    Erased,
    ErasurePlan,
    Found,
    FoundRow,
    Identity,
    Person,
    Remains,
    SystemMisdeclared,
    SystemUnreachable,
)
from connectors.manifest import Manifest
from connectors.registry import STATEMENT_TIMEOUT
from connectors.sql.catalog import read_catalog
from connectors.sql.connector import SqlConnector
from connectors.sql.scaffold import scaffold
from schemas.base import EdgeModel, Model
from schemas.errors import BadInput, CheckFailed, RefusedByRule, Unreachable
from schemas.holds import Held
from schemas.policy import Policy
from schemas.request import Identifier, Line
from schemas.systems import Reach
from starter.configuration import Configuration
from starter.connection import Connection
from starter.intake import first_fault

NO_HOLD: Final = Held()
"""Holds stand in the case database, which is not asked here."""

WHICH_DATABASE: Final = """
select pg_postmaster_start_time(), oid from pg_database where datname = current_database()
"""


class Sought(EdgeModel):
    """Who is looked for: the `subject` of a request; without a name nothing contradicts."""

    name: Line | None = Field(None, repr=False)
    identifiers: tuple[Identifier, ...] = Field(min_length=1, max_length=20, repr=False)

    def person(self, policy: Policy) -> Person:
        """With normalised identifiers. Raises `BadInput` for a malformed or unknown one."""
        return Person(name=self.name or "", identities=identities_of(self.identifiers, policy))


class Rehearsal(Model):
    """What erasing on the copy did. It is `verified` if nothing but what is kept is left."""

    plan: ErasurePlan
    erased: Erased
    remains: tuple[Remains, ...]

    @property
    def verified(self) -> bool:
        """Whether the independent scan found nothing that should have gone."""
        return not self.remains


def sought(document: Mapping[str, Any]) -> Sought:
    """Who a document names. Raises `BadInput` with the place of the fault, never its content."""
    try:
        return Sought.model_validate(document)
    except ValidationError as fault:
        raise BadInput(f"Not searched: {first_fault(fault, Sought)}.") from None


def declared_in(path: Path, name: str | None, policy: Policy) -> Manifest:
    """The register of a manifest file; `name` where it declares several."""
    return _chosen(manifest.load_file(path, policy.identifiers), name, str(path))


def configured(configuration: Configuration, name: str | None) -> Manifest:
    """A register of the configuration."""
    return _chosen(configuration.manifests, name, "the configuration")


def _chosen(declared: Iterable[Manifest], name: str | None, where: str) -> Manifest:
    found = {one.name: one for one in declared}
    if name is None and len(found) == 1:
        name = next(iter(found))
    if name not in found:
        known = f"{where} declares {', '.join(found)}"
        raise BadInput(
            f"No system {name} is declared: {known}." if name else f"Name a system: {known}."
        )
    if found[name].facts.reach is not Reach.SQL:
        raise BadInput(f"{name} is reached {found[name].facts.reach}: only databases are searched.")
    return found[name]


@asynccontextmanager
async def register(declared: Manifest, url: str | None) -> AsyncIterator[SqlConnector]:
    """The register's connector. Its errors become sentences with an exit code."""
    connector = SqlConnector(declared, url, STATEMENT_TIMEOUT)
    try:
        yield connector
    except SystemUnreachable as away:
        raise Unreachable(str(away)) from None
    except SystemMisdeclared as misfit:
        raise CheckFailed(str(misfit)) from None
    finally:
        await connector.close()


async def rehearse(
    connector: SqlConnector, person: Person, at: datetime, limit: timedelta
) -> Rehearsal:
    """Erase as a case does, under no hold, then read again by everything the register knew."""
    seen = ErasurePlan()

    async def agree(plan: ErasurePlan, _known: tuple[Identity, ...]) -> None:
        nonlocal seen
        seen = plan

    async def nobody_holds() -> None:
        """No hold can come: there is no case database."""

    erased = await connector.erase(person, at, NO_HOLD, agree, nobody_holds, limit)
    everyone = dict.fromkeys((*person.identities, *erased.identities))
    known = person.model_copy(update={"identities": tuple(everyone)})
    return Rehearsal(plan=seen, erased=erased, remains=await connector.remains(known, seen))


async def scaffolded(url: str, name: str) -> str:
    """A first manifest of the database. Raises `Unreachable`, `BadInput` if it has no table."""
    try:
        async with (
            asyncpg.create_pool(_plain(url), min_size=1, max_size=1, timeout=10) as pool,
            pool.acquire() as connection,
        ):
            catalog = await read_catalog(connection)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        raise Unreachable("The database of --url cannot be reached: correct the URL.") from None
    if not catalog.tables:
        raise BadInput("The database of --url has no table that this user may read.")
    return scaffold(catalog, name)


# -- which databases are real --------------------------------------------------------------------


async def refuse_configured(
    url: str, configuration: Configuration, connection: Connection | None
) -> None:
    """Raise `RefusedByRule` if this is a database that the engine uses, by whatever address.

    A configured one that does not answer is told by its address alone.
    """
    environment = connection.environment() if connection else dict(os.environ)
    named = {v: environment.get(v) for v in (*configuration.registers, "DATABASE_URL")}
    if connection is not None:
        named["the case database"] = connection.database_url
    copy = await _which(url)
    if copy is None:
        raise Unreachable("The database of --url cannot be reached: correct the URL.")
    for variable, known in named.items():
        if known and (known == url or await _which(known) == copy):
            raise RefusedByRule(
                f"Not rehearsed: this is the database of {variable}. Make a copy of it, and give "
                "the URL of the copy."
            )


async def _which(url: str) -> tuple[datetime, int] | None:
    """What tells a database from every other, however it is reached; None if it is not."""
    try:
        connection = await asyncpg.connect(_plain(url), timeout=10)
        try:
            (one,) = await connection.fetch(WHICH_DATABASE)
        finally:
            await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    return one[0], one[1]


def _plain(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


# -- as documents --------------------------------------------------------------------------------


def found_document(system: str, found: Found) -> dict[str, Any]:
    """What `dsr systems find --json` gives; `doubtful` rows could be another person's."""
    return {
        "system": system,
        "tables": _by_table(found.rows),
        "doubtful": _by_table(found.doubtful),
        "third_party": [
            {"schema": row.schema_name, "table": row.table, "key": row.key, "reason": row.reason}
            for row in found.third_party
        ],
        "defaults_used": list(found.defaults_used),
    }


def _by_table(rows: Iterable[FoundRow]) -> list[dict[str, Any]]:
    return [
        {
            "schema": schema,
            "table": table,
            "rows": [{"key": row.key, "path": list(row.path)} for row in grouped],
        }
        for (schema, table), grouped in groupby(rows, lambda row: (row.schema_name, row.table))
    ]


def plan_document(system: str, plan: ErasurePlan) -> dict[str, Any]:
    """What `dsr systems erase --dry-run --json` gives."""
    return {
        "system": system,
        "plan": [
            {
                "schema": table.schema_name,
                "table": table.table,
                "action": table.action,
                "rows": [_planned(row.model_dump(mode="json")) for row in table.rows],
            }
            for table in plan.tables
        ],
        "detached": [_place(one.model_dump()) for one in plan.detached],
        "doubtful": plan.doubtful,
        "blocked": list(plan.blocked),
    }


def _planned(row: dict[str, Any]) -> dict[str, Any]:
    """A planned row without what does not concern it."""
    return {name: value for name, value in row.items() if name == "key" or value}


def _place(row: dict[str, Any]) -> dict[str, Any]:
    return {"schema": row.pop("schema_name"), **row}


def rehearsal_document(system: str, rehearsal: Rehearsal) -> dict[str, Any]:
    """What `dsr systems rehearse --json` gives."""
    erased = rehearsal.erased
    return {
        **plan_document(system, rehearsal.plan),
        "deleted": erased.deleted,
        "changed": erased.changed,
        "kept": [_place(kept.model_dump(mode="json")) for kept in erased.kept],
        "remains": [_place(one.model_dump()) for one in rehearsal.remains],
        "verified": rehearsal.verified,
    }
