"""What replies and refusals say: what was done, what was not and why, system by system."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from pydantic import Field

from activities.letter_content import CaseLetter, Part
from schemas.base import Instant, Model
from schemas.case import ANSWERED, Ground, LetterKind, SystemOutcome, SystemView
from schemas.messages import Withheld
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


class Reply(Answer):
    """An answer on the merits. A supplement names the reply that it adds to."""

    kinds: ClassVar[frozenset[LetterKind]] = frozenset({LetterKind.REPLY, LetterKind.SUPPLEMENT})

    supplement_to_at: Instant | None = None  # when the reply left


class AccessReply(Reply):
    """Whether and what data is processed, Art. 15(1)-(3). A full refusal is a `Refusal`."""

    template = "reply_access.html.j2"

    with_copy: bool = Field(True, description="a package with the copy of the data goes with it")
    ground: Ground | None = Field(None, description="of a decision to give only a part")

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Of everything that is not given, each once."""
        grounds = {ground for part in self.systems for ground, _ in part.withheld_by_ground}
        return tuple(sorted(grounds | ({self.ground} if self.ground else set())))

    @property
    def parts(self) -> frozenset[Part]:
        """A system left out is a no, too."""
        return REFUSED if self.left_out else super().parts

    @property
    def held(self) -> tuple[SystemPart, ...]:
        """Systems in which there is data."""
        return tuple(part for part in self.systems if part.held)

    @property
    def left_out(self) -> tuple[SystemPart, ...]:
        """Systems that a person decided to answer without."""
        return tuple(part for part in self.systems if part.left_out)


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


class KeptPart(Model):
    """Records of one system that are kept: why, by which provision, until when (Art. 17(3)).

    `explanation` is the manifest's own reason. Without provision and date the law says no more.
    """

    facts: SystemFacts
    records: int
    ground: Ground
    explanation: LocalText = {}
    provision: str | None = None
    until: date | None = None


class DeleteReply(Reply):
    """What was erased, who was told, what is kept and why (Art. 17, 19)."""

    template = "reply_delete.html.j2"

    kept: tuple[KeptPart, ...] = ()

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Why something is kept, each once."""
        return tuple(sorted({part.ground for part in self.kept}))

    @property
    def parts(self) -> frozenset[Part]:
        """A system left out is a no, too."""
        return REFUSED if any(part.left_out for part in self.systems) else super().parts

    @property
    def nothing_held(self) -> bool:
        """Whether no system held anything on the person, and nobody else was told."""
        return all(part.view.outcome is SystemOutcome.NOTHING_HELD for part in self.systems)


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
