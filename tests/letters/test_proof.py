"""Templates that would leave out what the law wants are refused before any letter is written."""

import re
from pathlib import Path

import pytest

from activities.letters import Letters
from schemas.case import Ground, LetterKind
from schemas.errors import InvalidDocument
from schemas.request import Language
from tests.letters import contents
from tests.letters.contents import POLICY, a_part


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def without_block(file: Path, block: str) -> None:
    """Take a block and all that it holds out of a template."""
    text = file.read_text("utf-8")
    start = text.index(f"{{% block {block} %}}")
    depth = 0
    for tag in re.finditer(r"{% (block|endblock)[^%]*%}", text[start:]):
        depth += 1 if tag[1] == "block" else -1
        if depth == 0:
            file.write_text(text[:start] + text[start + tag.end() :], "utf-8")
            return
    raise AssertionError(block)


@pytest.mark.parametrize("block", ["complaint", "remedy", "reasons", "done"])
def test_templates_without_a_section_that_the_law_wants_are_refused_at_load(
    folder: Path, block: str
) -> None:
    """Art. 12(4): no reply without the complaint, no refusal without reasons and remedy."""
    without_block(folder / "base.html.j2", block)

    with pytest.raises(InvalidDocument, match=f'lacks <section id="{block}">'):
        Letters(folder)


@pytest.mark.parametrize(
    ("template", "block"),
    [
        ("reply_access.html.j2", "complaint"),
        ("reply_delete.html.j2", "complaint"),
        ("reply_delete.html.j2", "remedy"),
        ("reply_delete.html.j2", "reasons"),
        ("reply_delete.html.j2", "done"),
        ("reply_correct.html.j2", "complaint"),
        ("reply_correct.html.j2", "remedy"),
        ("reply_correct.html.j2", "reasons"),
        ("reply_correct.html.j2", "done"),
        ("reply_objection.html.j2", "complaint"),
        ("reply_consent.html.j2", "complaint"),
        ("refusal.html.j2", "complaint"),
        ("refusal.html.j2", "remedy"),
        ("refusal.html.j2", "reasons"),
        ("reply_access.html.j2", "remedy"),
        ("access_copy.html.j2", "remedy"),
    ],
)
def test_a_template_that_overrides_such_a_section_with_nothing_is_refused_at_load(
    folder: Path, template: str, block: str
) -> None:
    file = folder / template
    file.write_text(file.read_text("utf-8") + f"{{% block {block} %}}{{% endblock %}}", "utf-8")

    with pytest.raises(InvalidDocument, match=f'{template}.*lacks <section id="{block}">'):
        Letters(folder)


@pytest.mark.parametrize(
    "said",
    [
        "{{ authority }}",
        "{{ court }}",
        "{{ texts.grounds[ground].provision }}",
        "{{ texts.grounds[ground].text }}",
        "{{ parts.text(letter.reason) }}",
    ],
)
def test_a_section_that_no_longer_says_what_it_has_to_is_refused_at_load(
    folder: Path, said: str
) -> None:
    change(folder / "base.html.j2", said, "…")

    with pytest.raises(InvalidDocument, match="or what it has to say"):
        Letters(folder)


def test_a_section_hidden_in_a_comment_does_not_count(folder: Path) -> None:
    base = folder / "base.html.j2"
    change(base, '<section id="complaint">', '<!-- <section id="complaint">')
    change(base, "{{ authority }}</p>\n</section>",
           "{{ authority }}</p>\n</section> -->")  # fmt: skip

    with pytest.raises(InvalidDocument, match="complaint"):
        Letters(folder)


def test_a_controller_without_an_authority_in_the_language_gets_no_reply_rendered(
    letters: Letters,
) -> None:
    """The proof is made for each letter, not only for the samples at load."""
    finnish_only = POLICY.controller.model_copy(update={"authority": {Language.FINNISH: "TSV"}})
    reply = contents.access(controller=finnish_only)

    assert letters.render(LetterKind.REPLY, Language.FINNISH, reply)
    with pytest.raises(InvalidDocument, match="authority"):
        letters.render(LetterKind.REPLY, Language.ENGLISH, reply)


def test_a_letter_cannot_be_a_refusal_without_a_ground() -> None:
    with pytest.raises(ValueError, match="ground"):
        contents.refusal(ground=None)


@pytest.mark.parametrize("name", ["fee.html.j2", "refusal.html.j2", "access_copy.html.j2",
                                  "parts.html.j2", "letter.css"])  # fmt: skip
def test_a_missing_template_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(InvalidDocument, match=f"{name}: the template is missing"):
        Letters(folder)


@pytest.mark.parametrize("language", Language)
def test_a_missing_language_is_named(folder: Path, language: Language) -> None:
    (folder / f"texts.{language}.yaml").unlink()

    with pytest.raises(InvalidDocument, match=f"texts.{language}.yaml: .*missing"):
        Letters(folder)


def test_a_template_that_does_not_parse_is_named_with_its_line(folder: Path) -> None:
    change(folder / "fee.html.j2", "{% block text %}", "{% block text %}\n{% if %}")

    with pytest.raises(InvalidDocument, match=r"fee.html.j2:\d+: not a template"):
        Letters(folder)


def test_a_template_that_uses_what_no_letter_has_is_named(folder: Path) -> None:
    change(folder / "fee.html.j2", "letter.currency", "letter.curency")

    with pytest.raises(InvalidDocument, match=r"fee.html.j2: .*curency"):
        Letters(folder)


def test_a_template_that_uses_an_unknown_phrase_is_named(folder: Path) -> None:
    change(folder / "fee.html.j2", 't("fee.offer")', 't("fee.ofer")')

    with pytest.raises(InvalidDocument, match=r"fee.html.j2: .*ofer"):
        Letters(folder)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  legal_hold:", "  legal_hould:", "grounds"),
        ("  silent: ", "  silence: ", "outcomes"),
        ('    offer: "', '    ofer: "', "phrases.fee.ofer"),
        ("{months} kuukautta", "12 kuukautta", "phrases.fee.by_notice"),
        ("{months} kuukautta", "{months kuukautta", "phrases"),
        ("language: fi", "language: [fi", "not valid YAML"),
    ],
)
def test_words_that_are_incomplete_or_differ_between_languages_are_refused(
    folder: Path, old: str, new: str, fault: str
) -> None:
    change(folder / "texts.fi.yaml", old, new)

    with pytest.raises(InvalidDocument, match=rf"texts.fi.yaml.*{fault}"):
        Letters(folder)


def test_every_phrase_is_used_by_a_template(letters: Letters, folder: Path) -> None:
    """A sentence that no letter says would be kept up for nothing."""
    templates = "".join(file.read_text("utf-8") for file in folder.glob("*.j2"))
    used = set(re.findall(r't\("([\w.]+)"', templates))
    stems = tuple(re.findall(r't\("([\w.]+[._])" ~', templates))

    phrases = letters.texts(Language.ENGLISH).phrases
    names = {f"{group}.{key}" for group, texts in phrases.items() for key in texts}
    assert {name for name in names - used if not name.startswith(stems)} == set()
    assert {g.value for g in Ground} == set(letters.texts(Language.ENGLISH).grounds)


def test_a_partly_given_answer_with_nothing_named_still_states_its_ground(
    letters: Letters,
) -> None:
    """A decision to give only a part is a no, also without a list of items."""
    partial = contents.access(a_part(), ground=Ground.RIGHTS_OF_OTHERS)

    page = letters.render(LetterKind.REPLY, Language.ENGLISH, partial)
    assert '<section id="remedy">' in page
    assert "Article 15(4) GDPR" in page
