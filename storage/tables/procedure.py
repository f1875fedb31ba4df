"""What happens to a case on its way: pauses, escalations, decisions, tasks, letters."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from storage.tables.columns import at, metadata

pauses = Table(
    "pauses",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("reason", Text, nullable=False),
    at("asked_at"),
    at("answered_at", null=True),
    Column("counted", Boolean, nullable=False),
    Index("pauses_by_case", "case_id"),
    schema="dsr",
)

escalations = Table(
    "escalations",  # each step once per schedule, whoever fires it: workflow or sweep
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("step", Text, nullable=False),
    at("fired_at"),
    PrimaryKeyConstraint("case_id", "revision", "step"),
    schema="dsr",
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("person", Text),  # one person with two accounts is one
    at("at"),
    Column("ground", Text),
    Column("stands", Boolean, nullable=False, server_default=text("true")),
    Index("decisions_by_case", "case_id"),
    schema="dsr",
)

tasks = Table(
    "tasks",  # what needs a person; notifications of the ladder included
    metadata,
    Column("id", Text, primary_key=True),  # NUMBER-n
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("what", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("system", Text),
    at("since"),
    at("due", null=True),
    at("reminded_at", null=True),
    Column("reminders", Integer, nullable=False, server_default="0"),
    at("done_at", null=True),
    Column("done_by", Text),
    Index("tasks_by_case", "case_id"),
    Index(
        "tasks_once_while_open",
        "case_id",
        "what",
        text("coalesce(system, '')"),
        unique=True,
        postgresql_where=text("done_at is null"),
    ),
    schema="dsr",
)

letters = Table(
    "letters",  # the outbox; content is sealed under letter:ID (and package:ID)
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("id", Text, nullable=False),  # L1, L2, ...
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="ready"),
    Column("has_package", Boolean, nullable=False, server_default=text("false")),
    at("written_at"),
    at("left_at", null=True),
    Column("left_by", Text),
    at("noticed_at", null=True),  # the workflow knows that it left
    PrimaryKeyConstraint("case_id", "id"),
    Index(
        "letters_untold",
        "left_at",
        postgresql_where=text("state = 'left' and noticed_at is null"),
    ),
    CheckConstraint("(state = 'left') = (left_at is not null)", name="letters_left"),
    schema="dsr",
)
