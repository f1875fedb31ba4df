"""What is destroyed of a case whose time is over, in one step of it, and what stays.

Gone: key, sealed content, every keyed hash by which case or person are found or compared. Stays:
the record of facts, dates, statuses, decisions, counts; and the prohibitions (`dsr.suppressions`),
which outlive every case. The ledger of the 12-month rule needs no case that may be purged.
"""

from sqlalchemy import Table, delete, update

from schemas.case import LetterState
from schemas.events import Event
from storage import tables as t
from storage.case_step import CaseStep
from storage.holds import forget_person
from storage.keyring import Keyring


async def forget(step: CaseStep, keyring: Keyring) -> None:
    """Destroy the key and delete what leads to the person. There is no undoing.

    Whether it may be (closed long enough, no hold, no open run) is the caller's question.
    """
    await keyring.destroy(step.conn, step.case, step.at)
    parts = await _delete(step, t.sealed)
    hashes = await _delete(step, t.identifiers) + await _delete(step, t.idempotency_keys)
    hashes += await _delete(step, t.known_as)
    await _delete(step, t.inquiries)
    await forget_person(step.conn, step.case)
    of_case = update(t.system_tasks).where(t.system_tasks.c.case_id == step.case)
    await step.conn.execute(of_case.values(plan=None))
    unsent = await _end_letters(step)
    step.set(purged_at=step.at, person_hash=b"", content_hash=b"")
    step.record(Event.RETENTION_APPLIED, parts=parts, hashes=hashes, unsent=unsent or None)


async def _delete(step: CaseStep, table: Table) -> int:
    gone = await step.conn.execute(delete(table).where(table.c.case_id == step.case))
    return gone.rowcount


async def _end_letters(step: CaseStep) -> int:
    """What was never fetched cannot be any more; of what was, no run needs to hear. How many."""
    mine = update(t.letters).where(t.letters.c.case_id == step.case)
    unheard = (t.letters.c.state == LetterState.LEFT) & t.letters.c.noticed_at.is_(None)
    await step.conn.execute(mine.where(unheard).values(noticed_at=step.at))
    unsent = mine.where(t.letters.c.state == LetterState.READY)
    return (await step.conn.execute(unsent.values(state=LetterState.WITHDRAWN))).rowcount
