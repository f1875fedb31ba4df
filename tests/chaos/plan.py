"""What will happen in a run, all from its seed: requests, what staff make of them, what fails."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any, Final

from starter.partners.process import Behaviour
from starter.registers.people import Registered, people

MIX: Final = (
    ("access", 30), ("delete", 22), ("objection", 18), ("weighed", 5), ("consent", 10),
    ("correct", 15),
)  # fmt: skip
"""Kinds of request, in percent; `weighed`: an objection that a person decides."""

SIGNED: Final[dict[str, Any]] = {
    "channel": "letter", "evidence": {"signed": True, "envelope_mark": True},
}  # fmt: skip
UNSIGNED: Final[dict[str, Any]] = {"channel": "web"}


class Choice(StrEnum):
    """How staff end a request."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


@dataclass(frozen=True)
class Request:
    """One submission to come, and what staff will make of it."""

    key: str
    at: float  # seconds after the beginning
    kind: str
    person: int
    form: dict[str, Any]
    repeats: int  # how often it is submitted once more under the same key
    choice: Choice
    is_held: bool  # a legal hold is placed on the person while the case is open
    gives_up: bool  # who submits does not try again, whatever the answer was


class Act(StrEnum):
    """What goes wrong."""

    KILL_WORKER = "a worker is killed"
    KILL_DOOR = "the process that takes callbacks is killed"
    POSTGRES_FAST = "PostgreSQL restarts, its connections are cut"
    POSTGRES_IMMEDIATE = "PostgreSQL is stopped at once and recovers"
    TEMPORAL_STOPPED = "Temporal restarts"
    TEMPORAL_KILLED = "Temporal is killed and restarts"
    PARTNER_KILLED = "a partner is killed and comes back"
    PARTNER_HANGS = "a partner hangs"


WEIGHTS: Final = {
    Act.KILL_WORKER: 9, Act.KILL_DOOR: 1, Act.POSTGRES_FAST: 2, Act.POSTGRES_IMMEDIATE: 2,
    Act.TEMPORAL_STOPPED: 1, Act.TEMPORAL_KILLED: 1, Act.PARTNER_KILLED: 2, Act.PARTNER_HANGS: 2,
}  # fmt: skip


@dataclass(frozen=True)
class Disturbance:
    """One of them: when, on which of its like, and for how many seconds it is away."""

    at: float
    act: Act
    which: int
    away: float

    def __str__(self) -> str:
        return f"{self.at:6.1f} s  {self.act} (number {self.which}, away {self.away:.1f} s)"


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    seconds: float
    everybody: tuple[Registered, ...]
    requests: tuple[Request, ...]
    disturbances: tuple[Disturbance, ...]


def drawn(seed: int, seconds: float, count: int, workers: int) -> Plan:
    """The same plan for the same numbers. The last tenth of the time brings no new requests."""
    everybody = tuple(people(count, seed))
    draw = Random(f"requests {seed}")
    times = sorted(draw.uniform(0, seconds * 0.9) for _ in range(count))
    requests = [_request(draw, n, at, everybody) for n, at in enumerate(times)]
    return Plan(seed, seconds, everybody, tuple(requests), tuple(_disturbances(
        Random(f"disturbances {seed}"), seconds, workers
    )))  # fmt: skip


def _request(draw: Random, n: int, at: float, everybody: tuple[Registered, ...]) -> Request:
    kind = draw.choices([k for k, _ in MIX], weights=[w for _, w in MIX])[0]
    choice = draw.choices([*Choice], weights=[85, 10, 5])[0]
    return Request(
        key=f"chaos-{n}",
        at=at,
        kind=kind,
        person=n,
        form=_form(draw, kind, n, everybody[n], at),
        repeats=draw.choices([0, 1, 2], weights=[70, 20, 10])[0],
        choice=choice,
        is_held=kind == "delete" and draw.random() < 0.2,
        gives_up=draw.random() < 0.1,
    )


def _form(draw: Random, kind: str, n: int, person: Registered, at: float) -> dict[str, Any]:
    received = datetime.now(UTC) - timedelta(minutes=5) + timedelta(milliseconds=n)
    partners = [part_of(b) for b in draw.sample([*Behaviour], draw.randint(0, 2))]
    archive = ["paper_archive"] if draw.random() < 0.25 else []
    form: dict[str, Any] = {
        "kind": "objection" if kind == "weighed" else kind,
        "received_at": received.isoformat(),
        "language": person.language,
        "scope": ["customers", "marketing", *archive, *partners],
        "subject": {"name": person.name, "identifiers": identifiers(person)},
        "idempotency_key": f"chaos-{n}",
    }
    if kind == "objection":
        form["purposes"] = ["marketing"]
    if kind == "weighed":
        form["purposes"] = ["customer_relations"]
    if kind == "consent":
        form["purposes"] = ["surveys"]
        form["consent"] = {"given": True, "text_version": "chaos-1", "means": "web_form"}
    if kind == "correct":
        form["corrections"] = [{"field": "user.contact.phone_number", "new": corrected(n)}]
    return form | (SIGNED if draw.random() < 0.8 else UNSIGNED)


def part_of(behaviour: Behaviour) -> str:
    """The system, and the part of the register, that a partner of this behaviour is."""
    return f"partner_{behaviour}"


def corrected(n: int) -> str:
    """The number that the n-th person wants to stand in the registers."""
    return f"+358 41 {7_000_000 + n}"


def identifiers(person: Registered) -> list[dict[str, str]]:
    """What names one person alone: families share addresses."""
    return [
        {"type": "phone", "value": str(person.phone)},
        {"type": "customer_number", "value": person.customer_number},
    ]


def _disturbances(draw: Random, seconds: float, workers: int) -> Iterator[Disturbance]:
    """Every six to eighteen seconds one, from the moment when something is going on."""
    at = draw.uniform(6, 18)
    while at < seconds:
        act = draw.choices([*WEIGHTS], weights=[*WEIGHTS.values()])[0]
        most = len(Behaviour) if act in (Act.PARTNER_KILLED, Act.PARTNER_HANGS) else workers
        yield Disturbance(at, act, draw.randrange(most), draw.uniform(0.2, 4))
        at += draw.uniform(6, 18)
