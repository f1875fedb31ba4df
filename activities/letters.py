"""Letters as standalone pages: templates and words of config/NAME/letters, filled and proved.

Pure rendering: no database, no clock, no network. Each page is read again before it is handed
out: one that lacks what Art. 12(4) wants of it is never given, and at start a sample of every
letter in every language is written, so that a broken template stops the start.
"""

import html
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)

from activities.letter_content import LetterContent, Part
from activities.letter_samples import SAMPLE_COPY, samples
from activities.letter_texts import Texts, load_texts
from activities.reply_content import AccessReply, Answer, SystemCopy
from schemas.case import LetterKind
from schemas.errors import InvalidDocument
from schemas.request import Language

COPY_TEMPLATE: Final = "access_copy.html.j2"

_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # allowed neither in HTML nor XML


class Letters:
    """The letters of one controller.

    Raises `InvalidDocument`, with the file, where a template or a language is missing or broken or
    where a letter would lack a section that the law wants in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts = load_texts(folder)
        self._pages = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._prove()

    def render(self, kind: LetterKind, language: Language, letter: LetterContent) -> str:
        """The complete HTML page of a letter.

        Raises `InvalidDocument` if the page would lack a required section.
        """
        if kind not in letter.kinds:
            raise TypeError(f"{type(letter).__name__} is not the content of a letter {kind}")
        return self._page(letter.template, language, letter, kind=kind)

    def render_copy(
        self, language: Language, reply: AccessReply, copies: Sequence[SystemCopy]
    ) -> str:
        """The readable document of an access package: the reply with the copy of the data."""
        kind = LetterKind.SUPPLEMENT if reply.supplement_to_at else LetterKind.REPLY
        return self._page(COPY_TEMPLATE, language, reply, kind=kind, copies=copies)

    def texts(self, language: Language) -> Texts:
        """The words of one language."""
        return self._texts[language]

    def _page(
        self, template: str, language: Language, letter: LetterContent, **more: object
    ) -> str:
        texts = self._texts[language]
        zone = ZoneInfo(letter.zone)

        def day(on: date) -> str:
            return texts.day(on.astimezone(zone).date() if isinstance(on, datetime) else on)

        values = {
            "letter": letter,
            "texts": texts,
            "t": texts.phrase,
            "day": day,
            "authority": letter.controller.authority.get(language, ""),
            "court": letter.controller.court.get(language, ""),
            **more,
        }
        page = _CONTROL.sub("\ufffd", self._filled(template, values))
        seen = _COMMENT.sub("", page)
        for part, words in _must_say(letter, language, texts).items():
            said = _said(seen, part)
            if not said or not all(word and _plain(word) in said for word in words):
                raise self._broken(
                    template,
                    f'in {language} the letter lacks <section id="{part}"> or what it has to say '
                    "(Art. 12(4)): restore that block in the templates, and the controller's "
                    "authority and court in the policy",
                )
        return page

    def _filled(self, template: str, values: dict[str, object]) -> str:
        try:
            return self._pages.get_template(template).render(values)
        except TemplateNotFound as error:
            raise self._broken(str(error.name), "the template is missing") from None
        except TemplateSyntaxError as error:
            name = f"{error.name or template}:{error.lineno}"
            raise self._broken(name, f"not a template: {error.message}") from None
        except (UndefinedError, KeyError) as error:
            raise self._broken(template, f"uses what this letter does not have: {error}") from None

    def _broken(self, name: str, sentence: str) -> InvalidDocument:
        return InvalidDocument(str(self._folder / name), f"{sentence}.")

    def _prove(self) -> None:
        """Write every letter in every language once."""
        for language in Language:
            for kind, letter in samples():
                self.render(kind, language, letter)
                if isinstance(letter, AccessReply):
                    self.render_copy(language, letter, SAMPLE_COPY)


def _must_say(letter: LetterContent, language: Language, texts: Texts) -> dict[Part, list[str]]:
    """The sections that a letter must not lack, and what each has to say at least."""
    words = {
        Part.DONE: [],
        Part.REASONS: list(_reasons(letter, texts)),
        Part.COMPLAINT: [letter.controller.authority.get(language, "")],
        Part.REMEDY: [letter.controller.court.get(language, "")],
    }
    return {part: words[part] for part in letter.parts}


def _reasons(letter: LetterContent, texts: Texts) -> Iterator[str]:
    for ground in letter.grounds:
        yield texts.grounds[ground].text
        yield texts.grounds[ground].provision
    if isinstance(letter, Answer) and letter.reason:
        yield letter.reason


def _said(page: str, part: Part) -> str:
    """The text of a section, as a reader sees it; empty if there is none."""
    section = re.search(f'<section id="{part}">(.*?)</section>', page, re.DOTALL)
    return _plain(html.unescape(_TAG.sub(" ", section[1]))) if section else ""


def _plain(text: str) -> str:
    return " ".join(_CONTROL.sub("\ufffd", text).split())
