"""The audit chain of each case, its signed head, and the checkpoints over all of them."""

from sqlalchemy import Column, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import at, metadata

audit = Table(
    "audit",  # append-only: the engine's role may insert and select, a trigger refuses the rest
    metadata,
    Column("case_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    at("at"),  # business time
    at("recorded_at"),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("step_key", Text),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("case_id", "seq"),
    schema="dsr",
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # Ed25519 over case, seq, hash
    schema="dsr",
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    at("at"),
    Column("line", Text, nullable=False),  # the very line that the file outside has
    schema="dsr",
)
