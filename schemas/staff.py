"""Who acts: the staff directory's people, their accounts and roles."""

from collections import Counter
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from schemas.base import EdgeModel, Model

Name = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
"""Of a task, a system, an item, an account: nothing long fits in where a name stands, and nothing
that the case file could not keep."""


class Role(StrEnum):
    """What a duty needs. Roles of manual tasks (archivist, ...) are free words beside these."""

    HANDLER = "handler"
    APPROVER = "approver"
    DPO = "dpo"
    MANAGEMENT = "management"
    AUDITOR = "auditor"


class Actor(Model):
    """Who acts, as the client resolved it from the directory; workflows check the roles."""

    account: Name
    person: Name  # one person may have two accounts
    roles: tuple[Name, ...] = Field((), max_length=50)
    is_subject: bool = False  # of this very case: nobody decides about themselves

    def may_be(self, *roles: str) -> bool:
        """Whether any of these roles is held."""
        return any(role in self.roles for role in roles)


ENGINE = Actor(account="engine", person="engine")
"""What the engine does by itself, on a rule's authority."""

NOBODYS: Final = ("engine", "intake", "policy")
"""What the record says where no person acts: no account of a person."""


class StaffMember(EdgeModel):
    """One person of the directory."""

    person: str = Field(pattern=r"^[a-z][a-z0-9._-]{0,60}$")
    accounts: tuple[Name, ...] = Field(min_length=1)
    roles: tuple[Name, ...] = Field((), max_length=50)
    team: str | None = None
    subject_identifiers: tuple[str, ...] = Field(
        (), repr=False, description="own e-mail addresses: nobody decides about themselves"
    )


class StaffDirectory(EdgeModel):
    """All who may act. An account that is not here is refused."""

    members: tuple[StaffMember, ...]

    @model_validator(mode="after")
    def _an_account_names_one_person(self) -> Self:
        given = Counter(account for member in self.members for account in member.accounts)
        for account, times in given.items():
            if times > 1:
                raise ValueError(f"the account {account} is given {times} times, give it once")
            if account in NOBODYS:
                raise ValueError(f"the account {account} is the engine's own, take another")
        return self

    def actor(self, account: str) -> Actor | None:
        """The actor behind an account, None if unknown."""
        member = self.member(account)
        if member is None:
            return None
        return Actor(account=account, person=member.person, roles=member.roles)

    def member(self, account: str) -> StaffMember | None:
        """The person behind an account."""
        return next((member for member in self.members if account in member.accounts), None)
