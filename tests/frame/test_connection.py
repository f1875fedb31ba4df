"""Where the engine is: the environment wins, then the folder's connection.json."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.stand_ins import StandIns
from schemas.errors import BadInput, Unreachable
from starter import connection, settings
from starter.connection import Connection, resolve
from starter.settings import Settings

ELSEWHERE = SecretStr("postgresql://dsr:hush@db.example.org/dsr")


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def here(tmp_path: Path, listening: int) -> Path:
    connection.write(
        tmp_path,
        Connection(
            temporal_address=f"127.0.0.1:{listening}",
            database_url=f"postgresql://postgres@127.0.0.1:{listening}/dsr",
            registers={"CRM_URL": "postgresql:///crm"},
            partners={"EXPERT_URL": {"EXPERT_URL": "http://127.0.0.1:9", "EXPERT_CA": "ca.pem"}},
            partners_call_back_at="http://127.0.0.1:9/callbacks",
        ),
    )
    return tmp_path


def test_without_environment_and_file_a_sentence_says_how_to_start_an_engine(tmp_path: Path):
    with pytest.raises(Unreachable, match="start one with dsr up, or set TEMPORAL_ADDRESS"):
        resolve(Settings(data=tmp_path))


def test_one_configured_server_alone_is_not_an_engine(tmp_path: Path):
    with pytest.raises(Unreachable, match="No running engine here"):
        resolve(Settings(data=tmp_path, temporal_address="temporal.example.org:7233"))


def test_the_file_of_a_running_engine_is_used(here: Path, listening: int):
    found = resolve(Settings(data=here))

    assert found.temporal_address == f"127.0.0.1:{listening}"
    assert found.registers == {"CRM_URL": "postgresql:///crm"}


def test_the_stand_ins_of_a_running_engine_are_used_by_whoever_uses_its_servers(here: Path):
    found = resolve(Settings(data=here))

    assert found.stand_ins().variables == {"EXPERT_URL"}
    assert found.environment()["EXPERT_CA"] == "ca.pem"


@pytest.mark.parametrize(
    "other", [{"database_url": ELSEWHERE}, {"temporal_address": "temporal.example.org:7233"}]
)
def test_stand_ins_of_another_engine_never_answer_for_cases_of_configured_servers(
    here: Path, other: dict[str, Any]
):
    found = resolve(Settings(data=here, **other))

    assert found.stand_ins() == StandIns()
    assert "EXPERT_URL" not in found.environment()


def test_each_configured_server_wins_over_the_file(here: Path, listening: int):
    found = resolve(Settings(data=here, database_url=ELSEWHERE))

    assert found.database_url == ELSEWHERE.get_secret_value()
    assert found.temporal_address == f"127.0.0.1:{listening}"


def test_the_namespace_of_the_file_holds_unless_one_is_configured(here: Path):
    engine = resolve(Settings(data=here)).model_copy(update={"temporal_namespace": "mipro"})
    connection.write(here, engine)

    assert resolve(Settings(data=here)).temporal_namespace == "mipro"
    assert resolve(Settings(data=here, temporal_namespace="a")).temporal_namespace == "a"


def test_a_file_that_outlived_its_servers_is_not_believed(tmp_path: Path):
    gone = Connection(
        temporal_address="127.0.0.1:1", database_url=f"postgresql:///dsr?host={tmp_path}"
    )
    connection.write(tmp_path, gone)

    with pytest.raises(Unreachable, match="does not answer any more: start it again with dsr up"):
        resolve(Settings(data=tmp_path))


def test_a_damaged_file_is_a_sentence(tmp_path: Path):
    (tmp_path / "connection.json").write_text('{"temporal_address":')

    with pytest.raises(Unreachable, match="start the engine again"):
        resolve(Settings(data=tmp_path))


def test_only_the_owner_reads_the_file(here: Path):
    assert stat.S_IMODE((here / "connection.json").stat().st_mode) == 0o600


def test_a_register_named_in_the_environment_wins(here: Path, monkeypatch: pytest.MonkeyPatch):
    found = resolve(Settings(data=here))
    monkeypatch.setenv("CRM_URL", "")
    assert found.environment()["CRM_URL"] == "postgresql:///crm"

    monkeypatch.setenv("CRM_URL", "postgresql://real")
    assert found.environment()["CRM_URL"] == "postgresql://real"


def test_secrets_do_not_show(here: Path):
    configured = Settings(data=here, database_url=ELSEWHERE)

    for shown in (repr(configured), repr(resolve(configured)), str(configured)):
        assert "hush" not in shown


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DSR_WORKFLOW_SLOTS", "plenty-of-them")
    monkeypatch.setenv("DSR_KEY_CACHE_SECONDS", "-1")

    with pytest.raises(BadInput) as refusal:
        settings.from_environment()

    assert "DSR_WORKFLOW_SLOTS: Input should be a valid integer" in str(refusal.value)
    assert "DSR_KEY_CACHE_SECONDS" in str(refusal.value)
    assert "plenty" not in str(refusal.value)


def test_settings_come_from_the_environment_and_an_empty_one_is_not_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("DSR_DATA", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")
    monkeypatch.setenv("DSR_MAX_CACHED_WORKFLOWS", "0")

    found = settings.from_environment()

    assert found.keys_path() == tmp_path / "keys"
    assert found.temporal_address is None
    assert found.max_cached_workflows == 0


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())
