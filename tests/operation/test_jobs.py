"""The scripts that docker-compose.yml mounts, run on the servers that there are here."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.testing import WorkflowEnvironment

from starter.embedded_temporal import BINARY, SEARCH_ATTRIBUTES
from storage.migrate import upgrade
from tests.operation.compose import ROOT, SERVICES
from tests.postgres import PROGRAMS, Server, a_server

TYPES = {"Keyword": 2, "Int": 3, "Datetime": 6}


def run(script: str, folder: Path, **environment: str) -> None:
    """Run a mounted script; `folder` holds the programs that its image has."""
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["/bin/sh", ROOT / "docker" / script], env={"PATH": path, **environment}, check=True,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture(scope="module")
def production() -> Iterator[Server]:
    """A server as the image of PostgreSQL leaves it after its first start."""
    with a_server() as server:
        run(
            "databases.sh", PROGRAMS, PGHOST=server.folder,
            CASE_DATABASE_PASSWORD="b0tH-sides'quoted", TEMPORAL_DATABASE_PASSWORD="another",
        )  # fmt: skip
        yield server


def as_role(server: Server, role: str, database: str) -> str:
    return f"postgresql://{role}@/{database}?host={server.folder}"


async def test_the_case_file_s_role_makes_its_tables_and_nothing_else(production: Server):
    await upgrade(as_role(production, "dsr", "dsr"))

    own = await asyncpg.connect(as_role(production, "dsr", "dsr"))
    role = await own.fetchrow("select * from pg_roles where rolname = 'dsr'")
    assert await own.fetchval("select count(*) from dsr.cases") == 0
    assert not any(role[p] for p in ("rolsuper", "rolcreatedb", "rolcreaterole", "rolbypassrls"))
    await own.close()


@pytest.mark.parametrize(
    ("role", "database"),
    [("dsr", "temporal"), ("dsr", "temporal_visibility"), ("temporal", "dsr")],
)
async def test_neither_role_enters_the_other_s_database(
    production: Server, role: str, database: str
):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(as_role(production, role, database))


async def test_each_role_has_the_password_of_the_environment(production: Server):
    conn = await asyncpg.connect(production.url("postgres"))
    stored = await conn.fetch(
        "select rolname, rolpassword from pg_authid where rolname in ('dsr', 'temporal')"
    )
    await conn.close()

    assert {row["rolname"] for row in stored} == {"dsr", "temporal"}
    assert all(row["rolpassword"].startswith("SCRAM-SHA-256$") for row in stored)


async def test_temporal_s_role_can_make_its_tables(production: Server):
    for database in ("temporal", "temporal_visibility"):
        own = await asyncpg.connect(as_role(production, "temporal", database))
        await own.execute("create table executions (shard_id int)")
        await own.close()


async def test_the_namespace_and_the_search_attributes_are_made_and_making_them_again_is_safe(
    temporal: WorkflowEnvironment,
):
    given = SERVICES["temporal-namespace"].environment
    address = temporal.client.service_client.config.target_host
    for _ in range(2):
        run("temporal-namespace.sh", BINARY.parent, **{**given, "TEMPORAL_ADDRESS": address})

    name = given["TEMPORAL_NAMESPACE"]
    made = await temporal.client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=name)
    )
    known = await temporal.client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=name)
    )
    assert made.config.workflow_execution_retention_ttl.ToTimedelta().days == 30
    attributes = {n: kind for n, kind in known.custom_attributes.items() if n.startswith("Dsr")}
    assert attributes == {n: TYPES[kind] for n, kind in SEARCH_ATTRIBUTES.items()}


def test_the_schema_job_upgrades_both_databases_of_temporal(tmp_path: Path):
    """The tool itself is in the image only: here it writes down how it is called."""
    tool = tmp_path / "temporal-sql-tool"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/called\n')
    tool.chmod(0o755)
    given = SERVICES["temporal-schema"].environment

    run("temporal-schema.sh", tmp_path, **given)

    reach = "--plugin postgres12 --ep postgres -p 5432 -u temporal --db"
    there = "/etc/temporal/schema/postgresql/v12"
    assert (tmp_path / "called").read_text().splitlines() == [
        f"{reach} temporal setup-schema -v 0.0",
        f"{reach} temporal update-schema -d {there}/temporal/versioned",
        f"{reach} temporal_visibility setup-schema -v 0.0",
        f"{reach} temporal_visibility update-schema -d {there}/visibility/versioned",
    ]
