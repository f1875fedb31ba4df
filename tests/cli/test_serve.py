"""`dsr serve`: a program of its own beside the engine, until it is asked to stop."""

import os
import signal
import subprocess
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.cli.command import DSR
from tests.cli.conftest import Up


def test_it_says_where_partners_call_back_and_stops_gracefully(engine_folder: Up) -> None:
    environment = os.environ | {
        "DSR_DATA": str(engine_folder.folder / ".dsr"),
        "DSR_CONFIG": str(engine_folder.folder / "c"),
    }  # fmt: skip
    process = subprocess.Popen(
        [DSR, "serve", "--port", "8650"], env=environment, cwd=engine_folder.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = process.stdout.readline()
    url = said.removeprefix("Partners call back at ").partition(";")[0]

    with pytest.raises(HTTPError) as refused:
        urlopen(Request(url, b"{}", {"X-OpenDSR-Processor-Domain": "nobody.example"}))
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate(timeout=60)

    assert url.startswith("http://127.0.0.1:")
    assert refused.value.code == 401
    assert (process.returncode, "Traceback" in complaints) == (0, False)
    assert "DSR_CALLBACK_URL" in complaints
