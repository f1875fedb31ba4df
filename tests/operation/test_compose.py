"""docker-compose.yml and .env.example say only what exists, and keep what they must keep apart."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from starter.configuration import load
from starter.embedded_temporal import BINARY
from starter.settings import SHIPPED_CONFIG, Settings
from tests.docs.pages import resolve
from tests.operation.compose import COMPOSE, OURS, ROOT, SERVICES, VARIABLE

KNOWN_IMAGES = {
    "postgres": r"\d+\.\d+-bookworm",
    "temporalio/server": r"\d+\.\d+\.\d+",
    "temporalio/admin-tools": r"\d+\.\d+\.\d+",
    "temporalio/ui": r"\d+\.\d+\.\d+",
    "dsr": r"\$\{DSR_VERSION:\?.+\}",
}
"""Not among them: temporalio/auto-setup, which is no longer built."""

DOCUMENTED = {
    "postgres": {"POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRES_DB"},
    "temporalio/server": {
        "DB", "DB_PORT", "POSTGRES_SEEDS", "POSTGRES_USER", "POSTGRES_PWD", "DBNAME",
        "VISIBILITY_DBNAME", "NUM_HISTORY_SHARDS", "BIND_ON_IP", "DYNAMIC_CONFIG_FILE_PATH",
        "PROMETHEUS_ENDPOINT", "LOG_LEVEL",
    },
    "temporalio/admin-tools": {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "SQL_PASSWORD"},
    "temporalio/ui": {
        "TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE", "TEMPORAL_CORS_ORIGINS",
        "TEMPORAL_NOTIFY_ON_NEW_VERSION", "TEMPORAL_DISABLE_WRITE_ACTIONS",
    },
}  # fmt: skip
"""Variables that the images read, of those that are used here (their own templates name them)."""

LONG_RUNNING = sorted(SERVICES.keys() - COMPOSE.jobs)
OF_SEPARATED = {"TRAINING_DATABASE_PASSWORD"}
"""Of a profile: PostgreSQL's image itself refuses to start without a password."""

CODE_OF_NO_SERVERS = 4

SHIPPED = load(SHIPPED_CONFIG)
PARTNERS = {v for http in SHIPPED.partners.values() for v in (http.url_env, http.ca_env)}
SYSTEMS = {*SHIPPED.registers, *PARTNERS}
"""The variables by which the shipped controller's systems are named."""


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_known_and_pinned(name: str):
    service = SERVICES[name]
    assert re.fullmatch(KNOWN_IMAGES[service.image], service.tag)


def test_the_servers_of_temporal_are_of_the_version_that_the_tests_run_on():
    said = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    tags = {s.tag for s in SERVICES.values() if s.image in
            ("temporalio/server", "temporalio/admin-tools")}  # fmt: skip
    assert len(tags) == 1
    assert f"Server {tags.pop()}," in said


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_one_that_its_program_reads(name: str):
    service = SERVICES[name]
    known = DOCUMENTED.get(service.image, set()) | _read_by_scripts(name)
    if service.is_ours:
        known = {str(field.alias) for field in Settings.model_fields.values()}
        known |= SYSTEMS
    assert service.environment.keys() <= known


def _read_by_scripts(name: str) -> set[str]:
    """The variables that a service's mounted scripts name."""
    scripts = [source for source, _, _ in SERVICES[name].mounts if source.endswith(".sh")]
    text = "".join((ROOT / script).read_text(encoding="utf-8") for script in scripts)
    return set(re.findall(r"\b[A-Z][A-Z_]{3,}\b", text))


def test_our_services_are_given_values_that_the_settings_take():
    for service in OURS.values():
        given = {n: VARIABLE.sub("", v) for n, v in service.environment.items()}
        Settings.model_validate({name: value for name, value in given.items() if value})


def test_every_register_and_partner_of_the_shipped_controller_can_be_named():
    assert SERVICES["worker"].environment.keys() >= SYSTEMS


def test_whoever_takes_callbacks_knows_every_partner():
    assert SERVICES["serve"].environment.keys() >= PARTNERS


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_service_that_stays_is_checked_and_started_again(name: str):
    assert SERVICES[name].is_checked
    assert SERVICES[name].declared["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_waits_for_the_end_of_jobs_and_for_the_health_of_servers(name: str):
    for before, how in SERVICES[name].waits_for.items():
        assert how == ("completed_successfully" if before in COMPOSE.jobs else "healthy")


def test_nothing_of_ours_starts_before_tables_and_keys_and_no_worker_before_its_namespace():
    assert SERVICES["keys"].waits_for == {"migrate": "completed_successfully"}
    assert "keys" in SERVICES["serve"].waits_for
    for name in ("worker", "worker-training"):
        assert {"keys", "temporal-namespace", "temporal"} <= SERVICES[name].waits_for.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_only_loopback_is_published(name: str):
    for port in SERVICES[name].ports:
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@pytest.mark.parametrize("name", ["worker", "worker-training"])
def test_workers_can_be_scaled(name: str):
    assert "container_name" not in SERVICES[name].declared
    assert SERVICES[name].ports == []


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_ours_exists(name: str, tmp_path: Path):
    program, *words = OURS[name].command
    if words == ["worker.py"]:
        return  # tests/frame/test_worker.py
    if program == "dsr":
        _, command, arguments = resolve(words)
        command.make_context(name, list(arguments))
    else:
        ran = subprocess.run(
            [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "DSR_DATA": str(tmp_path)},
        )  # fmt: skip
        assert (program, ran.returncode) == ("python", CODE_OF_NO_SERVERS), ran.stderr


def test_a_command_that_does_not_exist_would_be_found():
    with pytest.raises(LookupError):
        resolve(["begin"])
    with pytest.raises(typer.TyperException):
        resolve(["serve"])[1].make_context("serve", ["--prot", "1"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_file_that_is_mounted_exists(name: str):
    for source, _, _ in SERVICES[name].mounts:
        place = VARIABLE.sub(lambda found: found[3], source)
        if place.startswith("."):
            assert (ROOT / place).exists()
        else:
            assert place in COMPOSE.declared["volumes"]


@pytest.mark.parametrize("name", ["postgres", "training-database"])
def test_the_data_of_postgresql_is_in_its_volume(name: str):
    """From 18 on the image keeps it one folder higher; elsewhere it would go with the container."""
    major = int(SERVICES[name].tag.partition(".")[0])
    kept = "/var/lib/postgresql" if major >= 18 else "/var/lib/postgresql/data"
    assert kept in {target for _, target, read_only in SERVICES[name].mounts if not read_only}


def test_the_script_that_makes_the_databases_is_run_in_a_shell_of_its_own():
    """One that cannot be executed is read into the image's own shell, whose options it changes."""
    (script,) = (s for s, target, _ in SERVICES["postgres"].mounts if "initdb.d" in target)
    assert os.access(ROOT / script, os.X_OK)


def test_temporal_finds_its_dynamic_configuration_and_has_shards_to_grow():
    temporal = SERVICES["temporal"]
    assert temporal.environment["DYNAMIC_CONFIG_FILE_PATH"] in {m[1] for m in temporal.mounts}
    assert temporal.environment["NUM_HISTORY_SHARDS"] == "512"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_change_nothing_but_what_they_must(name: str):
    declared = OURS[name].declared
    assert declared["read_only"] is True
    assert declared["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in declared["security_opt"]
    assert {"user", "privileged"}.isdisjoint(declared)


def test_keys_are_written_by_one_job_and_never_lie_with_a_database():
    holders = {
        service.name: read_only
        for service in SERVICES.values()
        for source, _, read_only in service.mounts
        if source == "keys"
    }
    assert holders == {"keys": False, "serve": True, "worker": True, "worker-training": True}
    databases = {s.name for s in SERVICES.values() if s.image == "postgres"}
    assert databases.isdisjoint(holders)


def test_a_missing_secret_stops_the_start_with_a_sentence_and_none_has_a_default():
    secrets = {name: met for name, met in COMPOSE.variables.items() if name.endswith("PASSWORD")}
    for name, met in secrets.items():
        expected = {("-", "")} if name in OF_SEPARATED else {("?", _sentence(name))}
        assert met == expected


def _sentence(name: str) -> str:
    return f"Set {name} in .env, see .env.example"


def test_the_example_names_every_variable_once_and_gives_none_a_value():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if line and not line.startswith("#")]
    assert sorted(named) == sorted(f"{name}=" for name in COMPOSE.variables)


def test_the_case_file_and_temporal_have_roles_and_databases_of_their_own():
    """Which do what they should: tests/operation/test_jobs.py."""
    passwords = {
        name: VARIABLE.findall(SERVICES[service].environment[variable])[0][0]
        for name, service, variable in (
            ("case", "worker", "DATABASE_URL"),
            ("temporal", "temporal", "POSTGRES_PWD"),
            ("superuser", "postgres", "POSTGRES_PASSWORD"),
        )
    }
    assert len(set(passwords.values())) == len(passwords)
    assert "://dsr:" in SERVICES["worker"].environment["DATABASE_URL"]
    assert SERVICES["temporal"].environment["POSTGRES_USER"] == "temporal"


@pytest.mark.parametrize("name", ["worker", "worker-training"])
def test_a_worker_that_is_stopped_has_more_time_than_it_takes(name: str):
    grace = float(SERVICES[name].environment["DSR_GRACEFUL_SHUTDOWN_SECONDS"])
    assert grace + 10 <= SERVICES[name].seconds("stop_grace_period")


def test_a_separated_database_is_reached_by_the_worker_of_its_network_alone():
    there = {s.name for s in SERVICES.values() if "training" in s.networks}
    assert there == {"training-database", "worker-training"}
    assert SERVICES["training-database"].networks == {"training"}
    assert COMPOSE.declared["networks"]["training"] == {"internal": True}
    told = {s.name for s in SERVICES.values() if "training-database" in str(s.environment)}
    assert told == {"worker-training"}


def test_the_queue_of_the_separated_worker_is_one_that_a_manifest_can_name(tmp_path: Path):
    """As docs/deploying.md says: one line more in the system's manifest."""
    queue = SERVICES["worker-training"].command[-1]
    shipped = (SHIPPED_CONFIG / "systems" / "training.yaml").read_text(encoding="utf-8")
    line = "url_env: DSR_TRAINING_URL"
    assert line in shipped
    _copied(tmp_path, shipped.replace(line, f"{line}\n      queue: {queue}"))

    named = {one.facts.name: one.facts.queue for one in load(tmp_path / "c").manifests}

    assert named["training"] == queue
    assert {name for name, q in named.items() if q} == {"training"}


def _copied(folder: Path, training: str) -> None:

    shutil.copytree(SHIPPED_CONFIG, folder / "c")
    (folder / "c" / "systems" / "training.yaml").write_text(training, encoding="utf-8")
