"""On a real Temporal server: no word of a person in the raw history. The control finds it there."""

import base64
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from schemas.request import Kind
from schemas.steps import workflow_id
from storage.codec import data_converter
from storage.keyring import KeyGone, Keyring
from storage.secrets import Secrets
from tests.storage.conftest import AT

CANARY = "KanarialintuAino"
QUEUE = "codec"


@activity.defn(name="toy.work")
async def work(note: str) -> str:
    activity.heartbeat(note)
    return note.upper()


@activity.defn(name="toy.fail")
async def fail(note: str) -> None:
    activity.heartbeat(note)
    raise ApplicationError(f"cannot: {note}", note, type="Refused", non_retryable=True)


@workflow.defn(name="Toy", sandboxed=False)
class Toy:
    """Sends the canary every way that a case's workflow has."""

    @workflow.init
    def __init__(self, note: str) -> None:
        self.notes = [note]

    @workflow.run
    async def run(self, note: str) -> str:
        workflow.upsert_memo({"memo": note})
        workflow.set_current_details(note)
        self.notes.append(await self._does("toy.work", note))
        try:
            await self._does("toy.fail", note)
        except ActivityError as error:
            self.notes.append(str(error.cause))
        try:
            await workflow.wait_condition(
                lambda: len(self.notes) > 4, timeout=timedelta(days=1), timeout_summary=note
            )
        finally:
            await workflow.wait_condition(workflow.all_handlers_finished)
        raise ApplicationError(f"ended: {note}", note, type="Ended")

    async def _does(self, what: str, note: str) -> str:
        result: str | None = await workflow.execute_activity(
            what,
            note,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=note,
        )
        return result or note

    @workflow.update
    async def add(self, note: str) -> str:
        self.notes.append(note)
        return note

    @add.validator
    def _add(self, note: str) -> None:
        if note == "no" + CANARY:
            raise ApplicationError(f"refused: {note}", type="Refused")

    @workflow.signal
    def told(self, note: str) -> None:
        self.notes.append(note)

    @workflow.query
    def all_notes(self) -> list[str]:
        return self.notes


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Client]:
    """A client without any codec: what it sees is what Temporal stores."""
    binary = str(Path(sys.executable).parent / "temporal")
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as env:
        yield env.client


def _with(server: Client, converter: DataConverter) -> Client:
    return Client(**{**server.config(), "data_converter": converter})  # type: ignore[arg-type]


async def _run(client: Client, name: str) -> WorkflowHandle[Toy, str]:
    """A whole life of a toy; its handle."""
    async with Worker(client, task_queue=QUEUE, workflows=[Toy], activities=[work, fail]):
        handle = await client.start_workflow(
            Toy.run,
            CANARY,
            id=name,
            task_queue=QUEUE,
            memo={"start": CANARY},
            static_summary=CANARY,
            static_details=CANARY,
        )
        assert await handle.execute_update(Toy.add, CANARY) == CANARY
        with pytest.raises(Exception, match="Workflow update failed") as refused:
            await handle.execute_update(Toy.add, "no" + CANARY)
        assert str(refused.value.__cause__) == f"Refused: refused: no{CANARY}"
        await handle.signal(Toy.told, CANARY)
        assert CANARY in await handle.query(Toy.all_notes)
        with pytest.raises(WorkflowFailureError) as ended:
            await handle.result()
        assert str(ended.value.cause) == f"Ended: ended: {CANARY}"
        assert await (await handle.describe()).memo() == {"start": CANARY, "memo": CANARY}
    return handle


async def _stored(server: Client, name: str) -> bytes:
    """All that the server gives to somebody without a key."""
    raw = server.get_workflow_handle(name)
    history = await raw.fetch_history()
    description = (await raw.describe()).raw_description
    events = b"".join(event.SerializeToString() for event in history.events)
    return events + history.to_json().encode() + description.SerializeToString()


def _marks() -> list[bytes]:
    plain = CANARY.encode()
    shifted = [base64.b64encode(b"x" * n + plain)[4:-4] for n in range(3)]
    return [plain, plain.upper(), plain.hex().encode(), *shifted]


async def test_the_raw_history_of_a_case_tells_nothing_of_a_person(
    server: Client, keyring: Keyring, case_id: UUID
) -> None:
    name = workflow_id(Kind.ACCESS, case_id)
    await _run(_with(server, data_converter(keyring)), name)
    stored = await _stored(server, name)
    assert [mark for mark in _marks() if mark in stored] == []


async def test_control_without_the_codec_the_same_scan_finds_the_person(
    server: Client, case_id: UUID
) -> None:
    name = workflow_id(Kind.CONSENT, case_id)
    await _run(_with(server, pydantic_data_converter), name)
    stored = await _stored(server, name)
    plain, upper, _, *encoded = _marks()
    assert plain in stored
    assert upper in stored
    assert any(mark in stored for mark in encoded)


async def test_control_without_the_failure_converter_the_scan_finds_the_person(
    server: Client, keyring: Keyring, case_id: UUID
) -> None:
    name = workflow_id(Kind.CONSENT, case_id)
    codec_only = replace(
        data_converter(keyring),
        failure_converter_class=pydantic_data_converter.failure_converter_class,
    )
    await _run(_with(server, codec_only), name)
    assert CANARY.encode() in await _stored(server, name)


async def test_a_sealed_history_replays_with_the_same_converter(
    server: Client, keyring: Keyring, case_id: UUID
) -> None:
    handle = await _run(
        _with(server, data_converter(keyring)), workflow_id(Kind.ACCESS, case_id, 2)
    )
    history = await handle.fetch_history()
    replayer = Replayer(workflows=[Toy], data_converter=data_converter(keyring))
    await replayer.replay_workflow(history)


async def test_after_the_key_nothing_opens_the_history_any_more(
    server: Client, engine: AsyncEngine, keyring: Keyring, secrets: Secrets, case_id: UUID
) -> None:
    handle = await _run(
        _with(server, data_converter(keyring)), workflow_id(Kind.ACCESS, case_id, 3)
    )
    async with engine.begin() as conn:
        await keyring.destroy(conn, case_id, AT)
    fresh = data_converter(Keyring(engine, secrets.kek, secrets.pepper))
    later = _with(server, fresh).get_workflow_handle(handle.id)
    with pytest.raises(KeyGone) as gone:
        await later.result()
    assert CANARY not in str(gone.value)
