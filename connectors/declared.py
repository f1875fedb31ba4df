"""The manifest file as people write it: the Fides dataset format, with our additions under `dsr`.

Keys of Fides that we do not use are ignored; under `dsr` every key is ours, so a typo is refused.
"""

import re
from datetime import date
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from rules.bookkeeping import Basis
from rules.calendars import zone
from schemas.base import EdgeModel, Model
from schemas.errors import BadInput
from schemas.request import Language, Word
from schemas.systems import Limits, LocalText, Reach, Recipient

_NAME: Final = re.compile(r"\w(?:[\w $-]*[\w$-])?")
_PERIOD: Final = re.compile(r"([1-9][0-9]{0,2}) (month|year)s?")
_MAX_NAME_BYTES: Final = 63  # PostgreSQL cuts longer names off


def _sql_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name.encode()) > _MAX_NAME_BYTES:
        raise ValueError(
            "is no table or column name; letters, digits, _, $, - and inner spaces, 63 bytes"
        )
    return name


def _table_name(name: str) -> str:
    for part in name.split(".", 1):
        _sql_name(part)
    return name


def _every_language(text: LocalText) -> LocalText:
    missing = ", ".join(language for language in Language if not text.get(language, "").strip())
    if missing:
        raise ValueError(f"needs a text in every language of the replies; add {missing}")
    return text


def _period(text: str) -> str:
    if not _PERIOD.fullmatch(text):
        raise ValueError("is no period; write it as 6 months or 2 years")
    return text


def _zone(name: str) -> str:
    try:
        zone(name)
    except BadInput as error:
        raise ValueError(str(error)) from None
    return name


SqlName = Annotated[str, AfterValidator(_sql_name)]
TableName = Annotated[str, AfterValidator(_table_name)]
"""`table`, or `schema.table` where it is not in the dataset's own schema."""
Texts = Annotated[LocalText, AfterValidator(_every_language)]
Constant = bool | int | str | None
Constants = Annotated[dict[SqlName, Constant], Field(min_length=1)]

FACTS: Final = ("name", "purpose", "at", "given", "text_version", "means")
"""What an inserted row can be given, beside the person's identifiers by their type."""

SENT_BESIDE_IDENTIFIERS: Final = ("name", "employer", "address")
"""What of the subject can be named in `fields_sent`, beside identifiers by their type."""


class Reference(Model):
    """`field` (table.column) is reached from this one (`to`), or this one from it (`from`)."""

    dataset: str
    field: str
    direction: Literal["from", "to"] | None = None


class FidesMeta(Model):
    """What Fides knows of a field."""

    identity: str | None = None
    primary_key: bool = False
    references: tuple[Reference, ...] = ()


class FieldAdditions(EdgeModel):
    """Ours, of a field."""

    shared: bool = Field(
        False, description="an address that several people use: a match alone names nobody"
    )
    erase_to: Constant = Field(
        None, description="what the column holds once the person is erased, in a table that says "
        "`change`; of a reference: what is left of it when the row that it names is deleted",
    )  # fmt: skip

    @property
    def is_erased(self) -> bool:
        """Whether `erase_to` is declared; null is a declaration too."""
        return "erase_to" in self.model_fields_set


class DeclaredField(Model):
    """A column."""

    name: SqlName
    data_categories: tuple[str, ...] = ()
    fides_meta: FidesMeta | None = None
    fidesops_meta: FidesMeta | None = None  # as older datasets call it
    fields: tuple["DeclaredPart", ...] = Field((), description="parts of a JSON column")
    dsr: FieldAdditions | None = None

    @property
    def meta(self) -> FidesMeta:
        """What Fides knows of it, under either key."""
        return self.fides_meta or self.fidesops_meta or FidesMeta()

    @property
    def is_erased(self) -> bool:
        """Whether `erase_to` is declared."""
        return self.dsr is not None and self.dsr.is_erased


class DeclaredPart(Model):
    """A part of a JSON column: only its categories count."""

    data_categories: tuple[str, ...] = ()
    fields: tuple["DeclaredPart", ...] = ()


class Erase(StrEnum):
    """What becomes of the person's rows when the person is erased."""

    DELETE = "delete"
    CHANGE = "change"  # the columns of the person are set to `erase_to`, the row stays
    KEEP = "keep"  # as long as the law says, then deleted


class RetentionRule(EdgeModel):
    """Why, and how long, rows are kept that a person wants erased (Art. 17(3)(b))."""

    reason: Texts
    provision: str = Field(min_length=1, description="Accounting Act 1336/1997 ch. 2 s. 10")
    years: int = Field(ge=1, le=100)
    counted_from: SqlName = Field(alias="from", description="a column with a date")
    basis: Basis = Field(description="see rules.bookkeeping")
    financial_year_ends: str = Field(
        "12-31", description="month and day, where the financial year is not the calendar year"
    )

    @field_validator("financial_year_ends")
    @classmethod
    def _a_day_of_every_year(cls, day: str) -> str:
        try:
            date.fromisoformat(f"2001-{day}")
        except ValueError:
            raise ValueError('is no day of every year; write month and day, as "06-30"') from None
        return day


class Ended(EdgeModel):
    """When the relation with the people of a table is over, for the sweep of ended relations."""

    column: SqlName = Field(description="the date on which the relation ended; null: it goes on")
    period: Annotated[str, AfterValidator(_period)] = Field(
        description="how long the data is kept after that: 6 months, 2 years"
    )

    @property
    def months(self) -> int:
        """The period in months."""
        count, unit = self.period.split()
        return int(count) * (12 if unit.startswith("year") else 1)


class CollectionAdditions(EdgeModel):
    """Ours, of a table."""

    erase: Erase | None = None
    retention: RetentionRule | None = Field(None, description="of a table that says `keep`")
    ended: Ended | None = None


class DeclaredCollection(Model):
    """A table."""

    name: TableName
    data_categories: tuple[str, ...] = ()
    fields: tuple[DeclaredField, ...] = ()
    dsr: CollectionAdditions = CollectionAdditions()


class StopUpdate(EdgeModel):
    """Rows with one of the person's identifiers in these columns are set so."""

    identifiers: tuple[SqlName, ...] = Field(min_length=1)
    set: Constants
    as_of: SqlName | None = Field(
        None, description="takes the receipt of the choice; a later choice in it is left alone"
    )


class ConsentUpdate(EdgeModel):
    """The same for consent: withdrawn as a stop, given for the person's own rows only."""

    identifiers: tuple[SqlName, ...] = Field(min_length=1)
    given: Constants
    withdrawn: Constants
    as_of: SqlName | None = Field(None, description="as in a stop")


class _Action(EdgeModel):
    purposes: tuple[Word, ...] = Field(min_length=1)
    table: TableName
    insert: dict[SqlName, str] | None = Field(
        None, description="column: name, purpose, at, given, text_version, means or the type of an "
        "identifier; one row for each of the person's identifiers of these types",
    )  # fmt: skip


def _one_way(action: _Action, update: object) -> None:
    if (update is None) == (action.insert is None):
        raise ValueError("needs either update or insert, not both")
    if action.insert is not None and "at" not in action.insert.values():
        raise ValueError("insert needs a column for `at`, so that a repetition is recognised")


class Stop(_Action):
    """How purposes are stopped in a table."""

    update: StopUpdate | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """The columns that are written."""
        if self.update is None:
            return tuple(self.insert or ())
        return _with(self.update.set, as_of=self.update.as_of)

    @model_validator(mode="after")
    def _either(self) -> Self:
        _one_way(self, self.update)
        return self


class ConsentRecord(_Action):
    """How consent is recorded in a table."""

    update: ConsentUpdate | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """The columns that are written."""
        if self.update is None:
            return tuple(self.insert or ())
        return _with(self.update.given, self.update.withdrawn, as_of=self.update.as_of)

    @model_validator(mode="after")
    def _either(self) -> Self:
        _one_way(self, self.update)
        return self


def _with(*sets: Constants, as_of: str | None) -> tuple[str, ...]:
    return (*(column for one in sets for column in one), *((as_of,) if as_of else ()))


class Restriction(EdgeModel):
    """How the person's rows of a table are marked as restricted, and unmarked (Art. 18)."""

    table: TableName
    set: Constants
    lift: Constants


def _private(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if not network.is_private:
        raise ValueError("is no private network; public addresses may be called anyway")
    return network


EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,60}$")]
PrivateNetwork = Annotated[IPv4Network | IPv6Network, AfterValidator(_private)]


class Http(EdgeModel):
    """How a partner is reached over HTTP (OpenDSR 2.0)."""

    url_env: EnvironmentName = Field(
        description="variable that holds the URL under which its endpoints are; http:// only into "
        "a private network that is named here"
    )
    ca_env: EnvironmentName = Field(
        description="variable that holds the path of a PEM file: the authorities that vouch for "
        "the partner's certificate, beside the public ones also for its connection"
    )
    domain: str = Field(
        max_length=253,
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,62}$",
        description="the domain that its certificate is issued to",
    )
    corrects: tuple[str, ...] = Field(
        (), description="data categories whose corrections are sent to it, old and new value; of "
        "others people tell it",
    )  # fmt: skip
    private_networks: tuple[PrivateNetwork, ...] = Field(
        (),
        description="private networks that calls to this partner may go to, by workers of its own "
        "`queue` only; none otherwise",
    )


class SystemAdditions(EdgeModel):
    """Ours, of a dataset: the facts of `schemas.systems.SystemFacts`, and what can be done."""

    title: Texts
    register_part: Word
    reach: Reach
    recipient: Recipient
    purposes: tuple[Word, ...] = Field(min_length=1)
    sources: Texts
    retention: Texts
    automated_decisions: Texts | None = None
    fields_sent: tuple[Word, ...] = ()
    queue: str | None = None
    limits: Limits | None = Field(None, description="of a partner over HTTP those by default")
    # reached by hand
    role: Word | None = None
    instructions: Texts | None = None
    categories: tuple[str, ...] = ()
    suppresses: tuple[Word, ...] = ()
    records_consent: tuple[Word, ...] = ()
    restricts: bool = False
    # reached over HTTP
    http: Http | None = None
    # reached by SQL
    url_env: EnvironmentName | None = None
    db_schema: SqlName = Field("public", alias="schema")
    calling_code: str | None = Field(
        None, pattern=r"^[1-9][0-9]{0,3}$",
        description="country calling code of numbers that are stored without one",
    )  # fmt: skip
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "Europe/Helsinki", description="IANA zone in which instants become dates of retention"
    )
    suppress: tuple[Stop, ...] = ()
    restrict: tuple[Restriction, ...] = ()
    record_consent: tuple[ConsentRecord, ...] = ()


class DeclaredDataset(Model):
    """A system."""

    fides_key: Word
    collections: tuple[DeclaredCollection, ...] = ()
    dsr: SystemAdditions

    def table(self, name: str) -> DeclaredCollection | None:
        """The collection of that name."""
        return next((c for c in self.collections if c.name == name), None)


class ManifestFile(Model):
    """A file: one or more systems."""

    dataset: tuple[DeclaredDataset, ...] = Field(min_length=1)


def identifier_facts(insert: dict[str, str]) -> dict[str, str]:
    """Of an insert, the columns that take an identifier, with its type."""
    return {column: fact for column, fact in insert.items() if fact not in FACTS}


def categories_of(part: Any) -> tuple[str, ...]:
    """A field's categories, those of its parts included."""
    own = tuple(part.data_categories)
    return own + tuple(c for inner in part.fields for c in categories_of(inner))
