"""The tables. Schema `dsr` is the case file and the evidence, schema `vault` the wrapped keys.

Apart on purpose: a dump of `dsr` holds no key, so destroying a key destroys the case's content in
every copy. Nothing in `dsr` is personal data in the clear: content is sealed with the case's key,
identifiers are keyed hashes.
"""

from storage.tables.case import cases, idempotency_keys, number_series, sealed, steps
from storage.tables.columns import metadata
from storage.tables.evidence import audit, audit_checkpoints, audit_heads
from storage.tables.guard import hold_texts, holds, standstills
from storage.tables.partners import certificates, dispatches
from storage.tables.person import identifiers, inquiries, known_as, suppressions
from storage.tables.procedure import decisions, escalations, letters, pauses, tasks
from storage.tables.systems import erasures, lines, restrictions, retention_sweeps, system_tasks
from storage.tables.vault import case_keys, key_checks

__all__ = [
    "audit",
    "audit_checkpoints",
    "audit_heads",
    "case_keys",
    "cases",
    "certificates",
    "decisions",
    "dispatches",
    "erasures",
    "escalations",
    "hold_texts",
    "holds",
    "idempotency_keys",
    "identifiers",
    "inquiries",
    "key_checks",
    "known_as",
    "letters",
    "lines",
    "metadata",
    "number_series",
    "pauses",
    "restrictions",
    "retention_sweeps",
    "sealed",
    "standstills",
    "steps",
    "suppressions",
    "system_tasks",
    "tasks",
]
