"""The witness outside the database: signed lines that say where each chain stood.

Each line of the file is JSON `{n, at, previous, cases, heads, numbers, signature}`: the heads that
moved since the line before, chained by the hash of that line; and the last case number of each
year, so that none is given twice after an older database was restored. The file is the authority;
the database keeps a copy. Keep the file where the database's administrator cannot write.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.base import EdgeModel, Instant
from schemas.errors import CheckFailed
from storage.audit import canonical, head_is_signed
from storage.signing import PublicKey, Signer
from storage.tables import audit_checkpoints, audit_heads, number_series

ONE_WRITER: Final = 0x6473720003  # advisory lock
NOTHING_BEFORE: Final = "0" * 64


class WitnessDamaged(CheckFailed):
    """The file is not what was written: no line is added to it."""

    def __init__(self, path: Path, n: int) -> None:
        super().__init__(
            f"The checkpoint file {path} lost or changed line {n}: restore the file from a backup "
            "and run dsr audit verify"
        )


class Line(EdgeModel):
    """One checkpoint. Hashes in hex; `cases`: how many chains have been witnessed so far."""

    n: int
    at: Instant
    previous: str
    cases: int
    heads: tuple[tuple[UUID, int, str], ...]  # case, seq, hash
    numbers: tuple[tuple[int, int], ...] = ()  # year, its last case number; earlier lines have none
    signature: str

    def signed_by(self, public: PublicKey) -> bool:
        """Whether the engine wrote this very line."""
        try:
            return public.signed(self._message(), bytes.fromhex(self.signature))
        except ValueError:
            return False

    def _message(self) -> bytes:
        without = {"signature"} if self.numbers else {"signature", "numbers"}
        return line_message(self.model_dump(exclude=without))


def line_message(fields: dict[str, Any]) -> bytes:
    """What the signature of a line covers."""
    return b"dsr-checkpoint/1" + canonical(fields)


def parsed(line: str) -> Line | None:
    """The line as values, None if it is none."""
    try:
        return Line.model_validate_json(line)
    except ValidationError:
        return None


def line_hash(line: str) -> str:
    """What the next line says as `previous`."""
    return sha256(line.encode()).hexdigest()


def read_lines(path: Path) -> list[str]:
    """The complete lines of the file; a last one torn by a crash is none. No file, no lines."""
    if not path.exists():
        return []
    complete, _, _torn = path.read_bytes().rpartition(b"\n")
    return complete.decode(errors="replace").split("\n") if complete else []


@dataclass(frozen=True)
class Witnessed:
    """Where the lines so far left each chain."""

    lines: int
    previous: str
    heads: dict[UUID, int]


async def checkpoint(conn: AsyncConnection, path: Path, signer: Signer, at: datetime) -> int:
    """Witness every head that moved since the last line; the number of the new line.

    In a transaction of its own: the file is written before it commits. A crash between the two
    leaves the file ahead by a line, which the next call copies into the database. Raises
    `WitnessDamaged` if the file lost or changed a line that the database remembers.
    """
    await conn.execute(text(f"select pg_advisory_xact_lock({ONE_WRITER})"))
    lines = await asyncio.to_thread(read_lines, path)
    await _mend_copy(conn, path, lines, signer.public)
    before = await asyncio.to_thread(_witnessed, path, lines)
    heads = await _moved(conn, before, signer.public)
    line = _written(before, heads, await _last_numbers(conn), signer, at)
    await asyncio.to_thread(_append, path, line)
    await _copy(conn, line)
    return before.lines + 1


async def _mend_copy(
    conn: AsyncConnection, path: Path, lines: Sequence[str], public: PublicKey
) -> None:
    """Copy what a crash kept from the database. Refuses a file that lost or changed a line."""
    newest = select(audit_checkpoints).order_by(audit_checkpoints.c.id.desc()).limit(1)
    last = (await conn.execute(newest)).one_or_none()
    copied = last.id if last else 0
    if len(lines) < copied or (last and lines[copied - 1] != last.line):
        raise WitnessDamaged(path, copied)
    for n, line in enumerate(lines[copied:], start=copied + 1):
        read = parsed(line)
        if read is None or read.n != n or not read.signed_by(public):
            raise WitnessDamaged(path, n)
        await _copy(conn, line)


async def _copy(conn: AsyncConnection, line: str) -> None:
    read = Line.model_validate_json(line)
    await conn.execute(insert(audit_checkpoints).values(id=read.n, at=read.at, line=line))


async def _moved(
    conn: AsyncConnection, before: Witnessed, public: PublicKey
) -> list[tuple[UUID, int, str]]:
    """Heads beyond what was witnessed. One that the engine did not sign is never witnessed."""
    rows = (await conn.execute(select(audit_heads).order_by(audit_heads.c.case_id))).all()
    return [
        (row.case_id, row.seq, row.hash.hex())
        for row in rows
        if row.seq > before.heads.get(row.case_id, 0) and head_is_signed(row, public)
    ]


async def _last_numbers(conn: AsyncConnection) -> list[tuple[int, int]]:
    rows = await conn.execute(select(number_series).order_by(number_series.c.year))
    return [(row.year, row.last) for row in rows]


async def numbers_behind(
    conn: AsyncConnection, path: Path, public: PublicKey
) -> list[tuple[int, int]]:
    """Years whose last case number here is below what the file has witnessed, with what it says.

    Only lines that the engine signed count.
    """
    lines = map(parsed, await asyncio.to_thread(read_lines, path))
    highest: dict[int, int] = {}
    for line in lines:
        if line is not None and line.signed_by(public):
            for year, last in line.numbers:
                highest[year] = max(last, highest.get(year, 0))
    here = dict(await _last_numbers(conn))
    return [(year, last) for year, last in sorted(highest.items()) if here.get(year, 0) < last]


async def raise_numbers(conn: AsyncConnection, behind: Sequence[tuple[int, int]]) -> None:
    """The next numbers of these years follow what was witnessed. Never lowers one."""
    row = upsert(number_series)
    higher = func.greatest(number_series.c.last, row.excluded.last)
    raising = row.on_conflict_do_update(index_elements=["year"], set_={"last": higher})
    for year, last in behind:
        await conn.execute(raising, {"year": year, "last": last})


def _witnessed(path: Path, lines: Sequence[str]) -> Witnessed:
    heads: dict[UUID, int] = {}
    for n, line in enumerate(map(parsed, lines), start=1):
        if line is None:
            raise WitnessDamaged(path, n)
        heads |= {case_id: seq for case_id, seq, _ in line.heads}
    return Witnessed(len(lines), line_hash(lines[-1]) if lines else NOTHING_BEFORE, heads)


def _written(
    before: Witnessed, heads: Sequence[tuple[UUID, int, str]],
    numbers: Sequence[tuple[int, int]], signer: Signer, at: datetime,
) -> str:  # fmt: skip
    fields = {
        "n": before.lines + 1,
        "at": at,
        "previous": before.previous,
        "cases": len(before.heads.keys() | {case_id for case_id, _, _ in heads}),
        "heads": heads,
    }
    if numbers:
        fields["numbers"] = numbers
    signature = signer.sign(line_message(fields)).hex()
    return canonical({**fields, "signature": signature}).decode()


def _append(path: Path, line: str) -> None:
    """Whole and on the disk before this returns; what a crash left torn is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o640), "r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
