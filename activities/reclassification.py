"""A request turns out to be of another kind: the right procedure takes the same case over.

The receipt is unchanged, and with it every date.
"""

from sqlalchemy import delete, or_, update
from sqlalchemy.exc import IntegrityError
from temporalio import activity

from activities.choices import chosen
from activities.desk import Desk
from activities.runs import Runs
from rules import identity
from rules.status import move
from schemas.base import Model
from schemas.case import FeeState, IdentityState, Status
from schemas.errors import BadInput, RefusedByRule
from schemas.events import Event
from schemas.request import RequestForm
from schemas.steps import RECLASSIFY, Reclassification, Recorded
from schemas.systems import Duty
from storage import tables as t
from storage.case_step import CaseStep

TO_STAY = ("name_alone", "possibly_same_person", f"{Duty.END_CONTEST}_by_hand")
"""Tasks that stay open: who the person is does not depend on the kind, and what people restricted
for the old kind they have to end."""

OF_THE_OLD_KIND = ("found:", "chosen:", "plan:", "file:")
"""Sealed parts that the old procedure made; the new one makes its own."""


class NewForm(Model):
    """The request as it is understood now, sealed by the client until the case takes it."""

    form: RequestForm
    content: str  # hex of the keyed hash of kind, scope and content


class ReclassificationActivities:
    """Changes the kind of a case and starts its new run."""

    def __init__(self, desk: Desk, runs: Runs) -> None:
        self._desk = desk
        self._runs = runs

    @activity.defn(name=RECLASSIFY.name)
    async def reclassify(self, change: Reclassification) -> Recorded:
        """The case row takes the new kind and asks for a new run, which is then started.

        Safe to repeat. Raises `RefusedByRule` if the same request is open under another number.
        """

        async def write(step: CaseStep) -> None:
            await self._write(step, change)

        try:
            recorded = await self._desk.record(change, write)
        except IntegrityError:
            raise RefusedByRule(
                "Not reclassified: the same request of this person is open under another number. "
                "See: dsr list"
            ) from None
        await self._runs.start_case(change.case)
        return recorded

    async def _write(self, step: CaseStep, change: Reclassification) -> None:
        content = await step.unseal(f"reclassified:{change.action}")
        if content is None:
            raise BadInput("Not reclassified: the new form was not handed in.")
        new = NewForm.model_validate_json(content)
        await step.take_back()
        await _forget_old_procedure(step)
        step.record(Event.RECLASSIFIED, before=step.row["kind"], after=new.form.kind)
        await self._take_new_kind(step, new)
        for part, text in change.texts.items():
            await step.seal(part, text.encode())
        if step.status is not Status.RECEIVED:
            step.move(Status.RECEIVED, move(step.status, Status.RECEIVED))

    async def _take_new_kind(self, step: CaseStep, new: NewForm) -> None:
        form = new.form
        shown, how = identity.assurance(form.kind, form.channel, form.evidence)
        by_channel = step.row["identity_how"] == step.row["evidence_how"]
        if by_channel:  # what a handler has checked holds for every kind
            sufficient = shown and form.submitter is None
            state = IdentityState.SUFFICIENT if sufficient else IdentityState.UNCHECKED
            step.set(identity_state=state, identity_how=how if sufficient else None)
        if step.row["fee_state"] not in (FeeState.WAIVED, FeeState.ACCEPTED):
            step.set(fee_state=FeeState.NONE)
        step.set(
            kind=form.kind, purposes=sorted(set(form.purposes)), run=step.row["run"] + 1,
            reopened=False, resumed=False, released=False, content_hash=bytes.fromhex(new.content),
            evidence_how=how, withheld=[], outcome=None,
        )  # fmt: skip
        await step.seal("form", form.model_dump_json().encode())
        mine = t.inquiries.c.case_id == step.case
        await step.conn.execute(update(t.inquiries).where(mine).values(kind=form.kind))
        hashes = self._desk.hashes(await self._desk.person(step.case))
        keyring, number = self._desk.case_file.keyring, step.row["number"]
        for fact in await chosen(step.conn, keyring, self._desk.policy, form, hashes, number):
            step.record(fact.event, **fact.facts)


async def _forget_old_procedure(step: CaseStep) -> None:
    tasks = [task.task for task in step.open_tasks if task.what not in TO_STAY]
    await step.close_tasks(*tasks)
    await step.conn.execute(delete(t.system_tasks).where(t.system_tasks.c.case_id == step.case))
    made = or_(*(t.sealed.c.part.startswith(prefix) for prefix in OF_THE_OLD_KIND))
    await step.conn.execute(delete(t.sealed).where(t.sealed.c.case_id == step.case, made))
