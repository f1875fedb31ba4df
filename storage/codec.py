"""What Temporal stores of a case is sealed with that case's key.

Destroying the key destroys the history with the case file. Ids, type names and search attributes
are never sealed: nothing of a person stands there. Workflows that are no cases pass as they are.
"""

import re
from collections.abc import Sequence
from copy import copy
from typing import Final, Self
from uuid import UUID

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from storage.keyring import Keyring, SealBroken

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
PART: Final = "temporal binary/encrypted"  # the seal binds it, and the case, to the content
CASE_WORKFLOW: Final = re.compile(
    r"dsr-[a-z]+-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:-[0-9]+)?"
)


def data_converter(keyring: Keyring) -> DataConverter:
    """The one converter of worker, clients, tests and replays."""
    return CaseConverter(
        payload_converter_class=PydanticPayloadConverter,
        payload_codec=CaseCodec(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


class CaseConverter(DataConverter):
    """Of all its parts only the codec knows a context, so only that is made anew for one.

    The SDK makes all of them anew, several times an activity (measured, temporalio 1.35).
    """

    def with_context(self, context: SerializationContext) -> Self:
        """The converter for what belongs to a workflow or an activity."""
        codec = self.payload_codec
        if not isinstance(codec, WithSerializationContext):
            return self
        mine = copy(self)
        object.__setattr__(mine, "payload_codec", codec.with_context(context))
        return mine


def case_of(workflow_id: str | None) -> UUID | None:
    """The case in a workflow id (`dsr-{kind}-{case}[-run]`), None if it is no case's."""
    match = CASE_WORKFLOW.fullmatch(workflow_id or "")
    return UUID(match[1]) if match else None


class CaseCodec(PayloadCodec, WithSerializationContext):
    """Seals with the key of the case that the context names; opens with the key the payload names.

    Raises `KeyGone` for a case whose key was destroyed, `SealBroken` for an altered payload.
    """

    def __init__(self, keyring: Keyring, case_id: UUID | None = None) -> None:
        self._keyring = keyring
        self._case_id = case_id

    def with_context(self, context: SerializationContext) -> "CaseCodec":
        """A codec for the workflow, or the activity's workflow, of the context."""
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return CaseCodec(self._keyring, case_of(context.workflow_id))
        return CaseCodec(self._keyring)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Sealed, whatever they hold; as they are, if the workflow is no case's."""
        if self._case_id is None:
            return list(payloads)
        return [await self._sealed(self._case_id, payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Opened; as they are, if this codec did not seal them."""
        return [await self._opened(payload) for payload in payloads]

    async def _sealed(self, case_id: UUID, payload: Payload) -> Payload:
        data = await self._keyring.seal(case_id, PART, payload.SerializeToString())
        metadata = {"encoding": ENCODING, KEY_ID: str(case_id).encode()}
        return Payload(metadata=metadata, data=data)

    async def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        case_id = _key_id(payload)
        return Payload.FromString(await self._keyring.unseal(case_id, PART, payload.data))


def _key_id(payload: Payload) -> UUID:
    try:
        return UUID(payload.metadata.get(KEY_ID, b"").decode())
    except ValueError:
        raise SealBroken(UUID(int=0), PART) from None
