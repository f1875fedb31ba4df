"""The audit: per case an append-only chain of facts, each entry hashed over the one before.

The head of each chain is signed with a key outside the database. Checking is `storage.verify`,
the witness outside the database is `storage.checkpoints`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    DateTime,
    Integer,
    LargeBinary,
    Row,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from schemas.case import TimelineEntry
from schemas.errors import CheckFailed
from schemas.events import SENTENCES, Event, Fact, Scalar, sentence
from storage.signing import PublicKey, Signer
from storage.tables import audit, audit_heads

START: Final = bytes(32)  # what the first entry of a chain has before it
HASHED: Final = (  # kept for ever; a column added later needs a new form of the hash beside this
    "case_id",
    "seq",
    "at",
    "recorded_at",
    "actor",
    "event",
    "facts",
    "policy_version",
    "step_key",
)

_EACH: Final[dict[str, TypeEngine[Any]]] = {  # the columns that differ from entry to entry
    "seq": Integer(),
    "at": DateTime(timezone=True),
    "actor": Text(),
    "event": Text(),
    "facts": Text(),
    "step_key": Text(),
    "previous": LargeBinary(),
    "hash": LargeBinary(),
}
_CASE: Final = bindparam("audit_case", type_=Uuid)


def _entries_written() -> CTE:
    """However many entries, in one statement that is compiled once."""
    lists = [bindparam(f"audit_{name}", type_=ARRAY(kind)) for name, kind in _EACH.items()]
    columns = [column(name, kind) for name, kind in _EACH.items()]
    each = func.unnest(*lists).table_valued(*columns, name="each").render_derived()
    values = {name: each.c[name] for name in _EACH} | {
        "case_id": _CASE,
        "facts": cast(each.c.facts, JSONB),
        "recorded_at": bindparam("audit_recorded_at", type_=DateTime(timezone=True)),
        "policy_version": bindparam("audit_policy_version", type_=Text),
    }
    return insert(audit).from_select([*values], select(*values.values())).cte("entries")


_HEAD: Final = upsert(audit_heads).values(
    case_id=_CASE,
    seq=bindparam("audit_head_seq"),
    hash=bindparam("audit_head_hash"),
    signature=bindparam("audit_signature"),
)
_MOVED: Final = _HEAD.on_conflict_do_update(
    index_elements=["case_id"],
    set_={name: _HEAD.excluded[name] for name in ("seq", "hash", "signature")},
)
WRITTEN: Final = (_entries_written(), _MOVED.cte("head"))
"""Entries and head as parts of a statement that takes the parameters of `Addition`."""

_ALONE: Final = select(func.now()).add_cte(*WRITTEN)

_MINE: Final = audit_heads.c.case_id == bindparam("case")
END: Final = (
    func.clock_timestamp().label("now"),
    *(
        select(audit_heads.c[name]).where(_MINE).scalar_subquery().label(f"head_{name}")
        for name in ("seq", "hash", "signature")
    ),
)
"""Columns to read, with the parameter `case`, under the lock of the case row: see `End.of`."""


class ChainBroken(CheckFailed):
    """The end of a chain is not what the engine signed: nothing is added to it."""

    def __init__(self, case_id: UUID) -> None:
        super().__init__(
            f"The audit chain of case {case_id} does not end where it was signed, nothing was "
            "recorded: run dsr audit verify"
        )


@dataclass(frozen=True)
class Said:
    """What one step says: its facts, at a business time, by somebody."""

    facts: tuple[Fact, ...]
    at: datetime
    actor: str
    step_key: str | None = None


@dataclass(frozen=True)
class End:
    """The signed end of a case's chain, and the database's clock. A new case has no end."""

    now: datetime
    seq: int | None = None
    hash: bytes | None = None
    signature: bytes | None = None

    @staticmethod
    def of(row: Any) -> "End":
        """From a row with the columns `END`."""
        return End(row.now, row.head_seq, row.head_hash, row.head_signature)


@dataclass(frozen=True)
class Addition:
    """What is to be written: parameters of `WRITTEN`, and the entries as they will be read."""

    parameters: dict[str, Any]
    entries: list[TimelineEntry]


class Audit:
    """Writes the chain. The signing key is outside the database."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._public = signer.public

    async def append(
        self,
        conn: AsyncConnection,
        case_id: UUID,
        facts: Sequence[Fact],
        *,
        at: datetime,
        actor: str,
        policy_version: str,
        step_key: str | None = None,
    ) -> list[TimelineEntry]:
        """Add facts to a case's chain, in the caller's transaction; what was added.

        The caller holds the lock of the case row: two writers would fork the chain. `at` is
        business time; the recorded time is the database's clock. Raises `ChainBroken`.
        """
        if not facts:
            return []
        end = End.of((await conn.execute(select(*END), {"case": case_id})).one())
        said = Said(tuple(facts), at, actor, step_key)
        added = self.add(case_id, end, [said], policy_version=policy_version)
        await conn.execute(_ALONE, added.parameters)
        return added.entries

    def add(
        self, case_id: UUID, end: End, said: Sequence[Said], *, policy_version: str
    ) -> Addition:
        """What several steps of one case say, chained to its end and signed once.

        The caller writes it, in the transaction in which the end was read. Raises `ChainBroken`.
        """
        seq, digest = self._checked(case_id, end)
        common = {"case_id": case_id, "recorded_at": end.now, "policy_version": policy_version}
        rows = _chained(common, seq, digest, said)
        seq, digest = rows[-1]["seq"], rows[-1]["hash"]
        parameters = {
            **{f"audit_{name}": [row[name] for row in rows] for name in _EACH},
            "audit_facts": [json.dumps(row["facts"]) for row in rows],
            "audit_case": case_id,
            "audit_recorded_at": end.now,
            "audit_policy_version": policy_version,
            "audit_head_seq": seq,
            "audit_head_hash": digest,
            "audit_signature": self._signer.sign(head_message(case_id, seq, digest)),
        }
        return Addition(parameters, [_as_read(row) for row in rows])

    def _checked(self, case_id: UUID, end: End) -> tuple[int, bytes]:
        if end.seq is None or end.hash is None or end.signature is None:
            return 0, START
        # A head that somebody else wrote is never built upon: signing the next one would wash it.
        if not self._public.signed(head_message(case_id, end.seq, end.hash), end.signature):
            raise ChainBroken(case_id)
        return end.seq, end.hash


async def entries(conn: AsyncConnection, case_id: UUID) -> list[TimelineEntry]:
    """The chain of a case as a person reads it, the oldest first. Not verified here."""
    query = select(audit).where(audit.c.case_id == case_id).order_by(audit.c.seq)
    return [_as_read(dict(row)) for row in (await conn.execute(query)).mappings()]


async def entries_of_step(
    conn: AsyncConnection, case_id: UUID, step_key: str
) -> list[TimelineEntry]:
    """What one step of the engine added to the chain of a case."""
    query = select(audit).where(audit.c.case_id == case_id, audit.c.step_key == step_key)
    rows = await conn.execute(query.order_by(audit.c.seq))
    return [_as_read(dict(row)) for row in rows.mappings()]


def _chained(
    common: dict[str, Any], seq: int, digest: bytes, said: Sequence[Said]
) -> list[dict[str, Any]]:
    rows = []
    each = [(one, fact) for one in said for fact in one.facts]
    for n, (one, fact) in enumerate(each, start=seq + 1):
        row = {**common, "at": one.at, "actor": one.actor, "step_key": one.step_key}
        row |= {"seq": n, "event": fact.event.value, "facts": fact.facts}
        row["previous"] = digest
        row["hash"] = digest = entry_hash(digest, row)
        rows.append(row)
    return rows


def entry_hash(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """SHA-256 over the entry before and every stored column of this one."""
    return sha256(previous + canonical({name: row[name] for name in HASHED})).digest()


def head_message(case_id: UUID, seq: int, digest: bytes) -> bytes:
    """What a signed head says: this entry is the last of this case's chain."""
    return b"dsr-audit-head/1" + case_id.bytes + seq.to_bytes(8, "big") + digest


def head_is_signed(head: Row[Any], public: PublicKey) -> bool:
    """Whether the engine signed this row of `audit_heads`."""
    return public.signed(head_message(head.case_id, head.seq, head.hash), head.signature)


def canonical(value: Any) -> bytes:
    """One text for one value: sorted keys, no spaces, instants in UTC to the microsecond."""
    text = json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case UUID():
            return str(value)
        case float() if value.is_integer():
            return int(value)  # PostgreSQL keeps 1e22 as an integer, 2.0 as 2.0: one text for both
        case _:
            return value


def _as_read(row: Mapping[str, Any]) -> TimelineEntry:
    return TimelineEntry(
        at=row["at"],
        recorded_at=row["recorded_at"],
        actor=row["actor"],
        event=row["event"],
        text=_sentence(row["event"], row["facts"]),
    )


def _sentence(event: str, facts: dict[str, Scalar]) -> str:
    """A newer program may have written an event that this one does not know."""
    return sentence(Event(event), facts) if event in SENTENCES else event
