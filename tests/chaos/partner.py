"""A partner of the demonstration that remembers over restarts, at one port.

`python -m tests.chaos.partner BEHAVIOUR DOMAIN FOLDER PORT`. Every body that it is sent is a line
of FOLDER/DOMAIN.received before it is answered: what it had taken it still has when it comes back.
"""

import json
import sys
from base64 import b64decode, b64encode
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from starter.partners.process import Asked, Behaviour, Door, Processor


class Journal(list[bytes]):
    """Bodies in order, in a file, too."""

    def __init__(self, file: Path) -> None:
        super().__init__(received(file))
        self._file = file.open("ab")

    def append(self, body: bytes) -> None:
        """On its way to the disk before anything else happens."""
        self._file.write(b64encode(body) + b"\n")
        self._file.flush()
        super().append(body)


def received(file: Path) -> list[bytes]:
    """What such a file says. A line that a kill has cut is none."""
    if not file.exists():
        return []
    return [b64decode(line) for line in file.read_bytes().splitlines(True) if line.endswith(b"\n")]


def main() -> None:
    """Serve until killed."""
    behaviour, domain, folder, port = sys.argv[1:5]
    office = Processor(Behaviour(behaviour), domain, Path(folder))
    office.received = Journal(Path(folder) / f"{domain}.received")
    if office.behaviour is not Behaviour.REFUSING:
        office.requests = {asked.id: asked for asked in map(_taken, office.received)}
    Door.office = office
    ThreadingHTTPServer(("127.0.0.1", int(port)), Door).serve_forever()


def _taken(body: bytes) -> Asked:
    asked: dict[str, Any] = json.loads(body)
    domain = sys.argv[2]
    return Asked(
        id=asked["subject_request_id"], type=asked["subject_request_type"],
        subject=asked["extensions"].get(domain, {}).get("subject", {}),
        callbacks=asked["status_callback_urls"],
    )  # fmt: skip


if __name__ == "__main__":
    main()
