"""Histories of every kind and ending, as a worker of this version made them.

A change of the procedures must still replay them: cases stay open for months over many deploys.
Made anew by `python -m tests.histories`, in the same commit as the patch id that makes it right.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import WorkflowHistory

from storage.keyring import Keyring

FOLDER = Path(__file__).parent


class KnownKeys(Keyring):
    """The keys follow from the cases: what they sealed opens without any database."""

    async def key(self, case_id: UUID, conn: AsyncConnection | None = None) -> bytes:
        """The key of a case."""
        return sha256(b"a saved history" + case_id.bytes).digest()


def known_keys() -> Keyring:
    """For a replay: nothing is looked up."""
    nothing: Any = None
    return KnownKeys(nothing, nothing, nothing)


def names() -> list[str]:
    """The saved histories, "kind-ending"."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def saved(name: str) -> WorkflowHistory:
    """A saved history, as it was."""
    content = json.loads((FOLDER / f"{name}.json").read_text())
    return WorkflowHistory.from_json(content["workflow"], content["history"])


def save(name: str, history: WorkflowHistory) -> None:
    """Keep a history: raw and sealed, without the name of the machine that made it."""
    content = {"workflow": history.workflow_id, "history": _nameless(history.to_json_dict())}
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    (FOLDER / f"{name}.json").write_text(text + "\n")


def _nameless(part: Any) -> Any:
    if isinstance(part, list):
        return [_nameless(each) for each in part]
    if isinstance(part, dict):
        return {k: "test" if k == "identity" else _nameless(v) for k, v in part.items()}
    return part
