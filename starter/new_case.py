"""The rows of one new case: key, clock, fee assessment, sealed content, first audit entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.choices import chosen
from activities.clock import dates_fact
from rules import deadlines, fees, identity
from rules.identity import Sameness
from schemas.case import Clock, FeeAssessment, IdentityState, Status
from schemas.events import Event, Fact, fact
from schemas.request import Kind
from schemas.retention import Origin
from starter.relatives import Relative
from starter.submission import Submission
from storage import tables as t
from storage.audit import Audit, End, Said
from storage.case_step import clock_columns
from storage.writes import Writes, as_new, case_opened

_FIRST: Final = upsert(t.number_series).values(year=bindparam("of"), last=1)
_NEXT_NUMBER: Final = _FIRST.on_conflict_do_update(
    index_elements=["year"], set_={"last": t.number_series.c.last + 1}
).returning(t.number_series.c.last, func.clock_timestamp().label("now"))


class Relation(NamedTuple):
    """What ended, where nobody asked."""

    system: str
    batch: str


@dataclass(frozen=True)
class NewCase:
    """The writing of one new case, under the person's lock. `ended`: nobody asked for it."""

    audit: Audit
    came: Submission
    others: Sequence[Relative]
    now: datetime
    ended: Relation | None = None

    async def write(self, conn: AsyncConnection) -> tuple[str, UUID, Clock]:
        """All rows of the case, its key, its sealed content and the first audit entries."""
        form, policy = self.came.form, self.came.policy
        case = uuid4()
        assessment = await self._assess(conn)
        clock = deadlines.clock(
            form.received_at, policy, pauses=(), extension=None, set_at=self.now, before=None
        )
        if self.ended is not None:  # no limit of Art. 12(3) runs where nobody asked
            clock = clock.model_copy(update={"ladder": (), "next_step_at": None})
        number, recorded_at = await _next_number(conn, clock.receipt_date.year)
        await self.came.keyring.create(conn, case)
        writes = Writes()
        facts = [
            *self._first_facts(clock, assessment),
            *self._open_task(writes, number),
            *await chosen(conn, self.came.keyring, policy, form, self.came.hashes, number),
        ]
        await self._seal(conn, case, writes)
        for kind, value in self.came.known:
            writes.identify(kind, value)
        row = {"id": case, "number": number, **self._columns(clock, assessment)}
        parts, parameters = writes.take()
        said = Said(tuple(facts), self.now, "intake", "intake")
        added = self.audit.add(case, End(recorded_at), [said], policy_version=policy.version)
        parameters |= {"mine": case, **as_new(row), **added.parameters}
        await conn.execute(case_opened(*row, parts=parts), parameters)
        await self._inquire(conn, case, assessment)
        return number, case, clock

    def _columns(self, clock: Clock, assessment: fees.Assessment) -> dict[str, Any]:
        form = self.came.form
        shown, how = identity.assurance(form.kind, form.channel, form.evidence)
        if self.ended is not None:
            shown, how = True, "ended_relation"
        sufficient = shown and form.submitter is None
        return {
            "kind": form.kind,
            "channel": form.channel,
            "language": form.language,
            "scope": sorted(set(form.scope)),
            "purposes": sorted(set(form.purposes)),
            "status": Status.RECEIVED,
            "received_at": form.received_at,
            "identity_state": IdentityState.SUFFICIENT if sufficient else IdentityState.UNCHECKED,
            "identity_how": how if sufficient else None,
            "evidence_how": how,
            "fee_assessment": assessment.result,
            "merge_into": assessment.merge_into,
            "has_submitter": form.submitter is not None,
            "policy_version": self.came.policy.version,
            "person_hash": self.came.subject,
            "content_hash": self.came.content,
            "origin": Origin.RETENTION if self.ended else Origin.REQUEST,
            "batch": self.ended.batch if self.ended else None,
            "ended_in": self.ended.system if self.ended else None,
            **clock_columns(clock),
        }

    async def _assess(self, conn: AsyncConnection) -> fees.Assessment:
        """The 12-month rule over the ledger's order, safe under the person's lock."""
        if self.ended is not None:
            return fees.Assessment(result=FeeAssessment.FREE)
        same = [other.row["id"] for other in self.others if other.how is Sameness.SAME]
        if not same:
            return self._assessed([])
        rows = await conn.execute(
            select(t.inquiries, t.cases.c.number)
            .join(t.cases, t.cases.c.id == t.inquiries.c.case_id)
            .where(t.inquiries.c.case_id.in_(same))
            .order_by(t.inquiries.c.seq)
        )
        history = [
            fees.Inquiry(
                id=row["number"], kind=Kind(row["kind"]), scope=tuple(row["scope"]),
                received_at=row["received_at"], outcome=row["outcome"],
                delivered_at=row["delivered_at"],
            )
            for row in rows.mappings()
        ]  # fmt: skip
        return self._assessed(history)

    def _assessed(self, history: Sequence[fees.Inquiry]) -> fees.Assessment:
        policy, form = self.came.policy, self.came.form
        request = fees.Inquiry(
            id="", kind=form.kind, scope=tuple(sorted(set(form.scope))),
            received_at=form.received_at,
        )  # fmt: skip
        return fees.assess(
            request, history, policy.fees.rule, policy.fees.free_after_months,
            ZoneInfo(policy.calendar.zone),
        )  # fmt: skip

    async def _inquire(
        self, conn: AsyncConnection, case: UUID, assessment: fees.Assessment
    ) -> None:
        """A place in the ledger of inquiries, in the order of receipt."""
        form = self.came.form
        if assessment.result is not FeeAssessment.MERGE and self.ended is None:
            inquiry = {
                "case_id": case, "kind": form.kind, "scope": sorted(set(form.scope)),
                "received_at": form.received_at,
            }  # fmt: skip
            await conn.execute(insert(t.inquiries), inquiry)

    def _open_task(self, writes: Writes, number: str) -> list[Fact]:
        """Who the person is may be a question to a person, never a guess (law.md 3)."""
        if self.ended is not None:
            return []  # the system's own record names the person
        possibly = [o.row["number"] for o in self.others if o.how is Sameness.POSSIBLY]
        if self.came.person.identities and not possibly:
            return []
        what = "possibly_same_person" if possibly else "name_alone"
        writes.open_task({
            "id": f"{number}-1", "what": what, "role": "handler", "system": None,
            "since": self.now, "due": None,
        })  # fmt: skip
        return [
            *(fact(Event.POSSIBLY_SAME_PERSON, number=other) for other in possibly),
            fact(Event.TASK_OPENED, task=f"{number}-1", role="handler", what=what),
        ]

    async def _seal(self, conn: AsyncConnection, case: UUID, writes: Writes) -> None:
        form, keyring = self.came.form, self.came.keyring
        parts = {"form": form.model_dump_json(exclude={"attachments", "idempotency_key"}).encode()}
        for n, attachment in enumerate(form.attachments, 1):
            parts[f"attachment:{n}"] = attachment.model_dump_json().encode()
        for part, content in parts.items():
            writes.seal(part, await keyring.seal(case, part, content, conn))

    def _first_facts(self, clock: Clock, assessment: fees.Assessment) -> list[Fact]:
        form, rule = self.came.form, self.came.policy.fees.rule
        facts = [
            fact(Event.RECEIVED, kind=form.kind, channel=form.channel),
            fact(Event.DATES_COMPUTED, **dates_fact(clock)),
            fact(Event.FEE_ASSESSED, assessment=assessment.result, rule=rule),
        ]
        if self.ended is not None:
            ended = fact(Event.RELATION_ENDED, system=self.ended.system, batch=self.ended.batch)
            return [facts[0], ended, facts[1]]
        if form.attachments:
            facts.insert(1, fact(Event.ATTACHED, count=len(form.attachments)))
        return facts


async def _next_number(conn: AsyncConnection, year: int) -> tuple[str, datetime]:
    """The next number of a year, and the database's clock; others wait for this commit."""
    row = (await conn.execute(_NEXT_NUMBER, {"of": year})).one()
    return f"{year}-{row.last:04d}", row.now
