"""Files with which tasks are answered: checked and sealed on trial before the case takes them.

A file that comes with a refused action is never kept: the case takes an upload over only together
with the action that it belongs to.
"""

import json
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from connectors.contract import Found
from schemas.case import Awaited
from schemas.errors import BadInput
from schemas.messages import CompleteTask
from schemas.request import MAX_ATTACHMENT_BYTES, Attachment
from storage import tables as t
from storage.case_file import CaseFile

CHOOSE_MATCH: Final = "choose_match"
_READS: Final = (
    'Not done: the file of this task reads {"belongs": ["1", "3"]}: the doubtful items '
    "that are the person's, see dsr found; an empty list if none is."
)


class HandedIn:
    """The files of cases."""

    def __init__(self, case_file: CaseFile) -> None:
        self._case_file = case_file

    async def seal(self, case: UUID, action: UUID, file: Attachment, by: str, at: datetime) -> None:
        """On trial, under the action's id: the case keeps it when it takes the action."""
        if len(file.base64) > MAX_ATTACHMENT_BYTES:
            raise BadInput(f"Not done: the file has over {MAX_ATTACHMENT_BYTES} bytes.")
        async with self._case_file.step(case, f"upload:{action}", at, by) as step:
            if not step.repeated:
                await step.seal(f"upload:{action}", file.model_dump_json().encode())

    async def check_choice(self, case: UUID, task: Awaited | None, action: CompleteTask) -> None:
        """Only doubtful records can be chosen. Raises `BadInput`."""
        if not action.items:
            return
        content = None
        if task is not None and task.what == CHOOSE_MATCH:
            content = await self._case_file.unseal(case, f"found:{task.system}")
        doubtful = Found.model_validate_json(content).doubtful if content else ()
        known = {row.item for row in doubtful}
        if len(set(action.items)) < len(action.items) or not known.issuperset(action.items):
            items = ", ".join(row.item for row in doubtful) or "none"
            raise BadInput(f"Not done: the doubtful items of this task are: {items}. Each once.")

    async def of_case(self, case: UUID) -> list[tuple[str, Attachment]]:
        """Files that answered, each with its system."""
        parts = await self._case_file.sealed_parts(case, "file:")
        async with self._case_file.reading.connect() as conn:
            rows = await conn.execute(
                select(t.tasks.c.id, t.tasks.c.system).where(
                    t.tasks.c.case_id == case, t.tasks.c.done_at.is_not(None)
                )
            )
            systems = {row.id: row.system for row in rows}
        return [
            (systems[task] or "", Attachment.model_validate_json(content))
            for task, content in parts.items()
            if task in systems
        ]


def belonging(file: Attachment | None) -> tuple[str, ...]:
    """What the file of a task `choose_match` says. Raises `BadInput`: nothing is guessed."""
    if file is None:
        raise BadInput(_READS)
    try:
        items = json.loads(file.base64)["belongs"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(_READS) from None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise BadInput(_READS)
    return tuple(items)
