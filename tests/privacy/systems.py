"""Registers whose every value is marked, and registers that fail with a mark in the error."""

import warnings
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel

from activities.letter_content import LetterContent
from activities.letters import Letters
from connectors.contract import (
    Agree,
    BeforeCommit,
    Choice,
    CommitInDoubt,
    Erased,
    ErasurePlan,
    Found,
    FoundRow,
    Identity,
    Person,
    Remains,
    RowKey,
    SystemMisdeclared,
    SystemUnreachable,
    ThirdParty,
)
from connectors.partner import Partner
from schemas.case import LetterKind
from schemas.holds import Held
from schemas.request import Language
from schemas.systems import Limits
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.office import now
from tests.privacy.marks import mark, word


def a_marked_row(item: str, field: str, key: str = "rowkey") -> FoundRow:
    """One record, marked in values, names of values, and key."""
    return FoundRow(
        item=item, schema_name="public", table="people", path=("people.id -> notes.person",),
        key={"id": f"{mark(key)} {item}"},
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


def to_erase(*more: str) -> Found:
    """Two records that a plan names by their keys, and more."""
    items = ("1", "2", *more)
    return Found(rows=tuple(a_marked_row(item, "erasedvalue", "erasedkey") for item in items))


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

    async def plan_erasure(self, person: Person, *_: object) -> ErasurePlan:
        return GARBLED[self.facts.name]  # type: ignore[no-any-return]


@dataclass
class Register(FakeSystem):
    """Holds the same of everybody, erases it of one person only, and tells of another address.

    `wavers`: of each person it fails first before it erases, then when it is read again.
    """

    wavers: bool = False
    of: dict[str, FakeSystem] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)

    def about(self, person: Person) -> FakeSystem:
        """What it holds of one person."""
        begins = FakeSystem(self.facts, self.holds, missed=self.missed)
        return self.of.setdefault(person.name, begins)

    async def plan_erasure(
        self, person: Person, at: datetime, held: Held, chosen: tuple[RowKey, ...] = ()
    ) -> ErasurePlan:
        return await self.about(person).plan_erasure(person, at, held, chosen)

    async def erase(
        self, person: Person, at: datetime, held: Held, agree: Agree, before_commit: BeforeCommit,
        limit: timedelta, chosen: tuple[RowKey, ...] = (),
    ) -> Erased:  # fmt: skip
        tried = self.tries[person.name] = self.tries.get(person.name, 0) + 1
        here = self.about(person)
        if self.wavers and tried == 1:
            row = here.holds.rows[0]
            raise ValueError(f"{mark('erasefault')}: {person!r} {row.key} {row.values}")
        erased = await here.erase(person, at, held, agree, before_commit, limit, chosen)
        known = Identity(type="email", value=f"{word('knownas')}@example.fi")
        return erased.model_copy(update={"identities": (known,)})

    async def remains(self, person: Person, kept: ErasurePlan) -> tuple[Remains, ...]:
        if self.wavers and self.tries[person.name] == 2:
            raise SystemUnreachable(f"{mark('scanfault')}: {person.identities[-1].value}")
        return await self.about(person).remains(person, kept)


@dataclass
class Unerasable(Register):
    """Plans; when it is to erase it is lost in its commit, with the row in the error."""

    async def erase(
        self, person: Person, at: datetime, held: Held, agree: Agree, before_commit: BeforeCommit,
        limit: timedelta, chosen: tuple[RowKey, ...] = (),
    ) -> Erased:  # fmt: skip
        await before_commit()
        try:
            _misread()
        except ValueError as cause:
            error = CommitInDoubt(f"violates: ({mark('doubtfault')}, {person.name})")
            error.add_note(mark("faultnote"))
            raise error from cause
        raise AssertionError("it was read")


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


HELD: Final = ("user.contact.email", "user.name")
GUILD: Final = {"name": "The guild", "relation": "expert", "country": "FI"}
"""What the system `held` declares: a hold on one of them leaves the other to be erased."""


def marked_systems(*more: FakeSystem, partners: tuple[Partner, ...]) -> FakeSystems:
    """One of each behaviour; a request's scope chooses among them."""
    stops = {"suppresses": ("marketing", "surveys"), "records_consent": ("marketing",)}
    kept_until = now().date() + timedelta(days=800)
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
        FakeSystem(facts("guild", reach="manual", role="archivist", recipient=GUILD)),
        Register(facts("members"), holds=to_erase()),
        Register(facts("wavering"), holds=to_erase(), wavers=True),
        Register(facts("overlooking"), holds=to_erase(), missed=("2",)),
        Register(facts("held", categories=HELD), holds=to_erase()),
        Unerasable(facts("unerasable"), holds=to_erase()),
        FakeSystem(facts("growing"), holds=to_erase()),
        FakeSystem(facts("books"), holds=to_erase(), kept_by_law=("2",), kept_until=kept_until),
        Failing(facts("broken", restricts=True, **stops)),
        Failing(facts("away"), error=SystemUnreachable),
        Failing(facts("misdeclared", **stops), error=SystemMisdeclared),
        Failing(facts("ailing", limits=Limits(pause_after=1)), error=SystemUnreachable),
        *(Garbled(facts(name)) for name in GARBLED),
        *more,
        partners=partners,
    )
