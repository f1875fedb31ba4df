"""What a partner has and does, apart from its HTTP interface."""

import json
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from starter.partners.behaviour import DONE_AT, MOMENT_SECONDS, Behaviour

OPEN = ("pending", "in_progress")


@dataclass(frozen=True)
class Known:
    """A person whom the partner knows: by what, what it holds, how it behaves about them."""

    known_by: frozenset[str]
    records: tuple[dict[str, Any], ...] = ()
    behaviour: Behaviour | None = None  # None: as about everybody


@dataclass
class Asked:
    """A request that it has."""

    id: str
    type: str
    callbacks: list[str]
    behaviour: Behaviour
    records: list[dict[str, Any]]
    status: str = "pending"
    asked: int = 0


@dataclass
class Processor:
    """What the partner has and does; one lock around it."""

    behaviour: Behaviour
    domain: str
    folder: Path
    people: tuple[Known, ...] | None = None  # None: it holds the same on everybody
    keeps: bool = True  # what it was sent, to be looked at
    requests: dict[str, Asked] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    cancels: list[dict[str, Any]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)  # by request
    log: list[tuple[float, int, str]] = field(default_factory=list)
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.key: Any = load_pem_private_key(
            (self.folder / f"{self.domain}.key").read_bytes(), None
        )

    def sign(self, body: bytes) -> str:
        if self.behaviour is Behaviour.UNSIGNED:
            return b64encode(bytes(256)).decode()
        return b64encode(self.key.sign(body, PKCS1v15(), SHA256())).decode()

    def headers(self, body: bytes) -> dict[str, str]:
        """Of everything that it says."""
        return {
            "Content-Type": "application/json",
            "X-OpenDSR-Processor-Domain": self.domain,
            "X-OpenDSR-Signature": self.sign(body),
        }

    def keep(self, body: bytes) -> None:
        """For whoever looks at what came."""
        if self.keeps:
            self.received.append(body)

    # -- whom it knows ---------------------------------------------------------------------------

    def notes_a_call(self, method: str) -> None:
        """When it was called, how many calls were under way with it, and which."""
        with self.lock:
            self.under_way += 1
            self.log.append((time.monotonic(), self.under_way, method))
        if self.behaviour is Behaviour.TARRYING:
            time.sleep(MOMENT_SECONDS)
        with self.lock:
            self.under_way -= 1

    def heals(self) -> None:
        """It behaves from now on, also about what it has."""
        with self.lock:
            self.behaviour = Behaviour.PROMPT
            for request in self.requests.values():
                request.behaviour = Behaviour.PROMPT

    def behaves(self, asked: dict[str, Any]) -> Behaviour:
        """How it behaves about the person of a request."""
        known = self._known(asked)
        return known.behaviour if known and known.behaviour else self.behaviour

    def takes(self, asked: dict[str, Any]) -> Asked:
        """The request that it has now."""
        return self.requests.setdefault(asked["subject_request_id"], Asked(
            id=asked["subject_request_id"], type=asked["subject_request_type"],
            callbacks=asked["status_callback_urls"], behaviour=self.behaves(asked),
            records=self._records(asked),
        ))  # fmt: skip

    def _subject(self, asked: dict[str, Any]) -> dict[str, Any]:
        subject: dict[str, Any] = asked["extensions"].get(self.domain, {}).get("subject", {})
        return subject

    def _known(self, asked: dict[str, Any]) -> Known | None:
        named = {one["identity_value"] for one in asked["subject_identities"]}
        for value in self._subject(asked).values():
            named |= {value} if isinstance(value, str) else set(value)
        return next((one for one in self.people or () if named & one.known_by), None)

    def _records(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """What it holds on whoever is asked about."""
        if self.people is not None:
            known = self._known(asked)
            return list(known.records) if known else []
        if self.behaviour is Behaviour.EMPTY:
            return []
        course = {"course": "Signalling basics", "issued_on": "2025-03-14"}
        return [course | self._subject(asked)]

    # -- what becomes of a request ---------------------------------------------------------------

    def moves(self, request: Asked) -> Iterator[str]:
        """What becomes of a request when it is asked about."""
        request.asked += 1
        after = DONE_AT.get(request.behaviour, 1)
        if request.status not in OPEN or not after:
            return
        if request.asked >= after:
            request.status = "completed"
            yield request.status
        elif request.status == "pending":
            request.status = "in_progress"
            yield request.status

    def finish(self, request: Asked, url: str) -> None:
        """By itself, and it tells so."""
        with self.lock:
            if request.status not in OPEN:
                return
            request.status = "completed"
        self.tell(request, url)

    def body(self, request: Asked, url: str, **more: Any) -> dict[str, Any]:
        """Sections 8.3 and 8.6 of the specification."""
        told: dict[str, Any] = {
            "controller_id": "demonstration",
            "expected_completion_time": "2030-01-01T00:00:00Z",
            "subject_request_id": request.id,
            "request_status": request.status,
            "api_version": "2.0",
        } | more
        if request.behaviour is Behaviour.ANOTHER:
            told["subject_request_id"] = str(uuid4())
        if told["request_status"] == "completed":
            told["results_count"] = max(len(request.records), request.type == "consent")
            if request.type == "access":
                told["results_url"] = f"{url}/results/{request.id}"
            results = {Behaviour.DENYING: "denied", Behaviour.PARTIAL: "partial"}
            if request.behaviour in results:
                told["extensions"] = {self.domain: {"result": results[request.behaviour]}}
        return told

    def tell(self, request: Asked, url: str, **more: Any) -> None:
        """Its callbacks, each tried once."""
        for callback in request.callbacks:
            body = json.dumps(
                self.body(request, url, status_callback_url=callback, **more)
            ).encode()
            for _ in range(2 if request.behaviour is Behaviour.TWICE else 1):
                call = Request(callback, body, self.headers(body), method="POST")  # noqa: S310
                try:
                    urlopen(call, timeout=5).close()  # noqa: S310
                except URLError:
                    continue
