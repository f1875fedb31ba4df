"""What leaves for Temporal is sealed with the key of its case, and opens wherever it is read."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    SerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from schemas.request import Kind
from schemas.steps import CaseRef, workflow_id
from storage.codec import KEY_ID, case_of, data_converter
from storage.keyring import KeyGone, Keyring, SealBroken
from storage.secrets import Secrets
from tests.storage.conftest import AT

CANARY = "Aino Kanarialintu"


@pytest.fixture
def converter(keyring: Keyring) -> DataConverter:
    return data_converter(keyring)


def _of(case_id: UUID, run: int = 1) -> SerializationContext:
    return WorkflowSerializationContext("default", workflow_id(Kind.ACCESS, case_id, run))


def _activity_of(case_id: UUID) -> SerializationContext:
    return ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="case.open",
        activity_task_queue="dsr",
        workflow_id=workflow_id(Kind.OBJECTION, case_id, 2),
        workflow_type="ObjectionRequest",
        is_local=False,
    )


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("run", [1, 2, 12])
def test_a_workflow_id_names_its_case(kind: Kind, run: int) -> None:
    case_id = uuid4()
    assert case_of(workflow_id(kind, case_id, run)) == case_id


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "dsr-sweep",
        "dsr-sweep-2027-03-01T00:00:00Z",
        f"other-access-{UUID(int=7)}",
        f"dsr-access-{UUID(int=7)}-x",
        f"dsr-access-{UUID(int=7)}\n",
        f"x-dsr-access-{UUID(int=7)}",
    ],
)
def test_another_workflow_id_names_no_case(name: str | None) -> None:
    assert case_of(name) is None


@pytest.mark.parametrize("context", [_of, _activity_of])
async def test_a_payload_of_a_case_is_sealed_and_opens_with_and_without_context(
    converter: DataConverter, case_id: UUID, context: Callable[[UUID], SerializationContext]
) -> None:
    ref = CaseRef(case=case_id, number="2027-0001", kind=Kind.ACCESS)
    inside = converter.with_context(context(case_id))
    payloads = await inside.encode([ref, CANARY, None])
    assert len(payloads) == 3
    for payload in payloads:
        assert CANARY.encode() not in payload.SerializeToString()
        assert payload.metadata["encoding"] == b"binary/encrypted"
        assert payload.metadata[KEY_ID] == str(case_id).encode()
    for reader in (inside, converter):
        assert await reader.decode(payloads, [CaseRef, str, type(None)]) == [ref, CANARY, None]


async def test_text_is_packed_before_it_is_sealed(converter: DataConverter, case_id: UUID) -> None:
    [payload] = await converter.with_context(_of(case_id)).encode([CANARY * 1000])
    assert payload.ByteSize() < 2000


async def test_a_workflow_that_is_no_case_passes_as_it_is(converter: DataConverter) -> None:
    sweep = converter.with_context(WorkflowSerializationContext("default", "dsr-sweep"))
    for reader in (sweep, converter):
        payloads = await reader.encode(["hourly"])
        assert payloads == await pydantic_data_converter.encode(["hourly"])
        assert await reader.decode(payloads) == ["hourly"]


async def test_an_unknown_encoding_passes_as_it_is(converter: DataConverter) -> None:
    foreign = Payload(metadata={"encoding": b"binary/other"}, data=b"x")
    codec = converter.payload_codec
    assert codec is not None
    assert await codec.decode([foreign]) == [foreign]


async def test_a_payload_does_not_open_as_that_of_another_case(
    engine: AsyncEngine, keyring: Keyring, converter: DataConverter, case_id: UUID
) -> None:
    other = uuid4()
    async with engine.begin() as conn:
        await keyring.create(conn, other)
    [payload] = await converter.with_context(_of(case_id)).encode([CANARY])
    payload.metadata[KEY_ID] = str(other).encode()
    with pytest.raises(SealBroken):
        await converter.decode([payload])


@pytest.mark.parametrize("key_id", [b"", b"nonsense", b"\xff"])
async def test_a_payload_with_a_senseless_key_id_is_broken(
    converter: DataConverter, case_id: UUID, key_id: bytes
) -> None:
    [payload] = await converter.with_context(_of(case_id)).encode([CANARY])
    payload.metadata[KEY_ID] = key_id
    with pytest.raises(SealBroken) as broken:
        await converter.decode([payload])
    assert CANARY not in str(broken.value)


async def test_a_destroyed_key_is_a_failure_of_its_own_that_tells_nothing(
    engine: AsyncEngine, keyring: Keyring, converter: DataConverter, case_id: UUID
) -> None:
    inside = converter.with_context(_of(case_id))
    payloads = await inside.encode([CANARY])
    async with engine.begin() as conn:
        await keyring.destroy(conn, case_id, AT)
    with pytest.raises(KeyGone) as gone:
        await converter.decode(payloads)
    assert str(gone.value) == "The content of this case is gone: its key was destroyed"
    with pytest.raises(KeyGone):
        await inside.encode([CANARY])


async def test_a_failure_travels_without_its_text(converter: DataConverter, case_id: UUID) -> None:
    inside, failure = converter.with_context(_of(case_id)), Failure()
    await inside.encode_failure(ApplicationError(CANARY, CANARY, type="MatchDoubtful"), failure)
    assert CANARY.encode() not in failure.SerializeToString()
    back = await converter.decode_failure(failure)
    assert isinstance(back, ApplicationError)
    assert (back.message, back.details, back.type) == (CANARY, (CANARY,), "MatchDoubtful")


async def test_a_case_costs_one_look_up_of_its_key(
    engine: AsyncEngine, secrets: Secrets, case_id: UUID
) -> None:
    seen: list[str] = []

    def look(_c: object, _k: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", look)
    fresh = data_converter(Keyring(engine, secrets.kek, secrets.pepper))
    for context in (_of(case_id), _activity_of(case_id), _of(case_id, 3)):
        await fresh.decode(await fresh.with_context(context).encode([1, 2, 3]))
    assert len([s for s in seen if "case_keys" in s]) == 1
