"""What replies and refusals say: what was done, what was not and why, system by system."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final, Literal

from pydantic import Field

from activities.letter_content import CaseLetter, Part
from schemas.base import Instant, Model
from schemas.case import ANSWERED, Ground, LetterKind, SystemOutcome, SystemView
from schemas.messages import Withheld
from schemas.recipients import RecipientLine
from schemas.request import Consent
from schemas.systems import LocalText, SystemFacts

REFUSED: Final = frozenset({Part.DONE, Part.REASONS, Part.COMPLAINT, Part.REMEDY})
"""What every no contains, also a partial one (Art. 12(4))."""


class SystemPart(Model):
    """What came of one system.

    `view.records` counts the person's records, `withheld` is what of it is not given,
    `third_party` counts records that were reached but are about somebody else (Art. 15(4)).
    `reason` is a text for the subject: why the system is left out.
    """

    facts: SystemFacts
    view: SystemView
    withheld: tuple[Withheld, ...] = ()
    third_party: int = 0
    reason: str | None = Field(None, repr=False)

    @property
    def answered(self) -> bool:
        """Whether this system owes nothing any more."""
        return self.view.outcome in ANSWERED

    @property
    def acted(self) -> bool:
        """Whether something was done there, on the day of `view.since`: at least it was told."""
        return self.answered or self.view.outcome is SystemOutcome.NOTIFIED

    @property
    def held(self) -> bool:
        """Whether it holds data about the person."""
        return self.view.outcome is SystemOutcome.FOUND or (self.answered and self.view.records > 0)

    @property
    def left_out(self) -> bool:
        """Whether a person decided to answer without it."""
        return self.view.outcome is SystemOutcome.LEFT_OUT

    @property
    def given(self) -> int:
        """How many records are given."""
        return max(self.view.records - len(self.withheld), 0)

    @property
    def not_given(self) -> int:
        """How many records were reached and are not given."""
        return len(self.withheld) + self.third_party

    @property
    def withheld_by_ground(self) -> tuple[tuple[Ground, int], ...]:
        """How many items are not given on which ground."""
        counts = Counter(item.code for item in self.withheld)
        counts[Ground.RIGHTS_OF_OTHERS] += self.third_party
        return tuple(sorted((+counts).items()))


class Answer(CaseLetter):
    """What replies and refusals share: the systems, and on what grounds something was not done."""

    systems: tuple[SystemPart, ...] = ()
    recipients: tuple[RecipientLine, ...] = Field((), description="what was told to whom, Art. 19")
    reason: str | None = Field(
        None, repr=False, description="the decision's own reasons, beside the text of its ground"
    )

    @property
    def parts(self) -> frozenset[Part]:
        """Every reply has the complaint route; every no the reasons and the remedies."""
        return REFUSED if self.grounds else frozenset({Part.DONE, Part.COMPLAINT})

    @property
    def unanswered(self) -> tuple[SystemPart, ...]:
        """Systems that still owe an answer: a supplement follows."""
        return tuple(part for part in self.systems if not part.answered)


class Refusal(Answer):
    """Nothing of what was asked is done (Art. 12(4)). `systems`: what was searched or done."""

    kinds = frozenset({LetterKind.REFUSAL})
    template = "refusal.html.j2"

    ground: Ground
    purposes: tuple[str, ...] = ()
    restricted: bool = Field(False, description="processing was, until this decision; Art. 18(3)")

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """The one ground."""
        return (self.ground,)

    @property
    def told(self) -> tuple[SystemPart, ...]:
        """What may be told of systems: nothing to somebody who could not be identified."""
        if self.ground is Ground.CANNOT_IDENTIFY:
            return ()
        return tuple(part for part in self.systems if part.answered)

    @property
    def states(self) -> tuple[SystemPart, ...]:
        """Where the person's statement is put beside disputed data (Art. 16)."""
        stated = (SystemOutcome.NOTIFIED, SystemOutcome.RETAINED)
        if self.ground is not Ground.FACT_DISPUTED:
            return ()
        return tuple(part for part in self.systems if part.view.outcome in stated)


class Reply(Answer):
    """An answer on the merits. A supplement names the reply that it adds to."""

    kinds: ClassVar[frozenset[LetterKind]] = frozenset({LetterKind.REPLY, LetterKind.SUPPLEMENT})

    supplement_to_at: Instant | None = None  # when the reply left


class DataReply(Reply):
    """An answer about all the data that systems hold. A full refusal is a `Refusal`."""

    kinds = frozenset({LetterKind.REPLY, LetterKind.SUPPLEMENT, LetterKind.REFUSAL})

    ground: Ground | None = Field(None, description="of a decision to do only a part")
    rest_refused: bool = Field(False, description="something was done before; nothing follows")
    done_before: tuple[SystemPart, ...] = Field(
        (), description="systems of which another result is told now, though a part was done"
    )

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Of a partial decision."""
        return (self.ground,) if self.ground else ()

    @property
    def parts(self) -> frozenset[Part]:
        """A system left out is a no, too."""
        return REFUSED if self.left_out else super().parts

    @property
    def unanswered(self) -> tuple[SystemPart, ...]:
        """Systems that still owe an answer: a supplement follows, but after a refusal."""
        return () if self.rest_refused else super().unanswered

    @property
    def left_out(self) -> tuple[SystemPart, ...]:
        """Systems that a person decided to answer without."""
        return tuple(part for part in self.systems if part.left_out)

    @property
    def nothing_held(self) -> bool:
        """Whether every system answered that it holds nothing."""
        return all(part.view.outcome is SystemOutcome.NOTHING_HELD for part in self.systems)


class AccessReply(DataReply):
    """Whether and what data is processed, Art. 15(1)-(3)."""

    template = "reply_access.html.j2"

    with_copy: bool = Field(True, description="a package with the copy of the data goes with it")

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Of everything that is not given, each once."""
        grounds = {ground for part in self.systems for ground, _ in part.withheld_by_ground}
        return tuple(sorted(grounds.union(super().grounds)))

    @property
    def held(self) -> tuple[SystemPart, ...]:
        """Systems in which there is data."""
        return tuple(part for part in self.systems if part.held)


class KeptPart(Model):
    """Records that a system keeps although the person wants them deleted (Art. 17(3)(b)).

    `explanation`: the manifest's own reason. Without one, and without a provision, the letter says
    no more than that the law obliges us: so it stands where the law lets us tell no details, and
    where there are none. `until`: the last day; without it the letter says that it is reviewed.
    """

    facts: SystemFacts
    records: int
    ground: Literal[Ground.LEGAL_OBLIGATION, Ground.LEGAL_HOLD]
    explanation: LocalText = {}
    provision: str | None = None
    until: date | None = None


class DeleteReply(DataReply):
    """What was deleted, and what is kept, why and how long, Art. 17."""

    template = "reply_delete.html.j2"

    kept: tuple[KeptPart, ...] = ()
    doubtful: bool = Field(False, description="records that a person took for somebody else's stay")

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Of everything that is kept, each once."""
        return tuple(sorted({part.ground for part in self.kept}.union(super().grounds)))

    @property
    def undeleted(self) -> tuple[SystemPart, ...]:
        """Systems that a person left out, or left as they are on the ground of the decision."""
        found = tuple(part for part in self._found if self.ground)
        return (*self.left_out, *found)

    @property
    def unanswered(self) -> tuple[SystemPart, ...]:
        """Data that was found and that nobody decided to leave has still to be deleted."""
        found = tuple(part for part in self._found if not self.ground)
        return (*super().unanswered, *found)

    @property
    def deleted_since(self) -> tuple[SystemPart, ...]:
        """Of a supplement: what was deleted after the reply had left."""
        deleted = (SystemOutcome.ERASED, SystemOutcome.BY_HAND)
        since = self.supplement_to_at
        if since is None:
            return ()
        return tuple(
            part for part in self.systems
            if part.view.outcome in deleted and part.view.since > since
        )  # fmt: skip

    @property
    def _found(self) -> tuple[SystemPart, ...]:
        return tuple(p for p in self.systems if p.view.outcome is SystemOutcome.FOUND)


class CorrectionPart(Model):
    """A piece of data in a system. `field`: a Fides data category, a column, or `table.column`."""

    field: str
    field_title: str | None = Field(None, description="its name, in the language of the letter")
    system: SystemFacts

    @property
    def code(self) -> str:
        """What the wording is looked up by: a category, or a column without its table."""
        is_category = self.field.partition(".")[0] in ("user", "system")
        return self.field if is_category else self.field.rpartition(".")[2]


class Changed(CorrectionPart):
    """A value that stands corrected. `before`: what was replaced; empty if it stood so already."""

    before: tuple[str, ...] = Field((), repr=False)
    after: str = Field(repr=False)


class Unapplied(CorrectionPart):
    """A value that was left as it is.

    `differs`: the system holds neither the wrong value that was named nor the `wanted` one.
    `refused`: it does not take the `wanted` one.
    """

    held: str = Field(repr=False)
    wanted: str = Field(repr=False)
    why: Literal["differs", "refused"]


class CorrectReply(DataReply):
    """What was corrected where, what was not and why, who was told, Art. 16, 19."""

    template = "reply_correct.html.j2"

    changes: tuple[Changed, ...] = ()
    unapplied: tuple[Unapplied, ...] = ()
    restricted: bool = Field(False, description="processing was, meanwhile; Art. 18(1)(a), 18(3)")

    @property
    def parts(self) -> frozenset[Part]:
        """A value that was not changed is a no, too."""
        return REFUSED if self.unapplied else super().parts


class ChoiceReply(Reply):
    """What objection and consent share. `superseded_at`: a later choice of the subject stands."""

    purposes: tuple[str, ...] = Field(min_length=1)
    superseded_at: Instant | None = None


class ObjectionReply(ChoiceReply):
    """What was stopped, Art. 21. A ground: a part of it goes on, `reason` says which."""

    template = "reply_objection.html.j2"

    absolute: bool = Field(description="marketing or surveys, Art. 21(2)-(3)")
    ground: Ground | None = None

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Why a part goes on."""
        return (self.ground,) if self.ground else ()


class ConsentReply(ChoiceReply):
    """Consent given or withdrawn, Art. 7, and where it is recorded."""

    template = "reply_consent.html.j2"

    consent: Consent


@dataclass(frozen=True)
class DataTable:
    """Records of one table as people read them: a cell is text or None for no value."""

    name: str
    columns: tuple[tuple[str, str], ...]  # name, and what kind of data it is
    rows: Sequence[tuple[str | None, ...]]

    @property
    def wide(self) -> bool:
        """Too many columns for a sheet of paper: a block per record instead."""
        return len(self.columns) > 7


@dataclass(frozen=True)
class SystemCopy:
    """The copy of one system's data for reply.html: tables, files handed in, what is withheld."""

    part: SystemPart
    tables: tuple[DataTable, ...] = ()
    files: tuple[tuple[str, str], ...] = ()  # path in the package, media type
