"""Whatever people write in names and texts stays text."""

import pytest

from activities.letter_content import LetterContent, Party
from activities.letters import Letters
from schemas.case import LetterKind
from schemas.request import Language
from tests.letters import contents
from tests.letters.contents import a_part, a_system
from tests.letters.page import Page

HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}} {% raw %} {# no #}",
    "{subject} {0.__class__} %(name)s",
    "\"><img src=x onerror=alert(1)> '",
    '</section><section id="remedy">',
    "<!-- O'Brien -->",
    "\u202egnp.elif \u2067שלום\u2069",
    "Čapek & Søn – 李小龍 \U0001f469",
]


def shown(letters: Letters, kind: LetterKind, letter: LetterContent) -> Page:
    return Page(letters.render(kind, Language.ENGLISH, letter))


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_name_address_or_text_is_shown_as_written(letters: Letters, words: str) -> None:
    party = Party(name=words, address=words)
    reply = contents.access(a_part(withhold="1"), subject=party, submitter=party, reason=words)
    page = shown(letters, LetterKind.REPLY, reply)

    assert page.text.count(" ".join(words.split())) == 4  # name, address, acting for, reason
    assert "49" not in page.text
    assert not page.all("script")
    assert not page.all("img")
    assert len(page.root.findall(".//section[@id='remedy']")) == 1


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_manifest_text_is_shown_as_written(letters: Letters, words: str) -> None:
    system = a_system(title={"en": words}, sources={"en": words})

    assert shown(letters, LetterKind.REPLY, contents.access(a_part(facts=system))).text.count(
        " ".join(words.split())
    )


def test_a_name_that_turns_the_direction_of_writing_does_not_turn_the_letter(
    letters: Letters,
) -> None:
    page = shown(letters, LetterKind.REPLY, contents.access(subject=Party(name=HOSTILE[6])))

    isolated = ["".join(element.itertext()) for element in page.all("bdi")]
    assert page.text.count("\u202e") == sum(text.count("\u202e") for text in isolated)


def test_control_characters_leave_a_well_formed_page(letters: Letters) -> None:
    reply = contents.access(a_part(withhold="1"), reason="bell \x07 and escape \x1b[31m")

    assert "bell \ufffd and escape \ufffd[31m" in shown(letters, LetterKind.REPLY, reply).text


def test_line_breaks_of_a_text_are_kept(letters: Letters) -> None:
    reply = contents.access(a_part(withhold="1"), reason="first line\nsecond line")
    page = shown(letters, LetterKind.REPLY, reply)

    assert "first line\nsecond line" in page.html


@pytest.mark.parametrize("words", HOSTILE)
def test_a_hostile_value_provision_or_reason_is_shown_as_written(
    letters: Letters, words: str
) -> None:
    correction = contents.correction(
        changes=(contents.changed(field_title=words, before=(words, "old"), after=words),),
        unapplied=(contents.unapplied(held=words, wanted=words),),
    )
    kept = contents.kept(provision=words, explanation={"en": words})

    for reply, times in ((correction, 5), (contents.deletion(kept=(kept,)), 2)):
        page = shown(letters, LetterKind.REPLY, reply)
        assert page.text.count(" ".join(words.split())) == times
        assert "49" not in page.text
        assert not page.all("script")
        assert not page.all("img")
        assert len(page.root.findall(".//section[@id='remedy']")) == 1
