"""Who acts: the staff directory's people, their accounts and roles."""

from enum import StrEnum

from pydantic import Field

from schemas.base import EdgeModel, Model


class Role(StrEnum):
    """What a duty needs. Roles of manual tasks (archivist, ...) are free words beside these."""

    HANDLER = "handler"
    APPROVER = "approver"
    DPO = "dpo"
    MANAGEMENT = "management"
    AUDITOR = "auditor"


class Actor(Model):
    """Who acts, as the client resolved it from the directory; workflows check the roles."""

    account: str
    person: str  # one person may have two accounts
    roles: tuple[str, ...] = ()
    is_subject: bool = False  # of this very case: nobody decides about themselves

    def may_be(self, *roles: str) -> bool:
        """Whether any of these roles is held."""
        return any(role in self.roles for role in roles)


ENGINE = Actor(account="engine", person="engine")
"""What the engine does by itself, on a rule's authority."""


class StaffMember(EdgeModel):
    """One person of the directory."""

    person: str = Field(pattern=r"^[a-z][a-z0-9._-]{0,60}$")
    accounts: tuple[str, ...] = Field(min_length=1)
    roles: tuple[str, ...] = ()
    team: str | None = None
    subject_identifiers: tuple[str, ...] = Field(
        (), repr=False, description="own e-mail addresses: nobody decides about themselves"
    )


class StaffDirectory(EdgeModel):
    """All who may act. An account that is not here is refused."""

    members: tuple[StaffMember, ...]

    def actor(self, account: str) -> Actor | None:
        """The actor behind an account, None if unknown."""
        member = self.member(account)
        if member is None:
            return None
        return Actor(account=account, person=member.person, roles=member.roles)

    def member(self, account: str) -> StaffMember | None:
        """The person behind an account."""
        return next((member for member in self.members if account in member.accounts), None)
