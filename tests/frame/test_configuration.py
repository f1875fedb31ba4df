"""A controller's folder is read whole, and what is wrong is told by file and line."""

from pathlib import Path

import pytest

from schemas.errors import BadInput, InvalidDocument
from starter.configuration import load
from tests.frame.controller import POLICY, a_controller, written


def test_a_folder_gives_policy_staff_and_systems(tmp_path: Path):
    read = load(written(tmp_path / "controller"))

    assert read.policy.version == "test-1"
    assert read.staff.actor("maija") is not None
    assert [system.name for system in read.systems] == ["archive"]
    assert read.registers == ()


def test_a_database_that_two_systems_share_is_one_register():
    assert a_controller(("CRM_URL", "CRM_URL", "SURVEY_URL")).registers == ("CRM_URL", "SURVEY_URL")


def test_a_fault_is_told_with_file_and_line(tmp_path: Path):
    folder = written(tmp_path / "controller", POLICY + "fees:\n  free_after_months: many\n")

    with pytest.raises(InvalidDocument, match=r"policy\.yaml:9: fees\.free_after_months"):
        load(folder)


def test_a_fault_of_a_staff_file_or_manifest_is_told_as_well(tmp_path: Path):
    folder = written(tmp_path / "controller")
    (folder / "systems" / "archive.yaml").write_text("dataset:\n  - fides_key: archive\n")
    with pytest.raises(InvalidDocument, match=r"archive\.yaml:\d"):
        load(folder)

    (folder / "staff.yaml").write_text("members:\n  - person: maija\n")
    with pytest.raises(InvalidDocument, match=r"staff\.yaml:2"):
        load(folder)


def test_a_task_for_a_role_that_nobody_has_is_a_fault(tmp_path: Path):
    folder = written(tmp_path / "controller")
    (folder / "staff.yaml").write_text("members:\n  - {person: maija, accounts: [maija]}\n")

    with pytest.raises(InvalidDocument, match=r"staff\.yaml: nobody has the role archivist"):
        load(folder)


@pytest.mark.parametrize(
    ("accounts", "fault"),
    [
        ("[maija, maija]", "the account maija is given 2 times"),
        ("[engine]", "the account engine is the engine's own"),
    ],
)
def test_an_account_that_names_no_one_person_is_a_fault(tmp_path: Path, accounts: str, fault: str):
    """Four eyes need to know who is behind an account; the record, that somebody is."""
    folder = written(tmp_path / "controller")
    members = f"members:\n  - {{person: maija, accounts: {accounts}, roles: [archivist]}}\n"
    (folder / "staff.yaml").write_text(members)

    with pytest.raises(InvalidDocument, match=rf"staff\.yaml.*{fault}"):
        load(folder)


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path):
    with pytest.raises(BadInput, match=r"policy\.yaml is missing: write it, or set DSR_CONFIG"):
        load(tmp_path)


def test_a_file_that_is_no_text_is_told_with_its_name(tmp_path: Path):
    folder = written(tmp_path / "controller")
    (folder / "staff.yaml").write_bytes(b"members: \xff")

    with pytest.raises(InvalidDocument, match=r"staff\.yaml:1: is not UTF-8"):
        load(folder)
