"""What every activity works with, and the key under which each is done once."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from temporalio import activity

from activities.letters import Letters
from connectors.contract import Identity, Person
from connectors.registry import Systems
from rules.identity import normalise
from schemas.errors import BadInput
from schemas.policy import Policy
from schemas.request import RequestForm, Subject
from storage.case_file import CaseFile


@dataclass(frozen=True)
class Desk:
    """The collaborators of one worker."""

    case_file: CaseFile
    policy: Policy
    systems: Systems
    letters: Letters

    async def form(self, case: UUID) -> RequestForm:
        """The request as it was received."""
        content = await self.case_file.unseal(case, "form")
        if content is None:
            raise LookupError("the case file holds no form")
        return RequestForm.model_validate_json(content)

    async def person(self, case: UUID) -> Person:
        """Whom connectors look for."""
        return person_of((await self.form(case)).subject, self.policy)

    def hashes(self, person: Person) -> list[bytes]:
        """The person's identifiers as the case database knows them: keyed hashes."""
        digest = self.case_file.keyring.digest
        return [digest("identifier", i.type, i.value) for i in person.identities]


def person_of(subject: Subject, policy: Policy) -> Person:
    """The subject with normalised identifiers, each once.

    Raises `BadInput` for a malformed one, and for a type that the policy does not know.
    """
    return Person(name=subject.name, identities=tuple(dict.fromkeys(_identities(subject, policy))))


def _identities(subject: Subject, policy: Policy) -> Iterator[Identity]:
    for known in subject.identifiers:
        how = policy.identifiers.get(known.type)
        if how is None:
            types = ", ".join(policy.identifiers)
            raise BadInput(f"Identifier type {known.type} is unknown. Known: {types}.")
        yield Identity(type=known.type, value=normalise(how.normalise, known.value))


def step_key() -> str:
    """Stable over tries, and over a worker that died: `workflow id/activity id`."""
    info = activity.info()
    return f"{info.workflow_id}/{info.activity_id}"
