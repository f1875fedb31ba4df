"""An engine as the README has its reader make it: the demonstration's, in a folder to play with."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from starter.cli import acting
from tests.cli.command import DSR

START = ("demo", "--keep", "trial", "--only", "objection_to_marketing")
STARTED_SECONDS = 150
UP = "The engine stays up until Ctrl-C"


@pytest.fixture(scope="session")
def trial() -> Iterator[Path]:
    """The folder in which the demonstration's engine stays up."""
    folder = Path(tempfile.mkdtemp(prefix="dsr-docs-"))
    log = folder / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen([DSR, *START], cwd=folder, stdout=output, stderr=output)
    try:
        _wait_for(log, process)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        said = log.read_text()
        shutil.rmtree(folder)
    assert (code, "Traceback" in said) == (0, False), said


def _wait_for(log: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTED_SECONDS
    while UP not in log.read_text():
        if process.poll() is not None or time.monotonic() > until:
            sys.stderr.write(log.read_text())
            raise RuntimeError("the demonstration did not come up")
        time.sleep(0.3)


@pytest.fixture
def trial_here(trial: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command of this test runs in the folder, as in the reader's second terminal."""
    monkeypatch.chdir(trial)
    monkeypatch.setenv("DSR_DATA", "trial")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(acting, "MOMENT_SECONDS", 60.0)  # for a machine that is busy
    return trial
