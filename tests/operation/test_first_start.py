"""A configured production begins: tables by a role that owns nothing else, keys, never anew."""

from pathlib import Path

import pytest

from storage.secrets import FILES
from tests.cli.command import Ran, assert_one_sentence, dsr


@pytest.fixture
def production(empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty database and a key folder, named by the environment; the folder."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    monkeypatch.setenv("DSR_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("DSR_DATA", str(tmp_path / "unused"))
    return tmp_path / "keys"


def begun() -> Ran:
    """The keys of a database that has just been migrated."""
    dsr("migrate")
    return dsr("keys", "init")


def test_keys_are_made_once_for_a_new_database(production: Path):
    made = begun()
    files = {name: (production / name).read_bytes() for name in FILES}
    again = dsr("keys", "init")

    assert (made.code, again.code) == (0, 0)
    assert made.out.startswith(f"The keys are made in {production}.")
    assert again.out == f"The keys in {production} fit the data: nothing to do.\n"
    assert {name: (production / name).read_bytes() for name in FILES} == files


@pytest.mark.parametrize("lost", FILES)
def test_where_data_exists_a_lost_key_is_never_made_anew(production: Path, lost: str):
    begun()
    (production / lost).unlink()

    assert_one_sentence(dsr("keys", "init"), 3, f"{production / lost} is missing: restore it")
    assert not (production / lost).exists()


def test_a_key_folder_of_another_machine_is_refused_and_says_what_is_missing(
    production: Path, monkeypatch: pytest.MonkeyPatch
):
    begun()
    monkeypatch.setenv("DSR_KEYS", str(production.parent / "elsewhere"))

    assert_one_sentence(dsr("keys", "init"), 3, "elsewhere/key-encryption.key is missing")


def test_no_key_is_made_before_the_tables(production: Path):
    assert_one_sentence(dsr("keys", "init"), 3, "The database is not migrated: run dsr migrate")
    assert not production.exists()


def test_a_folder_that_cannot_be_made_is_told(
    production: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    dsr("migrate")
    (tmp_path / "file").touch()
    monkeypatch.setenv("DSR_KEYS", str(tmp_path / "file" / "keys"))

    assert_one_sentence(dsr("keys", "init"), 2, "set DSR_KEYS to a folder")
