"""Taking a request in: one transaction writes the case, then its workflow is started.

What cannot be taken is refused here with one sentence, and nothing is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, get_args
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.desk import person_of
from connectors.contract import Person
from rules.identity import Sameness
from schemas.base import Model
from schemas.case import Status
from schemas.documents import fault_sentence
from schemas.errors import BadInput, RefusedByRule
from schemas.events import Event, fact
from schemas.policy import Policy
from schemas.request import MAX_ATTACHMENT_BYTES, Kind, RequestForm
from schemas.systems import SystemFacts
from starter.new_case import NewCase
from starter.relatives import Relative, relatives
from starter.submission import Submission
from storage import tables as t
from storage.audit import Audit
from storage.keyring import Keyring
from storage.locks import lock_person

MAX_DOCUMENT: Final = 2 * MAX_ATTACHMENT_BYTES
"""Characters of a document: the attachments in base64, with room for line breaks and the rest."""


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
            if not isinstance(document, str | bytes):
                return RequestForm.model_validate(document)
            if len(document) > MAX_DOCUMENT:
                raise BadInput(
                    f"Not taken: the document has over {MAX_DOCUMENT} characters. Nothing was "
                    "recorded."
                )
            return RequestForm.model_validate_json(document)
        except ValidationError as fault:
            sentence = first_fault(fault, RequestForm)
            raise BadInput(f"Not taken: {sentence}. Nothing was recorded.") from None

    def check(self, form: RequestForm, now: datetime) -> Person:
        """Refuse what the policy does not take. Returns the normalised person."""
        if form.received_at > now + self.policy.intake.max_future:
            raise BadInput(
                "Not taken: received_at lies in the future. Give the instant of arrival."
            )
        if form.received_at < now - self.policy.intake.max_age:
            days = self.policy.intake.max_age // timedelta(days=1)
            raise BadInput(f"Not taken: received_at is more than {days} days ago (policy intake).")
        self.check_content(form)
        _check_known(
            "subject.identifiers.{}.type", [i.type for i in form.subject.identifiers],
            self.policy.identifiers,
        )  # fmt: skip
        try:
            return person_of(form.subject, self.policy)
        except BadInput as fault:
            raise BadInput(f"Not taken: subject.identifiers: {fault}") from None

    def check_content(self, form: RequestForm) -> None:
        """What is asked for must be what the configuration knows. Raises `BadInput`."""
        self._check_scope(form)
        self._check_purposes(form)
        self._check_corrections(form)

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

    def _check_corrections(self, form: RequestForm) -> None:
        """What a manifest within the scope holds, each once: a value cannot be two."""
        everything = "register" in form.scope
        systems = [s for s in self.systems if everything or s.register_part in form.scope]
        known = {field for system in systems for field in system.fields}
        categories = sorted(field for field in known if field.startswith("user."))
        fields = [correction.field for correction in form.corrections]
        for n, field in enumerate(fields, 1):
            if field not in known:
                raise BadInput(
                    f"Not taken: corrections.{n}.field is held by no system in the scope. Known: "
                    f"{', '.join(categories)}; or a column, also as table.column, that a manifest "
                    "declares so. Nothing was recorded."
                )
            if field in fields[: n - 1]:
                raise BadInput(
                    f"Not taken: corrections.{n}.field stands there twice. Name each field once; "
                    "of several values of a kind name the columns. Nothing was recorded."
                )

    async def take(self, conn: AsyncConnection, form: RequestForm, now: datetime) -> Receipt:
        """Write the case, or answer with the one that stands. In the caller's transaction."""
        came = Submission(form, self.check(form, now), self.policy, self.keyring)
        await lock_person(conn, [*came.hashes, *([came.key] if came.key else [])])
        if standing := await self._under_key(conn, came):
            return await self._answered(conn, came, standing, now)
        others = await relatives(conn, came)
        if standing := _asked_before(came, others):
            await self._remember_key(conn, came, standing["id"])
            return await self._answered(conn, came, standing, now)
        number, case, clock = await NewCase(self.audit, came, others, now).write(conn)
        await self._remember_key(conn, came, case)
        return Receipt(
            number=number, case=case, kind=form.kind, status=Status.RECEIVED,
            due_date=clock.due_date, created=True,
        )  # fmt: skip

    async def _under_key(self, conn: AsyncConnection, came: Submission) -> RowMapping | None:
        """The case that this key was answered with, for ever. Raises `RefusedByRule`."""
        if came.key is None:
            return None
        keys = t.idempotency_keys.c
        query = (
            select(t.cases, keys.body_hash)
            .join(t.idempotency_keys, keys.case_id == t.cases.c.id)
            .where(keys.hash == came.key)
        )
        row = (await conn.execute(query)).mappings().one_or_none()
        if row is not None and row["body_hash"] != came.body:
            raise RefusedByRule(
                f"Not taken: this idempotency key belongs to {row['number']}, which was "
                "another request. Use a new key for a new request."
            )
        return row

    async def _remember_key(self, conn: AsyncConnection, came: Submission, case: UUID) -> None:
        if came.key is not None:
            await conn.execute(
                insert(t.idempotency_keys).values(hash=came.key, case_id=case, body_hash=came.body)
            )

    async def _answered(
        self, conn: AsyncConnection, came: Submission, standing: RowMapping, now: datetime
    ) -> Receipt:
        """The same request came again: recorded in the case that answers it."""
        locked = select(t.cases).where(t.cases.c.id == standing["id"]).with_for_update()
        row = (await conn.execute(locked)).mappings().one()
        await self.audit.append(
            conn, row["id"], [fact(Event.DUPLICATE_ANSWERED, channel=came.form.channel)], at=now,
            actor="intake", policy_version=self.policy.version, step_key=None,
        )  # fmt: skip
        return Receipt(
            number=row["number"], case=row["id"], kind=row["kind"], status=row["status"],
            due_date=row["due_date"], created=False,
        )  # fmt: skip


def _asked_before(came: Submission, others: Sequence[Relative]) -> RowMapping | None:
    """The open case of the same person, kind, scope and content (law.md 2, merging)."""
    return next(
        (
            other.row
            for other in others
            if other.how is Sameness.SAME
            and other.row["status"] != Status.CLOSED
            and other.row["content_hash"] == came.content
        ),
        None,
    )


def _check_known(place: str, given: Sequence[str], known: Iterable[str]) -> None:
    """Refuse what the configuration does not name, by its place: it could be anything."""
    for n, value in enumerate(given, 1):
        if value not in known:
            raise BadInput(
                f"Not taken: {place.format(n)} is unknown. Known: {', '.join(known)}. "
                "Nothing was recorded."
            )


def first_fault(error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault of a document: where and what, never the value or a key that is not ours."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if fault["type"] != "extra_forbidden":
        return fault_sentence(fault)
    *place, _foreign = fault["loc"]
    where = ".".join(str(step + 1) if isinstance(step, int) else step for step in place)
    return (
        f"{where or 'the document'} has a key that is not known; remove it or correct its "
        f"spelling: {', '.join(_keys_of(_model_at(place, model)))}"
    )


def _keys_of(model: type[BaseModel]) -> Iterable[str]:
    return (field.alias or name for name, field in model.model_fields.items())


def _model_at(place: Iterable[int | str], model: type[BaseModel]) -> type[BaseModel]:
    """The model of a part of a document; the part may be optional, or one of a list."""
    for step in place:
        if isinstance(step, str):
            kind = model.model_fields[step].annotation
            parts = (kind, *get_args(kind))
            model = next(p for p in parts if isinstance(p, type) and issubclass(p, BaseModel))
    return model
