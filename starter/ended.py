"""The case of a relation that ended: the rows of any other, but nobody asked for it."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.desk import Desk, person_of
from activities.ended import EndedRelations, Left
from activities.letters import Letters
from connectors.contract import EndedRelation
from connectors.registry import Systems
from rules.identity import Sameness
from schemas.case import Outcome, Status
from schemas.errors import BadInput
from schemas.policy import Policy
from schemas.request import Channel, Identifier, Kind, Language, RequestForm, Subject
from schemas.retention import RetentionSweep
from schemas.systems import SystemFacts
from starter.configuration import Configuration
from starter.new_case import NewCase, Relation
from starter.relatives import Relative, relatives
from starter.submission import Submission
from storage import tables as t
from storage.case_file import CaseFile
from storage.locks import lock_person

NAMELESS: Final = "-"


class EndedIntake:
    """Takes in what no person hands in."""

    def __init__(self, case_file: CaseFile, policy: Policy) -> None:
        self._case_file = case_file
        self._policy = policy

    async def take(
        self, relation: EndedRelation, system: SystemFacts, batch: str, now: datetime, *,
        dry_run: bool,
    ) -> UUID | Left | None:  # fmt: skip
        """The new case, or why there is none; None for one that a dry run would begin."""
        form = _form(relation, system, now)
        try:
            person = person_of(form.subject, self._policy)
        except BadInput:
            return Left.UNNAMED
        if not any(self._policy.identifiers[i.type].unique for i in person.identities):
            return Left.UNNAMED
        came = Submission(form, person, self._policy, self._case_file.keyring)
        async with self._case_file.engine.begin() as conn:
            await lock_person(conn, came.hashes)
            others = await relatives(conn, came)
            if left := await self._left(conn, came, others, system.name, now):
                return left
            if dry_run:
                return None
            ended = Relation(system.name, batch)
            new = NewCase(self._case_file.audit, came, others, now, ended)
            _number, case, _clock = await new.write(conn)
        return case

    async def _left(
        self, conn: AsyncConnection, came: Submission, others: list[Relative], system: str,
        now: datetime,
    ) -> Left | None:  # fmt: skip
        deletions = [
            other.row for other in others
            if other.how is Sameness.SAME and other.row["kind"] == Kind.DELETE
        ]  # fmt: skip
        for row in deletions:
            here = row["ended_in"] in (None, system)  # None: the person asked for all of it
            if here and row["status"] != Status.CLOSED:
                return Left.WAITING
        since = now - timedelta(days=self._policy.retention.ask_again_days)
        refused = select(t.cases.c.id).where(
            t.cases.c.person_hash == came.subject, t.cases.c.ended_in == system,
            t.cases.c.outcome == Outcome.REFUSED, t.cases.c.closed_at > since,
        )  # fmt: skip
        return Left.REFUSED_BEFORE if await conn.scalar(refused.limit(1)) else None


def _form(relation: EndedRelation, system: SystemFacts, now: datetime) -> RequestForm:
    person = relation.person
    return RequestForm(
        kind=Kind.DELETE, channel=Channel.API, received_at=now, language=Language.FINNISH,
        scope=(system.register_part,),
        subject=Subject(
            name=person.name or NAMELESS,
            identifiers=tuple(Identifier(type=i.type, value=i.value) for i in person.identities),
        ),
        message=f"The relation in {system.name} has ended.",  # part of what makes it the same
    )  # fmt: skip


async def dry_run(
    case_file: CaseFile, configuration: Configuration, systems: Systems, now: datetime
) -> RetentionSweep:
    """What the next sweep would find; nothing is changed, neither here nor in a system."""
    desk = Desk(case_file, configuration.policy, systems, Letters(configuration.letters))
    nobody: Any = None  # a dry run starts no run
    look = EndedRelations(desk, nobody, EndedIntake(case_file, configuration.policy)).look
    return await look(now, dry_run=True)
