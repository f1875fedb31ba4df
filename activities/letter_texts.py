"""The words of the letters in one language, from `texts.LANGUAGE.yaml`.

Everything is checked when it is loaded: a letter never fails for a missing word.
"""

from datetime import date
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Final, TypeVar

from markupsafe import Markup, escape
from pydantic import AfterValidator, Field

from schemas.base import EdgeModel
from schemas.case import Ground, SystemOutcome
from schemas.documents import parse
from schemas.errors import InvalidDocument
from schemas.recipients import RecipientState
from schemas.request import Kind, Language
from schemas.systems import Duty, LocalText, Recipient

E = TypeVar("E", bound=StrEnum)
W = TypeVar("W")


def _complete(words: dict[E, W]) -> dict[E, W]:
    missing = [str(member) for member in type(next(iter(words))) if member not in words]
    if missing:
        raise ValueError(f"has no wording for {', '.join(missing)}")
    return words


def _well_formed(phrases: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for text in (text for group in phrases.values() for text in group.values()):
        list(PLACES.parse(text))
    return phrases


OfEvery = Annotated[dict[E, W], Field(min_length=1), AfterValidator(_complete)]
"""A wording for every member of an enum."""
PLACES: Final = Formatter()


class GroundText(EdgeModel):
    """Why something is not done: a heading, the fact in general words, the provision."""

    title: str
    text: str
    provision: str


class Texts(EdgeModel):
    """One language. `phrases` are sentences with {places}; the rest are words for codes."""

    language: Language
    date_form: str
    month_names: tuple[str, ...] = Field(min_length=12, max_length=12)
    money_form: str
    decimal_mark: str
    currencies: dict[str, str]
    yes: str
    no: str
    requests: OfEvery[Kind, str]
    not_done: OfEvery[Kind, str]
    grounds: OfEvery[Ground, GroundText]
    outcomes: OfEvery[SystemOutcome, str]
    outcomes_of: dict[Kind, dict[SystemOutcome, str]]  # where a right has words of its own
    recipient_states: OfEvery[RecipientState, str]
    duties: OfEvery[Duty, str]
    relations: dict[str, str]
    countries: dict[str, str]
    purposes: dict[str, str]
    categories: dict[str, str]
    phrases: Annotated[dict[str, dict[str, str]], AfterValidator(_well_formed)]

    def phrase(self, name: str, **values: object) -> Markup:
        """The sentence `group.key`, its places filled with escaped values."""
        group, key = name.split(".")
        return escape(self.phrases[group][key]).format(**values)

    def day(self, on: date) -> str:
        """A date as this language writes it: 5. huhtikuuta 2026."""
        return self.date_form.format(day=on.day, month=self.month_names[on.month - 1], year=on.year)

    def money(self, cents: int, currency: str) -> str:
        """An amount as this language writes it: 15,00 euroa."""
        number = f"{cents // 100}{self.decimal_mark}{cents % 100:02}"
        return self.money_form.format(
            number=number, currency=self.currencies.get(currency, currency)
        )

    def outcome(self, kind: Kind, outcome: SystemOutcome) -> str:
        """What came of a system, in the words of the right that was exercised."""
        return self.outcomes_of.get(kind, {}).get(outcome) or self.outcomes[outcome]

    def local(self, words: LocalText) -> str:
        """What a manifest says in this language. Raises `InvalidDocument` if it does not."""
        if self.language not in words:
            start = next(iter(words.values()), "")[:60]
            raise InvalidDocument("systems", f'the text "{start}" is not given in {self.language}.')
        return words[self.language]

    def purpose(self, code: str) -> str:
        """A purpose; a code that has no wording is shown as words."""
        return self.purposes.get(code, code.replace("_", " "))

    def category(self, code: str) -> str:
        """A Fides data category, or the nearest one above it that has a wording."""
        while code not in self.categories and "." in code:
            code = code.rpartition(".")[0]
        return self.categories.get(code, code.replace("_", " "))

    def purposes_of(self, codes: tuple[str, ...]) -> str:
        """Purposes in a row."""
        return ", ".join(dict.fromkeys(self.purpose(code) for code in codes))

    def categories_of(self, codes: tuple[str, ...]) -> str:
        """Categories in a row; those that share a wording stand once."""
        return ", ".join(dict.fromkeys(self.category(code) for code in codes))

    def recipient(self, recipient: Recipient) -> str:
        """A recipient by name, with what it is to the controller and where (Art. 15(1)(c))."""
        country = self.countries.get(recipient.country, recipient.country)
        return f"{recipient.name} ({self.relations[recipient.relation]}, {country})"


def load_texts(folder: Path) -> dict[Language, Texts]:
    """The words of every language.

    Raises `InvalidDocument` with the file: missing, malformed, or not saying what the others say.
    """
    texts = {language: _read(folder / f"texts.{language}.yaml") for language in Language}
    whole = _places(texts[Language.ENGLISH])
    for language, words in texts.items():
        own = _places(words)
        for name in sorted(whole.keys() | own.keys()):
            if whole.get(name) != own.get(name):
                raise InvalidDocument(
                    str(folder / f"texts.{language}.yaml"),
                    f"phrases.{name} is not as in texts.en.yaml: both must have it, with the same "
                    "{places}.",
                )
    return texts


def _read(path: Path) -> Texts:
    try:
        return parse(path.read_text(encoding="utf-8"), Texts, str(path))
    except FileNotFoundError:
        raise InvalidDocument(
            str(path), "the words of this language are missing: every language needs its file."
        ) from None


def _places(texts: Texts) -> dict[str, frozenset[str]]:
    """Which places each phrase has."""
    return {
        f"{group}.{key}": frozenset(name for _, name, _, _ in PLACES.parse(text) if name)
        for group, phrases in texts.phrases.items()
        for key, text in phrases.items()
    }
