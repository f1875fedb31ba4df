"""The evidence of one case as a document that stands alone: for an authority, a court, a person.

It holds facts, no personal data, and whatever is needed to check it without our database.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, PlainSerializer, PlainValidator, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.base import EdgeModel, Instant
from schemas.errors import BadInput
from schemas.events import Scalar
from storage.checkpoints import parsed, read_lines
from storage.signing import PublicKey
from storage.verify import (
    Chain,
    Report,
    Row,
    chain_findings,
    chains_query,
    stored_chains,
    witnessed,
)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else bytes.fromhex(value)


Hex = Annotated[
    bytes, PlainValidator(_bytes), PlainSerializer(bytes.hex, return_type=str, when_used="json")
]


class Entry(EdgeModel):
    """One entry of the chain, each stored column of it."""

    seq: int
    at: Instant
    recorded_at: Instant
    actor: str
    event: str
    facts: dict[str, Scalar]
    policy_version: str
    step_key: str | None
    previous: Hex
    hash: Hex


class Head(EdgeModel):
    """The signed end of the chain."""

    seq: int
    hash: Hex
    signature: Hex


class Evidence(EdgeModel):
    """What `export` gives. `checkpoints`: the lines of the file that saw this case."""

    format: Literal["dsr-audit-export/1"] = "dsr-audit-export/1"
    case_id: UUID
    number: str | None
    public_key: str
    entries: tuple[Entry, ...] = Field(min_length=1)
    head: Head | None
    checkpoints: tuple[str, ...]


async def export(
    conn: AsyncConnection, case_id: UUID, path: Path, public: PublicKey
) -> dict[str, Any]:
    """The evidence of one case, ready for JSON. Raises `BadInput` where there is none.

    `path` is the file of checkpoints. That it was exported is the caller's to record.
    """
    chains = [chain async for chain in stored_chains(conn, chains_query(case_id))]
    if not chains or not chains[0].entries:
        raise BadInput("There is no evidence of this case: nothing was ever recorded")
    evidence = _evidence(chains[0], await asyncio.to_thread(read_lines, path), public)
    return evidence.model_dump(mode="json")


def verify_export(document: Mapping[str, Any], public: PublicKey | None = None) -> Report:
    """Check such a document by itself. Raises `BadInput` for what is none.

    Without `public` the enclosed key is used: this shows that the document is consistent, not
    that it is ours. Whether its tail was cut, only the database or the whole file can tell.
    """
    try:
        evidence = Evidence.model_validate(document)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "document"
        raise BadInput(f"This is no evidence as dsr exports it: see {where}") from None
    key = public or PublicKey.read(evidence.public_key)
    marks = witnessed(evidence.checkpoints, key).get(evidence.case_id, {})
    findings = (*_enclosure_problems(evidence, key), *chain_findings(_chain(evidence), key, marks))
    return Report(
        checked=len(evidence.entries),
        cases=1,
        checkpoints=len(evidence.checkpoints),
        findings=findings,
    )


def _evidence(chain: Chain, lines: Sequence[str], public: PublicKey) -> Evidence:
    names = Entry.model_fields
    return Evidence(
        case_id=chain.case_id,
        number=chain.number,
        public_key=str(public),
        entries=tuple(Entry(**{name: row[name] for name in names}) for row in chain.entries),
        head=Head(**chain.head) if chain.head else None,
        checkpoints=tuple(line for line in lines if f'"{chain.case_id}"' in line),
    )


def _chain(evidence: Evidence) -> Chain:
    rows: list[Row] = [{**dict(e), "case_id": evidence.case_id} for e in evidence.entries]
    head = dict(evidence.head) if evidence.head else None
    return Chain(evidence.case_id, evidence.number, head, rows)


def _enclosure_problems(evidence: Evidence, key: PublicKey) -> Iterator[str]:
    if evidence.public_key != str(key):
        yield "the enclosed public key is not the one given"
    for n, text in enumerate(evidence.checkpoints, start=1):
        line = parsed(text)
        if line is None or not line.signed_by(key):
            yield f"enclosed checkpoint line {n} was altered: its signature does not fit"
