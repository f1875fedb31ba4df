"""The evidence of one case stands alone: it is checked without our database."""

import copy
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.errors import BadInput
from storage.checkpoints import checkpoint
from storage.evidence import export, verify_export
from storage.secrets import Secrets
from tests.storage.conftest import AT, Desk


@pytest.fixture
async def document(engine: AsyncEngine, desk: Desk) -> dict[str, Any]:
    """The evidence of a case of four entries, seen by two of three checkpoints."""
    case_id = await desk.opens("2027-0001", facts=3)
    for facts in (0, 1, 0):
        await desk.records(case_id, facts)
        async with engine.begin() as conn:
            await checkpoint(conn, desk.file, desk.signer, AT)
    async with engine.connect() as conn:
        exported = await export(conn, case_id, desk.file, desk.signer.public)
    return json.loads(json.dumps(exported))  # type: ignore[no-any-return]


def test_honest_evidence_is_in_order(document: dict[str, Any], desk: Desk) -> None:
    for public in (None, desk.signer.public):
        report = verify_export(document, public)
        assert (report.ok, report.checked, report.checkpoints) == (True, 4, 2)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("entries", 1, "at"), "2027-03-02T09:30:00Z"),
        (("entries", 1, "recorded_at"), "2027-03-02T09:30:00Z"),
        (("entries", 1, "actor"), "somebody"),
        (("entries", 1, "event"), "withdrawn"),
        (("entries", 1, "facts"), {}),
        (("entries", 1, "policy_version"), "p2"),
        (("entries", 1, "step_key"), None),
        (("entries", 1, "previous"), "00" * 32),
        (("entries", 1, "hash"), "00" * 32),
        (("entries", 1, "seq"), 3),
        (("head", "seq"), 3),
        (("head", "hash"), "00" * 32),
        (("head", "signature"), "00" * 64),
        (("head",), None),
        (("case_id",), str(UUID(int=7))),
        (("checkpoints", 0), "{}"),
    ],
)
def test_each_changed_part_is_found(
    document: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    *way, last = path
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = value
    assert not verify_export(document).ok


def test_a_removed_entry_is_found(document: dict[str, Any]) -> None:
    for n in range(4):
        cut = copy.deepcopy(document)
        del cut["entries"][n]
        assert not verify_export(cut).ok


def test_evidence_forged_with_another_key_is_found_by_who_has_ours(
    document: dict[str, Any], desk: Desk, tmp_path: Path
) -> None:
    document["public_key"] = str(Secrets.load_or_create(tmp_path / "forger").signer.public)
    found = verify_export(document, desk.signer.public).findings
    assert found == ("the enclosed public key is not the one given",)


@pytest.mark.parametrize("change", [{"extra": 1}, {"entries": []}, {"format": "x"}, {"head": 1}])
def test_what_is_no_evidence_is_bad_input(document: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=f"see {next(iter(change))}"):
        verify_export({**document, **change})


async def test_a_case_without_evidence_is_bad_input(engine: AsyncEngine, desk: Desk) -> None:
    async with engine.connect() as conn:
        with pytest.raises(BadInput, match="no evidence"):
            await export(conn, uuid4(), desk.file, desk.signer.public)
