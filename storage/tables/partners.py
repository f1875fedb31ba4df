"""Partners over HTTP: what they were asked, and how they prove who they are."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from storage.tables.columns import at, metadata

dispatches = Table(
    "dispatches",  # a request to a partner: written before it is sent, the id is its own there
    metadata,
    Column("id", Uuid, primary_key=True),  # subject_request_id, a UUID of version 4
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("system", Text, nullable=False),
    Column("duty", Text, nullable=False),
    Column("state", Text),  # where it stands, as the partner's own status says; never goes back
    Column("called_back", Text),  # the same, as its callbacks say
    Column("news", Boolean, nullable=False, server_default=text("false")),  # a callback not read
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    at("created_at", now=True),
    at("settled_at", null=True),  # business time: its answer stands on the case row
    Column("result", Text),  # how a completed one ended: done, partial, denied
    at("stop_wanted_at", null=True),  # business time: it is to be taken back
    Column("stop", Text),  # taken, too_late; None: not known yet
    Index(
        "dispatches_one_open",
        "case_id",
        "system",
        "duty",
        unique=True,
        postgresql_where=text("settled_at is null"),
    ),
    Index(
        "dispatches_to_stop",
        "stop_wanted_at",
        postgresql_where=text("stop_wanted_at is not null and stop is null"),
    ),
    schema="dsr",
)

certificates = Table(
    "certificates",  # of partners, as a worker that reaches them found them good; public
    metadata,
    Column("system", Text, primary_key=True),
    Column("chain", LargeBinary, nullable=False),  # PEM
    at("kept_at", now=True),
    schema="dsr",
)
