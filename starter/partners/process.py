"""A partner as a process of its own: `python -m starter.partners.process BEHAVIOUR DOMAIN FOLDER`.

It speaks the processor's side of OpenDSR with the standard library and none of the engine's code,
and behaves as told. FOLDER holds DOMAIN.key and DOMAIN.pem. Its first line is `ready URL`.
`GET /received` gives what it was sent, byte by byte, to whoever looks at the demonstration,
`GET /calls` when it was called and how many calls were under way then.
"""

import json
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

TYPES: Final = (
    "access", "erasure", "correction", "objection", "restriction", "restriction_lift", "consent",
)  # fmt: skip
HUGE: Final = 100 << 20
INSIDE: Final = "http://169.254.169.254/latest/meta-data"


class Behaviour(StrEnum):
    """How a partner behaves."""

    PROMPT = "prompt"  # done when it is asked for the first time
    EMPTY = "empty"  # the same, holding nothing
    SLOW = "slow"  # done when it is asked for the fourth time
    BEGUN = "begun"  # begins when it is asked, and never ends
    SILENT = "silent"  # takes every request and does nothing
    FAILING = "failing"  # two calls fail, two are answered
    LYING = "lying"  # tells by callback that it is done, and otherwise that it has not begun
    TWICE = "twice"  # tells everything twice
    ANOTHER = "another"  # answers for another request
    HUGE = "huge"  # 100 MB
    MALFORMED = "malformed"  # signed, but no JSON
    UNSIGNED = "unsigned"  # signed with nobody's key
    REDIRECTING = "redirecting"  # to a private address
    EXISTING = "existing"  # takes the request and says that it has it already
    BUSY = "busy"  # 429 with Retry-After, once for each request
    DENYING = "denying"
    PARTIAL = "partial"
    REFUSING = "refusing"  # 400, and it has no such request
    AILING = "ailing"  # every call fails, until it is healed (`GET /heal`)
    TARRYING = "tarrying"  # takes a moment for every answer


DONE_AT: Final = {
    Behaviour.SLOW: 4, Behaviour.BEGUN: sys.maxsize, Behaviour.SILENT: 0, Behaviour.LYING: 0,
}  # fmt: skip
"""At which question a request is done, else at the first; 0: it is never even begun."""


MOMENT: Final = 0.3
LOOKS: Final = ("/received", "/calls", "/heal")


@dataclass
class Asked:
    """A request that it has."""

    id: str
    type: str
    subject: dict[str, Any]
    callbacks: list[str]
    status: str = "pending"
    asked: int = 0


@dataclass
class Processor:
    """What the partner has and does; one lock around it."""

    behaviour: Behaviour
    domain: str
    folder: Path
    requests: dict[str, Asked] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    calls: int = 0
    log: list[tuple[float, int, str]] = field(default_factory=list)
    under_way: int = 0
    turned_away: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.key: Any = load_pem_private_key(
            (self.folder / f"{self.domain}.key").read_bytes(), None
        )

    def notes_a_call(self, method: str) -> None:
        """When it was called, how many calls were under way with it, and which."""
        with self.lock:
            self.under_way += 1
            self.log.append((time.monotonic(), self.under_way, method))
        if self.behaviour is Behaviour.TARRYING:
            time.sleep(MOMENT)
        with self.lock:
            self.under_way -= 1

    def sign(self, body: bytes) -> str:
        if self.behaviour is Behaviour.UNSIGNED:
            return b64encode(bytes(256)).decode()
        return b64encode(self.key.sign(body, PKCS1v15(), SHA256())).decode()

    def moves(self, request: Asked) -> Iterator[str]:
        """What becomes of a request when it is asked about."""
        request.asked += 1
        after = DONE_AT.get(self.behaviour, 1)
        if (request.status != "pending" and request.status != "in_progress") or not after:
            return
        if request.asked >= after:
            request.status = "completed"
            yield request.status
        elif request.status == "pending":
            request.status = "in_progress"
            yield request.status

    def body(self, request: Asked, url: str, **more: Any) -> dict[str, Any]:
        """Sections 8.3 and 8.6 of the specification."""
        told: dict[str, Any] = {
            "controller_id": "demonstration",
            "expected_completion_time": "2030-01-01T00:00:00Z",
            "subject_request_id": request.id,
            "request_status": request.status,
            "api_version": "2.0",
        } | more
        if self.behaviour is Behaviour.ANOTHER:
            told["subject_request_id"] = str(uuid4())
        if told["request_status"] == "completed":
            told["results_count"] = len(self.records(request))
            if request.type == "access":
                told["results_url"] = f"{url}/results/{request.id}"
            results = {Behaviour.DENYING: "denied", Behaviour.PARTIAL: "partial"}
            if self.behaviour in results:
                told["extensions"] = {self.domain: {"result": results[self.behaviour]}}
        return told

    def records(self, request: Asked) -> list[dict[str, Any]]:
        """What it holds on whoever is asked about."""
        if self.behaviour is Behaviour.EMPTY:
            return []
        return [{"course": "Signalling basics", "issued_on": "2025-03-14", **request.subject}]

    def tell(self, request: Asked, url: str, **more: Any) -> None:
        """Its callbacks, each tried once."""
        for callback in request.callbacks:
            body = json.dumps(
                self.body(request, url, status_callback_url=callback, **more)
            ).encode()
            for _ in range(2 if self.behaviour is Behaviour.TWICE else 1):
                call = Request(callback, body, self.headers(body), method="POST")  # noqa: S310
                try:
                    urlopen(call, timeout=5).close()  # noqa: S310
                except URLError:
                    continue

    def headers(self, body: bytes) -> dict[str, str]:
        """Of everything that it says."""
        return {
            "Content-Type": "application/json",
            "X-OpenDSR-Processor-Domain": self.domain,
            "X-OpenDSR-Signature": self.sign(body),
        }


class Door(BaseHTTPRequestHandler):
    """Its HTTP interface."""

    office: Processor
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing: paths hold ids, bodies people."""

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        if parsed and self.path not in LOOKS:
            self.office.notes_a_call(self.command)
        return parsed

    @property
    def url(self) -> str:
        return _url(self.server.server_address)

    def answer(self, status: int, body: object, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (self.office.headers(content) | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def misbehaves(self) -> bool:
        """Whether this call was answered in the partner's bad way."""
        office = self.office
        fails = office.behaviour is Behaviour.FAILING and office.calls % 4 in (1, 2)
        if fails or office.behaviour is Behaviour.AILING:
            self.answer(503, {})
        elif office.behaviour is Behaviour.REDIRECTING:
            self.answer(307, {}, Location=INSIDE)
        elif office.behaviour is Behaviour.MALFORMED:
            self.answer(201 if self.command == "POST" else 200, b'{"subject_request_id": ')
        elif office.behaviour is Behaviour.HUGE:
            self.pour()
        else:
            return False
        return True

    def pour(self) -> None:
        """100 MB, or as much of it as is taken."""
        self.send_response(200)
        self.send_header("Content-Length", str(HUGE))
        self.end_headers()
        try:
            for _ in range(HUGE >> 16):
                self.wfile.write(bytes(1 << 16))
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        office, (_, what, *rest) = self.office, self.path.split("/")
        if what == "discovery":
            return self.answer(200, {
                "api_version": "2.0",
                "supported_identities": [{"identity_type": "email", "identity_format": "raw"}],
                "supported_subject_request_types": TYPES,
                "processor_certificate": f"{self.url}/certificate.pem",
            })  # fmt: skip
        if what == "certificate.pem":
            return self.answer(200, (office.folder / f"{office.domain}.pem").read_bytes())
        if what == "calls":
            return self.answer(200, office.log)
        if what == "heal":
            office.behaviour = Behaviour.PROMPT
            return self.answer(200, {})
        if what == "received":
            return self.answer(200, [b64encode(body).decode() for body in office.received])
        with office.lock:
            office.calls += 1
            request = office.requests.get(rest[0]) if rest else None
            if self.misbehaves():
                return None
            if request is None:
                return self.answer(404, {"error": {"code": 404}})
            if what == "results":
                return self.answer(200, {
                    "subject_request_id": request.id, "records": office.records(request)
                })  # fmt: skip
            moved = list(office.moves(request))
            self.answer(200, office.body(request, self.url))
        for _ in moved:
            office.tell(request, self.url)
        return None

    def do_POST(self) -> None:
        office = self.office
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        known = asked["subject_request_id"]
        with office.lock:
            office.calls += 1
            office.received.append(body)
            if self.misbehaves():
                return None
            if office.behaviour is Behaviour.BUSY and known not in office.turned_away:
                office.turned_away.add(known)
                return self.answer(429, {}, **{"Retry-After": "1"})
            if office.behaviour is Behaviour.REFUSING:
                return self.answer(400, {"error": {"code": 400}})
            repeated = known in office.requests
            request = office.requests.setdefault(known, Asked(
                id=known, type=asked["subject_request_type"],
                subject=asked["extensions"].get(office.domain, {}).get("subject", {}),
                callbacks=asked["status_callback_urls"],
            ))  # fmt: skip
            if repeated or office.behaviour is Behaviour.EXISTING:
                return self.answer(400, {"error": {"code": 400, "message": "already exists"}})
            self.answer(201, office.body(request, self.url) | {
                "received_time": asked["submitted_time"],
                "encoded_request": b64encode(body).decode(),
            })  # fmt: skip
        claims = "completed" if office.behaviour is Behaviour.LYING else "pending"
        office.tell(request, self.url, request_status=claims)
        return None

    def do_DELETE(self) -> None:
        office, known = self.office, self.path.rpartition("/")[2]
        with office.lock:
            request = office.requests.get(known)
            if request is None or request.status != "pending":
                return self.answer(400, {"error": {"code": 400}})
            request.status = "cancelled"
            self.answer(202, office.body(request, self.url))
        return office.tell(request, self.url)


def main() -> None:
    """Serve on a free loopback port until killed."""
    behaviour, domain, folder = sys.argv[1:4]
    Door.office = Processor(Behaviour(behaviour), domain, Path(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    print("ready", _url(server.server_address), flush=True)
    server.serve_forever()


def _url(address: Any) -> str:
    return f"http://127.0.0.1:{address[1]}"


if __name__ == "__main__":
    main()
