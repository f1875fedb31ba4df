"""Taking a request in: one transaction writes the case, then its workflow is started.

What cannot be taken is refused here with one sentence, and nothing is written.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import RowMapping, insert, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.clock import dates_fact
from activities.desk import person_of
from connectors.contract import Person
from rules import deadlines, fees, identity
from schemas.base import Model
from schemas.case import Clock, FeeAssessment, IdentityState, Status
from schemas.errors import BadInput, RefusedByRule
from schemas.events import Event, Fact
from schemas.policy import Policy
from schemas.request import Kind, RequestForm
from schemas.steps import WORKFLOW_OF
from schemas.systems import SystemFacts
from storage import tables as t
from storage.audit import Audit
from storage.case_file import clock_columns
from storage.keyring import Keyring
from storage.locks import lock_person


class Receipt(Model):
    """What the intake caller learns. `created` is false when an open case answers already."""

    number: str
    case: UUID
    kind: Kind
    status: Status
    due_date: date | None
    created: bool


@dataclass(frozen=True)
class Intake:
    """What taking in needs."""

    policy: Policy
    systems: tuple[SystemFacts, ...]
    keyring: Keyring
    audit: Audit

    def parse(self, document: Any) -> RequestForm:
        """The form of a JSON document. Raises `BadInput` naming the field, never its content."""
        try:
            if isinstance(document, str | bytes):
                return RequestForm.model_validate_json(document)
            return RequestForm.model_validate(document)
        except ValidationError as fault:
            raise BadInput(f"Not taken: {first_fault(fault)}. Nothing was recorded.") from None

    def check(self, form: RequestForm, now: datetime) -> Person:
        """Refuse what the policy does not take. Returns the normalised person."""
        if form.kind not in WORKFLOW_OF:
            raise BadInput(
                f"Not taken: kind {form.kind} is not handled yet by this version; "
                f"it handles {', '.join(WORKFLOW_OF)}."
            )
        if form.received_at > now + self.policy.intake.max_future:
            raise BadInput(
                "Not taken: received_at lies in the future. Give the instant of arrival."
            )
        if form.received_at < now - self.policy.intake.max_age:
            days = self.policy.intake.max_age // timedelta(days=1)
            raise BadInput(f"Not taken: received_at is more than {days} days ago (policy intake).")
        self._check_scope(form)
        self._check_purposes(form)
        _check_known(
            "subject.identifiers.{}.type", [i.type for i in form.subject.identifiers],
            self.policy.identifiers,
        )  # fmt: skip
        return person_of(form.subject, self.policy)

    def _check_scope(self, form: RequestForm) -> None:
        parts = {"register", *(s.register_part for s in self.systems)}
        _check_known("scope.{}", form.scope, sorted(parts))

    def _check_purposes(self, form: RequestForm) -> None:
        known = {*self.policy.absolute_purposes, *self.policy.other_purposes}
        _check_known("purposes.{}", form.purposes, sorted(known))
        absolute = [p in self.policy.absolute_purposes for p in form.purposes]
        if form.kind is Kind.OBJECTION and any(absolute) and not all(absolute):
            raise BadInput(
                "Not taken: an objection to marketing or surveys is absolute, one to another "
                "purpose is weighed (Art. 21). Hand them in as two requests."
            )

    async def take(self, conn: AsyncConnection, form: RequestForm, now: datetime) -> Receipt:
        """Write the case, or answer with the one that stands. In the caller's transaction."""
        person = self.check(form, now)
        hashes = [self.keyring.digest("identifier", i.type, i.value) for i in person.identities]
        content = self._content_hash(form, person)
        key = form.idempotency_key
        key_hash = self.keyring.digest("idempotency", key) if key else None
        await lock_person(conn, [*hashes, content, *([key_hash] if key_hash else [])])
        if standing := await self._standing(conn, form, content, key_hash):
            return await self.answered(conn, standing, form, now)
        case = _NewCase(self, form, person, hashes, content, key_hash, now)
        return await case.write(conn)

    async def _standing(
        self, conn: AsyncConnection, form: RequestForm, content: bytes, key_hash: bytes | None
    ) -> Receipt | None:
        """The case that answers this submission already (law.md 2, merging)."""
        if key_hash is not None:
            row = await _one(conn, t.cases.c.idempotency_hash == key_hash)
            if row is not None:
                if row["body_hash"] != self._body_hash(form):
                    raise RefusedByRule(
                        f"Not taken: this idempotency key belongs to {row['number']}, which was "
                        "another request. Use a new key for a new request."
                    )
                return _receipt(row)
        row = await _one(
            conn, (t.cases.c.content_hash == content) & (t.cases.c.status != Status.CLOSED)
        )
        return None if row is None else _receipt(row)

    async def answered(
        self, conn: AsyncConnection, standing: Receipt, form: RequestForm, now: datetime
    ) -> Receipt:
        """The same request came again: recorded in the case that answers it."""
        await conn.execute(
            select(t.cases.c.id).where(t.cases.c.id == standing.case).with_for_update()
        )
        again = Fact(event=Event.DUPLICATE_ANSWERED, facts={"channel": form.channel})
        await self.audit.append(
            conn, standing.case, [again], at=now, actor="intake",
            policy_version=self.policy.version, step_key=None,
        )  # fmt: skip
        return standing

    def _body_hash(self, form: RequestForm) -> bytes:
        body = form.model_dump(mode="json", exclude={"idempotency_key"})
        return self.keyring.digest("body", json.dumps(body, sort_keys=True))

    def _content_hash(self, form: RequestForm, person: Person) -> bytes:
        """Equal for the same person, kind, scope and content, however and whenever it came."""
        content = {
            "kind": form.kind,
            "scope": sorted(set(form.scope)),
            "name": sorted(identity.name_words(person.name)),
            "identities": sorted([i.type, i.value] for i in person.identities),
            "purposes": sorted(set(form.purposes)),
            "consent": form.consent.model_dump() if form.consent else None,
            "corrections": [c.model_dump() for c in form.corrections],
            "message": " ".join((form.message or "").casefold().split()),
            "attachments": sorted(hashlib.sha256(a.base64).hexdigest() for a in form.attachments),
        }
        if not person.identities:  # a name alone is nobody in particular
            content["alone"] = str(uuid4())
        return self.keyring.digest("content", json.dumps(content, sort_keys=True))


@dataclass(frozen=True)
class _NewCase:
    """The writing of one new case."""

    intake: Intake
    form: RequestForm
    person: Person
    hashes: list[bytes]
    content: bytes
    key_hash: bytes | None
    now: datetime

    async def write(self, conn: AsyncConnection) -> Receipt:
        """All rows of the case, its key, its sealed content and the first audit entries."""
        form, policy = self.form, self.intake.policy
        case = uuid4()
        relatives = await self._relatives(conn)
        same = [case for case, _, how in relatives if how is identity.Sameness.SAME]
        possibly = [number for _, number, how in relatives if how is identity.Sameness.POSSIBLY]
        assessment = await self._assess(conn, same)
        clock = deadlines.clock(
            form.received_at, policy, pauses=(), extension=None, set_at=self.now, before=None
        )
        number = await _next_number(conn, clock.receipt_date.year)
        await self.intake.keyring.create(conn, case)
        await conn.execute(
            insert(t.cases).values(id=case, number=number, **self._columns(clock, assessment))
        )
        await self._write_children(conn, case, assessment)
        if possibly:
            await conn.execute(
                insert(t.tasks).values(
                    id=f"{number}-1", case_id=case, what="possibly_same_person", role="handler",
                    since=self.now,
                )
            )  # fmt: skip
        await self._seal(conn, case)
        await self._audit(conn, case, clock, assessment, possibly)
        return Receipt(
            number=number, case=case, kind=form.kind, status=Status.RECEIVED,
            due_date=clock.due_date, created=True,
        )  # fmt: skip

    def _columns(self, clock: Clock, assessment: fees.Assessment) -> dict[str, Any]:
        form = self.form
        shown, how = identity.assurance(form.kind, form.channel, form.evidence)
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
            "policy_version": self.intake.policy.version,
            "idempotency_hash": self.key_hash,
            "body_hash": self.intake._body_hash(form),
            "content_hash": self.content,
            **clock_columns(clock),
        }

    async def _relatives(self, conn: AsyncConnection) -> list[tuple[UUID, str, identity.Sameness]]:
        """Earlier cases that share an identifier: id, number, and whether it is the same person."""
        shared = select(t.identifiers.c.case_id).where(t.identifiers.c.hash.in_(self.hashes))
        rows = await conn.execute(
            select(t.identifiers, t.cases.c.number)
            .join(t.cases, t.cases.c.id == t.identifiers.c.case_id)
            .where(t.identifiers.c.case_id.in_(shared))
            .order_by(t.cases.c.registered_at)
        )
        others: dict[tuple[UUID, str], set[tuple[str, bytes]]] = {}
        for row in rows.mappings():
            others.setdefault((row["case_id"], row["number"]), set()).add(
                (row["type"], row["hash"])
            )
        mine = self._keys(self._known())
        return [
            (case, number, identity.same_person(mine, self._keys(theirs)))
            for (case, number), theirs in others.items()
        ]

    def _keys(self, known: set[tuple[str, bytes]]) -> identity.PersonKeys:
        policies = self.intake.policy.identifiers
        return identity.PersonKeys(
            identifiers=frozenset(
                identity.IdentifierKey(kind, value, policies[kind].unique, policies[kind].personal)
                for kind, value in known
                if kind in policies
            ),
            name_words=frozenset(value for kind, value in known if kind == "name"),
        )

    def _known(self) -> set[tuple[str, bytes]]:
        digest = self.intake.keyring.digest
        names = {("name", digest("name", word)) for word in identity.name_words(self.person.name)}
        own = zip((i.type for i in self.person.identities), self.hashes, strict=True)
        return names | set(own)

    async def _assess(self, conn: AsyncConnection, same: list[UUID]) -> fees.Assessment:
        """The 12-month rule over the ledger's order, safe under the person's lock."""
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
        policy, form = self.intake.policy, self.form
        request = fees.Inquiry(
            id="", kind=form.kind, scope=tuple(sorted(set(form.scope))),
            received_at=form.received_at,
        )  # fmt: skip
        return fees.assess(
            request, history, policy.fees.rule, policy.fees.free_after_months,
            ZoneInfo(policy.calendar.zone),
        )  # fmt: skip

    async def _write_children(
        self, conn: AsyncConnection, case: UUID, assessment: fees.Assessment
    ) -> None:
        known = [{"case_id": case, "type": kind, "hash": value} for kind, value in self._known()]
        await conn.execute(upsert(t.identifiers).on_conflict_do_nothing(), known)
        if assessment.result is not FeeAssessment.MERGE:
            await conn.execute(
                insert(t.inquiries).values(
                    case_id=case, kind=self.form.kind, scope=sorted(set(self.form.scope)),
                    received_at=self.form.received_at,
                )
            )  # fmt: skip
        await self._choose(conn, case)

    async def _choose(self, conn: AsyncConnection, case: UUID) -> None:
        """The latest receipt stands for each address and purpose; on a tie the objection."""
        form = self.form
        given = form.kind is Kind.CONSENT and form.consent is not None and form.consent.given
        absolute = [p for p in form.purposes if p in self.intake.policy.absolute_purposes]
        if form.kind not in (Kind.OBJECTION, Kind.CONSENT) or not absolute:
            return
        number = select(t.cases.c.number).where(t.cases.c.id == case).scalar_subquery()
        for purpose in absolute:
            for value in self.hashes:
                row = upsert(t.suppressions).values(
                    hash=value, purpose=purpose, suppressed=not given, as_of=form.received_at,
                    number=number,
                )  # fmt: skip
                newer = row.excluded.as_of > t.suppressions.c.as_of
                tie = (row.excluded.as_of == t.suppressions.c.as_of) & literal(not given)
                await conn.execute(
                    row.on_conflict_do_update(
                        index_elements=["hash", "purpose"],
                        set_={
                            "suppressed": row.excluded.suppressed,
                            "as_of": row.excluded.as_of,
                            "number": row.excluded.number,
                        },
                        where=or_(newer, tie),
                    )
                )

    async def _seal(self, conn: AsyncConnection, case: UUID) -> None:
        form, keyring = self.form, self.intake.keyring
        parts = {"form": form.model_dump_json(exclude={"attachments", "idempotency_key"}).encode()}
        for n, attachment in enumerate(form.attachments, 1):
            parts[f"attachment:{n}"] = attachment.model_dump_json().encode()
        rows = [
            {
                "case_id": case,
                "part": part,
                "content": await keyring.seal(case, part, content, conn),
            }
            for part, content in parts.items()
        ]
        await conn.execute(insert(t.sealed), rows)

    async def _audit(
        self, conn: AsyncConnection, case: UUID, clock: Clock, assessment: fees.Assessment,
        possibly: list[str],
    ) -> None:  # fmt: skip
        form = self.form
        facts = [
            Fact(event=Event.RECEIVED, facts={"kind": form.kind, "channel": form.channel}),
            Fact(event=Event.DATES_COMPUTED, facts=dates_fact(clock)),
            Fact(
                event=Event.FEE_ASSESSED,
                facts={"assessment": assessment.result, "rule": self.intake.policy.fees.rule},
            ),
        ]
        if form.attachments:
            facts.insert(1, Fact(event=Event.ATTACHED, facts={"count": len(form.attachments)}))
        facts += [
            Fact(event=Event.POSSIBLY_SAME_PERSON, facts={"number": number}) for number in possibly
        ]
        if form.kind in (Kind.OBJECTION, Kind.CONSENT):
            facts += [self._choice_fact(purpose) for purpose in sorted(set(form.purposes))]
        await self.intake.audit.append(
            conn, case, facts, at=self.now, actor="intake",
            policy_version=self.intake.policy.version, step_key="intake",
        )  # fmt: skip

    def _choice_fact(self, purpose: str) -> Fact:
        consent = self.form.consent
        if consent is None:
            return Fact(event=Event.SUPPRESSION_ADDED, facts={"purpose": purpose})
        event = Event.CONSENT_GIVEN if consent.given else Event.CONSENT_WITHDRAWN
        text = self.intake.keyring.digest("consent", consent.text_version, consent.means)
        return Fact(event=event, facts={"purpose": purpose, "text": text.hex()})


async def _next_number(conn: AsyncConnection, year: int) -> str:
    row = upsert(t.number_series).values(year=year, last=1)
    last = await conn.scalar(
        row.on_conflict_do_update(
            index_elements=["year"], set_={"last": t.number_series.c.last + 1}
        ).returning(t.number_series.c.last)
    )
    return f"{year}-{last:04d}"


async def _one(conn: AsyncConnection, where: Any) -> RowMapping | None:
    return (await conn.execute(select(t.cases).where(where))).mappings().one_or_none()


def _receipt(row: RowMapping) -> Receipt:
    return Receipt(
        number=row["number"], case=row["id"], kind=row["kind"], status=row["status"],
        due_date=row["due_date"], created=False,
    )  # fmt: skip


def _check_known(place: str, given: Sequence[str], known: Iterable[str]) -> None:
    """Refuse what the configuration does not name, by its place: it could be anything."""
    for n, value in enumerate(given):
        if value not in known:
            raise BadInput(
                f"Not taken: {place.format(n)} is unknown. Known: {', '.join(known)}. "
                "Nothing was recorded."
            )


def first_fault(error: ValidationError) -> str:
    """The first fault of a document: where and what, never the value or a key that is not ours."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    foreign = fault["type"] == "extra_forbidden"
    place = ".".join(str(part) for part in fault["loc"][: -1 if foreign else None])
    place = place or "the document"
    if foreign:
        return f"{place} has a key that is not known; remove it or correct its spelling"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
