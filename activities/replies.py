"""Letters and replies of a case: filled from the case file, rendered, sealed into the outbox.

A rule decides what a reply says of its outcome; `activities.letters` decides how it reads.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Boolean, Uuid, bindparam, func, select
from temporalio import activity

from activities import letter_content as content
from activities import reply_content as reply
from activities.carried_out import SHOWS, carried_out, done_and_rest, leave_the_rest
from activities.corrected import changed_by_hand, changed_values, left_values
from activities.desk import Desk
from activities.letter_frame import about_case, frame
from activities.package import HandedIn, PackageContent, compile_package
from activities.recipients import to_tell
from activities.system_steps import KEPT
from connectors.contract import Corrected, ErasurePlan, Found
from rules import deadlines
from rules.outcome import outcome_of
from rules.status import move
from schemas.case import CaseView, Clock, Ground, LetterKind, Outcome, Status, SystemOutcome
from schemas.events import Event
from schemas.messages import Choice, Withheld
from schemas.request import Attachment, Kind, RequestForm
from schemas.steps import (
    COMPILE_REPLY,
    WRITE_LETTER,
    CompileReply,
    OpenTask,
    Recorded,
    WriteLetter,
)
from schemas.systems import LocalText
from storage import tables as t
from storage.case_step import CaseStep
from storage.suppressions import choose
from storage.views import case_view

_PART: Final = t.sealed.c.part
_REASON: Final = (
    select(_PART)
    .where(t.sealed.c.case_id == bindparam("case", type_=Uuid))
    .where(
        _PART.startswith("text:decision:")
        | (bindparam("refused", type_=Boolean) & _PART.startswith("text:fee:"))
    )
    .order_by(t.sealed.c.sealed_at.desc())
    .limit(1)
)


class ReplyActivities:
    """Steps that write letters."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=WRITE_LETTER.name)
    async def write_letter(self, order: WriteLetter) -> Recorded:
        """Render one letter into the outbox. Safe to repeat."""
        form = await self._desk.form(order.case)

        async def write(step: CaseStep) -> None:
            letter = await self._letter(step, order, form)
            page = self._desk.letters.render(order.kind, form.language, letter)
            await step.write_letter(order.kind, page.encode(), None)

        return await self._desk.record(order, write)

    async def _letter(
        self, step: CaseStep, order: WriteLetter, form: RequestForm
    ) -> content.LetterContent:
        """The content of a letter that is no reply."""
        text = (await step.unseal(order.text_part) or b"").decode() if order.text_part else ""
        about = frame(self._desk.policy, order.at, form) | about_case(step)
        clock = step.clock
        if order.kind is LetterKind.IDENTITY:
            return content.IdentityQuestion(**about, doubt=text, pauses=_pauses(clock))
        if order.kind is LetterKind.CLARIFICATION:
            return content.ClarificationQuestion(**about, question=text, pauses=_pauses(clock))
        if order.kind is LetterKind.FEE:
            fees = self._desk.policy.fees
            return content.FeeOffer(
                **about, amount_cents=step.row["fee_amount"], currency=fees.currency,
                rule=fees.rule, free_after_months=fees.free_after_months, reason=text or None,
            )  # fmt: skip
        if order.kind is LetterKind.EXTENSION:
            due_on = self._extended_due(step)
            months = order.facts["months"]
            return content.ExtensionNotice(**about, months=months, due_on=due_on, reason=text)
        into = step.row["linked"][-1] if step.row["linked"] else None
        done, rest = await done_and_rest(step)
        return content.Confirmation(
            **about, done=self._titles(done), rest=self._titles(rest),
            ending=Outcome(str(order.facts["ending"])),
            into=into if order.facts["ending"] == Outcome.MERGED else None,
        )  # fmt: skip

    def _titles(self, systems: Sequence[str]) -> tuple[LocalText, ...]:
        return tuple(self._desk.facts(name).title for name in systems)

    def _extended_due(self, step: CaseStep) -> date:
        """The due date that the extension gives, once its notice has left in time."""
        decided = step.clock.extension
        told = decided.model_copy(update={"notified_at": step.at}) if decided else None
        extended = deadlines.clock(
            step.row["received_at"], self._desk.policy, pauses=step.clock.pauses, extension=told,
            set_at=step.at, before=step.clock,
        )  # fmt: skip
        return extended.due_date or extended.safe_date

    @activity.defn(name=COMPILE_REPLY.name)
    async def compile(self, order: CompileReply) -> Recorded:
        """Decide the outcome, render the reply and its package into the outbox.

        From then on the case waits for the reply to leave. Safe to repeat.
        """
        form = await self._desk.form(order.case)

        async def write(step: CaseStep) -> None:
            await self._compile(step, order, form)

        return await self._desk.record(order, write)

    async def _compile(self, step: CaseStep, order: CompileReply, form: RequestForm) -> None:
        done = await carried_out(step) if order.refused else frozenset()
        if done:
            await leave_the_rest(step)
        view = await case_view(step.conn, step.case)
        limited = any(d.what == Choice.PARTIAL for d in view.decisions)
        outcome = outcome_of(view, refused=order.refused, limited=limited, done=bool(done))
        letter = await self._answer(step, order, form, view, done)
        kind = LetterKind.SUPPLEMENT if order.supplement else LetterKind.REPLY
        if order.refused:
            kind = LetterKind.REFUSAL
        page = self._desk.letters.render(kind, form.language, letter)
        package = None
        if isinstance(letter, reply.AccessReply):
            package = compile_package(self._desk.letters, await self._package(step, form, letter))
        if form.kind is Kind.DELETE and (done or not order.refused):
            await self._suppress(step)
        step.record(Event.REPLY_COMPILED, outcome=outcome)
        await step.write_letter(kind, page.encode(), package)
        step.set(outcome=outcome)
        if step.status is not Status.REPLYING:
            step.move(Status.REPLYING, move(step.status, Status.REPLYING))
        await step.open_task(OpenTask(what="send_reply", role="handler"))

    async def _answer(
        self, step: CaseStep, order: CompileReply, form: RequestForm, view: CaseView,
        done: frozenset[str],
    ) -> reply.Answer:  # fmt: skip
        about = frame(self._desk.policy, order.at, form) | about_case(step)
        about |= {"systems": self._parts(view, step.row["withheld"])}
        about["reason"] = await self._reason(step, refused=order.refused)
        ground = next((d.ground for d in reversed(view.decisions) if d.ground), None)
        if done:
            before = (p for p in about["systems"] if p.facts.name in done)
            about["done_before"] = tuple(p for p in before if p.view.outcome not in SHOWS)
            about["rest_refused"] = True
        elif order.refused:
            ground = ground or Ground.EXCESSIVE
            about["restricted"] = await self._was_restricted(step, form, ground)
            return reply.Refusal(**about, ground=ground, purposes=view.purposes)
        if order.supplement:
            about["supplement_to_at"] = view.clock.replied_at
        if form.kind is Kind.ACCESS:
            return reply.AccessReply(**about, ground=ground)
        about["recipients"] = await to_tell(step, self._desk.systems.facts)
        if form.kind is Kind.DELETE:
            return reply.DeleteReply(
                **about, ground=ground, kept=await self._kept(step, view),
                doubtful=await _leaves_doubtful(step),
            )  # fmt: skip
        if form.kind is Kind.CORRECT:
            about |= await self._corrected(step, form, view)
            about["restricted"] = await self._was_restricted(step, form, Ground.FACT_DISPUTED)
            return reply.CorrectReply(**about, ground=ground)
        about |= {"purposes": view.purposes, "superseded_at": await self._superseded_at(step)}
        if form.consent is not None:
            return reply.ConsentReply(**about, consent=form.consent)
        absolute = set(view.purposes) <= set(self._desk.policy.absolute_purposes)
        return reply.ObjectionReply(**about, absolute=absolute, ground=ground)

    async def _suppress(self, step: CaseStep) -> None:
        """What was erased must not come back by an import: keyed hashes of the addresses stay."""
        hashes = self._desk.hashes(await self._desk.person(step.case))
        for purpose in self._desk.policy.absolute_purposes:
            stands = await choose(
                step.conn, hashes, purpose, suppressed=True, as_of=step.row["received_at"],
                number=step.row["number"],
            )  # fmt: skip
            if stands:
                step.record(Event.SUPPRESSION_ADDED, purpose=purpose)

    async def _superseded_at(self, step: CaseStep) -> datetime | None:
        """When the later choice arrived that stands instead of this one."""
        person = await self._desk.person(step.case)
        at: datetime | None = await step.conn.scalar(
            select(func.max(t.suppressions.c.as_of))
            .where(t.suppressions.c.hash.in_(self._desk.hashes(person)))
            .where(t.suppressions.c.purpose.in_(step.row["purposes"]))
            .where(t.suppressions.c.as_of > step.row["received_at"])
        )
        return at

    async def _kept(self, step: CaseStep, view: CaseView) -> tuple[reply.KeptPart, ...]:
        """What stays, with reason, provision and date (law.md 4)."""
        contents = await step.unseal_all("kept:")
        return tuple(
            reply.KeptPart(
                facts=self._desk.facts(system.name), records=one.records, ground=Ground(one.reason),
                explanation=one.explanation, provision=one.provision, until=one.until,
            )
            for system in view.systems
            for one in KEPT.validate_json(contents.get(system.name, b"[]"))
        )  # fmt: skip

    async def _corrected(self, step: CaseStep, form: RequestForm, view: CaseView) -> dict[str, Any]:
        """What stands corrected in each system, before and after, and what was left (Art. 16)."""
        contents = await step.unseal_all("corrected:")
        wanted = {c.field: c.new for c in form.corrections}
        changes: list[reply.Changed] = []
        unapplied: list[reply.Unapplied] = []
        for system in view.systems:
            done = Corrected.model_validate_json(contents.get(system.name, b"{}"))
            facts = self._desk.facts(system.name)
            changes += changed_values(done, facts)
            if system.outcome is SystemOutcome.BY_HAND:
                changes += changed_by_hand(done, facts, wanted)
            else:
                unapplied += left_values(done, facts, wanted)
        return {"changes": tuple(changes), "unapplied": tuple(unapplied)}

    async def _was_restricted(self, step: CaseStep, form: RequestForm, ground: Ground) -> bool:
        """Whether processing was restricted until the decision (Art. 18(1)(a) and (d))."""
        if form.kind is not Kind.CORRECT:
            return ground is Ground.COMPELLING_GROUNDS
        contested = await step.unseal_all("found:")
        restricts = any(self._desk.facts(name).restricts for name in contested)
        return restricts and self._desk.policy.correction.restrict_meanwhile

    def _parts(
        self, view: CaseView, withheld: Sequence[dict[str, Any]]
    ) -> tuple[reply.SystemPart, ...]:
        facts = {f.name: f for f in self._desk.systems.facts}
        items = [Withheld.model_validate(item) for item in withheld]
        return tuple(
            reply.SystemPart(
                facts=facts[system.name],
                view=system,
                withheld=tuple(item for item in items if item.system == system.name),
            )
            for system in view.systems
            if system.name in facts
        )

    async def _reason(self, step: CaseStep, *, refused: bool) -> str | None:
        """The reasons that the decision states, beside the text of its ground.

        A fee question that was refused states them there.
        """
        part = await step.conn.scalar(_REASON, {"case": step.case, "refused": refused})
        content = await step.unseal(part) if part else None
        return content.decode() if content else None

    async def _package(
        self, step: CaseStep, form: RequestForm, letter: reply.AccessReply
    ) -> PackageContent:
        """What each system gave: records, the doubtful ones that a person chose, files."""
        contents, choices, given = await step.unseal_each("found:", "chosen:", "file:")
        found, files, handed_in = {}, [], await self._files(step, given)
        for part in letter.systems:
            name = part.facts.name
            content = contents.get(name)
            held = Found.model_validate_json(content) if content else Found()
            chosen = choices.get(name, b"").decode().split(",")
            rows = (*held.rows, *(row for row in held.doubtful if row.item in chosen))
            # What tells of other people is not the subject's data: it is reviewed, never sent.
            found[name] = held.model_copy(update={"rows": rows, "doubtful": (), "third_party": ()})
            # A file cannot be redacted item by item: withheld in part, it stays here as a whole.
            if not part.withheld:
                files += handed_in.get(name, [])
        return PackageContent(
            language=form.language, reply=letter, compiled_at=letter.written_at, found=found,
            files=tuple(files),
        )  # fmt: skip

    async def _files(self, step: CaseStep, contents: dict[str, bytes]) -> dict[str, list[HandedIn]]:
        """Files with which manual tasks were answered (`contents`, by task), by system."""
        if not contents:
            return {}
        done = await step.conn.execute(
            select(t.tasks.c.id, t.tasks.c.system)
            .where(t.tasks.c.case_id == step.case, t.tasks.c.id.in_(contents))
            .order_by(t.tasks.c.id)
        )
        files: dict[str, list[HandedIn]] = {}
        for task, system in done:
            file = Attachment.model_validate_json(contents[task])
            handed_in = HandedIn(
                system=system, name=file.name, media_type=file.media_type, content=file.base64
            )
            files.setdefault(system, []).append(handed_in)
        return files


async def _leaves_doubtful(step: CaseStep) -> bool:
    """Whether records stay that could have been the person's, and that nobody chose."""
    plans = (await step.unseal_all("plan:")).values()
    return any(ErasurePlan.model_validate_json(plan).doubtful for plan in plans)


async def acknowledge(desk: Desk, step: CaseStep, form: RequestForm) -> None:
    """The sender learns that the request arrived; the text tells nothing else."""
    letter = content.Acknowledgement(
        **frame(desk.policy, step.at, form), received_at=form.received_at
    )
    page = desk.letters.render(LetterKind.ACKNOWLEDGEMENT, form.language, letter)
    await step.write_letter(LetterKind.ACKNOWLEDGEMENT, page.encode(), None)
    step.record(Event.ACKNOWLEDGED)


def _pauses(clock: Clock) -> bool:
    """Whether the newest question pauses the clock."""
    return bool(clock.pauses) and clock.pauses[-1].counted
