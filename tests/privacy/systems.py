"""Registers whose every value is marked, and registers that fail with a mark in the error."""

import warnings
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from activities.letter_content import LetterContent
from activities.letters import Letters
from connectors.contract import (
    Choice,
    Found,
    FoundRow,
    Person,
    SystemMisdeclared,
    SystemUnreachable,
    ThirdParty,
)
from schemas.case import LetterKind
from schemas.request import Language
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.privacy.marks import mark


def a_marked_row(item: str, field: str) -> FoundRow:
    """One record, marked in values, names of values, and key."""
    return FoundRow(
        item=item, schema_name="public", table="people", path=("people.id -> notes.person",),
        key={"id": f"{mark('rowkey')} {item}"},
        values={"text": f"{mark(field)} {item}", mark("column"): {"inside": [mark("nested")]}},
    )  # fmt: skip


def everything() -> Found:
    """Two records, and one of somebody else."""
    other = ThirdParty(
        schema_name="public", table="people", key={"id": mark("otherkey")}, reason=mark("other")
    )
    return Found(
        rows=(a_marked_row("1", "value"), a_marked_row("2", "second")), third_party=(other,)
    )


class Garbage:
    """What no register should give; its text is marked."""

    def __repr__(self) -> str:
        return mark("garbage")


class Strict(BaseModel):
    """A model of a connector's own that repeats the input in its errors."""

    amount: int


def _misread() -> None:
    Strict.model_validate({"amount": mark("misread")})


@dataclass
class Failing(FakeSystem):
    """Fails with a mark in a warning, the text, the cause and the notes, whatever it is asked."""

    error: type[Exception] = RuntimeError

    def _reach(self) -> None:
        self.asked += 1
        warnings.warn(f"no such person: {mark('warning')}", stacklevel=1)
        try:
            _misread()
        except ValueError as cause:
            error = self.error(f"no such person: {mark('fault')}")
            error.add_note(mark("faultnote"))
            raise error from cause


GARBLED: Final[dict[str, Any]] = {
    "shapeless": {"rows": mark("garbage")},
    "unchecked": Found.model_construct(rows=(mark("garbage"),), third_party=3),
    "unspeakable": Found(
        rows=(a_marked_row("1", "value").model_copy(update={"values": Garbage()}),)
    ),
}
"""Systems, by what each gives that is no finding."""


@dataclass
class Garbled(FakeSystem):
    """Answers with what is no finding."""

    async def find(self, person: Person) -> Found:
        self.asked += 1
        return GARBLED[self.facts.name]  # type: ignore[no-any-return]


@dataclass
class Hesitant(FakeSystem):
    """Fails at the first time, with the person's name, then does what it is asked."""

    async def suppress(self, person: Person, choice: Choice) -> int:
        self.asked += 1
        if self.asked == 1:
            raise ValueError(f"{person!r} {person.name} {person.identities[0].value}")
        return await super().suppress(person, choice)


class HesitantLetters(Letters):
    """Each kind of letter fails once, with the person's name: a step of our own that fails."""

    _failed: frozenset[LetterKind] = frozenset(LetterKind)  # while the letters are proved

    def hesitate(self) -> "HesitantLetters":
        """From now on."""
        self._failed = frozenset()
        return self

    def render(self, kind: LetterKind, language: Language, letter: LetterContent) -> str:
        if kind not in self._failed:
            self._failed |= {kind}
            raise RuntimeError(f"{mark('letterfault')}: {letter.subject.name}")
        return super().render(kind, language, letter)


def marked_systems() -> FakeSystems:
    """One of each behaviour; a request's scope chooses among them."""
    stops = {"suppresses": ("marketing", "surveys"), "records_consent": ("marketing",)}
    doubtful = Found(
        rows=(a_marked_row("1", "value"),),
        doubtful=(a_marked_row("2", "chosen"), a_marked_row("3", "stranger")),
    )
    return FakeSystems(
        FakeSystem(facts("customers", restricts=True, **stops), holds=everything()),
        Hesitant(facts("marketing", restricts=True, **stops), holds=everything()),
        FakeSystem(facts("empty"), holds=Found()),
        FakeSystem(facts("doubtful"), holds=doubtful),
        FakeSystem(facts("archive", reach="manual", role="archivist")),
        FakeSystem(facts("partner", reach="manual", role="archivist", suppresses=("marketing",))),
        Failing(facts("broken", restricts=True, **stops)),
        Failing(facts("away"), error=SystemUnreachable),
        Failing(facts("misdeclared", **stops), error=SystemMisdeclared),
        *(Garbled(facts(name)) for name in GARBLED),
    )
