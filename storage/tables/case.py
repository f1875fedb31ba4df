"""The case: row and number, keys of callers, sealed content, and which of its steps are done."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import at, metadata

cases = Table(
    "cases",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("scope", ARRAY(Text), nullable=False),
    Column("purposes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("run", Integer, nullable=False, server_default="1"),
    Column("reopened", Boolean, nullable=False, server_default=text("false")),
    Column("released", Boolean, nullable=False, server_default=text("false")),  # what was kept
    at("parked_at", null=True),  # no run: a sweep starts one once what is kept may go
    Column("origin", Text, nullable=False, server_default="request"),
    Column("batch", Text),  # of relations that ended, decided together
    Column("ended_in", Text),  # the system whose relation ended; the deletion is in it alone
    Column("resumes_on", Date),  # then, if no hold ends earlier; None: no date says
    Column("reviews", Boolean, nullable=False, server_default=text("false")),  # told if it goes
    Column("resumed", Boolean, nullable=False, server_default=text("false")),  # after a loss
    at("received_at"),
    at("registered_at", now=True),
    Column("clock", JSONB, nullable=False),  # schemas.case.Clock, the record of every date
    Column("due_date", Date),
    at("due_before", null=True),
    Column("safe_date", Date, nullable=False),
    at("next_step_at", null=True),  # the ladder's next step, for the sweep
    Column("escalation", Text, nullable=False, server_default="none"),
    Column("breached", Boolean, nullable=False, server_default=text("false")),
    Column("breach_cause", Text),
    Column("identity_state", Text, nullable=False),
    Column("identity_how", Text),
    Column("fee_assessment", Text, nullable=False),
    Column("fee_state", Text, nullable=False, server_default="none"),
    Column("fee_amount", Integer),
    Column("merge_into", Text),  # the number that the 12-month rule merges it into
    Column("withheld", JSONB, nullable=False, server_default="[]"),
    Column("linked", ARRAY(Text), nullable=False, server_default="{}"),
    Column("assignee", Text),
    Column("has_submitter", Boolean, nullable=False, server_default=text("false")),
    Column("evidence_how", Text),  # signed_letter, identified_visit, email: what the channel gave
    Column("policy_version", Text, nullable=False),
    Column("person_hash", LargeBinary, nullable=False),  # keyed: name and identifiers as given
    Column("content_hash", LargeBinary, nullable=False),  # keyed: kind, scope, content
    at("replied_at", null=True),
    at("closed_at", null=True),
    at("purged_at", null=True),
    Index("cases_by_status", "status", "kind"),
    Index("cases_by_next_step", "next_step_at", postgresql_where=text("status <> 'closed'")),
    Index("cases_of_batch", "batch", postgresql_where=text("batch is not null")),
    Index("cases_parked", "resumes_on", postgresql_where=text("parked_at is not null")),
    Index(
        "cases_to_purge",
        "closed_at",
        "id",
        postgresql_where=text("status = 'closed' and purged_at is null"),
    ),
    Index("cases_open_by_age", "registered_at", postgresql_where=text("status <> 'closed'")),
    Index(
        "cases_one_open_per_content",
        "person_hash",
        "content_hash",
        unique=True,
        postgresql_where=text("status <> 'closed'"),
    ),
    schema="dsr",
)

idempotency_keys = Table(
    "idempotency_keys",  # each key that a caller gave, with the case that answered it
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("body_hash", LargeBinary, nullable=False),  # keyed: of the whole form
    schema="dsr",
)

number_series = Table(
    "number_series",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    schema="dsr",
)

steps = Table(
    "steps",  # each step once: inserted in the step's own transaction
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("result", JSONB),
    PrimaryKeyConstraint("case_id", "key"),
    schema="dsr",
)

sealed = Table(
    "sealed",  # content, encrypted with the case's key; AAD = case and part
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("part", Text, nullable=False),  # form, attachment:1, found:NAME, letter:ID, text:NAME
    Column("content", LargeBinary, nullable=False),
    at("sealed_at", now=True),
    PrimaryKeyConstraint("case_id", "part"),
    schema="dsr",
)
