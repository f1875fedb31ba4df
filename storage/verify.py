"""Finds what was done to the evidence: entries, heads, cases, the file of checkpoints.

What was never witnessed outside the database and is gone from it whole cannot be found: that is
what frequent checkpoints are for.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import computed_field
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.base import Model
from storage.audit import START, entry_hash, head_message
from storage.checkpoints import NOTHING_BEFORE, Line, line_hash, parsed, read_lines
from storage.signing import PublicKey
from storage.tables import audit, audit_checkpoints, audit_heads, cases

Row = Mapping[str, Any]
Marks = dict[UUID, dict[int, tuple[int, str]]]
"""Case -> seq -> the checkpoint that saw it, and the hash that it saw."""


class Report(Model):
    """What was checked, and what is wrong: one sentence each, with case number and entry."""

    checked: int = 0  # entries
    cases: int = 0
    checkpoints: int = 0
    findings: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.findings


@dataclass
class Chain:
    """All that is stored of one case's chain."""

    case_id: UUID
    number: str | None = None
    head: Row | None = None
    entries: list[Row] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The number; the id where the case row is gone."""
        return self.number or f"case {self.case_id}"


async def verify(conn: AsyncConnection, path: Path, public: PublicKey) -> Report:
    """Check every chain against itself, its signed head and the file of checkpoints.

    Changes nothing; work may go on meanwhile. The order matters: whatever was witnessed before
    is still there afterwards. Raises `Unreachable`.
    """
    stored = select(audit_checkpoints.c.id, audit_checkpoints.c.line)
    copies = {row.id: row.line for row in await conn.execute(stored)}
    lines = await asyncio.to_thread(read_lines, path)
    findings = [*file_findings(lines, public), *_copy_findings(lines, copies)]
    marks = witnessed([*copies.values(), *lines], public)
    checked = count = 0
    async for chain in stored_chains(conn, chains_query()):
        checked += len(chain.entries)
        count += 1
        findings += chain_findings(chain, public, marks.pop(chain.case_id, {}))
    findings += [_removed(case_id, seen) for case_id, seen in marks.items()]
    return Report(checked=checked, cases=count, checkpoints=len(lines), findings=tuple(findings))


def file_findings(lines: Sequence[str], public: PublicKey) -> Iterator[str]:
    """What is wrong with the file in itself."""
    previous, seen = NOTHING_BEFORE, set[UUID]()
    for n, text in enumerate(lines, start=1):
        line = parsed(text)
        if line is None or not line.signed_by(public):
            yield f"checkpoint {n}: the line in the file was altered: its signature does not fit"
        elif line.n != n or line.previous != previous:
            yield f"checkpoint {n}: a line before it was altered, removed or put elsewhere"
        else:
            seen |= {case_id for case_id, _, _ in line.heads}
            if len(seen) != line.cases:
                yield f"checkpoint {n}: it counts {line.cases} cases, the lines name {len(seen)}"
        previous = line_hash(text)


def _copy_findings(lines: Sequence[str], copies: Mapping[int, str]) -> Iterator[str]:
    """File against database. The newest line may lack its copy: a crash, mended by the next."""
    for n in sorted(copies):
        if n > len(lines):
            yield f"checkpoint {n}: the file was cut: only the database still has this line"
        elif copies[n] != lines[n - 1]:
            yield f"checkpoint {n}: file and database differ; the file decides"
    for n in range(1, len(lines)):
        if n not in copies:
            yield f"checkpoint {n}: removed from the database; the file still has it"


def witnessed(lines: Sequence[str], public: PublicKey) -> Marks:
    """What the validly signed lines saw; later ones in the sequence win (the file's)."""
    marks: Marks = {}
    for line in map(parsed, lines):
        if isinstance(line, Line) and line.signed_by(public):
            for case_id, seq, digest in line.heads:
                marks.setdefault(case_id, {})[seq] = (line.n, digest)
    return marks


def chain_findings(
    chain: Chain, public: PublicKey, seen: Mapping[int, tuple[int, str]]
) -> Iterator[str]:
    """What is wrong with one chain, against itself, its head and its checkpoints."""
    for problem in (
        *_entry_problems(chain),
        *_head_problems(chain, public),
        *_witness_problems(chain, seen),
    ):
        yield f"{chain.name}: {problem}"


def _entry_problems(chain: Chain) -> Iterator[str]:
    seq, previous = 0, START
    for row in chain.entries:
        if row["seq"] != seq + 1:
            yield f"{_span(seq + 1, row['seq'] - 1)} removed"
        elif row["previous"] != previous:
            yield f"entry {row['seq']} does not follow on the entry before it"
        if row["hash"] != entry_hash(row["previous"], row):
            yield f"entry {row['seq']} was altered or put elsewhere: its hash does not fit"
        seq, previous = row["seq"], row["hash"]


def _head_problems(chain: Chain, public: PublicKey) -> Iterator[str]:
    last = chain.entries[-1]["seq"] if chain.entries else 0
    if chain.head is None:
        yield "it has no signed head" if chain.entries else "all its entries were removed"
        return
    seq, digest = chain.head["seq"], chain.head["hash"]
    if not public.signed(head_message(chain.case_id, seq, digest), chain.head["signature"]):
        yield f"its head (entry {seq}) was not signed by the engine: the chain was recomputed"
    if last < seq:
        yield f"the tail was cut: {_span(last + 1, seq)} removed"
    elif last > seq:
        yield f"{_span(seq + 1, last)} added behind the signed head, or the head was put back"
    elif chain.entries[-1]["hash"] != digest:
        yield f"entry {seq} is not the one that was signed: the chain was recomputed"


def _witness_problems(chain: Chain, seen: Mapping[int, tuple[int, str]]) -> Iterator[str]:
    hashes = {row["seq"]: row["hash"].hex() for row in chain.entries}
    for seq in sorted(seen):
        n, digest = seen[seq]
        if seq not in hashes:
            yield f"entry {seq} was removed: checkpoint {n} saw it"
        elif hashes[seq] != digest:
            yield f"the chain was recomputed: entry {seq} is not the one that checkpoint {n} saw"


def _removed(case_id: UUID, seen: Mapping[int, tuple[int, str]]) -> str:
    return f"case {case_id}: removed whole: checkpoint {seen[max(seen)][0]} saw {max(seen)} entries"


def _span(first: int, last: int) -> str:
    return f"entry {first} was" if first == last else f"entries {first} to {last} were"


def chains_query(case_id: UUID | None = None) -> Select[Any]:
    """Case row, head and entries of one case or of all: one statement, so of one moment."""
    entry, head = select(audit), select(audit_heads)
    case = select(cases.c.id, cases.c.number)
    if case_id is not None:
        entry = entry.where(audit.c.case_id == case_id)
        head = head.where(audit_heads.c.case_id == case_id)
        case = case.where(cases.c.id == case_id)
    e, h, c = entry.subquery(), head.subquery(), case.subquery()
    recorded = func.coalesce(e.c.case_id, h.c.case_id)
    joined = e.join(h, e.c.case_id == h.c.case_id, full=True).join(c, c.c.id == recorded, full=True)
    columns = (
        func.coalesce(recorded, c.c.id).label("key"),
        c.c.number,
        h.c.seq.label("head_seq"),
        h.c.hash.label("head_hash"),
        h.c.signature,
    )
    return select(*columns, e).select_from(joined).order_by(columns[0], e.c.seq)


async def stored_chains(conn: AsyncConnection, query: Select[Any]) -> AsyncIterator[Chain]:
    """What is stored, a case at a time, however many there are."""
    chain: Chain | None = None
    async with conn.stream(query) as rows:
        async for row in rows.mappings():
            if chain is None or chain.case_id != row["key"]:
                if chain is not None:
                    yield chain
                chain = Chain(row["key"], row["number"], _head(row))
            if row["seq"] is not None:
                chain.entries.append(dict(row))
    if chain is not None:
        yield chain


def _head(row: Row) -> Row | None:
    if row["head_seq"] is None:
        return None
    return {"seq": row["head_seq"], "hash": row["head_hash"], "signature": row["signature"]}
