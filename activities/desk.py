"""What every activity works with, and the key under which each is done once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from temporalio import activity

from activities.letters import Letters
from connectors.contract import Identity, Person
from connectors.registry import Systems
from rules.identity import normalise
from schemas.errors import BadInput
from schemas.policy import Policy
from schemas.request import Identifier, RequestForm, Subject
from schemas.steps import Recorded, StepInput
from schemas.systems import SystemFacts
from storage.case_file import CaseFile
from storage.case_step import CaseStep

KEPT_SECONDS: Final = 10
"""A form that was opened stays in memory so long; its key does longer (`storage.keyring`)."""


@dataclass(frozen=True)
class Desk:
    """The collaborators of one worker."""

    case_file: CaseFile
    policy: Policy
    systems: Systems
    letters: Letters
    _read: dict[tuple[UUID, str | None], asyncio.Task[RequestForm]] = field(
        default_factory=dict, repr=False
    )

    async def form(self, case: UUID) -> RequestForm:
        """The request as it stands; read once for the systems that are asked in a row.

        Each run reads it anew: a request that is reclassified has another form then.
        """
        run = (case, activity.info().workflow_id if activity.in_activity() else None)
        reading = self._read.get(run)
        if reading is None:
            reading = self._read[run] = asyncio.create_task(self._read_form(case))
            reading.add_done_callback(lambda read: self._forget_later(run, read))
        return await asyncio.shield(reading)

    def _forget_later(self, run: tuple[UUID, str | None], read: asyncio.Task[RequestForm]) -> None:
        kept = 0 if read.cancelled() or read.exception() else KEPT_SECONDS
        asyncio.get_running_loop().call_later(kept, self._read.pop, run, None)

    async def _read_form(self, case: UUID) -> RequestForm:
        content = await self.case_file.unseal(case, "form")
        if content is None:
            raise LookupError("the case file holds no form")
        return RequestForm.model_validate_json(content)

    async def person(self, case: UUID) -> Person:
        """Whom connectors look for."""
        return person_of((await self.form(case)).subject, self.policy)

    def facts(self, system: str) -> SystemFacts:
        """What the manifest says of a system."""
        return next(facts for facts in self.systems.facts if facts.name == system)

    async def record(
        self, order: StepInput, write: Callable[[CaseStep], Awaitable[None]]
    ) -> Recorded:
        """This activity as one step of its case, once, however often it is tried."""
        return await self.case_file.record(
            order.case, step_key(), order.at, order.by.account, write
        )

    def hashes(self, person: Person) -> list[bytes]:
        """The person's identifiers as the case database knows them: keyed hashes."""
        return self.digests(person.identities)

    def digests(self, identities: Iterable[Identity]) -> list[bytes]:
        """Keyed hashes of normalised identifiers."""
        digest = self.case_file.keyring.digest
        return [digest("identifier", i.type, i.value) for i in identities]


def person_of(subject: Subject, policy: Policy) -> Person:
    """The subject with normalised identifiers, each once.

    Raises `BadInput` for a malformed one, and for a type that the policy does not know.
    """
    return Person(name=subject.name, identities=identities_of(subject.identifiers, policy))


def identities_of(given: Iterable[Identifier], policy: Policy) -> tuple[Identity, ...]:
    """The same for identifiers alone."""
    return tuple(dict.fromkeys(_identities(given, policy)))


def _identities(given: Iterable[Identifier], policy: Policy) -> Iterator[Identity]:
    for known in given:
        how = policy.identifiers.get(known.type)
        if how is None:
            types = ", ".join(policy.identifiers)
            raise BadInput(f"Identifier type {known.type} is unknown. Known: {types}.")
        yield Identity(type=known.type, value=normalise(how.normalise, known.value))


def step_key() -> str:
    """Stable over tries, and over a worker that died: `workflow id/activity id`."""
    info = activity.info()
    return f"{info.workflow_id}/{info.activity_id}"
