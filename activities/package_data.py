"""data.json of an access package: the open structure that other programs read (Art. 20).

Field names are kept for ever; a change of meaning gives a new `format`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, Self

from pydantic import Field

from activities.letter_texts import Texts
from activities.reply_content import SystemPart
from connectors.contract import FoundRow
from schemas.base import Instant, Model
from schemas.case import Ground
from schemas.request import Language
from schemas.systems import Recipient


class ControllerData(Model):
    """Who answers."""

    name: str
    address: str
    contact: str


class SubjectData(Model):
    """Whose data it is."""

    name: str = Field(repr=False)


class RecipientData(Model):
    """Who holds the data (Art. 15(1)(c)); `safeguard` of a transfer outside the EEA."""

    name: str
    relation: str
    country: str = Field(description="ISO 3166-1")
    safeguard: str | None


class RecordData(Model):
    """One record of the person, as the system holds it."""

    schema_name: str = Field(serialization_alias="schema")
    table: str
    key: dict[str, Any] = Field(repr=False, description="primary key; without one the whole row")
    path: tuple[str, ...] = Field(description="the references by which it was found")
    values: dict[str, Any] = Field(repr=False)


class WithheldData(Model):
    """Something that is not given: which item, and the code of the reason. No values."""

    item: str
    code: Ground


class SystemData(Model):
    """One system: what is known of it (Art. 15(1)), and what it holds (Art. 15(3)).

    `answered` is false while it owes an answer: a supplement follows. `files` are paths in the
    package.
    """

    name: str
    title: str
    answered: bool
    purposes: tuple[str, ...]
    categories: tuple[str, ...] = Field(description="Fides data categories")
    recipients: tuple[RecipientData, ...]
    retention: str
    sources: str
    automated_decisions: str | None = Field(description="null: none are made, Art. 15(1)(h)")
    records: tuple[RecordData, ...]
    withheld: tuple[WithheldData, ...]
    files: tuple[str, ...]

    @classmethod
    def of(
        cls, part: SystemPart, rows: Iterable[FoundRow], files: Iterable[str], texts: Texts
    ) -> Self:
        """One system with the records that are given."""
        facts = part.facts
        decisions = facts.automated_decisions
        return cls(
            name=facts.name,
            title=texts.local(facts.title),
            answered=part.answered,
            purposes=facts.purposes,
            categories=facts.categories,
            recipients=(_recipient(facts.recipient, texts),),
            retention=texts.local(facts.retention),
            sources=texts.local(facts.sources),
            automated_decisions=texts.local(decisions) if decisions else None,
            records=tuple(_record(row) for row in rows),
            withheld=tuple(_withheld(part)),
            files=tuple(files),
        )


def _recipient(recipient: Recipient, texts: Texts) -> RecipientData:
    return RecipientData(
        name=recipient.name,
        relation=recipient.relation,
        country=recipient.country,
        safeguard=texts.local(recipient.safeguard) if recipient.safeguard else None,
    )


def _record(row: FoundRow) -> RecordData:
    return RecordData(
        schema_name=row.schema_name, table=row.table, key=row.key, path=row.path, values=row.values
    )


def _withheld(part: SystemPart) -> Iterator[WithheldData]:
    for item in part.withheld:
        yield WithheldData(item=item.item, code=item.code)
    for count in range(1, part.third_party + 1):
        yield WithheldData(item=f"third-party-{count}", code=Ground.RIGHTS_OF_OTHERS)


class PackageData(Model):
    """The whole of data.json. Texts are in `language`."""

    format: Literal["dsr-access-package/1"] = "dsr-access-package/1"
    controller: ControllerData
    number: str
    subject: SubjectData
    language: Language
    compiled_at: Instant
    systems: tuple[SystemData, ...]
