"""A partner as a process of its own: `python -m starter.partners.process BEHAVIOUR DOMAIN FOLDER`.

It speaks the processor's side of OpenDSR with the standard library and none of the engine's code,
and behaves as told. FOLDER holds DOMAIN.key and DOMAIN.pem. Its first line is `ready URL`.
`GET /received` and `GET /cancels` give what it was sent to whoever looks at the demonstration,
`GET /calls` when it was called and how many calls were under way then; `GET /heal` mends it.
`--people FILE`: a list of `{known_by, records, behaviour?}`, the only people whom it knows.
`--keeps-nothing`: of what it is sent, which is then no invented person's.
"""

import argparse
import json
import sys
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from starter.partners.behaviour import LATER_SECONDS, Behaviour
from starter.partners.processor import Known, Processor

TYPES: Final = (
    "access", "erasure", "correction", "objection", "restriction", "restriction_lift", "consent",
)  # fmt: skip
HUGE: Final = 100 << 20
LOOKS: Final = ("/received", "/cancels", "/calls", "/heal")
INSIDE: Final = "http://169.254.169.254/latest/meta-data"


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

    def misbehaves(self, behaviour: Behaviour, request: str) -> bool:
        """Whether this call about a request was answered in the partner's bad way."""
        self.office.calls[request] += 1
        fails = behaviour is Behaviour.FAILING and self.office.calls[request] % 4 in (1, 2)
        if fails or behaviour is Behaviour.AILING:
            self.answer(503, {})
        elif behaviour is Behaviour.BUSY and self.office.calls[request] == 1:
            self.answer(429, {}, **{"Retry-After": "1"})
        elif behaviour is Behaviour.REDIRECTING:
            self.answer(307, {}, Location=INSIDE)
        elif behaviour is Behaviour.MALFORMED:
            self.answer(201 if self.command == "POST" else 200, b'{"subject_request_id": ')
        elif behaviour is Behaviour.HUGE:
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
                "supported_subject_request_types":
                    TYPES[:2] if office.behaviour is Behaviour.PLAIN else TYPES,
                "processor_certificate": f"{self.url}/certificate.pem",
            })  # fmt: skip
        if what == "certificate.pem":
            return self.answer(200, (office.folder / f"{office.domain}.pem").read_bytes())
        if what == "calls":
            return self.answer(200, office.log)
        if what == "heal":
            office.heals()
            return self.answer(200, {})
        if what == "received":
            return self.answer(200, [b64encode(body).decode() for body in office.received])
        if what == "cancels":
            return self.answer(200, office.cancels)
        return self.tell_about(what, rest[0] if rest else "")

    def tell_about(self, what: str, known: str) -> None:
        """Where a request stands, or what was found for it."""
        office = self.office
        with office.lock:
            request = office.requests.get(known)
            if self.misbehaves(request.behaviour if request else office.behaviour, known):
                return None
            if request is None:
                return self.answer(404, {"error": {"code": 404}})
            if what == "results":
                return self.answer(200, {
                    "subject_request_id": request.id, "records": request.records
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
        known, behaviour = asked["subject_request_id"], office.behaves(asked)
        with office.lock:
            office.keep(body)
            if self.misbehaves(behaviour, known):
                return None
            if behaviour is Behaviour.REFUSING:
                return self.answer(400, {"error": {"code": 400}})
            repeated = known in office.requests
            request = office.takes(asked)
            if repeated or behaviour is Behaviour.EXISTING:
                return self.answer(400, {"error": {"code": 400, "message": "already exists"}})
            self.answer(201, office.body(request, self.url) | {
                "received_time": asked["submitted_time"],
                "encoded_request": b64encode(body).decode(),
            })  # fmt: skip
        if behaviour is Behaviour.LATER:
            threading.Timer(LATER_SECONDS, office.finish, (request, self.url)).start()
        claims = "completed" if behaviour is Behaviour.LYING else "pending"
        office.tell(request, self.url, request_status=claims)
        return None

    def do_DELETE(self) -> None:
        office, known = self.office, self.path.rpartition("/")[2]
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        with office.lock:
            if office.keeps:
                office.cancels.append({
                    "id": known, "headers": sorted(self.headers), "body": body.decode()
                })  # fmt: skip
            request = office.requests.get(known)
            if request is None or request.status != "pending":
                return self.answer(400, {"error": {"code": 400}})
            request.status = "cancelled"
            self.answer(202, office.body(request, self.url))
        return office.tell(request, self.url)


def main() -> None:
    """Serve on a free loopback port until killed, or until standard input ends if so told."""
    reading = argparse.ArgumentParser()
    reading.add_argument("behaviour", type=Behaviour)
    reading.add_argument("domain")
    reading.add_argument("folder", type=Path)
    reading.add_argument("--people", type=Path)
    reading.add_argument("--keeps-nothing", action="store_true")
    reading.add_argument("--while-stdin-is-open", action="store_true")
    told = reading.parse_args()
    people = _people(told.people) if told.people else None
    Door.office = Processor(
        told.behaviour, told.domain, told.folder, people, keeps=not told.keeps_nothing
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    print("ready", _url(server.server_address), flush=True)
    if not told.while_stdin_is_open:
        server.serve_forever()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


def _people(file: Path) -> tuple[Known, ...]:
    return tuple(
        Known(
            frozenset(one["known_by"]), tuple(one["records"]),
            Behaviour(one["behaviour"]) if "behaviour" in one else None,
        )
        for one in json.loads(file.read_text(encoding="utf-8"))
    )  # fmt: skip


def _url(address: Any) -> str:
    return f"http://127.0.0.1:{address[1]}"


if __name__ == "__main__":
    main()
