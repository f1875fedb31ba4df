"""What every activity works with, and the key under which each is done once."""

from dataclasses import dataclass
from uuid import UUID

from temporalio import activity

from activities.letters import Letters
from connectors.contract import Identity, Person
from connectors.registry import Systems
from rules.identity import normalise
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
    """The subject with normalised identifiers. Raises `BadInput` for a malformed one."""
    return Person(
        name=subject.name,
        identities=tuple(
            Identity(type=i.type, value=normalise(policy.identifiers[i.type].normalise, i.value))
            for i in subject.identifiers
        ),
    )


def step_key() -> str:
    """Stable over tries, and over a worker that died: `workflow id/activity id`."""
    info = activity.info()
    return f"{info.workflow_id}/{info.activity_id}"
